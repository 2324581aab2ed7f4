//! What no input can do in arena: leave the map, enter a wall, run faster than allowed.

use proptest::prelude::*;
use tickstone_shared::games::arena::{
    Arena, ArenaInput, Body, Fighter, HEALTH_MAX, Options, PROJECTILE_SPEED, Player, Projectile, SPEED_MAX,
    STARVED_TICKS, Stage,
};
use tickstone_shared::sim::game::Input;
use tickstone_shared::sim::registered::register;
use tickstone_shared::sim::simulation::Simulation;

use crate::support::{Storm, arena_rules, weather};

fn assert_in_bounds(simulation: &Simulation<Arena>) {
    let world = simulation.world();
    let terrain = &world.resource::<Stage>().terrain;
    let mut bodies = world.try_query::<(&Player, &Body, &Fighter)>().unwrap();
    for (player, body, fighter) in bodies.iter(world) {
        assert!(!terrain.blocks_body(body.x, body.y), "{player:?} is in a wall: {body:?}");
        let square = body.vx * body.vx + body.vy * body.vy;
        assert!(square <= SPEED_MAX * SPEED_MAX, "{player:?} is too fast: {body:?}");
        assert_ne!((body.aim_x, body.aim_y), (0, 0));
        assert!(fighter.health <= HEALTH_MAX);
    }
    let mut shots = world.try_query::<&Projectile>().unwrap();
    for shot in shots.iter(world) {
        let square = shot.vx * shot.vx + shot.vy * shot.vy;
        assert!(square <= PROJECTILE_SPEED * PROJECTILE_SPEED);
        assert!(square > (PROJECTILE_SPEED - 3) * (PROJECTILE_SPEED - 3));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_input_breaks_out(seed: u64, crowded: bool) {
        // A crowd of 60 in the small yard is pushed into the walls from all sides.
        let players_max = if crowded { 60 } else { 6 };
        let options = Options {
            map: "yard".to_owned(),
            players_max,
            countdown_seconds: 0,
            shots_per_second: 20,
            ..Options::default()
        };
        let mut simulation = Simulation::<Arena>::start(seed, &arena_rules(&options));
        let mut storm = Storm::new::<Arena>(seed, players_max);
        for _ in 0..300 {
            weather(&mut simulation, &mut storm);
            assert_in_bounds(&simulation);
        }
    }

    #[test]
    fn an_input_is_clamped_once_and_for_all(bytes: [u8; 5]) {
        let game = register::<Arena>();
        let row = game.packed(&bytes).unwrap();
        prop_assert_eq!(game.packed(row.as_slice()).unwrap(), row);
        let [x, y] = [row.as_slice()[0] as i8, row.as_slice()[1] as i8].map(i32::from);
        prop_assert!(x * x + y * y <= 127 * 127);
        let starved = game.starved_input(&row, STARVED_TICKS);
        prop_assert_eq!(&starved.as_slice()[..2], &[0, 0]);
        prop_assert_eq!(&starved.as_slice()[2..], &row.as_slice()[2..]);
    }
}

#[test]
fn a_starved_stick_glides_back() {
    let input = ArenaInput { move_x: 127, buttons: 1, ..ArenaInput::default() };
    let sticks: Vec<i8> = (0..=STARVED_TICKS + 1).map(|ticks| input.starved(ticks).move_x).collect();
    assert_eq!(sticks[0], 127);
    assert!(sticks.windows(2).all(|pair| pair[1] <= pair[0]));
    assert_eq!(sticks[15..], [0, 0]);
    assert_eq!(input.starved(100).buttons, 1);
}
