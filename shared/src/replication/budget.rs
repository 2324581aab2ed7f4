//! How much one client may be sent, and how often.
//!
//! A token bucket: bytes come with every tick and go with every state. A client who wants more than their share is
//! sent fewer states first, 60, 30 or 20 a second, and only then states in which something waits. A client whose
//! network does not keep up has their share halved; it grows back by a little every second.
//!
//! Time is counted in ticks: nothing here reads a clock.

use crate::time::TICK_RATE_HZ;

/// The least a share shrinks to, in bytes a second (netcode: 8 KB/s).
pub const SHARE_MIN: u32 = 8 * 1024;
/// By how much a share grows back every second.
const GROWTH: u32 = 1024;
/// What may be saved up, in parts of a second: a burst as a player comes to where much is to be seen.
const SAVED_PARTS: u32 = 4;
/// A state is sent every so many ticks at least.
const INTERVAL_MAX: u8 = 3;
/// For so many ticks less must have been wanted before states come more often again.
const CALM_TICKS: u16 = 2 * TICK_RATE_HZ as u16;
/// Of the share, in percent: what may be wanted for states to come more often.
const CALM_PERCENT: u64 = 80;

/// One client's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    share_max: u32,
    share: u32,
    /// In bytes times the ticks of a second, so that nothing is lost to rounding. Below 0: debts.
    saved: i64,
    interval: u8,
    since_state: u8,
    calm: u16,
    since_growth: u32,
    /// Bytes that a state would take that says everything: moving average.
    wanted: u64,
}

const SECOND: i64 = TICK_RATE_HZ as i64;

impl Budget {
    /// A client who may be sent so many bytes a second. `offset` spreads the clients whose states do not come
    /// every tick over the ticks.
    pub fn new(share_max: u32, offset: u64) -> Self {
        let share_max = share_max.max(SHARE_MIN);
        let since_state = (offset % u64::from(INTERVAL_MAX)) as u8;
        let saved = i64::from(share_max / SAVED_PARTS) * SECOND;
        Self {
            share_max,
            share: share_max,
            saved,
            interval: 1,
            since_state,
            calm: 0,
            since_growth: 0,
            wanted: 0,
        }
    }

    /// A tick has passed: is a state due?
    pub fn tick(&mut self) -> bool {
        let most = i64::from(self.share / SAVED_PARTS) * SECOND;
        self.saved = (self.saved + i64::from(self.share)).min(most);
        self.since_growth += 1;
        if self.since_growth >= TICK_RATE_HZ {
            self.since_growth = 0;
            self.share = (self.share + GROWTH).min(self.share_max);
        }
        self.since_state += 1;
        if self.since_state < self.interval {
            return false;
        }
        self.since_state = 0;
        true
    }

    /// Bytes that the state that is due may have.
    pub fn bytes(&self) -> usize {
        usize::try_from(self.saved / SECOND).unwrap_or(0)
    }

    /// A state was sent; one that said everything would have taken `wanted` bytes.
    pub fn spent(&mut self, bytes: usize, wanted: usize) {
        self.saved -= i64::try_from(bytes).unwrap_or(i64::MAX).saturating_mul(SECOND);
        self.wanted = (self.wanted * 7 + wanted as u64 * 8) / 8;
        let a_second = |interval: u8| self.wanted / 8 * u64::from(TICK_RATE_HZ) / u64::from(interval.max(1));
        if a_second(self.interval) > u64::from(self.share) && self.interval < INTERVAL_MAX {
            self.interval += 1;
            self.calm = 0;
        } else if a_second(self.interval - 1) * 100 <= u64::from(self.share) * CALM_PERCENT {
            self.calm += u16::from(self.interval);
            if self.interval > 1 && self.calm >= CALM_TICKS {
                self.interval -= 1;
                self.calm = 0;
            }
        } else {
            self.calm = 0;
        }
    }

    /// The client's network does not take what is sent.
    pub fn congested(&mut self) {
        self.share = (self.share / 2).max(SHARE_MIN);
        self.since_growth = 0;
        self.interval = (self.interval + 1).min(INTERVAL_MAX);
        self.calm = 0;
    }

    /// Ticks from one state to the next.
    pub fn interval(&self) -> u8 {
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes and states of so many seconds in which every state wants `wanted` bytes and gets what it may.
    fn run(budget: &mut Budget, seconds: u32, wanted: usize) -> (usize, u32) {
        let (mut bytes, mut states) = (0, 0);
        for _ in 0..seconds * TICK_RATE_HZ {
            if budget.tick() {
                let sent = wanted.min(budget.bytes());
                budget.spent(sent, wanted);
                (bytes, states) = (bytes + sent, states + 1);
            }
        }
        (bytes, states)
    }

    #[test]
    fn who_wants_less_than_their_share_gets_a_state_every_tick() {
        let mut budget = Budget::new(32 * 1024, 0);
        assert_eq!(run(&mut budget, 10, 500), (10 * 60 * 500, 600));
    }

    #[test]
    fn who_wants_more_gets_fewer_states_first_and_then_no_more_than_the_share() {
        for (wanted, states) in [(800, 30), (1_500, 20), (9_000, 20)] {
            let mut budget = Budget::new(32 * 1024, 0);
            run(&mut budget, 2, wanted);
            let (bytes, sent) = run(&mut budget, 10, wanted);
            assert_eq!(sent, 10 * states, "{wanted} bytes");
            assert!(bytes <= 10 * 32 * 1024 + 32 * 1024 / SAVED_PARTS as usize, "{wanted}: {bytes} bytes");
            assert!(bytes >= (10 * wanted * states as usize).min(10 * 31 * 1024), "{wanted}: {bytes} bytes");
        }
    }

    #[test]
    fn states_come_more_often_again_after_two_calm_seconds() {
        let mut budget = Budget::new(32 * 1024, 0);
        run(&mut budget, 2, 2_000);
        assert_eq!(budget.interval(), 3);
        run(&mut budget, 1, 300);
        assert_eq!(budget.interval(), 3);
        run(&mut budget, 2, 300);
        assert_eq!(budget.interval(), 2, "one step at a time");
        run(&mut budget, 2, 300);
        assert_eq!(budget.interval(), 1);
    }

    #[test]
    fn congestion_halves_the_share_down_to_the_least_and_it_grows_back() {
        let mut budget = Budget::new(32 * 1024, 0);
        (0..9).for_each(|_| budget.congested());
        assert_eq!((budget.share, budget.interval()), (SHARE_MIN, INTERVAL_MAX));
        run(&mut budget, 100, 0);
        assert_eq!((budget.share, budget.interval()), (32 * 1024, 1));
        assert_eq!(Budget::new(5, 0).share, SHARE_MIN, "nobody is given less");
    }

    #[test]
    fn slow_states_are_spread_over_the_ticks() {
        let first = |offset| {
            let mut budget = Budget::new(SHARE_MIN, offset);
            budget.interval = INTERVAL_MAX;
            (1..9).find(|_| budget.tick())
        };
        assert_eq!([0, 1, 2, 3].map(first), [Some(3), Some(2), Some(1), Some(3)]);
    }
}
