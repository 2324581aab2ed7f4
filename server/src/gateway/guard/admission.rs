//! How much a client may send, and how many connections there may be.
//!
//! Responsible for: counting, over whole seconds of the clock. Not responsible for: what follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tickstone_shared::time::Moment;

use crate::gateway::settings::Settings;

const SECOND_NANOS: u64 = 1_000_000_000;
/// Seconds in a row above the sustained rate before messages are dropped.
const SUSTAINED_SECONDS: u32 = 2;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Verdict {
    /// Take it.
    Take,
    /// Drop it, and count it as flood.
    Drop,
    /// Close the connection: 4429.
    Close,
}

/// Counts within the current second.
#[derive(Debug, Default)]
struct Window {
    second: u64,
    count: usize,
}

impl Window {
    /// Adds; the count of the second that has just ended, if one has.
    fn add(&mut self, now: Moment, amount: usize) -> Option<usize> {
        let second = now.0 / SECOND_NANOS;
        let ended = (second != self.second).then_some(self.count);
        if ended.is_some() {
            self.count = 0;
            self.second = second;
        }
        self.count += amount;
        ended
    }
}

/// The rates of one connection's messages and control frames.
#[derive(Debug)]
pub(in crate::gateway) struct MessageMeter {
    messages: Window,
    controls: Window,
    seconds_above: u32,
    messages_max: usize,
    messages_sustained: usize,
    controls_max: usize,
}

impl MessageMeter {
    /// Nothing counted yet.
    pub(in crate::gateway) fn new(settings: &Settings) -> Self {
        Self {
            messages: Window::default(),
            controls: Window::default(),
            seconds_above: 0,
            messages_max: settings.messages_per_second_max as usize,
            messages_sustained: settings.messages_per_second_sustained as usize,
            controls_max: settings.controls_per_second_max as usize,
        }
    }

    /// A message has come.
    pub(in crate::gateway) fn message(&mut self, now: Moment) -> Verdict {
        if let Some(ended) = self.messages.add(now, 1) {
            self.seconds_above = if ended > self.messages_sustained { self.seconds_above + 1 } else { 0 };
        }
        if self.messages.count > self.messages_max {
            return Verdict::Close;
        }
        let above = self.messages.count > self.messages_sustained;
        if above && self.seconds_above >= SUSTAINED_SECONDS { Verdict::Drop } else { Verdict::Take }
    }

    /// A ping or pong has come.
    pub(in crate::gateway) fn control(&mut self, now: Moment) -> Verdict {
        self.controls.add(now, 1);
        if self.controls.count > self.controls_max { Verdict::Close } else { Verdict::Take }
    }
}

/// The rate of one connection's bytes, under the frame reader.
#[derive(Debug)]
pub(in crate::gateway) struct ByteMeter {
    bytes: Window,
    bytes_max: usize,
}

impl ByteMeter {
    /// Nothing counted yet.
    pub(in crate::gateway) fn new(bytes_max: usize) -> Self {
        Self { bytes: Window::default(), bytes_max }
    }

    /// Bytes have come: within the rate?
    pub(in crate::gateway) fn is_within(&mut self, now: Moment, bytes: usize) -> bool {
        self.bytes.add(now, bytes);
        self.bytes.count <= self.bytes_max
    }
}

/// Places for connections.
#[derive(Debug)]
pub(in crate::gateway) struct Places {
    taken: AtomicUsize,
    max: usize,
}

/// A place that is taken, given back when dropped.
#[derive(Debug)]
pub(in crate::gateway) struct Permit(Arc<Places>);

impl Places {
    /// All free.
    pub(in crate::gateway) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), max })
    }

    /// A place, unless all are taken.
    pub(in crate::gateway) fn take(self: &Arc<Self>) -> Option<Permit> {
        let free = |taken: usize| (taken < self.max).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok()?;
        Some(Permit(Arc::clone(self)))
    }

    /// Places taken.
    pub(in crate::gateway) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter() -> MessageMeter {
        MessageMeter::new(&Settings::dev("127.0.0.1:0".parse().unwrap()))
    }

    fn second(meter: &mut MessageMeter, second: u64, messages: u32) -> Vec<Verdict> {
        (0..messages).map(|_| meter.message(Moment(second * SECOND_NANOS))).collect()
    }

    #[test]
    fn message_241_of_a_second_closes() {
        let mut meter = meter();
        let verdicts = second(&mut meter, 7, 241);
        assert!(verdicts[..240].iter().all(|verdict| *verdict == Verdict::Take));
        assert_eq!(verdicts[240], Verdict::Close);
    }

    #[test]
    fn the_third_second_above_120_drops_the_newest() {
        let mut meter = meter();
        assert!(second(&mut meter, 1, 121).iter().all(|verdict| *verdict == Verdict::Take));
        assert!(second(&mut meter, 2, 121).iter().all(|verdict| *verdict == Verdict::Take));
        let third = second(&mut meter, 3, 121);
        assert_eq!((third[119], third[120]), (Verdict::Take, Verdict::Drop));
        assert!(second(&mut meter, 4, 120).iter().all(|verdict| *verdict == Verdict::Take));
        assert!(second(&mut meter, 5, 130).iter().all(|verdict| *verdict == Verdict::Take));
    }

    #[test]
    fn ping_21_of_a_second_closes() {
        let mut meter = meter();
        assert!((0..20).all(|_| meter.control(Moment(5)) == Verdict::Take));
        assert_eq!(meter.control(Moment(5)), Verdict::Close);
        assert_eq!(meter.control(Moment(SECOND_NANOS)), Verdict::Take);
    }

    #[test]
    fn bytes_are_counted_over_whole_seconds() {
        let mut meter = ByteMeter::new(100);
        assert!(meter.is_within(Moment(1), 100));
        assert!(!meter.is_within(Moment(2), 1));
        assert!(meter.is_within(Moment(SECOND_NANOS), 100));
    }

    #[test]
    fn places_come_back() {
        let places = Places::new(1);
        let first = places.take();
        assert!(first.is_some() && places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
    }
}
