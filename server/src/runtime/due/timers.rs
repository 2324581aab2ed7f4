//! Everything of an object that has a deadline and is no tick. One entry in the worker's queue stands for the
//! earliest of them.

use tickstone_shared::time::Moment;

use crate::object::job::JobId;
use crate::object::job::JobResult;
use crate::object::sight::Wall;
use crate::object::storage::AlarmRow;
use crate::runtime::activation::Activation;
use crate::runtime::alarm_queue::{Entry, Kind};
use crate::runtime::pool::Shared;
use crate::runtime::worker::{Scratch, Worker};

/// Timers of one object that are run before others have their turn.
const RUN_AT_ONCE_MAX: usize = 64;

/// What of an object is due.
enum Timer {
    /// A job ends here: it slept, was not begun, or has taken too long.
    Job(JobId, JobResult),
    /// The job that holds every event has taken too long.
    Block,
    /// An alarm.
    Alarm(AlarmRow),
    /// It has been idle long enough.
    Idle,
}

impl Activation {
    /// The earliest of its alarms.
    pub(in crate::runtime) fn next_alarm(&self) -> Option<&AlarmRow> {
        self.aside.kept.alarms.values().min_by_key(|row| row.due_ms)
    }

    fn idle_until(&self) -> Option<Moment> {
        let aside = &self.aside;
        let until = if aside.wants_sleep { Moment(0) } else { aside.last_event + aside.hibernates_after };
        self.may_sleep().then_some(until)
    }

    /// Its earliest deadline.
    fn next_timer(&self, wall: Wall) -> Option<Moment> {
        let runs = !self.asleep && !self.finishing && !self.drowsy;
        let alarm = self.next_alarm().filter(|_| runs && !self.blocked).map(|row| wall.moment(row.due_ms));
        let job = self.aside.jobs.iter().filter(|_| runs).map(|job| job.until).min();
        let block = self.aside.block.as_ref().filter(|_| runs).map(|block| block.until);
        let waits = [self.calls_until(), job, block, alarm, self.idle_until()];
        waits.into_iter().flatten().min()
    }

    /// Takes one thing that is due.
    fn take_timer(&mut self, wall: Wall, now: Moment) -> Option<Timer> {
        self.expire_calls(now);
        if self.asleep || self.finishing || self.drowsy {
            return None;
        }
        let aside = &mut self.aside;
        if aside.block.as_ref().is_some_and(|block| block.until <= now) {
            return Some(Timer::Block);
        }
        if let Some(place) = aside.jobs.iter().position(|job| job.until <= now) {
            let job = aside.jobs.remove(place);
            return Some(Timer::Job(job.id, job.at_end));
        }
        if self.blocked {
            return None;
        }
        let now_ms = wall.unix_ms(now);
        if let Some(row) = self.next_alarm().filter(|row| row.due_ms <= now_ms) {
            return Some(Timer::Alarm(row.clone()));
        }
        self.idle_until().is_some_and(|until| until <= now).then_some(Timer::Idle)
    }
}

impl Worker {
    /// Sees to it that the worker looks at an object in time.
    pub(in crate::runtime) fn mind(&self, slot: usize, activation: &mut Activation) {
        activation.restless = false;
        let Some(next) = activation.next_timer(self.wall()) else { return };
        if activation.aside.timer.is_none_or(|timer| next < timer) {
            activation.aside.timer = Some(next);
            let mut core = self.core();
            let generation = core.slots[slot].generation;
            core.alarms.push(Entry::new(next, Kind::Timers, slot, generation));
        }
    }

    /// Runs what is due of an object, one thing after the other.
    pub(in crate::runtime) fn run_timers(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        deadline: Moment,
        now: Moment,
    ) {
        for run in 0..RUN_AT_ONCE_MAX {
            let Some(mut activation) = self.take(slot) else { return };
            if run == 0 && activation.aside.timer != Some(deadline) {
                // Another entry stands for it by now.
                return self.put_back(slot, activation);
            }
            activation.aside.timer = None;
            let goes_on = match activation.take_timer(self.wall(), now) {
                Some(Timer::Job(id, result)) => {
                    self.finish_job(shared, scratch, slot, activation, (id, result), now)
                }
                Some(Timer::Alarm(row)) => self.run_alarm(shared, scratch, slot, activation, row, now),
                Some(Timer::Block) => {
                    self.block_failed(shared, scratch, slot, activation, "it took too long", now);
                    false
                }
                Some(Timer::Idle) => {
                    self.hibernate(shared, scratch, slot, activation, now);
                    false
                }
                None => {
                    activation.restless = true;
                    self.settle_again(shared, scratch, slot, activation, now);
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    /// The wall clock was set: what is due by it is another moment now.
    pub(in crate::runtime) fn mind_all(&self) {
        let slots = self.core().slots.len();
        for slot in 0..slots {
            let Some(mut activation) = self.take(slot) else { continue };
            if !activation.aside.kept.alarms.is_empty() {
                activation.aside.timer = None;
                self.mind(slot, &mut activation);
            }
            self.put_back(slot, activation);
        }
    }
}
