//! The whole server under a seed: see [`sim`].
//!
//! `TICKSTONE_SEED=n` runs one seed and says what happens; `TICKSTONE_SEEDS=first-last` runs a range.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at what must not be, and says what it saw"
)]

#[path = "src/sim/mod.rs"]
mod sim;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sim::{Plan, Stats, run};
use tickstone_server::clock::{Clock as _, SystemClock};
use tickstone_tests::seeds;

/// Its name among the simulations.
const SIMULATION: &str = "simulation";
/// Seeds that have found something once.
const REGRESSION_SEEDS: &[u64] = &[19, 30, 41, 118, 340];
/// How long the search for new ones goes on.
const SEARCH: Duration = Duration::from_secs(35);
const STEPS: u64 = 1500;
/// Seeds that the search runs at least, however slow the machine.
const SEEDS_MIN: u64 = 20;
const LYING_SEEDS: u64 = 8;

fn plan(seed: u64) -> Plan {
    Plan { seed, steps: STEPS, disk_lies: false, trace: false }
}

/// Runs a seed; a panic outside of a handler is a violation too.
fn outcome(plan: Plan) -> Result<Stats, String> {
    seeds::outcome(|| run(plan))
}

fn add((seeds, total): &mut (u64, Stats), one: Stats) {
    *seeds += 1;
    total.ticks += one.ticks;
    total.crashes += one.crashes;
    total.drains += one.drains;
    total.panics += one.panics;
    total.refusals += one.refusals;
    total.refused_batches += one.refused_batches;
    total.resumes += one.resumes;
    total.hashes += one.hashes;
    total.ticks_lost += one.ticks_lost;
}

fn wanted_range() -> Option<(u64, u64)> {
    let range = std::env::var("TICKSTONE_SEEDS").ok()?;
    let (first, last) = range.split_once('-').expect("TICKSTONE_SEEDS=first-last");
    Some((first.parse().expect("a number"), last.parse().expect("a number")))
}

#[test]
fn every_promise_holds_whatever_the_seed() {
    if let Ok(seed) = std::env::var("TICKSTONE_SEED") {
        let seed = seed.parse().expect("TICKSTONE_SEED is a number");
        let stats =
            outcome(Plan { trace: true, ..plan(seed) }).unwrap_or_else(|violation| panic!("{violation}"));
        return eprintln!("seed {seed}: {stats:?}");
    }
    for seed in REGRESSION_SEEDS.iter().copied().chain(seeds::remembered(SIMULATION)) {
        outcome(plan(seed)).unwrap_or_else(|violation| panic!("TICKSTONE_SEED={seed}: {violation}"));
    }
    let clock = SystemClock::new();
    let (first, last) = wanted_range().unwrap_or((1, u64::MAX));
    let (next, total) = (AtomicU64::new(first), Mutex::new((0_u64, Stats::default())));
    let next = || {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let in_time =
            clock.now().0 < SEARCH.as_nanos() as u64 || seed < first + SEEDS_MIN || last != u64::MAX;
        (seed <= last && in_time).then_some(seed)
    };
    seeds::search(SIMULATION, &next, &|seed| run(plan(seed)), &|stats| {
        add(&mut total.lock().unwrap(), stats);
    });
    let (seeds, stats) = total.into_inner().unwrap();
    let rate = seeds as f64 / (clock.now().0 as f64 / 1e9);
    eprintln!("{seeds} seeds, {rate:.1} seeds/s: {stats:?}");
    // A simulation in which nothing happens proves nothing.
    let happened = [stats.crashes, stats.drains, stats.panics, stats.refusals, stats.resumes, stats.hashes];
    assert!(happened.iter().all(|count| *count > 0), "{stats:?}");
    assert!(stats.refused_batches > 0, "the queue was never full: {stats:?}");
}

#[test]
fn a_seed_is_the_whole_of_a_run() {
    let once = outcome(plan(7));
    assert_eq!(once, outcome(plan(7)));
    assert_ne!(once, outcome(plan(8)));
}

#[test]
fn a_disk_that_lies_is_found_out() {
    let found =
        (1..=LYING_SEEDS).filter(|seed| outcome(Plan { disk_lies: true, ..plan(*seed) }).is_err()).count();
    eprintln!("{found} of {LYING_SEEDS} seeds find the disk that lies");
    assert!(found > 0);
}
