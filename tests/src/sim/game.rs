//! A game that panics when a test says so, and is otherwise the one inside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tickstone_shared::ids::{PlayerName, StateHash};
use tickstone_shared::input::{InputCodec, InputError, InputRow};
use tickstone_shared::replication::shape::Shape;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::event::{Event, Output};
use tickstone_shared::sim::game::{
    Deadline, JoinRefused, RulesError, SignalAnswer, SignalRefused, WorkerGroup,
};
use tickstone_shared::sim::registered::{AnyGame, AnySimulation};
use tickstone_shared::sim::save::RestoreError;
use tickstone_shared::snapshot::{Point, Sight, Snapshot};
use tickstone_shared::time::Tick;

/// So many steps, of whatever match comes next, will panic.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fuse(Arc<AtomicU32>);

impl Fuse {
    /// Lights it.
    pub(crate) fn light(&self, panics: u32) {
        self.0.store(panics, Ordering::Relaxed);
    }

    /// Panics that have not come yet.
    pub(crate) fn left(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn burn(&self) {
        let left = self.left();
        if left > 0 {
            self.0.store(left - 1, Ordering::Relaxed);
            // Not by the hook that prints: a simulation panics on purpose, thousands of times.
            std::panic::resume_unwind(Box::new("the fuse of the simulation"));
        }
    }
}

/// The wrapped game.
pub(crate) struct Fragile {
    inner: Arc<dyn AnyGame>,
    fuse: Fuse,
}

impl Fragile {
    /// Wraps a game.
    pub(crate) fn around(inner: Arc<dyn AnyGame>, fuse: Fuse) -> Arc<dyn AnyGame> {
        Arc::new(Self { inner, fuse })
    }

    fn wrap(&self, inner: Box<dyn AnySimulation>) -> Box<dyn AnySimulation> {
        Box::new(FragileSimulation { inner, fuse: self.fuse.clone() })
    }
}

impl InputCodec for Fragile {
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

impl AnyGame for Fragile {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn version(&self) -> u32 {
        self.inner.version()
    }
    fn tick_rate_hz(&self) -> u32 {
        self.inner.tick_rate_hz()
    }
    fn workers(&self) -> WorkerGroup {
        self.inner.workers()
    }
    fn board(&self) -> Option<&'static str> {
        self.inner.board()
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

struct FragileSimulation {
    inner: Box<dyn AnySimulation>,
    fuse: Fuse,
}

impl AnySimulation for FragileSimulation {
    fn tick(&self) -> Tick {
        self.inner.tick()
    }
    fn apply(&mut self, event: &Event) -> Result<(), JoinRefused> {
        self.inner.apply(event)
    }
    fn step(&mut self) {
        self.fuse.burn();
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
        self.inner.scores()
    }
    fn deadline(&self) -> Option<Deadline> {
        self.inner.deadline()
    }
}
