//! What one bot's states say of the server's pace: distinct ticks, the time between states, starvation.

use std::time::Duration;

use tickstone_shared::client::view::StateHeader;
use tickstone_shared::time::{Moment, Tick};

use crate::meter::{Meter, Window, record};

/// One bot's count of states.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    number: usize,
    window_ticks: u64,
    highest_tick: Tick,
    last_state: Option<(StateHeader, Moment)>,
}

impl Tally {
    /// The count of the bot of this number.
    pub(crate) fn of(number: usize) -> Self {
        Self { number, ..Self::default() }
    }

    /// Distinct ticks received in the window. A tick that a restored match makes again counts once.
    pub(crate) fn window_ticks(&self) -> u64 {
        self.window_ticks
    }

    /// Has a state come since the last [`Tally::leave_play`]?
    pub(crate) fn is_in_play(&self) -> bool {
        self.last_state.is_some()
    }

    /// The connection ended; had a state come on it?
    pub(crate) fn leave_play(&mut self) -> bool {
        self.last_state.take().is_some()
    }

    /// Counts a new state.
    pub(crate) fn on_state(
        &mut self,
        header: &StateHeader,
        now: Moment,
        tick_rate_hz: u32,
        window: &Window,
        meter: &mut Meter,
    ) {
        let before = self.last_state.replace((*header, now));
        let is_distinct = header.tick > self.highest_tick;
        self.highest_tick = self.highest_tick.max(header.tick);
        if !window.contains(now) {
            return;
        }
        self.window_ticks += u64::from(is_distinct);
        if let Some(second) = meter.second(window, now) {
            second.state(self.number, is_distinct);
        }
        if let Some((last, then)) = before {
            meter.starved_ticks += u64::from(header.starved.wrapping_sub(last.starved));
            let ticks = header.tick.0.saturating_sub(last.tick.0);
            let expected = Duration::from_secs_f64(ticks as f64 / f64::from(tick_rate_hz.max(1)));
            let off = now.since(then).abs_diff(expected);
            record(&mut meter.jitter_us, off);
            if let Some(second) = meter.second(window, now) {
                second.jitter(off);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickstone_shared::ids::Epoch;

    #[test]
    fn ticks_count_once_and_only_in_the_window() {
        let (window, mut meter, mut tally) = (Window::closed(), Meter::new(), Tally::default());
        let mut hear = |tick: u64, starved: u16, ms: u64, window: &Window| {
            let header = StateHeader {
                epoch: Epoch(1),
                tick: Tick(tick),
                hash: None,
                last_input: 0,
                lead: 0,
                starved,
                parts: 1,
            };
            tally.on_state(&header, Moment(ms * 1_000_000), 50, window, &mut meter);
        };
        hear(10, u16::MAX, 0, &window);
        window.open(Moment(0), Moment(1_000_000_000));
        hear(11, u16::MAX, 20, &window);
        hear(13, 1, 65, &window);
        hear(12, 1, 85, &window);
        hear(14, 1, 1_000, &window);
        assert_eq!((tally.window_ticks(), meter.starved_ticks), (2, 2));
        assert_eq!(meter.jitter_us.max() / 1_000, 20);
    }
}
