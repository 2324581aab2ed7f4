//! The rules of arena, one by one, on maps made for them.

use tickstone_shared::games::arena::round::{Round, RoundPhase, TRANSITIONS, Trigger};
use tickstone_shared::games::arena::{
    Arena, ArenaInput, Body, DAMAGE, Fighter, HEALTH_MAX, Options, PICKUP_HEALTH, PICKUP_RETURN_TICKS,
    Pickup, Projectile, RADIUS, RESPAWN_TICKS, SHOOT, SPEED_MAX, Score, UNIT,
};
use tickstone_shared::ids::Seat;
use tickstone_shared::sim::event::{Event, LeaveReason, Output};
use tickstone_shared::sim::game::Game;
use tickstone_shared::sim::registered::register;
use tickstone_shared::sim::simulation::Simulation;
use tickstone_shared::time::Tick;

use crate::support::{arena_rules_on, join, of_seat};

/// A range: seat 0 on the left, seat 1 ten units to the right of them, a pickup below seat 1, and a wall.
const RANGE: &str = r#"{ "name": "range", "width": 32, "height": 9, "walls": [[20, 0, 1, 6]],
    "spawns": [[2, 4], [12, 4]], "pickups": [[12, 7]] }"#;
const RIGHT: ArenaInput = ArenaInput { move_x: 127, move_y: 0, aim_x: 1, aim_y: 0, buttons: 0 };
const FIRE: ArenaInput = ArenaInput { move_x: 0, move_y: 0, aim_x: 9, aim_y: 0, buttons: SHOOT };

fn quick() -> Options {
    Options { players_max: 2, countdown_seconds: 0, finished_seconds: 1, ..Options::default() }
}

/// A match on the range, in its first tick of play.
fn on_the_range(options: Options, players: u16) -> Simulation<Arena> {
    let mut simulation = Simulation::<Arena>::start(1, &arena_rules_on(RANGE, options));
    for seat in 0..players {
        simulation.apply(&join(seat)).unwrap();
    }
    while Round::of(simulation.world()).phase != RoundPhase::Playing {
        simulation.step();
    }
    simulation
}

fn send(simulation: &mut Simulation<Arena>, seat: u16, input: ArenaInput) {
    let row = register::<Arena>().by_name(serde_json::to_value(input).unwrap()).unwrap();
    simulation.apply(&Event::Input { seat: Seat(seat), row }).unwrap();
}

fn steps(simulation: &mut Simulation<Arena>, count: u64) {
    for _ in 0..count {
        simulation.step();
    }
}

fn shots(simulation: &Simulation<Arena>) -> Vec<Projectile> {
    let world = simulation.world();
    world.try_query::<&Projectile>().unwrap().iter(world).copied().collect()
}

fn events(simulation: &mut Simulation<Arena>) -> Vec<Output> {
    let mut outputs = Vec::new();
    simulation.take_outputs(&mut outputs);
    outputs
}

#[test]
fn a_body_speeds_up_and_stops_at_a_wall() {
    let mut simulation = on_the_range(quick(), 1);
    send(&mut simulation, 0, RIGHT);
    steps(&mut simulation, 8);
    assert_eq!(of_seat::<Body>(&simulation, 0).vx, SPEED_MAX);
    steps(&mut simulation, 200);
    let body = of_seat::<Body>(&simulation, 0);
    assert_eq!((body.x, body.vx), (20 * UNIT - RADIUS, 0));
    send(&mut simulation, 0, ArenaInput { move_y: 127, ..RIGHT });
    steps(&mut simulation, 120);
    assert!(of_seat::<Body>(&simulation, 0).x > 21 * UNIT, "it slides along the wall and around it");
}

#[test]
fn a_body_rolls_out_when_the_stick_is_let_go() {
    let mut simulation = on_the_range(quick(), 1);
    send(&mut simulation, 0, RIGHT);
    steps(&mut simulation, 8);
    send(&mut simulation, 0, ArenaInput::default());
    steps(&mut simulation, 15);
    assert_eq!(of_seat::<Body>(&simulation, 0).vx, 2);
    steps(&mut simulation, 1);
    assert_eq!(of_seat::<Body>(&simulation, 0).vx, 0);
}

#[test]
fn bodies_do_not_walk_through_each_other() {
    let mut simulation = on_the_range(quick(), 2);
    send(&mut simulation, 0, RIGHT);
    for _ in 0..240 {
        simulation.step();
        let (left, right) = (of_seat::<Body>(&simulation, 0), of_seat::<Body>(&simulation, 1));
        assert!(right.x - left.x > 2 * RADIUS - SPEED_MAX, "{left:?} {right:?}");
    }
    assert_eq!(of_seat::<Body>(&simulation, 1).x, 20 * UNIT - RADIUS, "the pushed one is at the wall");
}

