//! Which input belongs to which tick, for one seat. Consumed exactly at its tick; the first write wins;
//! everything else is counted and dropped (netcode.md, input).

use prometheus_client::metrics::counter::Counter;
use tickstone_shared::input::{InputFeedback, InputRow};
use tickstone_shared::limits::INPUT_WINDOW_TICKS;
use tickstone_shared::time::Tick;

use crate::metrics::{Metrics, ResultLabel};

/// Rows a seat may offer between two ticks: four full messages. More is a flood.
pub const ROWS_PER_TICK_MAX: u32 = 40;

/// How far a number may be ahead of the highest so far, beside one for each tick since then (reliability 4.4).
pub const SEQ_AHEAD_MAX: u64 = 256;

/// What became of an offered row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It waits for its tick.
    Accepted,
    /// Its tick has been computed without it.
    Late,
    /// Its tick is beyond the window.
    Early,
    /// Its number is further ahead than a client can have counted.
    Far,
    /// It, or another for the same tick, was there before.
    Duplicate,
    /// Too many rows since the last tick.
    Flood,
}

/// A counter for each thing that can become of an input: no look-up where thousands come a second.
#[derive(Debug, Clone)]
pub struct InputCounters {
    accepted: Counter,
    late: Counter,
    early: Counter,
    far: Counter,
    duplicate: Counter,
    flood: Counter,
    /// Ticks for which no input had come.
    pub starved: Counter,
    /// Inputs of a socket without a seat.
    pub no_seat: Counter,
    /// Inputs for another activation.
    pub other_epoch: Counter,
}

impl InputCounters {
    /// The counters of `tickstone_inputs_total`.
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |result: &'static str| metrics.inputs.get_or_create(&ResultLabel { result }).clone();
        Self {
            accepted: counter("accepted"),
            late: counter("late"),
            early: counter("early"),
            far: counter("far"),
            duplicate: counter("duplicate"),
            flood: counter("flood"),
            starved: counter("starved"),
            no_seat: counter("no_seat"),
            other_epoch: counter("other_epoch"),
        }
    }

    /// Counts what became of a row.
    pub fn count(&self, offered: Offered) {
        let counter = match offered {
            Offered::Accepted => &self.accepted,
            Offered::Late => &self.late,
            Offered::Early => &self.early,
            Offered::Far => &self.far,
            Offered::Duplicate => &self.duplicate,
            Offered::Flood => &self.flood,
        };
        counter.inc();
    }
}

/// What a tick consumes of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumed {
    /// The input that was sent for it.
    Input(InputRow),
    /// None came; the last one is this many ticks old.
    Starved(u32),
    /// The seat has never sent an input: nothing is missing.
    Silent,
}

const WINDOW: usize = INPUT_WINDOW_TICKS as usize;

#[derive(Debug, Clone, Copy)]
struct Entry {
    tick: Tick,
    seq: u32,
    row: InputRow,
}

/// The inputs of one seat.
#[derive(Debug, Clone)]
pub struct InputBuffer {
    ring: Box<[Option<Entry>; WINDOW]>,
    offered_since_tick: u32,
    starved_for: u32,
    feedback: InputFeedback,
    /// The highest number that was believed, and the tick that was next then.
    highest: (u32, Tick),
    /// Moving average of the lead, scaled by 8 so that it settles.
    lead_times_8: i32,
    has_sent: bool,
    /// The highest number that came too late: a client repeats it until it hears of a newer one.
    newest_late: u32,
    newest: InputRow,
}

impl Default for InputBuffer {
    fn default() -> Self {
        Self {
            ring: Box::new([None; WINDOW]),
            offered_since_tick: 0,
            starved_for: 0,
            feedback: InputFeedback::default(),
            highest: (0, Tick(0)),
            lead_times_8: 0,
            has_sent: false,
            newest_late: 0,
            newest: InputRow::default(),
        }
    }
}

