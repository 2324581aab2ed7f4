//! Run N, save, restore, run M is run N + M: by state hash, for every bundled game, in any weather.

use proptest::prelude::*;
use tickstone_shared::games::arena::{Arena, Options};
use tickstone_shared::games::duel::{Duel, Rules};
use tickstone_shared::games::pong::Pong;
use tickstone_shared::sim::game::{Game, NoOptions};
use tickstone_shared::sim::simulation::Simulation;
use tickstone_shared::sim::sync_test::step_both_ways;
use tickstone_shared::snapshot::Snapshot;

use crate::support::{Storm, arena_rules, weather};

/// Short phases and fast guns, so that a few hundred ticks see every rule at work.
fn busy_arena() -> Options {
    Options {
        map: "yard".to_owned(),
        players_max: 8,
        players_min: 2,
        countdown_seconds: 0,
        round_seconds: 5,
        finished_seconds: 1,
        shots_per_second: 20,
        ..Options::default()
    }
}

fn survives_a_restore<G: Game>(rules: &G::Rules, seed: u64, before: u32, after: u32) {
    let seats = G::seats(rules);
    let mut whole = Simulation::<G>::start(seed, rules);
    let mut storm = Storm::new::<G>(seed, seats);
    for _ in 0..before {
        weather(&mut whole, &mut storm);
    }
    let mut saved = Vec::new();
    whole.save(&mut saved);
    let mut restored = Simulation::<G>::restore(rules, &saved).unwrap();
    assert_eq!(restored.state_hash(), whole.state_hash());
    let (mut shown, mut shown_again) = (Snapshot::default(), Snapshot::default());
    for _ in 0..after {
        for event in storm.events() {
            assert_eq!(whole.apply(&event).is_err(), restored.apply(&event).is_err());
        }
        whole.step();
        restored.step();
        whole.snapshot(&mut shown);
        restored.snapshot(&mut shown_again);
        assert_eq!(shown, shown_again);
    }
    assert_eq!(restored.state_hash(), whole.state_hash());
    assert_eq!(G::outcome(restored.world()), G::outcome(whole.world()));
}

fn agrees_in_every_tick<G: Game>(rules: &G::Rules, seed: u64, ticks: u32) {
    let mut simulation = Simulation::<G>::start(seed, rules);
    let mut storm = Storm::new::<G>(seed, G::seats(rules));
    for _ in 0..ticks {
        step_both_ways(&mut simulation, rules, &storm.events()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arena_survives_a_restore(seed: u64, before in 0_u32..400, after in 1_u32..400) {
        survives_a_restore::<Arena>(&arena_rules(&busy_arena()), seed, before, after);
    }

    #[test]
    fn pong_survives_a_restore(seed: u64, before in 0_u32..2_000, after in 1_u32..2_000) {
        survives_a_restore::<Pong>(&NoOptions {}, seed, before, after);
    }

    #[test]
    fn duel_survives_a_restore(seed: u64, before in 0_u32..120, after in 1_u32..120) {
        survives_a_restore::<Duel>(&Rules::default(), seed, before, after);
    }
}

#[test]
fn arena_agrees_in_every_tick() {
    for seed in 0..4 {
        agrees_in_every_tick::<Arena>(&arena_rules(&busy_arena()), seed, 500);
    }
}

#[test]
fn pong_agrees_in_every_tick() {
    for seed in 0..4 {
        agrees_in_every_tick::<Pong>(&NoOptions {}, seed, 800);
    }
}

#[test]
fn duel_agrees_in_every_tick() {
    for seed in 0..16 {
        agrees_in_every_tick::<Duel>(&Rules::default(), seed, 120);
    }
}

/// What the tests above would prove nothing without: the weather kills, ends rounds and brings players back
/// where chance says.
#[test]
fn the_weather_reaches_every_rule() {
    let rules = arena_rules(&busy_arena());
    let run = |seed: u64| {
        let mut simulation = Simulation::<Arena>::start(seed, &rules);
        let mut storm = Storm::new::<Arena>(1, 8);
        let mut states = Vec::new();
        for _ in 0..900 {
            weather(&mut simulation, &mut storm);
            let mut shown = Snapshot::default();
            simulation.snapshot(&mut shown);
            states.push(shown);
        }
        let mut outputs = Vec::new();
        simulation.take_outputs(&mut outputs);
        (outputs, states)
    };
    let (outputs, states) = run(1);
    for name in ["joined", "left", "killed", "phase"] {
        assert!(outputs.iter().any(|output| output.name == Some(name)), "no {name}");
    }
    assert!(outputs.iter().any(|output| output.data["phase"] == "finished"));
    assert!(run(1) == (outputs, states.clone()), "the same seed is the same match");
    assert!(run(2).1 != states, "another seed puts the dead elsewhere");
}