#[test]
fn a_shot_travels_and_hits_in_the_right_tick() {
    let mut simulation = on_the_range(quick(), 2);
    send(&mut simulation, 0, FIRE);
    simulation.step();
    send(&mut simulation, 0, ArenaInput::default());
    let born = simulation.tick();
    let start = 2 * UNIT + UNIT / 2;
    let expected = Projectile { owner: 0, x: start, y: 4 * UNIT + UNIT / 2, vx: 96, vy: 0, born };
    assert_eq!(shots(&simulation), [expected]);
    assert_eq!(expected.at(10), (start + 960, expected.y));
    // Ten units less a radius, at 96 a tick: touched in the 26th tick and not before.
    steps(&mut simulation, 25);
    assert_eq!(shots(&simulation), [expected], "nothing of a shot changes while it flies");
    assert_eq!(of_seat::<Fighter>(&simulation, 1).health, HEALTH_MAX);
    simulation.step();
    assert_eq!(simulation.tick(), Tick(born.0 + 26));
    assert_eq!(of_seat::<Fighter>(&simulation, 1).health, HEALTH_MAX - DAMAGE);
    assert_eq!(shots(&simulation), []);
}

#[test]
fn a_shot_ends_in_a_wall_and_of_old_age() {
    let mut simulation = on_the_range(quick(), 1);
    send(&mut simulation, 0, ArenaInput { aim_x: 0, aim_y: -1, ..FIRE });
    simulation.step();
    send(&mut simulation, 0, ArenaInput { aim_x: 1, ..ArenaInput::default() });
    // 4.5 units up to the edge of the map: 1152 / 96 = 12 ticks to touch it, one more to be past it.
    steps(&mut simulation, 12);
    assert_eq!(shots(&simulation).len(), 1);
    simulation.step();
    assert_eq!(shots(&simulation), []);
    steps(&mut simulation, 15);
    send(&mut simulation, 0, FIRE);
    simulation.step();
    send(&mut simulation, 0, ArenaInput::default());
    steps(&mut simulation, 44);
    assert_eq!(shots(&simulation).len(), 1);
    steps(&mut simulation, 4);
    assert_eq!(shots(&simulation), [], "48 ticks are all a shot has; the wall would be further");
}

#[test]
fn a_held_trigger_shoots_four_times_a_second() {
    let mut simulation = on_the_range(quick(), 1);
    send(&mut simulation, 0, ArenaInput { aim_x: 0, aim_y: 1, ..FIRE });
    let mut born = Vec::new();
    for _ in 0..60 {
        simulation.step();
        born.extend(shots(&simulation).into_iter().map(|shot| shot.born.0));
    }
    born.dedup();
    let first = born[0];
    assert_eq!(born, [first, first + 15, first + 30, first + 45]);
}

#[test]
fn four_hits_kill_and_the_dead_come_back() {
    let mut simulation = on_the_range(quick(), 2);
    events(&mut simulation);
    send(&mut simulation, 0, FIRE);
    send(&mut simulation, 1, ArenaInput::default());
    steps(&mut simulation, 1 + 3 * 15 + 26);
    let dead = of_seat::<Fighter>(&simulation, 1);
    assert_eq!((dead.health, dead.respawn_at), (0, Tick(simulation.tick().0 + RESPAWN_TICKS)));
    assert_eq!(of_seat::<Score>(&simulation, 0), Score { kills: 1, deaths: 0 });
    assert_eq!(of_seat::<Score>(&simulation, 1), Score { kills: 0, deaths: 1 });
    let told = events(&mut simulation);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].name, &told[0].data), (Some("killed"), &serde_json::json!({ "by": 0, "victim": 1 })));
    send(&mut simulation, 0, ArenaInput::default());
    send(&mut simulation, 1, RIGHT);
    steps(&mut simulation, RESPAWN_TICKS - 1);
    let body = of_seat::<Body>(&simulation, 1);
    assert_eq!((body.x, body.vx), (12 * UNIT + UNIT / 2, 0), "the dead do not walk");
    assert_eq!(of_seat::<Fighter>(&simulation, 1).health, 0);
    simulation.step();
    assert_eq!(of_seat::<Fighter>(&simulation, 1).health, HEALTH_MAX);
}

