//! An arena whose players run about, turn and shoot.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use tickstone_shared::games::arena::Arena;
use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::event::Event;
use tickstone_shared::sim::registered::{AnyGame, AnySimulation, register};
use tickstone_shared::snapshot::Snapshot;

use crate::moves::Moves;

/// Ticks played before anything is measured.
const WARM_UP_TICKS: u32 = 600;

/// A match that is fought.
pub(crate) struct Fight {
    pub(crate) game: Arc<dyn AnyGame>,
    pub(crate) rules: Vec<u8>,
    pub(crate) simulation: Box<dyn AnySimulation>,
    moves: Vec<Moves>,
    pub(crate) events: Vec<Event>,
    ticks_per_input: u32,
    ticks: u32,
}

impl Fight {
    /// One of so many players, who do something else every so many ticks. The round has begun and shots are in the
    /// air.
    pub(crate) fn new(players: u16, ticks_per_input: u32) -> Self {
        let options = serde_json::json!({ "players_max": players, "round_seconds": 3600, "sight": 0 });
        Self::with(&options, players, ticks_per_input)
    }

    /// The same by these options.
    pub(crate) fn with(options: &serde_json::Value, players: u16, ticks_per_input: u32) -> Self {
        let maps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/maps");
        let mut assets = Assets::none();
        for map in ["dust", "plains"] {
            let text = std::fs::read_to_string(maps.join(format!("{map}.json"))).expect("the map ships");
            assets.insert(format!("maps/{map}.json"), text);
        }
        let game = register::<Arena>();
        let rules = game.rules(None, options.clone(), &assets).expect("these options are allowed");
        let simulation = game.start(7, &rules).expect("the rules were made just now");
        let moves = (0..players).map(|seat| Moves::new(u32::from(seat))).collect();
        let events = Vec::new();
        let mut fight = Self { game, rules, simulation, moves, events, ticks_per_input, ticks: 0 };
        for seat in 0..players {
            let player = PlayerName::parse("ann").expect("a short name");
            let join = Event::Join { seat: Seat(seat), player };
            fight.simulation.apply(&join).expect("there are seats for all");
        }
        for _ in 0..WARM_UP_TICKS {
            fight.choose_inputs();
            fight.tick();
        }
        fight
    }

    /// What everybody does in the next tick.
    pub(crate) fn choose_inputs(&mut self) {
        let Self { moves, events, ticks, ticks_per_input, .. } = self;
        *ticks += 1;
        if !ticks.is_multiple_of(*ticks_per_input) {
            return;
        }
        events.clear();
        let inputs = (0..).map(Seat).zip(moves);
        events.extend(inputs.map(|(seat, moves)| Event::Input { seat, row: moves.next() }));
    }

    pub(crate) fn tick(&mut self) {
        for event in &self.events {
            self.simulation.apply(event).expect("only joins are refused");
        }
        self.simulation.step();
        let mut outputs = Vec::new();
        self.simulation.take_outputs(&mut outputs);
        black_box(outputs);
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        self.simulation.snapshot(&mut snapshot);
        snapshot
    }

    pub(crate) fn saved(&mut self) -> Vec<u8> {
        let mut saved = Vec::new();
        self.simulation.save(&mut saved);
        saved
    }
}
