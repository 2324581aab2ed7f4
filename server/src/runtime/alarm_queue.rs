//! What is due when: one queue for each worker, absolute deadlines, of ticks and of everything else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tickstone_shared::time::{Moment, ticks_to_nanos};

use super::settings::{CATCH_UP_TICKS_MAX, SLIP_AFTER};

/// Ticks of a worker's objects are spread over this many phases of a period, so that they do not all fall due
/// at once and yet share wake-ups: at 60 Hz a phase begins every 2.08 ms. Fewer phases run more ticks with
/// warm caches, more phases begin them less late: 4 instead of 16 saved about 5 % of the CPU at 100 matches, 8 keeps a full phase under 0.5 ms.
pub const PHASES: u32 = 8;

/// When the ticks of one object are due: `index / rate` seconds plus its phase, in exact integers, never
/// `now + period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickSchedule {
    rate_hz: u32,
    phase: u32,
    next_index: u64,
}

/// What a look at a schedule found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicksDue {
    /// Steps to run now: 0 to [`CATCH_UP_TICKS_MAX`].
    pub steps: u32,
    /// Steps given up for ever, because more than [`SLIP_AFTER`] behind.
    pub slipped: u64,
    /// How late the first of them begins.
    pub lateness: Duration,
}

impl TickSchedule {
    /// A schedule whose first step is due within one period from `now`.
    pub fn new(rate_hz: u32, phase: u32, now: Moment) -> Self {
        let passed = u128::from(now.0) * u128::from(rate_hz) / 1_000_000_000;
        let next_index = u64::try_from(passed).unwrap_or(u64::MAX);
        let schedule = Self { rate_hz, phase: phase % PHASES, next_index };
        if schedule.deadline() > now { schedule } else { Self { next_index: next_index + 1, ..schedule } }
    }

    /// Steps a second.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The phase, to be given back to the worker's count.
    pub fn phase(&self) -> u32 {
        self.phase
    }

    /// When the next step is due.
    pub fn deadline(&self) -> Moment {
        let offset = 1_000_000_000 * u64::from(self.phase) / (u64::from(self.rate_hz) * u64::from(PHASES));
        Moment(ticks_to_nanos(self.next_index, self.rate_hz).saturating_add(offset))
    }

    /// Takes the steps that are due at `now` off the schedule.
    pub fn take_due(&mut self, now: Moment) -> TicksDue {
        let mut slipped = 0;
        let behind = now.since(self.deadline());
        if behind > SLIP_AFTER {
            let missed = behind.as_nanos() * u128::from(self.rate_hz) / 1_000_000_000;
            slipped = u64::try_from(missed).unwrap_or(u64::MAX);
            self.next_index += slipped;
        }
        let lateness = now.since(self.deadline());
        let mut steps = 0;
        while steps < CATCH_UP_TICKS_MAX && self.deadline() <= now {
            self.next_index += 1;
            steps += 1;
        }
        TicksDue { steps, slipped, lateness }
    }
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Steps.
    Ticks,
    /// Anything else of the object: alarms, waits that end, its sleep.
    Timers,
}

/// A deadline of the object in a slot. The slot's generation is in it, so that one left over from an object
/// that moved away finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When.
    pub deadline: Moment,
    slot: u32,
    /// What.
    pub kind: Kind,
    /// Of the slot.
    pub generation: u64,
}

impl Entry {
    /// An entry for a slot.
    pub fn new(deadline: Moment, kind: Kind, slot: usize, generation: u64) -> Self {
        let slot = u32::try_from(slot).expect("a worker owns fewer objects than the directory holds");
        Self { deadline, slot, kind, generation }
    }

    /// Whose.
    pub fn slot(&self) -> usize {
        self.slot as usize
    }
}

/// Deadlines of a worker's objects, earliest first.
#[derive(Debug, Default)]
pub struct AlarmQueue {
    entries: BinaryHeap<Reverse<Entry>>,
}

impl AlarmQueue {
    /// Adds a deadline.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(Reverse(entry));
    }

    /// Entries, those of objects that moved away included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing is due, ever.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.entries.peek().map(|Reverse(entry)| entry.deadline)
    }

    /// Takes the earliest entry that is due.
    pub fn pop_due(&mut self, now: Moment) -> Option<Entry> {
        if self.next_deadline()? > now {
            return None;
        }
        self.entries.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: u64) -> Moment {
        Moment(ms * 1_000_000)
    }

    #[test]
    fn a_thousand_seconds_of_ticks_do_not_drift() {
        let mut schedule = TickSchedule::new(60, 3, at_ms(0));
        let first = schedule.deadline();
        for _ in 0..60_000 {
            let due = schedule.take_due(schedule.deadline());
            assert_eq!((due.steps, due.slipped, due.lateness), (1, 0, Duration::ZERO));
        }
        assert_eq!(schedule.deadline().0 - first.0, 1_000 * 1_000_000_000);
    }

    #[test]
    fn late_by_less_than_the_slip_catches_up_four_at_a_time() {
        let mut schedule = TickSchedule::new(60, 0, at_ms(0));
        let late = schedule.deadline() + Duration::from_millis(100);
        assert_eq!(schedule.take_due(late).steps, 4);
        assert_eq!(schedule.take_due(late).steps, 3);
        assert_eq!(schedule.take_due(late).steps, 0);
    }

    #[test]
    fn the_schedule_slips_just_past_its_limit_and_keeps_its_phase() {
        let mut schedule = TickSchedule::new(60, 5, at_ms(0));
        let limit = schedule.deadline() + SLIP_AFTER;
        let mut at_limit = schedule;
        assert_eq!(at_limit.take_due(limit).slipped, 0);
        let due = schedule.take_due(limit + Duration::from_nanos(1));
        assert_eq!((due.slipped, due.steps), (15, 1));
        let period = ticks_to_nanos(60, 60) / 60;
        let phase = schedule.deadline().0 % period;
        assert!(phase.abs_diff(5 * period / u64::from(PHASES)) <= 60, "phase kept: {phase}");
    }

    #[test]
    fn entries_come_out_by_deadline() {
        let mut queue = AlarmQueue::default();
        let (late, early) =
            (Entry::new(at_ms(3), Kind::Ticks, 3, 0), Entry::new(at_ms(1), Kind::Timers, 1, 0));
        queue.push(late);
        queue.push(early);
        assert_eq!(queue.pop_due(at_ms(0)), None);
        assert_eq!(queue.pop_due(at_ms(5)), Some(early));
        assert_eq!(queue.pop_due(at_ms(5)), Some(late));
        assert_eq!(queue.pop_due(at_ms(5)), None);
    }
}