#[test]
fn the_hurt_take_a_pickup_and_it_grows_back() {
    let mut simulation = on_the_range(quick(), 2);
    let pickup = |simulation: &Simulation<Arena>| {
        let world = simulation.world();
        *world.try_query::<&Pickup>().unwrap().iter(world).next().unwrap()
    };
    let down = ArenaInput { move_y: 127, ..ArenaInput::default() };
    send(&mut simulation, 1, down);
    steps(&mut simulation, 60);
    assert!(pickup(&simulation).active, "who is whole leaves it");
    send(&mut simulation, 1, ArenaInput { move_y: -127, ..down });
    steps(&mut simulation, 27);
    send(&mut simulation, 1, ArenaInput::default());
    // Back in the line of fire, by a body's width.
    steps(&mut simulation, 20);
    let (left, right) = (of_seat::<Body>(&simulation, 0), of_seat::<Body>(&simulation, 1));
    assert!((right.y - left.y).abs() < RADIUS, "{left:?} {right:?}");
    send(&mut simulation, 0, FIRE);
    steps(&mut simulation, 1 + 2 * 15 + 26);
    send(&mut simulation, 0, ArenaInput::default());
    assert_eq!(of_seat::<Fighter>(&simulation, 1).health, HEALTH_MAX - 3 * DAMAGE);
    send(&mut simulation, 1, down);
    let mut waited = 0;
    while pickup(&simulation).active && waited < 300 {
        simulation.step();
        waited += 1;
    }
    assert_eq!(of_seat::<Fighter>(&simulation, 1).health, HEALTH_MAX - 3 * DAMAGE + PICKUP_HEALTH);
    send(&mut simulation, 1, ArenaInput { move_y: -127, ..down });
    steps(&mut simulation, PICKUP_RETURN_TICKS - 1);
    assert!(!pickup(&simulation).active);
    simulation.step();
    assert!(pickup(&simulation).active);
}

#[test]
fn nothing_but_the_table_moves_a_match() {
    use RoundPhase::{Countdown, Finished, Lobby, Playing};
    for (from, trigger, to) in TRANSITIONS {
        assert_ne!(from, to, "{trigger:?} leads nowhere");
    }
    for (from, to) in [(Lobby, Playing), (Lobby, Finished), (Playing, Countdown), (Finished, Playing)] {
        assert!(!TRANSITIONS.iter().any(|(a, _, b)| (*a, *b) == (from, to)), "{from:?} to {to:?}");
    }
    let numbers = arena_rules_on(RANGE, Options { players_min: 2, ..quick() }).numbers;
    let following = |phase, players, tick| {
        Round { phase, ends: Tick(100), played: 0 }.following(players, Tick(tick), &numbers)
    };
    assert_eq!(following(Lobby, 1, 200), None);
    assert_eq!(following(Lobby, 2, 1), Some(Countdown));
    assert_eq!(following(Countdown, 2, 99), None);
    assert_eq!(following(Countdown, 1, 100), Some(Lobby));
    assert_eq!(following(Countdown, 2, 100), Some(Playing));
    assert_eq!(following(Playing, 1, 99), None, "a round goes on with those who stay");
    assert_eq!(following(Playing, 0, 99), Some(Lobby));
    assert_eq!(following(Playing, 2, 100), Some(Finished));
    assert_eq!(following(Finished, 2, 100), Some(Lobby));
    assert_eq!(TRANSITIONS.iter().filter(|(_, trigger, _)| *trigger == Trigger::TimeUp).count(), 3);
}

#[test]
fn rounds_follow_each_other_and_the_last_one_ends_the_match() {
    let mut simulation = on_the_range(Options { round_seconds: 2, rounds: 2, ..quick() }, 2);
    let mut phases = Vec::new();
    for _ in 0..600 {
        simulation.step();
        phases.extend(events(&mut simulation).into_iter().filter(|told| told.name == Some("phase")));
    }
    let names: Vec<_> = phases.iter().map(|told| told.data["phase"].as_str().unwrap()).collect();
    let course = ["countdown", "playing", "finished", "lobby", "countdown", "playing", "finished"];
    assert_eq!(names, course);
    let outcome = Arena::outcome(simulation.world()).unwrap();
    assert_eq!(outcome["rounds"], 2);
    assert_eq!(outcome["scores"][1]["name"], "player 1");
    assert!(simulation.apply(&join(0)).is_err());
}

#[test]
fn a_label_says_what_is_going_on() {
    let mut simulation = on_the_range(quick(), 2);
    let label = serde_json::json!({ "map": "range", "phase": "playing", "players": 2, "players_max": 2 });
    assert_eq!(Arena::label(simulation.world()), label);
    simulation.apply(&Event::Leave { seat: Seat(0), reason: LeaveReason::Left }).unwrap();
    simulation.apply(&Event::Leave { seat: Seat(1), reason: LeaveReason::Kicked }).unwrap();
    simulation.step();
    assert_eq!(Arena::label(simulation.world())["phase"], "lobby");
    assert_eq!(Arena::outcome(simulation.world()), None);
}

#[test]
fn shots_leave_with_the_one_who_fired_them() {
    let mut simulation = on_the_range(quick(), 2);
    send(&mut simulation, 0, FIRE);
    steps(&mut simulation, 2);
    assert_eq!(shots(&simulation).len(), 1);
    simulation.apply(&Event::Leave { seat: Seat(0), reason: LeaveReason::TimedOut }).unwrap();
    assert_eq!(shots(&simulation), []);
    simulation.apply(&join(0)).unwrap();
    assert!(simulation.apply(&join(0)).is_err(), "a seat is taken once");
    assert!(simulation.apply(&join(2)).is_err(), "there are two seats");
}
