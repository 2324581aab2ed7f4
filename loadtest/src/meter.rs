//! What the bots of one thread measure: counters and histograms, merged when the fleet stops.

use hdrhistogram::Histogram;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tickstone_shared::time::Moment;

use crate::report::feel::Feel;
use crate::series::{Second, Series};

/// Different errors kept as examples.
const EXAMPLES_MAX: usize = 8;
const MICROSECONDS_MAX: u64 = 120_000_000;

/// The measured window, set once while the bots run.
#[derive(Debug)]
pub(crate) struct Window {
    start: AtomicU64,
    end: AtomicU64,
}

impl Window {
    pub(crate) fn closed() -> Self {
        Self { start: AtomicU64::new(u64::MAX), end: AtomicU64::new(u64::MAX) }
    }

    pub(crate) fn open(&self, start: Moment, end: Moment) {
        self.end.store(end.0, Ordering::Relaxed);
        self.start.store(start.0, Ordering::Release);
    }

    pub(crate) fn contains(&self, moment: Moment) -> bool {
        moment.0 >= self.start.load(Ordering::Acquire) && moment.0 < self.end.load(Ordering::Relaxed)
    }

    /// The second of the window that the moment is in.
    pub(crate) fn second(&self, moment: Moment) -> Option<usize> {
        let started = self.start.load(Ordering::Acquire);
        self.contains(moment).then(|| moment.since(Moment(started)).as_secs() as usize)
    }
}

/// Everything measured by some bots.
#[derive(Debug, Clone)]
pub struct Meter {
    pub(crate) jitter_us: Histogram<u64>,
    pub(crate) effect_us: Histogram<u64>,
    pub(crate) join_us: Histogram<u64>,
    pub(crate) ticks_per_bot: Vec<u64>,
    pub(crate) bytes_down: u64,
    pub(crate) bytes_up: u64,
    pub(crate) inputs_sent: u64,
    pub(crate) inputs_applied: u64,
    pub(crate) disconnects: u64,
    pub(crate) errors: u64,
    pub(crate) reconnects: u64,
    pub(crate) told_to_return: u64,
    pub(crate) starved_ticks: u64,
    pub(crate) tick_rate_hz: Option<u32>,
    pub(crate) examples: Vec<String>,
    pub(crate) series: Series,
    pub(crate) feel: Feel,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            jitter_us: histogram(),
            effect_us: histogram(),
            join_us: histogram(),
            ticks_per_bot: Vec::new(),
            bytes_down: 0,
            bytes_up: 0,
            inputs_sent: 0,
            inputs_applied: 0,
            disconnects: 0,
            errors: 0,
            reconnects: 0,
            told_to_return: 0,
            starved_ticks: 0,
            tick_rate_hz: None,
            examples: Vec::new(),
            series: Series::default(),
            feel: Feel::new(),
        }
    }

    /// Connections that a restarting server ended (1012), saying when to come back.
    pub fn told_to_return(&self) -> u64 {
        self.told_to_return
    }

    pub(crate) fn error(&mut self, what: String) {
        self.errors += 1;
        self.example(what);
    }

    pub(crate) fn example(&mut self, what: String) {
        if self.examples.len() < EXAMPLES_MAX && !self.examples.contains(&what) {
            self.examples.push(what);
        }
    }

    /// The second of the window that the moment is in.
    pub(crate) fn second(&mut self, window: &Window, moment: Moment) -> Option<&mut Second> {
        self.series.at(window.second(moment)?)
    }

    pub(crate) fn merge(&mut self, other: &Meter) {
        let same = "every meter's histograms have the same bounds";
        self.jitter_us.add(&other.jitter_us).expect(same);
        self.effect_us.add(&other.effect_us).expect(same);
        self.join_us.add(&other.join_us).expect(same);
        self.ticks_per_bot.extend_from_slice(&other.ticks_per_bot);
        self.bytes_down += other.bytes_down;
        self.bytes_up += other.bytes_up;
        self.inputs_sent += other.inputs_sent;
        self.inputs_applied += other.inputs_applied;
        self.disconnects += other.disconnects;
        self.errors += other.errors;
        self.reconnects += other.reconnects;
        self.told_to_return += other.told_to_return;
        self.starved_ticks += other.starved_ticks;
        self.series.merge(&other.series);
        self.feel.merge(&other.feel);
        self.tick_rate_hz = self.tick_rate_hz.or(other.tick_rate_hz);
        other.examples.iter().for_each(|example| self.example(example.clone()));
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MICROSECONDS_MAX, 3).expect("the bounds and digits are constants that fit")
}

/// Counts a duration, the longest as two minutes.
pub(crate) fn record(histogram: &mut Histogram<u64>, duration: Duration) {
    histogram.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
}
