//! Running an alarm: gone in the same commit as what its handler wrote, or due again later.

use tickstone_shared::time::Moment;

use crate::object::alarm::AlarmFired;
use crate::object::storage::{AlarmRow, Write};
use crate::runtime::activation::Activation;
use crate::runtime::handlers::Handled;
use crate::runtime::outbox::Outbox;
use crate::runtime::pool::Shared;
use crate::runtime::worker::{Scratch, Worker};

impl Worker {
    /// Runs an alarm that is due. False: its object is gone from here.
    pub(in crate::runtime) fn run_alarm(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        row: AlarmRow,
        now: Moment,
    ) -> bool {
        let now_ms = self.wall().unix_ms(now);
        let late = now.since(self.wall().moment(row.due_ms));
        shared.metrics.alarm_lateness.observe(late.as_secs_f64());
        activation.note_event(now);
        let generation = activation.aside.kept.alarm_generation + 1;
        let next = row.next_occurrence(now_ms, generation);
        let skipped = next.as_ref().map_or(0, |(_, skipped)| *skipped);
        let (name, due) = (row.name.clone(), row.generation);
        scratch.effects.clear();
        scratch.effects.give(match next {
            Some((next, _)) => Write::SetAlarm(next),
            None => Write::ClearAlarm { name: name.clone(), generation: due },
        });
        scratch.effects.running_alarm = Some(name.clone());
        let fired = AlarmFired {
            name,
            scheduled_ms: row.scheduled_ms,
            retry_count: row.retries,
            is_retry: row.retries > 0,
            skipped,
        };
        let mut failure = None;
        let handled =
            self.run_prepared(shared, &mut activation, &mut scratch.effects, slot, now, |object, ctx| {
                failure = object.on_alarm(ctx, &fired).err().map(|error| error.0);
            });
        match (handled, failure) {
            (Handled::Panicked(message), _) => {
                self.alarm_panicked(shared, scratch, slot, activation, (&row, &message), now);
                false
            }
            (Handled::Effects, Some(problem)) => {
                let write = self.after_failure(shared, &activation, &row, &problem, now_ms);
                scratch.effects.clear();
                scratch.effects.writes.push(write);
                self.after(shared, scratch, slot, activation, Handled::Effects, now)
            }
            (Handled::Effects, None) => {
                shared.metrics.alarms_skipped.inc_by(skipped);
                activation.aside.fired = Some(row);
                self.after(shared, scratch, slot, activation, Handled::Effects, now)
            }
        }
    }

    /// What is stored of an alarm after its handler failed.
    fn after_failure(
        &self,
        shared: &Shared,
        activation: &Activation,
        row: &AlarmRow,
        problem: &str,
        now_ms: u64,
    ) -> Write {
        let identity = &activation.identity;
        let jitter = shared.jitter(identity.id, row.generation, row.retries);
        if let Some(retry) = row.after_failure(now_ms, jitter) {
            shared.metrics.alarm_retries.inc();
            tracing::warn!(
                class = identity.class, name = %identity.name, retry = retry.retries, problem,
                "an alarm's handler failed: it runs again later"
            );
            return Write::SetAlarm(retry);
        }
        shared.metrics.alarms_abandoned.inc();
        tracing::error!(
            class = identity.class, name = %identity.name, runs = row.retries + 1, problem,
            "an alarm is abandoned: every run of its handler failed"
        );
        let generation = activation.aside.kept.alarm_generation + 1;
        match row.next_occurrence(now_ms, generation) {
            Some((next, _)) => Write::SetAlarm(next),
            None => Write::ClearAlarm { name: row.name.clone(), generation: row.generation },
        }
    }

    /// The memory is thrown away; that it ran and failed is stored before the object is read again.
    fn alarm_panicked(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        (row, message): (&AlarmRow, &str),
        now: Moment,
    ) {
        let write = self.after_failure(shared, &activation, row, message, self.wall().unix_ms(now));
        let attempt = scratch.effects.attempted.then(|| scratch.effects.attempt.clone());
        scratch.effects.clear();
        scratch.effects.writes.push(write);
        // Should the store not take it, the alarm is simply still due.
        let mut outbox = Outbox::new(shared, self.group, now, &mut scratch.sockets);
        let _refused = outbox.submit(&mut activation, &mut scratch.effects);
        self.crashed(shared, scratch, slot, activation, message, attempt, 1);
    }
}
