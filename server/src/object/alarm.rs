//! Alarms: durable deadlines of an object, by name (contract: ALARM 1 to 6).

use std::time::Duration;

use super::context::{Context, WriteRefused};
use super::storage::{ALARM_NAME_BYTES_MAX, AlarmRow, Write};

/// The name of the one alarm of a class that needs no names.
pub const DEFAULT_ALARM: &str = "";
/// Alarms of one object.
pub const ALARMS_MAX: usize = 1024;
/// Runs of an alarm whose handler fails: the first, and after 2, 4, 8, 16, 32 and 64 s.
pub const RUNS_MAX: u32 = 7;
/// Between two tries when the disk fails, at most.
const STORE_RETRY_MAX: Duration = Duration::from_secs(1024);

/// An alarm that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmFired {
    /// Its name.
    pub name: String,
    /// What it was set to, in ms since 1970.
    pub scheduled_ms: u64,
    /// Runs of it that failed so far.
    pub retry_count: u32,
    /// It has run before and failed.
    pub is_retry: bool,
    /// Occurrences of a repeating alarm that were skipped since its last run, because they were over before it.
    pub skipped: u64,
}

/// Why an alarm's handler failed. It runs again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AlarmError(pub String);

impl AlarmRow {
    /// The row after a run that failed: due later, with `jitter` (0 to 255) up to a quarter later still. None:
    /// it has had its runs.
    pub fn after_failure(&self, now_ms: u64, jitter: u8) -> Option<AlarmRow> {
        let retries = self.retries + 1;
        if retries >= RUNS_MAX {
            return None;
        }
        let wait_ms = 1000_u64 << retries;
        let due_ms = now_ms + wait_ms + wait_ms * u64::from(jitter) / (4 * 255);
        Some(AlarmRow { due_ms, retries, ..self.clone() })
    }

    /// The row after the disk did not take a run: due later, without end.
    pub fn after_store_failure(&self, now_ms: u64) -> AlarmRow {
        let store_retries = self.store_retries.saturating_add(1);
        let wait = Duration::from_secs(1_u64 << store_retries.min(10)).min(STORE_RETRY_MAX);
        AlarmRow { due_ms: now_ms + wait.as_millis() as u64, store_retries, ..self.clone() }
    }

    /// The next occurrence of a repeating alarm after `now_ms`, on its own grid, and how many before that are
    /// over already.
    pub fn next_occurrence(&self, now_ms: u64, generation: u64) -> Option<(AlarmRow, u64)> {
        let every_ms = self.every_ms?.max(1);
        let passed = now_ms.saturating_sub(self.scheduled_ms) / every_ms;
        let scheduled_ms = self.scheduled_ms.saturating_add(every_ms.saturating_mul(passed + 1));
        let row = AlarmRow {
            due_ms: scheduled_ms,
            scheduled_ms,
            generation,
            retries: 0,
            store_retries: 0,
            ..self.clone()
        };
        Some((row, passed))
    }
}

impl Context<'_> {
    /// Sets the alarm of this name to a time (ms since 1970), instead of the one there may be. A time that has
    /// passed means now.
    pub fn set_alarm(&mut self, name: &str, at_ms: u64) -> Result<(), WriteRefused> {
        self.arm(name, at_ms, None)
    }

    /// Sets an alarm that comes again and again: at `first_ms`, and every `every` from there, without drift.
    pub fn repeat_alarm(&mut self, name: &str, first_ms: u64, every: Duration) -> Result<(), WriteRefused> {
        let every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
        self.arm(name, first_ms, Some(every_ms))
    }

    fn arm(&mut self, name: &str, at_ms: u64, every_ms: Option<u64>) -> Result<(), WriteRefused> {
        if name.len() > ALARM_NAME_BYTES_MAX {
            return Err(WriteRefused::AlarmName { got: name.len() });
        }
        if self.sight.kept.alarms.len() + self.alarms_set() >= ALARMS_MAX && self.find_alarm(name).is_none() {
            return Err(WriteRefused::Alarms);
        }
        let generation = self.next_generation();
        self.effects.writes.push(Write::SetAlarm(AlarmRow {
            name: name.to_owned(),
            due_ms: at_ms,
            scheduled_ms: at_ms,
            generation,
            retries: 0,
            store_retries: 0,
            every_ms,
        }));
        Ok(())
    }

    /// When the alarm of this name fires next, in ms since 1970. While it runs there is none, unless it was
    /// set anew or repeats and `set` again.
    pub fn alarm(&self, name: &str) -> Option<u64> {
        self.find_alarm(name).map(|row| row.due_ms)
    }

    /// Removes an alarm. While a repeating one runs, this ends it.
    pub fn cancel_alarm(&mut self, name: &str) {
        let last = self.effects.writes.iter().rev().find_map(|write| match write {
            Write::SetAlarm(row) if row.name == name => Some(row.generation),
            _ => None,
        });
        let stored = self.sight.kept.alarms.get(name).map(|row| row.generation);
        if let Some(generation) = last.or(stored) {
            self.effects.writes.push(Write::ClearAlarm { name: name.to_owned(), generation });
        }
    }

    /// The newest word on an alarm: this handler's, or what was before.
    fn find_alarm(&self, name: &str) -> Option<&AlarmRow> {
        let own = self.effects.writes[self.effects.given..].iter().rev();
        let mut words = own.filter_map(|write| match write {
            Write::SetAlarm(row) if row.name == name => Some(Some(row)),
            Write::ClearAlarm { name: cleared, .. } if cleared == name => Some(None),
            Write::DeleteAll => Some(None),
            _ => None,
        });
        if let Some(word) = words.next() {
            return word;
        }
        let runs = self.effects.running_alarm.as_deref() == Some(name);
        self.sight.kept.alarms.get(name).filter(|_| !runs)
    }

    fn alarms_set(&self) -> usize {
        self.effects.writes.iter().filter(|write| matches!(write, Write::SetAlarm(_))).count()
    }

    fn next_generation(&self) -> u64 {
        self.sight.kept.alarm_generation + 1 + self.alarms_set() as u64
    }
}
