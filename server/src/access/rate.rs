//! How often something may be done: a bucket that fills with time.

use tickstone_shared::time::Moment;

const SECOND_NANOS: u64 = 1_000_000_000;

/// A number a second that may be kept up, and how many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Kept up.
    pub per_second: u32,
    /// At once, after a rest.
    pub burst: u32,
}

/// Matches that a key may create (reliability P60).
pub const CREATE_RATE: Rate = Rate { per_second: 10, burst: 20 };

/// What is left of a rate. Counted in nanoseconds of filling, so that it is exact.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: Rate,
    filled_nanos: u64,
    at: Moment,
}

impl Bucket {
    /// A full one.
    pub fn new(rate: Rate) -> Self {
        let mut bucket = Self { rate, filled_nanos: 0, at: Moment(0) };
        bucket.filled_nanos = bucket.capacity();
        bucket
    }

    fn one(&self) -> u64 {
        SECOND_NANOS / u64::from(self.rate.per_second.max(1))
    }

    fn capacity(&self) -> u64 {
        self.one() * u64::from(self.rate.burst)
    }

    /// Takes one, or says in how many whole seconds, at least 1, there is one again.
    pub fn take(&mut self, now: Moment) -> Result<(), u64> {
        let passed = now.0.saturating_sub(self.at.0);
        self.at = self.at.max(now);
        self.filled_nanos = self.filled_nanos.saturating_add(passed).min(self.capacity());
        let one = self.one();
        match self.filled_nanos.checked_sub(one) {
            Some(left) => {
                self.filled_nanos = left;
                Ok(())
            }
            None => Err((one - self.filled_nanos).div_ceil(SECOND_NANOS).max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_20_and_then_10_a_second() {
        let mut bucket = Bucket::new(CREATE_RATE);
        let mut taken = |at_ms: u64, tries: u32| {
            (0..tries).filter(|_| bucket.take(Moment(at_ms * 1_000_000)).is_ok()).count()
        };
        assert_eq!(taken(5_000, 30), 20);
        assert_eq!(taken(5_099, 1), 0);
        assert_eq!(taken(5_100, 5), 1);
        assert_eq!(taken(6_100, 30), 10);
        assert_eq!(taken(100_000, 30), 20, "no more than a burst is saved up");
        assert_eq!(taken(50_000, 1), 0, "a clock that goes back gives nothing");
    }

    #[test]
    fn it_says_when_to_come_again() {
        let mut slow = Bucket::new(Rate { per_second: 1, burst: 1 });
        assert_eq!(slow.take(Moment(0)), Ok(()));
        assert_eq!(slow.take(Moment(1)), Err(1));
    }
}
