//! Time. The only file that reads a clock; everything else takes a [`Moment`] or a [`Clock`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::thread::{ClockId, clock_nanosleep_absolute};
use rustix::time::Timespec;
use tickstone_shared::time::Moment;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The monotonic clock.
    fn now(&self) -> Moment;
    /// Milliseconds since 1970, for people and for what is stored; never for a tick.
    fn unix_ms(&self) -> u64;
}

/// A clock, shared.
pub type ClockRef = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    /// CLOCK_MONOTONIC when `start` was taken, to sleep until an absolute time.
    start_nanos: u64,
}

impl SystemClock {
    /// Starts counting now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the clock is read")]
    pub fn new() -> Self {
        let monotonic = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Self { start: Instant::now(), start_nanos: nanos_of(monotonic) }
    }

    /// Sleeps until `deadline` by an absolute clock_nanosleep: at p99 about 0.2 ms late on a busy machine,
    /// where a condition variable is 1.5 to 4 ms late (design notes, 3f).
    pub fn sleep_until(&self, deadline: Moment) {
        let at = self.start_nanos.saturating_add(deadline.0);
        let request = Timespec {
            tv_sec: i64::try_from(at / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: (at % 1_000_000_000) as i64,
        };
        while clock_nanosleep_absolute(ClockId::Monotonic, &request).is_err() {}
    }
}

fn nanos_of(time: Timespec) -> u64 {
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place where the clock is read")]
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicU64,
    /// How far the wall clock has been set forth (or back, wrapping), in ms.
    set_by: AtomicU64,
}

impl ManualClock {
    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Somebody sets the wall clock, forth or back; the monotonic one goes on.
    pub fn set_wall(&self, by_ms: i64) {
        self.set_by.fetch_add(by_ms as u64, Ordering::SeqCst);
    }

    /// Moves the clock to `moment`, never back.
    pub fn advance_to(&self, moment: Moment) {
        self.now.fetch_max(moment.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment(self.now.load(Ordering::SeqCst))
    }

    fn unix_ms(&self) -> u64 {
        let set_by = self.set_by.load(Ordering::SeqCst);
        (1_800_000_000_000 + self.now().0 / 1_000_000).wrapping_add(set_by)
    }
}
