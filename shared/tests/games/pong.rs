//! Pong: what its tutorial promises.

use tickstone_shared::games::pong::{Pong, PongInput};
use tickstone_shared::ids::Seat;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::event::Event;
use tickstone_shared::sim::game::{Game, NoOptions};
use tickstone_shared::sim::registered::register;
use tickstone_shared::sim::simulation::Simulation;
use tickstone_shared::snapshot::{Snapshot, sections};

use crate::support::join;

const SOURCE: &str = include_str!("../../src/games/pong.rs");

#[test]
fn the_tutorial_stays_short() {
    assert!(SOURCE.lines().count() < 150, "{} lines", SOURCE.lines().count());
}

/// The paddles' y and points, by seat, and the ball's place: read from what players see.
fn shown(simulation: &mut Simulation<Pong>) -> (Vec<(i64, i64)>, (i64, i64)) {
    let mut snapshot = Snapshot::default();
    simulation.snapshot(&mut snapshot);
    let schema = simulation.schema();
    let mut paddles = Vec::new();
    let mut ball = (0, 0);
    for section in sections(&snapshot.body, &schema).unwrap() {
        let fields = &schema.kinds[section.kind].fields;
        for (_, mut row) in section.entities() {
            let values: Vec<_> = fields.iter().map(|field| field.kind.read(&mut row).unwrap()).collect();
            match schema.kinds[section.kind].name.as_str() {
                "paddle" => paddles.push((values[1], values[2])),
                _ => ball = (values[0], values[1]),
            }
        }
    }
    (paddles, ball)
}

fn hold(simulation: &mut Simulation<Pong>, seat: u16, direction: i8) {
    let value = serde_json::to_value(PongInput { direction }).unwrap();
    let row = register::<Pong>().by_name(value).unwrap();
    simulation.apply(&Event::Input { seat: Seat(seat), row }).unwrap();
}

#[test]
fn the_ball_waits_for_two() {
    let mut simulation = Simulation::<Pong>::start(1, &NoOptions {});
    simulation.apply(&join(0)).unwrap();
    simulation.step();
    assert_eq!(shown(&mut simulation).1, (400, 300));
    simulation.apply(&join(1)).unwrap();
    simulation.step();
    assert_eq!(shown(&mut simulation).1, (406, 303));
}

#[test]
fn a_paddle_moves_by_its_input_and_stays_on_the_field() {
    let mut simulation = Simulation::<Pong>::start(1, &NoOptions {});
    simulation.apply(&join(0)).unwrap();
    hold(&mut simulation, 0, -128);
    simulation.step();
    assert_eq!(shown(&mut simulation).0, [(292, 0)], "a cheat's direction is clamped");
    for _ in 0..100 {
        simulation.step();
    }
    assert_eq!(shown(&mut simulation).0, [(50, 0)]);
}

#[test]
fn a_player_who_follows_the_ball_wins_with_eleven() {
    let mut simulation = Simulation::<Pong>::start(3, &NoOptions {});
    simulation.apply(&join(0)).unwrap();
    simulation.apply(&join(1)).unwrap();
    hold(&mut simulation, 1, 1);
    let mut ticks = 0;
    while Pong::outcome(simulation.world()).is_none() {
        let (paddles, ball) = shown(&mut simulation);
        assert!(paddles.iter().all(|(_, points)| *points < 11));
        hold(&mut simulation, 0, (ball.1 - paddles[0].0).signum() as i8);
        simulation.step();
        ticks += 1;
        assert!(ticks < 60 * 600, "somebody wins within ten minutes");
    }
    assert_eq!(Pong::outcome(simulation.world()), Some(serde_json::json!({ "winner": 0 })));
    assert_eq!(shown(&mut simulation).0[0].1, 11);
    let over = shown(&mut simulation);
    simulation.step();
    assert_eq!(shown(&mut simulation).1, over.1, "the ball rests when the match is over");
}

#[test]
fn a_request_may_leave_its_options_empty() {
    let game = register::<Pong>();
    for options in [serde_json::Value::Null, serde_json::json!({})] {
        assert_eq!(game.rules(None, options, &Assets::none()).unwrap(), b"{}");
    }
    assert!(game.rules(None, serde_json::json!({ "points": 5 }), &Assets::none()).is_err());
}
