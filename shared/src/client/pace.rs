//! Which tick of the server an input made now is for: the clock a client aims its inputs by.
//!
//! Responsible for: staying `target` ticks ahead of the server by what the server says of how early inputs
//! arrive (netcode: Input). Not responsible for: reading a clock, or sending anything.
//!
//! The clock runs at the tick rate times a speed of 0.9 to 1.1. The error is the wanted lead less the lead
//! the server reports less the corrections that its report cannot have seen yet. Errors within half a tick
//! are left alone, so that the phases of many clients stay spread over a tick.

use std::time::Duration;

use crate::time::{Moment, Tick};

/// The lead wanted on a WebSocket, in ticks (netcode: Input).
pub const LEAD_WEBSOCKET_TICKS: f64 = 3.0;
/// The lead wanted where inputs come in datagrams, in ticks (netcode: Input).
pub const LEAD_DATAGRAM_TICKS: f64 = 2.0;
/// Beyond this many ticks of error the clock is set, not turned.
pub const RESYNC_TICKS: f64 = 10.0;
/// Without a starvation for this long, one tick of extra lead is given back.
pub const CLEAN_PERIOD: Duration = Duration::from_secs(5);
/// The most extra lead that starvations add, in ticks.
pub const EXTRA_LEAD_TICKS_MAX: u32 = 6;

const SPEED_GAIN: f64 = 0.1;
const SPEED_LIMIT: f64 = 0.1;
const DEAD_BAND_TICKS: f64 = 0.5;
/// Ticks the server's moving average (7/8) needs to follow a change.
const AVERAGE_TICKS: u64 = 8;
/// Corrections remembered, one a state: a round trip of a second and the average's memory at 60 Hz.
const CORRECTIONS: usize = 128;
/// An input clock further ahead than this is wrong whatever the feedback says (the input window is 64).
const AHEAD_TICKS_MAX: f64 = 60.0;

/// What a state says that matters to the clock.
#[derive(Debug, Clone, Copy)]
pub struct Feedback {
    /// The state's tick.
    pub tick: Tick,
    /// How early inputs arrive, in 1/256 tick; none before one of ours has been applied.
    pub lead: Option<i32>,
    /// The server's count of ticks without an input, modulo 2^16.
    pub starved: u16,
}

/// The input clock of one client in one match.
#[derive(Debug, Clone)]
pub struct Pace {
    tick_rate_hz: f64,
    target: f64,
    extra: u32,
    anchor: Moment,
    anchor_tick: f64,
    speed: f64,
    starved: Option<u16>,
    starved_at: Moment,
    deaf_until: Tick,
    correction: f64,
    corrections: [(Tick, f64); CORRECTIONS],
    corrected: usize,
    resyncs: u32,
}

impl Pace {
    /// A clock for a match that is at `tick` now, wanting its inputs to arrive `target` ticks early.
    pub fn new(tick_rate_hz: u32, target: f64, tick: Tick, now: Moment) -> Self {
        Self {
            tick_rate_hz: f64::from(tick_rate_hz.max(1)),
            target,
            extra: 0,
            anchor: now,
            anchor_tick: tick.0 as f64 + 1.0 + target,
            speed: 1.0,
            starved: None,
            starved_at: now,
            deaf_until: tick,
            correction: 0.0,
            corrections: [(Tick(0), 0.0); CORRECTIONS],
            corrected: 0,
            resyncs: 0,
        }
    }

    /// The tick an input made now is for, with its fraction.
    pub fn position(&self, now: Moment) -> f64 {
        self.anchor_tick + now.since(self.anchor).as_secs_f64() * self.tick_rate_hz * self.speed
    }

    /// When the clock will reach `tick`, as it runs now.
    pub fn moment_of(&self, tick: Tick) -> Moment {
        let seconds = (tick.0 as f64 - self.anchor_tick) / (self.tick_rate_hz * self.speed);
        let offset = Duration::try_from_secs_f64(seconds.abs()).unwrap_or(Duration::MAX);
        if seconds < 0.0 { self.anchor - offset } else { self.anchor + offset }
    }

    /// The lead wanted now, in ticks.
    pub fn lead_wanted(&self) -> f64 {
        self.target + f64::from(self.extra)
    }

    /// How often the clock was set instead of turned.
    pub fn resyncs(&self) -> u32 {
        self.resyncs
    }

    /// Turns the clock by what a state says. States are given in the order they arrive.
    pub fn on_state(&mut self, feedback: Feedback, now: Moment) {
        self.advance(now);
        if feedback.lead.is_some() {
            self.count_starvation(feedback, now);
        }
        let ahead = self.anchor_tick - feedback.tick.0 as f64;
        if !(0.0..=AHEAD_TICKS_MAX).contains(&ahead) {
            self.jump(self.lead_wanted() + 1.0 - ahead, feedback.tick);
        } else if let Some(lead) = feedback.lead {
            let error = self.lead_wanted() - f64::from(lead) / 256.0;
            self.turn(error - self.unseen_correction(feedback.tick), feedback.tick);
        }
        self.remember(feedback.tick);
    }

    fn advance(&mut self, now: Moment) {
        let elapsed_ticks = now.since(self.anchor).as_secs_f64() * self.tick_rate_hz;
        self.anchor_tick += elapsed_ticks * self.speed;
        self.correction += elapsed_ticks * (self.speed - 1.0);
        self.anchor = self.anchor.max(now);
    }

    fn turn(&mut self, error: f64, tick: Tick) {
        if error.abs() > RESYNC_TICKS && tick >= self.deaf_until {
            self.jump(error, tick);
        } else if error.abs() <= DEAD_BAND_TICKS {
            self.speed = 1.0;
        } else {
            self.speed = 1.0 + (SPEED_GAIN * error).clamp(-SPEED_LIMIT, SPEED_LIMIT);
        }
    }

