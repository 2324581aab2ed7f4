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

use std::fs::{OpenOptions, create_dir_all};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sim::{Plan, Stats, run};
use tickstone_server::clock::{Clock as _, SystemClock};

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
    catch_unwind(AssertUnwindSafe(|| run(plan))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(format!("a panic outside of a handler: {}", text.unwrap_or_default()))
    })
}

fn remember(seed: u64, violation: &str) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("failing-seeds");
    let file = create_dir_all(&dir)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(dir.join("simulation")));
    let noted = file.and_then(|mut file| writeln!(file, "{seed}  {violation}"));
    noted.expect("a failing seed must not be lost");
}

/// Runs seeds on two threads as `next` gives them; answers what they saw, or fails with the first violation.
fn search(next: &(dyn Fn() -> Option<u64> + Sync)) -> (u64, Stats) {
    let total = Mutex::new((0_u64, Stats::default()));
    let failed: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    match outcome(plan(seed)) {
                        Ok(stats) => add(&mut total.lock().unwrap(), stats),
                        Err(violation) => {
                            remember(seed, &violation);
                            failed.lock().unwrap().push(format!("TICKSTONE_SEED={seed}: {violation}"));
                            return;
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    total.into_inner().unwrap()
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
    for seed in REGRESSION_SEEDS {
        outcome(plan(*seed)).unwrap_or_else(|violation| panic!("TICKSTONE_SEED={seed}: {violation}"));
    }
    let clock = SystemClock::new();
    let (first, last) = wanted_range().unwrap_or((1, u64::MAX));
    let seeds = AtomicU64::new(first);
    let (seeds, stats) = search(&|| {
        let seed = seeds.fetch_add(1, Ordering::Relaxed);
        let in_time =
            clock.now().0 < SEARCH.as_nanos() as u64 || seed < first + SEEDS_MIN || last != u64::MAX;
        (seed <= last && in_time).then_some(seed)
    });
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
