//! What the tests of games share: the bundled maps, and a storm of random events.

use bevy_ecs::component::Component;
use rand_pcg::Pcg32;
use std::path::Path;
use std::sync::Arc;
use tickstone_shared::games::arena::{Arena, Options, Player, Rules};
use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::input::InputRow;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::event::{Event, LeaveReason};
use tickstone_shared::sim::game::Game;
use tickstone_shared::sim::registered::{AnyGame, register};
use tickstone_shared::sim::simulation::Simulation;
use tickstone_shared::sim::world::Rng;

/// The maps that ship.
pub(crate) fn bundled_assets() -> Assets {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/maps");
    let mut assets = Assets::none();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assets.insert(format!("maps/{name}"), std::fs::read_to_string(&path).unwrap());
    }
    assets
}

/// Arena rules on a bundled map.
pub(crate) fn arena_rules(options: &Options) -> Rules {
    Rules::new(options, &bundled_assets()).unwrap()
}

/// Arena rules on a map given as JSON.
pub(crate) fn arena_rules_on(map: &str, mut options: Options) -> Rules {
    let mut assets = Assets::none();
    assets.insert("maps/test.json", map);
    "test".clone_into(&mut options.map);
    Rules::new(&options, &assets).unwrap()
}

/// A player takes a seat.
pub(crate) fn join(seat: u16) -> Event {
    Event::Join { seat: Seat(seat), player: PlayerName::parse(&format!("player {seat}")).unwrap() }
}

/// The component of the player on a seat of an arena.
pub(crate) fn of_seat<C: Component + Copy>(simulation: &Simulation<Arena>, seat: u16) -> C {
    let world = simulation.world();
    let mut players = world.try_query::<(&Player, &C)>().unwrap();
    let found = players.iter(world).find(|(player, _)| player.seat == seat).map(|(_, component)| *component);
    found.unwrap()
}

/// Random events, the same for the same seed, that never break the rules of the roster.
pub(crate) struct Storm {
    game: Arc<dyn AnyGame>,
    random: Pcg32,
    seats: Vec<Holder>,
}

#[derive(Clone, Copy, PartialEq)]
enum Holder {
    Nobody,
    Present,
    Dropped,
}

impl Storm {
    pub(crate) fn new<G: Game>(seed: u64, seats: u16) -> Self {
        let seats = vec![Holder::Nobody; usize::from(seats)];
        Self { game: register::<G>(), random: Pcg32::new(seed, 7), seats }
    }

    /// The events of one tick.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for index in 0..self.seats.len() {
            let seat = Seat(index as u16);
            let chance = self.random.next_u32() % 256;
            let holder = self.seats[index];
            self.seats[index] = match (holder, chance) {
                (Holder::Nobody, 0..40) => {
                    events.push(join(seat.0));
                    Holder::Present
                }
                (Holder::Present | Holder::Dropped, 0) => {
                    events.push(Event::Leave { seat, reason: LeaveReason::Left });
                    Holder::Nobody
                }
                (Holder::Present, 1) => {
                    events.push(Event::Drop { seat });
                    Holder::Dropped
                }
                (Holder::Dropped, 1..20) => {
                    events.push(Event::Return { seat });
                    Holder::Present
                }
                (Holder::Present, 20..100) => {
                    events.push(Event::Input { seat, row: self.row() });
                    Holder::Present
                }
                (Holder::Present, 100..212) => {
                    events.push(Event::Message { seat, data: format!(r#"{{"play":{}}}"#, chance % 8) });
                    Holder::Present
                }
                (Holder::Present, 255) => {
                    events.push(Event::Overdue { number: 0 });
                    Holder::Present
                }
                (same, _) => same,
            };
        }
        events
    }

    /// What a client could send at its worst: any bytes of the right length.
    pub(crate) fn row(&mut self) -> InputRow {
        let length = self.game.row_bytes();
        let bytes: Vec<u8> = (0..length).map(|_| (self.random.next_u32() >> 8) as u8).collect();
        self.game.packed(&bytes).unwrap()
    }
}

/// One tick of a storm.
pub(crate) fn weather<G: Game>(simulation: &mut Simulation<G>, storm: &mut Storm) {
    for event in storm.events() {
        // A refused join is part of the weather: both runs refuse alike.
        let _ = simulation.apply(&event);
    }
    simulation.step();
}
