//! Objects under a seed: see [`objects`].
//!
//! `TICKSTONE_SEED=n` runs one seed and says what happens; `TICKSTONE_CRASHES=n` searches until so many processes
//! have crashed.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at what must not be, and says what it saw"
)]

#[path = "src/objects/mod.rs"]
mod objects;
#[path = "src/sim/rng.rs"]
mod rng;
#[path = "src/sim/store.rs"]
mod store;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use objects::{Plan, Stats, run};
use tickstone_server::clock::{Clock as _, SystemClock};
use tickstone_tests::seeds;

/// Its name among the simulations.
const SIMULATION: &str = "objects";
/// How long the search for new seeds goes on.
const SEARCH: Duration = Duration::from_secs(8);
const STEPS: u64 = 400;
/// Seeds that the search runs at least, however slow the machine.
const SEEDS_MIN: u64 = 12;
const LYING_SEEDS: u64 = 4;
/// The run whose every operation of the disk is the last once.
const SWEPT: Plan = Plan { seed: 5, steps: 40, disk_lies: false, power_off_at: Some(u64::MAX), trace: false };
/// One operation in so many is swept, unless more is asked for.
const SWEPT_ONE_IN: u64 = 5;

fn plan(seed: u64) -> Plan {
    Plan { seed, steps: STEPS, disk_lies: false, power_off_at: None, trace: false }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn objects_keep_every_promise_whatever_the_seed() {
    if let Some(seed) = number("TICKSTONE_SEED") {
        let stats = seeds::outcome(|| run(Plan { trace: true, ..plan(seed) }));
        return eprintln!("seed {seed}: {:?}", stats.unwrap_or_else(|violation| panic!("{violation}")));
    }
    for seed in seeds::remembered(SIMULATION) {
        let outcome = seeds::outcome(|| run(plan(seed)));
        outcome.unwrap_or_else(|violation| panic!("TICKSTONE_SEED={seed}: {violation}"));
    }
    let (clock, crashes) = (SystemClock::new(), number("TICKSTONE_CRASHES"));
    let (next, total) = (AtomicU64::new(1), Mutex::new((0_u64, Stats::default())));
    let next = || {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let in_time = clock.now().0 < SEARCH.as_nanos() as u64;
        let goes_on = crashes.map_or(in_time, |crashes| total.lock().unwrap().1.crashes < crashes);
        (goes_on || seed <= SEEDS_MIN).then_some(seed)
    };
    let take = |stats| {
        let mut total = total.lock().unwrap();
        total.0 += 1;
        total.1.add(stats);
    };
    seeds::search(SIMULATION, &next, &|seed| run(plan(seed)), &take);
    let (seeds, stats) = *total.lock().unwrap();
    eprintln!("{seeds} seeds in {:.1} s: {stats:?}", clock.now().0 as f64 / 1e9);
    // A simulation in which nothing happens proves nothing.
    assert!(stats.is_whole(), "{stats:?}");
}

#[test]
fn a_power_cut_at_every_operation_of_a_run_of_objects() {
    let whole = run(SWEPT).unwrap_or_else(|violation| panic!("{violation}"));
    let one_in = if number("TICKSTONE_CRASHES").is_some() { 1 } else { SWEPT_ONE_IN };
    let cuts = (0..whole.operations).filter(|at| at % one_in == 0);
    let mut crashes = 0;
    for at in cuts {
        let cut = seeds::outcome(|| run(Plan { power_off_at: Some(at), ..SWEPT }));
        let cut = cut.unwrap_or_else(|violation| panic!("cut before operation {at}: {violation}"));
        crashes += cut.crashes;
    }
    eprintln!("{} operations, {crashes} cuts", whole.operations);
    assert!(crashes > 20);
}

#[test]
fn a_seed_is_the_whole_of_a_run_of_objects() {
    let once = run(plan(7));
    assert_eq!(once, run(plan(7)));
    assert_ne!(once, run(plan(8)));
}

#[test]
fn a_disk_that_lies_is_found_out_by_objects() {
    let lying = |seed: &u64| seeds::outcome(|| run(Plan { disk_lies: true, ..plan(*seed) })).is_err();
    let found = (1..=LYING_SEEDS).filter(lying).count();
    eprintln!("{found} of {LYING_SEEDS} seeds find the disk that lies");
    assert_eq!(found as u64, LYING_SEEDS);
}
