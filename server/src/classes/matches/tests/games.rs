//! Games of the tests: pong, a pong of another version, a pong that panics on order, a duel with scores.

use std::sync::Arc;

use tickstone_shared::games::duel::Duel;
use tickstone_shared::games::pong::Pong;
use tickstone_shared::ids::{PlayerName, StateHash};
use tickstone_shared::input::{InputCodec, InputError, InputRow};
use tickstone_shared::replication::shape::Shape;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::event::{Event, Output};
use tickstone_shared::sim::game::{
    Deadline, JoinRefused, RulesError, SignalAnswer, SignalRefused, WorkerGroup,
};
use tickstone_shared::sim::registered::{AnyGame, AnySimulation, register};
use tickstone_shared::sim::save::RestoreError;
use tickstone_shared::snapshot::{Point, Sight, Snapshot};
use tickstone_shared::time::Tick;

use crate::classes::matches::class::Games;

/// The input whose tick panics.
pub(super) const POISON: u8 = 99;
/// The tick that panics whatever comes, in the game `doomed`.
pub(super) const DOOM: u64 = 90;

/// The game of [`scored`].
pub(super) const SCORED: &str = "scored";

pub(super) fn pongs() -> Games {
    let mut games = Games::new();
    games.insert("pong", variant("pong", 1));
    games.insert("fragile", variant("fragile", 1));
    games.insert("doomed", variant("doomed", 1));
    games
}

/// Pong under another name and version.
pub(super) fn variant(name: &'static str, version: u32) -> Arc<dyn AnyGame> {
    Arc::new(Variant { inner: register::<Pong>(), name, version })
}

/// A duel, which has no ticks, in which two players have come to something, whoever plays.
pub(super) fn scored() -> Arc<dyn AnyGame> {
    Arc::new(Variant { inner: register::<Duel>(), name: SCORED, version: 1 })
}

struct Variant {
    inner: Arc<dyn AnyGame>,
    name: &'static str,
    version: u32,
}

impl Variant {
    fn wrap(&self, inner: Box<dyn AnySimulation>) -> Box<dyn AnySimulation> {
        Box::new(Wrapped { inner, name: self.name, poisoned: false })
    }
}

impl InputCodec for Variant {
    fn row_bytes(&self) -> usize {
        self.inner.row_bytes()
    }
    fn packed(&self, bytes: &[u8]) -> Result<InputRow, InputError> {
        self.inner.packed(bytes)
    }
    fn by_name(&self, value: serde_json::Value) -> Result<InputRow, InputError> {
        self.inner.by_name(value)
    }
}

impl AnyGame for Variant {
    fn name(&self) -> &'static str {
        self.name
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn tick_rate_hz(&self) -> u32 {
        self.inner.tick_rate_hz()
    }
    fn workers(&self) -> WorkerGroup {
        self.inner.workers()
    }
    fn board(&self) -> Option<&'static str> {
        if self.name == SCORED { Some("ladder") } else { self.inner.board() }
    }
    fn has_secrets(&self) -> bool {
        self.inner.has_secrets()
    }
    fn shape(&self) -> &Arc<Shape> {
        self.inner.shape()
    }
    fn rules(
        &self,
        preset: Option<&str>,
        options: serde_json::Value,
        assets: &Assets,
    ) -> Result<Vec<u8>, RulesError> {
        self.inner.rules(preset, options, assets)
    }
    fn seats(&self, rules: &[u8]) -> Result<u16, RestoreError> {
        self.inner.seats(rules)
    }
    fn start(&self, seed: u64, rules: &[u8]) -> Result<Box<dyn AnySimulation>, RestoreError> {
        Ok(self.wrap(self.inner.start(seed, rules)?))
    }
    fn restore(&self, rules: &[u8], saved: &[u8]) -> Result<Box<dyn AnySimulation>, RestoreError> {
        Ok(self.wrap(self.inner.restore(rules, saved)?))
    }
    fn idle_input(&self) -> InputRow {
        self.inner.idle_input()
    }
    fn starved_input(&self, last: &InputRow, ticks: u32) -> InputRow {
        self.inner.starved_input(last, ticks)
    }
}

struct Wrapped {
    inner: Box<dyn AnySimulation>,
    name: &'static str,
    poisoned: bool,
}

impl AnySimulation for Wrapped {
    fn tick(&self) -> Tick {
        self.inner.tick()
    }
    fn apply(&mut self, event: &Event) -> Result<(), JoinRefused> {
        self.poisoned |= matches!(event, Event::Input { row, .. } if row.as_slice() == [POISON]);
        self.inner.apply(event)
    }
    fn step(&mut self) {
        assert!(!self.poisoned, "the test wants a panic on this input");
        assert!(self.name != "doomed" || self.tick().0 + 1 != DOOM, "the test wants a panic in this tick");
        self.inner.step();
    }
    fn snapshot(&mut self, into: &mut Snapshot) {
        self.inner.snapshot(into);
    }
    fn sight(&self) -> Option<Sight> {
        self.inner.sight()
    }
    fn is_hidden(&self, from: Point, to: Point) -> bool {
        self.inner.is_hidden(from, to)
    }
    fn save(&mut self, out: &mut Vec<u8>) {
        self.inner.save(out);
    }
    fn state_hash(&mut self) -> StateHash {
        self.inner.state_hash()
    }
    fn take_outputs(&mut self, outputs: &mut Vec<Output>) {
        self.inner.take_outputs(outputs);
    }
    fn signal(&self, name: &str, data: &serde_json::Value) -> Result<SignalAnswer, SignalRefused> {
        self.inner.signal(name, data)
    }
    fn label(&self) -> serde_json::Value {
        self.inner.label()
    }
    fn outcome(&self) -> Option<serde_json::Value> {
        self.inner.outcome()
    }
    fn scores(&self) -> Vec<(PlayerName, i64)> {
        if self.name != SCORED {
            return self.inner.scores();
        }
        [("ann", 3), ("bob", -1)].map(|(name, score)| (PlayerName::parse(name).unwrap(), score)).to_vec()
    }
    fn deadline(&self) -> Option<Deadline> {
        self.inner.deadline()
    }
}