    /// Sets the clock. What the server reports until it has seen inputs made after this is not believed.
    fn jump(&mut self, by: f64, tick: Tick) {
        self.anchor_tick += by;
        self.correction += by;
        self.speed = 1.0;
        self.resyncs += 1;
        self.deaf_until = Tick(tick.0 + self.memory_ticks(tick));
    }

    /// How many states old the inputs are that the newest report is made of.
    fn memory_ticks(&self, tick: Tick) -> u64 {
        let round_trip = (self.anchor_tick - tick.0 as f64).clamp(0.0, AHEAD_TICKS_MAX);
        round_trip as u64 + AVERAGE_TICKS
    }

    /// Corrections made since the inputs that the newest report is made of.
    fn unseen_correction(&self, tick: Tick) -> f64 {
        let since = tick.0.saturating_sub(self.memory_ticks(tick));
        let seen =
            self.corrections.iter().filter(|(at, _)| at.0 != 0 && at.0 <= since).max_by_key(|(at, _)| *at);
        let seen =
            seen.or_else(|| self.corrections.iter().filter(|(at, _)| at.0 != 0).min_by_key(|(at, _)| *at));
        self.correction - seen.map_or(self.correction, |(_, total)| *total)
    }

    fn remember(&mut self, tick: Tick) {
        self.corrections[self.corrected % CORRECTIONS] = (tick, self.correction);
        self.corrected = (self.corrected + 1) % CORRECTIONS;
    }

    /// One burst of starved ticks counts once: what was sent before the extra lead cannot show its effect.
    fn count_starvation(&mut self, feedback: Feedback, now: Moment) {
        let before = self.starved.replace(feedback.starved);
        let starved = before.is_some_and(|before| before != feedback.starved);
        if starved {
            self.starved_at = now;
            if feedback.tick >= self.deaf_until {
                self.extra = (self.extra + 1).min(EXTRA_LEAD_TICKS_MAX);
                self.deaf_until = Tick(feedback.tick.0 + self.memory_ticks(feedback.tick));
            }
        } else if self.extra > 0 && now.since(self.starved_at) >= CLEAN_PERIOD {
            self.starved_at = now;
            self.extra -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server whose inputs take `latency_ticks` each way, seen by one client.
    struct Link {
        pace: Pace,
        latency_ticks: f64,
        lead: f64,
        starved: u16,
    }

    impl Link {
        fn new(latency_ticks: f64) -> Self {
            let pace = Pace::new(60, LEAD_WEBSOCKET_TICKS, Tick(100), moment(100.0 + latency_ticks));
            Self { pace, latency_ticks, lead: 0.0, starved: 0 }
        }

        fn run(&mut self, ticks: std::ops::Range<u64>) {
            for tick in ticks {
                let made = moment(tick as f64 - self.latency_ticks);
                let lead = self.pace.position(made).max(0.0) - tick as f64;
                self.lead = self.lead * 7.0 / 8.0 + lead / 8.0;
                let feedback = Feedback {
                    tick: Tick(tick),
                    lead: Some((self.lead * 256.0) as i32),
                    starved: self.starved,
                };
                self.pace.on_state(feedback, moment(tick as f64 + self.latency_ticks));
            }
        }
    }

    fn moment(tick: f64) -> Moment {
        Moment((tick / 60.0 * 1e9) as u64)
    }

    #[test]
    fn the_lead_settles_where_it_is_wanted() {
        for latency_ticks in [0.05, 1.0, 3.0, 6.0] {
            let mut link = Link::new(latency_ticks);
            link.run(101..1_300);
            assert!((link.lead - 3.0).abs() < 0.8, "latency {latency_ticks}: lead {}", link.lead);
        }
    }

    #[test]
    fn a_starvation_adds_a_tick_and_five_clean_seconds_take_it_back() {
        let mut link = Link::new(0.1);
        link.run(101..400);
        link.starved = 3;
        link.run(400..420);
        assert_eq!(link.pace.lead_wanted(), 4.0);
        link.run(420..800);
        assert_eq!(link.pace.lead_wanted(), 3.0);
    }

    #[test]
    fn an_error_beyond_ten_ticks_sets_the_clock_at_once() {
        let mut pace = Pace::new(60, 3.0, Tick(100), moment(100.0));
        pace.on_state(Feedback { tick: Tick(101), lead: Some(-20 * 256), starved: 0 }, moment(101.0));
        assert_eq!(pace.resyncs(), 1);
        assert!((pace.position(moment(101.0)) - (105.0 + 23.0)).abs() < 0.01);
        pace.on_state(Feedback { tick: Tick(102), lead: Some(-20 * 256), starved: 0 }, moment(102.0));
        assert_eq!(pace.resyncs(), 1, "a report from before the jump is not believed again");
    }

    #[test]
    fn a_clock_behind_the_newest_state_is_wrong_without_any_feedback() {
        let mut pace = Pace::new(60, 3.0, Tick(100), moment(100.0));
        pace.on_state(Feedback { tick: Tick(140), lead: None, starved: 0 }, moment(101.0));
        assert_eq!(pace.position(moment(101.0)), 144.0);
    }

    #[test]
    fn the_speed_stays_within_a_tenth() {
        let mut pace = Pace::new(60, 3.0, Tick(100), moment(100.0));
        pace.on_state(Feedback { tick: Tick(101), lead: Some(-5 * 256), starved: 0 }, moment(101.0));
        let ticks = pace.position(moment(111.0)) - pace.position(moment(101.0));
        assert!((ticks - 11.0).abs() < 0.01, "{ticks}");
        let reached = pace.moment_of(Tick(116));
        assert!((pace.position(reached) - 116.0).abs() < 1e-3);
    }
}