impl InputBuffer {
    /// An empty buffer of a seat whose inputs up to number `last_input` were applied before.
    pub fn resumed(last_input: u32) -> Self {
        let mut buffer = Self::default();
        buffer.feedback.last_input = last_input;
        buffer.highest.0 = last_input;
        buffer
    }

    /// Offers a row for `tick` while `next` is the next tick to be computed.
    pub fn offer(&mut self, tick: Tick, seq: u32, row: InputRow, next: Tick) -> Offered {
        // Datagrams repeat what no state has yet: that is no flood.
        let entry = self.ring[tick.0 as usize % WINDOW];
        let waits = entry.is_some_and(|entry| (entry.tick, entry.seq) == (tick, seq));
        let was_late = tick < next && seq <= self.newest_late;
        if seq <= self.feedback.last_input || waits || was_late {
            return Offered::Duplicate;
        }
        self.offered_since_tick += 1;
        if self.offered_since_tick > ROWS_PER_TICK_MAX {
            return Offered::Flood;
        }
        let (highest, since) = self.highest;
        if u64::from(seq) > u64::from(highest) + SEQ_AHEAD_MAX + next.0.saturating_sub(since.0) {
            return Offered::Far;
        }
        if seq > highest {
            self.highest = (seq, next);
        }
        if tick < next {
            self.newest_late = seq;
            return Offered::Late;
        }
        if tick.0 >= next.0 + INPUT_WINDOW_TICKS {
            return Offered::Early;
        }
        let entry = &mut self.ring[tick.0 as usize % WINDOW];
        if entry.is_some_and(|entry| entry.tick == tick) {
            return Offered::Duplicate;
        }
        *entry = Some(Entry { tick, seq, row });
        self.has_sent = true;
        Offered::Accepted
    }

    /// Notes how early the newest row of a message came.
    pub fn note_lead(&mut self, newest: Tick, next: Tick) {
        let ticks = i64::try_from(newest.0).unwrap_or(i64::MAX).saturating_sub_unsigned(next.0);
        let lead = (ticks.clamp(-1024, 1024) * 256) as i32;
        self.lead_times_8 += lead - self.lead_times_8 / 8;
        self.feedback.lead = self.lead_times_8 / 8;
    }

    /// Takes what `tick` consumes.
    pub fn take(&mut self, tick: Tick) -> Consumed {
        self.offered_since_tick = 0;
        let entry = self.ring[tick.0 as usize % WINDOW].take_if(|entry| entry.tick == tick);
        if let Some(Entry { seq, row, .. }) = entry {
            self.feedback.last_input = self.feedback.last_input.max(seq);
            self.starved_for = 0;
            self.newest = row;
            return Consumed::Input(row);
        }
        if !self.has_sent {
            return Consumed::Silent;
        }
        self.starved_for = self.starved_for.saturating_add(1);
        self.feedback.starved = self.feedback.starved.wrapping_add(1);
        Consumed::Starved(self.starved_for)
    }

    /// The last input that was consumed: what a starving seat fades from.
    pub fn newest(&self) -> InputRow {
        self.newest
    }

    /// Nothing is expected of the seat until it sends again.
    pub fn rest(&mut self) {
        self.ring.fill(None);
        self.has_sent = false;
        self.starved_for = 0;
    }

