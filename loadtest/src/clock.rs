//! The load generator's clock: the one place in this crate that reads the time.

use std::time::{Duration, Instant};

use tickstone_shared::time::Moment;

/// A monotonic clock that started with its fleet.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { started: read() }
    }

    /// The time since the start.
    pub fn now(self) -> Moment {
        Moment(0) + read().saturating_duration_since(self.started)
    }

    /// The moment as tokio's timers want it.
    pub(crate) fn instant(self, moment: Moment) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + moment.since(Moment(0)))
    }

    /// Blocks the calling thread until `moment`.
    pub fn wait_until(self, moment: Moment) {
        loop {
            let left = moment.since(self.now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock of the load generator")]
fn read() -> Instant {
    Instant::now()
}

/// CPU time of this process, all threads.
pub(crate) fn process_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// How long threads of this process were ready to run and had no processor, all that still exist; none where
/// the system does not tell.
pub(crate) fn process_wait() -> Option<Duration> {
    let mut waited = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        // A thread that has just ended is not there any more.
        let Ok(text) = std::fs::read_to_string(task.ok()?.path().join("schedstat")) else { continue };
        waited += waited_nanos(&text)?;
    }
    Some(Duration::from_nanos(waited))
}

/// Of `run wait slices`, the second.
fn waited_nanos(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_the_second_figure() {
        assert_eq!(waited_nanos("5 70 3\n"), Some(70));
        assert_eq!(waited_nanos("5"), None);
    }
}
