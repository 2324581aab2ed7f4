//! What the bots saw in each second.

use hdrhistogram::Histogram;
use std::time::Duration;

/// Seconds kept: an hour. What happens later is in the totals alone.
pub const SECONDS_MAX: usize = 3_600;
/// Two digits: 1 % of a value, for a tenth of the memory of three.
const DIGITS: u8 = 2;
const MICROSECONDS_MAX: u64 = 120_000_000;

/// One second.
#[derive(Debug, Clone)]
pub(crate) struct Second {
    /// Distinct ticks received, by the bot's number.
    pub(crate) ticks: Vec<u16>,
    pub(crate) states: u64,
    pub(crate) bytes_down: u64,
    pub(crate) bytes_up: u64,
    pub(crate) inputs_sent: u64,
    /// Of the inputs sent in this second.
    pub(crate) inputs_applied: u64,
    pub(crate) disconnects: u64,
    pub(crate) effect_us: Histogram<u32>,
    pub(crate) jitter_us: Histogram<u32>,
}

impl Second {
    fn new() -> Self {
        Self {
            ticks: Vec::new(),
            states: 0,
            bytes_down: 0,
            bytes_up: 0,
            inputs_sent: 0,
            inputs_applied: 0,
            disconnects: 0,
            effect_us: histogram(),
            jitter_us: histogram(),
        }
    }

    /// A state came to the bot of this number.
    pub(crate) fn state(&mut self, bot: usize, is_distinct: bool) {
        if self.ticks.len() <= bot {
            self.ticks.resize(bot + 1, 0);
        }
        self.ticks[bot] = self.ticks[bot].saturating_add(u16::from(is_distinct));
        self.states += 1;
    }

    pub(crate) fn effect(&mut self, took: Duration) {
        record(&mut self.effect_us, took);
    }

    pub(crate) fn jitter(&mut self, off: Duration) {
        record(&mut self.jitter_us, off);
    }

    pub(crate) fn merge(&mut self, other: &Second) {
        self.ticks.resize(self.ticks.len().max(other.ticks.len()), 0);
        for (bot, ticks) in other.ticks.iter().enumerate() {
            self.ticks[bot] = self.ticks[bot].saturating_add(*ticks);
        }
        self.states += other.states;
        self.bytes_down += other.bytes_down;
        self.bytes_up += other.bytes_up;
        self.inputs_sent += other.inputs_sent;
        self.inputs_applied += other.inputs_applied;
        self.disconnects += other.disconnects;
        let same = "the histograms of all seconds have the same bounds";
        self.effect_us.add(&other.effect_us).expect(same);
        self.jitter_us.add(&other.jitter_us).expect(same);
    }
}

/// The seconds of the window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    seconds: Vec<Second>,
}

impl Series {
    /// This second of the window; none beyond what is kept.
    pub(crate) fn at(&mut self, second: usize) -> Option<&mut Second> {
        if second >= SECONDS_MAX {
            return None;
        }
        if self.seconds.len() <= second {
            self.seconds.resize_with(second + 1, Second::new);
        }
        self.seconds.get_mut(second)
    }

    pub(crate) fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    pub(crate) fn merge(&mut self, other: &Series) {
        for (number, second) in other.seconds.iter().enumerate() {
            if let Some(mine) = self.at(number) {
                mine.merge(second);
            }
        }
    }

    /// The seconds from `first` up to `end` as one.
    pub(crate) fn sum(&self, first: usize, end: usize) -> Second {
        let mut sum = Second::new();
        self.seconds.iter().take(end).skip(first).for_each(|second| sum.merge(second));
        sum
    }
}

fn histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, MICROSECONDS_MAX, DIGITS)
        .expect("the bounds and digits are constants that fit")
}

fn record(histogram: &mut Histogram<u32>, duration: Duration) {
    histogram.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_two_threads_become_one_and_their_sum_is_a_phase() {
        let (mut one, mut other) = (Series::default(), Series::default());
        let see = |series: &mut Series, second, bot, ms| {
            let second = series.at(second).unwrap();
            second.state(bot, true);
            second.effect(Duration::from_millis(ms));
        };
        see(&mut one, 0, 0, 10);
        see(&mut one, 2, 0, 20);
        see(&mut other, 2, 1, 40);
        one.merge(&other);
        assert_eq!(one.seconds().len(), 3);
        assert_eq!(one.seconds()[2].ticks, [1, 1]);
        let all = one.sum(0, 3);
        assert_eq!((all.ticks.as_slice(), all.states, all.effect_us.len()), (&[2, 1][..], 3, 3));
        assert_eq!(one.sum(1, 2).states, 0);
        assert!(one.at(SECONDS_MAX).is_none());
    }
}
