//! Seeds of simulations: running many of them on two threads, and keeping those that fail.

use std::fs::{OpenOptions, create_dir_all, read_to_string};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Threads of a search.
const THREADS: usize = 2;

fn file_of(simulation: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("failing-seeds").join(simulation)
}

/// Seeds that have failed on this machine: every later run begins with them, until the file is removed.
pub fn remembered(simulation: &str) -> Vec<u64> {
    let text = read_to_string(file_of(simulation)).unwrap_or_default();
    text.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
}

fn remember(simulation: &str, seed: u64, violation: &str) {
    if remembered(simulation).contains(&seed) {
        return;
    }
    let path = file_of(simulation);
    let file = create_dir_all(path.parent().expect("it is in a folder"))
        .and_then(|()| OpenOptions::new().create(true).append(true).open(path));
    let noted = file.and_then(|mut file| writeln!(file, "{seed}  {violation}"));
    noted.expect("a failing seed must not be lost");
}

/// What a run came to; a panic outside of a handler is a violation too.
pub fn outcome<S>(run: impl FnOnce() -> Result<S, String>) -> Result<S, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(format!("a panic outside of a handler: {}", text.unwrap_or_default()))
    })
}

/// Runs seeds as `next` gives them, and gives what each has seen to `take`; fails with the first violation of each
/// thread.
pub fn search<S>(
    simulation: &str,
    next: &(dyn Fn() -> Option<u64> + Sync),
    run: &(dyn Fn(u64) -> Result<S, String> + Sync),
    take: &(dyn Fn(S) + Sync),
) {
    let failed: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    match outcome(|| run(seed)) {
                        Ok(seen) => take(seen),
                        Err(violation) => {
                            remember(simulation, seed, &violation);
                            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                            return failed.push(format!("TICKSTONE_SEED={seed}: {violation}"));
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
