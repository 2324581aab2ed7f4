//! How often something has happened within 10 s of the clock.

use tickstone_shared::time::Moment;

const WINDOW_NANOS: u64 = 10_000_000_000;

/// Counts of the current 10 s.
#[derive(Debug, Default)]
pub(super) struct Recent {
    window: u64,
    count: u64,
}

impl Recent {
    /// It has happened so many times more: how often within these 10 s?
    pub(super) fn add(&mut self, now: Moment, more: u64) -> u64 {
        let window = now.0 / WINDOW_NANOS;
        if window != self.window {
            *self = Self { window, count: 0 };
        }
        self.count = self.count.saturating_add(more);
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_before_these_10_s_is_forgotten() {
        let mut recent = Recent::default();
        assert_eq!((recent.add(Moment(0), 2), recent.add(Moment(WINDOW_NANOS - 1), 1)), (2, 3));
        assert_eq!(recent.add(Moment(WINDOW_NANOS), 1), 1);
    }
}
