//! Which tick of the past is shown now: as late as the states' jitter asks for, and no later.
//!
//! The earliest of the last states says where the server's clock is, how much later the others come is the jitter.
//! What is shown is two send intervals and the jitter behind, so that there is nearly always a state on either
//! side of it; it follows so slowly that nobody sees it.

use std::collections::VecDeque;

use crate::time::{Moment, Tick};

/// States that are remembered: two seconds at 60 Hz.
const WINDOW: usize = 120;
/// Send intervals that what is shown is behind, beside the jitter (netcode: Client core).
const INTERVALS: f64 = 2.0;
/// The furthest it is behind.
const DELAY_TICKS_MAX: f64 = 20.0;
/// One state in twenty may come later than the jitter says.
const LATE_SHARE: usize = 20;
/// The shown clock runs at most this much faster or slower than time.
const SLEW: f64 = 0.05;
/// Further off than this it is set.
const SET_TICKS: f64 = 15.0;

/// The clock of what is shown.
#[derive(Debug, Clone)]
pub struct Playout {
    tick_seconds: f64,
    /// How late each state came, in ticks after tick 0 would have come at moment 0; and how many ticks after the
    /// one before.
    arrivals: VecDeque<(f64, u64)>,
    newest: Option<Tick>,
    scratch: Vec<f64>,
    earliest: f64,
    delay: f64,
    shown: Option<(f64, Moment)>,
}

impl Playout {
    /// For states of so many ticks a second.
    pub fn new(tick_rate_hz: u32) -> Self {
        Self {
            tick_seconds: 1.0 / f64::from(tick_rate_hz.max(1)),
            arrivals: VecDeque::with_capacity(WINDOW),
            newest: None,
            scratch: Vec::with_capacity(WINDOW),
            earliest: 0.0,
            delay: INTERVALS,
            shown: None,
        }
    }

    /// A state of this tick has come, newer than every one before.
    pub fn on_state(&mut self, tick: Tick, now: Moment) {
        let gap = self.newest.replace(tick).map_or(1, |before| tick.0.saturating_sub(before.0)).max(1);
        if self.arrivals.len() == WINDOW {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back((self.ticks_of(now) - tick.0 as f64, gap));
        self.scratch.clear();
        self.scratch.extend(self.arrivals.iter().map(|(late, _)| *late));
        self.earliest = self.scratch.iter().copied().fold(f64::INFINITY, f64::min);
        let nearly_last = (self.scratch.len() - 1) * (LATE_SHARE - 1) / LATE_SHARE;
        let (_, late, _) = self.scratch.select_nth_unstable_by(nearly_last, f64::total_cmp);
        let jitter = *late - self.earliest;
        // A state that was lost makes a gap longer, none makes it shorter.
        let interval = self.arrivals.iter().map(|(_, gap)| *gap).min().unwrap_or(1);
        self.delay = (INTERVALS * interval as f64 + jitter).min(DELAY_TICKS_MAX);
    }

    /// The tick to show, with its fraction; none before the first state. It never goes back but when it is set.
    pub fn tick(&mut self, now: Moment) -> Option<f64> {
        self.newest?;
        let wanted = self.ticks_of(now) - self.earliest - self.delay;
        let shown = match self.shown {
            Some((shown, then)) if (wanted - shown).abs() <= SET_TICKS => {
                let passed = now.since(then).as_secs_f64() / self.tick_seconds;
                let error = wanted - (shown + passed);
                shown + passed + error.clamp(-SLEW * passed, SLEW * passed)
            }
            _ => wanted,
        };
        self.shown = Some((shown, now));
        Some(shown)
    }

    fn ticks_of(&self, now: Moment) -> f64 {
        now.0 as f64 / 1e9 / self.tick_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 60;

    fn moment(tick: f64) -> Moment {
        Moment((tick / f64::from(RATE_HZ) * 1e9) as u64)
    }

    #[test]
    fn it_is_two_ticks_behind_a_steady_server_and_never_goes_back() {
        let mut playout = Playout::new(RATE_HZ);
        assert_eq!(playout.tick(moment(0.0)), None);
        let mut last = f64::NEG_INFINITY;
        for tick in 0..600 {
            playout.on_state(Tick(tick), moment(300.0 + tick as f64));
            let shown = playout.tick(moment(300.2 + tick as f64)).unwrap();
            assert!(shown >= last);
            last = shown;
        }
        assert!((last - (599.0 - 2.0 + 0.2)).abs() < 0.1, "{last}");
    }

    #[test]
    fn half_the_send_rate_is_twice_the_delay_and_lost_states_change_nothing() {
        let mut playout = Playout::new(RATE_HZ);
        for tick in (0..600).step_by(2).filter(|tick| tick % 50 != 0) {
            playout.on_state(Tick(tick), moment(tick as f64));
        }
        assert!((playout.delay - 4.0).abs() < 0.01, "{}", playout.delay);
    }

    #[test]
    fn jitter_makes_it_wait_longer_by_little_at_a_time_and_not_for_ever() {
        let mut playout = Playout::new(RATE_HZ);
        let mut last: Option<f64> = None;
        for tick in 0..900_u64 {
            // From the fifth second on, every third state comes three ticks late.
            let late = if tick > 300 && tick % 3 == 0 { 3.0 } else { 0.0 };
            playout.on_state(Tick(tick), moment(tick as f64 + late));
            let shown = playout.tick(moment(tick as f64)).unwrap();
            let speed = last.map_or(1.0, |last| shown - last);
            assert!((0.9..1.1).contains(&speed), "{speed} at {tick}");
            last = Some(shown);
        }
        let behind = last.map_or(0.0, |shown| 899.0 - shown);
        assert!((4.5..6.0).contains(&behind), "{behind} ticks behind");
        for tick in 900..1_100_u64 {
            playout.on_state(Tick(tick), moment(tick as f64 + (tick % 2) as f64 * 60.0));
        }
        assert_eq!(playout.delay, DELAY_TICKS_MAX);
    }

    #[test]
    fn it_is_set_where_the_server_jumped() {
        let mut playout = Playout::new(RATE_HZ);
        playout.on_state(Tick(10), moment(10.0));
        playout.tick(moment(10.0));
        for tick in 1_000..1_000 + WINDOW as u64 {
            playout.on_state(Tick(tick), moment(tick as f64 - 900.0));
        }
        let newest = 1_000.0 + WINDOW as f64 - 1.0;
        let shown = playout.tick(moment(newest - 900.0)).unwrap();
        assert!((newest - 2.0 - shown).abs() < 0.01, "{shown}");
    }
}
