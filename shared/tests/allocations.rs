//! A steady tick allocates nothing: inputs in, a step, a snapshot out.
//!
//! A binary of its own, because counting replaces the allocator of the whole process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use tickstone_shared::games::arena::{Arena, ArenaInput, Options, Rules, SHOOT};
use tickstone_shared::games::pong::{Pong, PongInput};
use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::input::InputRow;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::event::Event;
use tickstone_shared::sim::game::{Game, Input, NoOptions};
use tickstone_shared::sim::registered::register;
use tickstone_shared::sim::simulation::Simulation;
use tickstone_shared::snapshot::Snapshot;

fn full_match<G: Game>(rules: &G::Rules) -> Simulation<G> {
    let mut simulation = Simulation::<G>::start(1, rules);
    for seat in 0..G::seats(rules) {
        let player = PlayerName::parse("ann").unwrap();
        simulation.apply(&Event::Join { seat: Seat(seat), player }).unwrap();
    }
    simulation
}

fn row<G: Game>(input: G::Input) -> InputRow {
    register::<G>().by_name(serde_json::to_value(input).unwrap()).unwrap()
}

/// The most a tick allocates, after `warm_up` ticks in which lists grow to their size.
fn most_in_a_tick<G: Game>(
    simulation: &mut Simulation<G>,
    rows: &[InputRow],
    warm_up: u32,
    ticks: u32,
) -> u64 {
    let mut snapshot = Snapshot::default();
    let mut outputs = Vec::new();
    let mut most = 0;
    for tick in 0..warm_up + ticks {
        let counted = allocation_counter::measure(|| {
            for (seat, row) in rows.iter().enumerate() {
                simulation.apply(&Event::Input { seat: Seat(seat as u16), row: *row }).unwrap();
            }
            simulation.step();
            simulation.snapshot(&mut snapshot);
            simulation.take_outputs(&mut outputs);
        });
        most = if tick < warm_up { 0 } else { most.max(counted.count_total) };
    }
    assert!(!snapshot.body.is_empty());
    most
}

/// Everybody walks to the right and shoots up: shots come and go, nobody is hit.
#[test]
fn arena_allocates_nothing() {
    let mut assets = Assets::none();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/maps/plains.json");
    assets.insert("maps/plains.json", std::fs::read_to_string(path).unwrap());
    let options = Options { map: "plains".to_owned(), players_max: 64, ..Options::default() };
    let rules = Rules::new(&options, &assets).unwrap();
    let mut simulation = full_match::<Arena>(&rules);
    let input = ArenaInput { move_x: 30, aim_x: 3, aim_y: -90, buttons: SHOOT, ..ArenaInput::default() };
    let rows = vec![row::<Arena>(input); 64];
    assert_eq!(most_in_a_tick(&mut simulation, &rows, 400, 600), 0);
}

#[test]
fn pong_allocates_nothing() {
    let mut simulation = full_match::<Pong>(&NoOptions {});
    let rows = [row::<Pong>(PongInput::from_fields(&[1])), row::<Pong>(PongInput::from_fields(&[-1]))];
    // The first serve is under way for more than 60 ticks: no point is made, so no event is told.
    assert_eq!(most_in_a_tick(&mut simulation, &rows, 10, 50), 0);
}
