//! Ticks and moments. No clock is read here: time is always an argument.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};
use std::time::Duration;

/// Ticks a second unless a game says otherwise.
pub const TICK_RATE_HZ: u32 = 60;

/// A step of a match. State `n` is the world after `n` steps; tick 0 is the world before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tick(pub u64);

impl Tick {
    /// The tick after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A point on the server's monotonic clock, in nanoseconds since the process's clock started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// Time from `earlier` to this; zero if `earlier` is later.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;
    fn sub(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// The offset of step `count` from the first, in exact integer nanoseconds: `count / rate` seconds with
/// the remainder carried, so that it never drifts.
pub fn ticks_to_nanos(count: u64, rate_hz: u32) -> u64 {
    let nanos = u128::from(count) * 1_000_000_000 / u128::from(rate_hz);
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_ticks_are_exactly_a_second_forever() {
        assert_eq!(ticks_to_nanos(60, 60), 1_000_000_000);
        assert_eq!(ticks_to_nanos(60 * 86_400 * 365, 60), 86_400 * 365 * 1_000_000_000);
        assert_eq!(ticks_to_nanos(1, 60), 16_666_666);
        assert_eq!(ticks_to_nanos(2, 60), 33_333_333);
    }
}