    /// What the player is told.
    pub fn feedback(&self) -> InputFeedback {
        self.feedback
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(byte: u8) -> InputRow {
        InputRow::new(&[byte]).unwrap()
    }

    #[test]
    fn the_window_at_both_ends() {
        let mut buffer = InputBuffer::default();
        assert_eq!(buffer.offer(Tick(9), 1, row(1), Tick(10)), Offered::Late);
        assert_eq!(buffer.offer(Tick(10), 2, row(1), Tick(10)), Offered::Accepted);
        assert_eq!(buffer.offer(Tick(10 + INPUT_WINDOW_TICKS - 1), 3, row(1), Tick(10)), Offered::Accepted);
        assert_eq!(buffer.offer(Tick(10 + INPUT_WINDOW_TICKS), 4, row(1), Tick(10)), Offered::Early);
    }

    #[test]
    fn the_first_write_wins_and_is_consumed_at_its_tick() {
        let mut buffer = InputBuffer::default();
        assert_eq!(buffer.offer(Tick(11), 1, row(1), Tick(10)), Offered::Accepted);
        assert_eq!(buffer.offer(Tick(11), 2, row(2), Tick(10)), Offered::Duplicate);
        assert_eq!(buffer.take(Tick(10)), Consumed::Starved(1));
        assert_eq!(buffer.take(Tick(11)), Consumed::Input(row(1)));
        assert_eq!(buffer.feedback().last_input, 1);
        assert_eq!(buffer.offer(Tick(12), 1, row(1), Tick(12)), Offered::Duplicate);
        assert_eq!(buffer.take(Tick(12)), Consumed::Starved(1));
        assert_eq!(buffer.feedback().starved, 2);
    }

    #[test]
    fn a_flood_is_refused_at_the_limit_and_forgotten_at_the_next_tick() {
        let mut buffer = InputBuffer::default();
        for seq in 1..=ROWS_PER_TICK_MAX {
            assert_ne!(buffer.offer(Tick(10), seq, row(1), Tick(10)), Offered::Flood);
        }
        assert_eq!(buffer.offer(Tick(11), 99, row(1), Tick(10)), Offered::Flood);
        buffer.take(Tick(10));
        assert_eq!(buffer.offer(Tick(11), 99, row(1), Tick(11)), Offered::Accepted);
    }

    #[test]
    fn inputs_that_are_repeated_are_no_flood() {
        let mut buffer = InputBuffer::default();
        assert_eq!(buffer.offer(Tick(10), 1, row(1), Tick(10)), Offered::Accepted);
        for _ in 0..3 * ROWS_PER_TICK_MAX {
            assert_eq!(buffer.offer(Tick(10), 1, row(1), Tick(10)), Offered::Duplicate);
        }
        assert_eq!(buffer.offer(Tick(9), 2, row(1), Tick(10)), Offered::Late);
        assert_eq!(buffer.offer(Tick(9), 2, row(1), Tick(10)), Offered::Duplicate, "late once");
        assert_eq!(buffer.offer(Tick(11), 3, row(1), Tick(10)), Offered::Accepted);
    }

    #[test]
    fn a_number_further_ahead_than_time_has_passed_is_dropped() {
        let mut buffer = InputBuffer::resumed(100);
        assert_eq!(buffer.offer(Tick(10), 101, row(1), Tick(10)), Offered::Accepted);
        assert_eq!(buffer.offer(Tick(11), 101 + 257, row(1), Tick(10)), Offered::Far);
        assert_eq!(buffer.offer(Tick(11), u32::MAX, row(1), Tick(10)), Offered::Far);
        assert_eq!(buffer.offer(Tick(11), 101 + 256, row(1), Tick(10)), Offered::Accepted);
        // After 1,000 ticks of silence a client has counted on.
        assert_eq!(buffer.offer(Tick(1_010), 357 + 1_256, row(1), Tick(1_010)), Offered::Accepted);
        assert_eq!(buffer.take(Tick(1_010)), Consumed::Input(row(1)));
        assert_eq!(buffer.feedback().last_input, 1_613, "and is heard again");
    }

    #[test]
    fn a_seat_that_never_sent_does_not_starve() {
        let mut buffer = InputBuffer::default();
        assert_eq!(buffer.take(Tick(1)), Consumed::Silent);
        assert_eq!(buffer.feedback().starved, 0);
    }

    #[test]
    fn the_lead_settles_on_what_is_measured() {
        let mut buffer = InputBuffer::default();
        for _ in 0..100 {
            buffer.note_lead(Tick(13), Tick(10));
        }
        assert!((buffer.feedback().lead - 3 * 256).abs() <= 8, "{}", buffer.feedback().lead);
    }
}
