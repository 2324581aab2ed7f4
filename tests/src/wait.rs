//! Time: the one place in this package that reads and spends it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long anything that should happen at once may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// A stopwatch.
#[derive(Debug, Clone, Copy)]
pub struct Watch(Instant);

impl Watch {
    /// Starts now.
    pub fn start() -> Self {
        Self(read())
    }

    /// Since the start.
    pub fn elapsed(self) -> Duration {
        read().saturating_duration_since(self.0)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock of the tests")]
fn read() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970, as tokens count.
#[expect(clippy::disallowed_methods, reason = "this is the clock of the tests")]
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(since.as_millis()).expect("it is not yet that late")
}

/// Lets time pass: for load to run, never for something to have happened by then.
#[expect(clippy::disallowed_methods, reason = "this is the clock of the tests")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Looks until there is something, at most for `patience`.
pub fn poll<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let watch = Watch::start();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if watch.elapsed() >= patience {
            return None;
        }
        pause(LOOK);
    }
}

/// Looks until there is something; a test that waits in vain for [`PATIENCE`] fails.
#[track_caller]
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    poll(PATIENCE, look).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}"))
}
