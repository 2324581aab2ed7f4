//! Jobs that handlers start: calls of other objects go through the runtime itself, sleep through the worker's
//! queue, everything else through a port.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::Value;
use tickstone_shared::ids::ObjectName;
use tickstone_shared::time::Moment;

use super::activation::{Activation, Block};
use super::handle::Objects as _;
use super::inbox::{Addressed, Event};
use super::pool::Shared;
use super::ports::Work;
use super::worker::{Scratch, Worker};
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::id::{Identity, ObjectId};
use crate::object::job::{JOBS_MAX, Job, JobError, JobId, JobResult};

/// A job that takes longer is given up (contract: GATE 2).
pub const JOB_TIMEOUT: Duration = Duration::from_secs(30);
/// Events that wait for the job that holds them; more are refused as overload.
const HELD_MAX: usize = 1024;

/// A job that is not done.
pub struct RunningJob {
    /// Its name.
    pub id: JobId,
    /// When it ends at the latest.
    pub until: Moment,
    /// With this, if nothing else has come by then.
    pub at_end: JobResult,
}

impl Activation {
    /// A job is to begin: from here on it keeps the object awake. False: it is one too many, and ends at once.
    pub(super) fn expect_job(&mut self, id: JobId, job: &Job, now: Moment) -> bool {
        self.restless = true;
        let fits = self.aside.jobs.len() < JOBS_MAX;
        let (until, at_end) = match job {
            _ if !fits => (now, Err(JobError::Overloaded)),
            Job::Sleep(time) => (now + *time, Ok(Value::Null)),
            _ => (now + JOB_TIMEOUT, Err(JobError::TimedOut)),
        };
        self.aside.jobs.push(RunningJob { id, until, at_end });
        fits
    }

    /// Holds every other event until a job is done.
    pub(super) fn block_until(&mut self, job: JobId, now: Moment) {
        let block =
            Block { job, until: now + JOB_TIMEOUT, held: Default::default(), ticks: self.ticks.take() };
        self.aside.block = Some(block);
        self.blocked = true;
        self.restless = true;
    }

    /// Keeps an event that has to wait for a job; gives it back if none has to, or too many do.
    #[expect(clippy::result_large_err, reason = "the event comes back by value: refusing must not allocate")]
    pub(super) fn hold_back(&mut self, event: Event) -> Result<(), Event> {
        let Some(block) = &mut self.aside.block else { return Err(event) };
        if block.held.len() >= HELD_MAX {
            return Err(event);
        }
        block.held.push_back(event);
        Ok(())
    }
}

/// Where the end of a job goes.
#[derive(Clone)]
struct Starter {
    shared: Weak<Shared>,
    object: ObjectId,
    job: JobId,
}

impl Starter {
    fn done(&self, result: JobResult) {
        let Some(shared) = self.shared.upgrade() else { return };
        let Self { object, job, .. } = *self;
        shared.directory.deliver_done(shared.inboxes(), object, Event::Done(job, result));
    }
}

impl Shared {
    /// Begins a job of an object.
    pub(super) fn start_job(&self, from: &Identity, id: JobId, job: Job) {
        let starter = Starter { shared: self.itself.clone(), object: from.id, job: id };
        let done = move |result| starter.done(result);
        match job {
            Job::Sleep(_) => {}
            Job::Call { class, name, method, body } => {
                self.call_object(from, (&class, name), &method, body, done);
            }
            Job::Compute(computation) => self.jobs.run(Work::Compute(computation), Box::new(done)),
            Job::Outside(work) => self.jobs.run(Work::Outside(work), Box::new(done)),
        }
    }

    fn call_object(
        &self,
        from: &Identity,
        (class, name): (&str, ObjectName),
        method: &str,
        body: Value,
        done: impl FnOnce(JobResult) + Send + 'static,
    ) {
        let Some((class, _)) = self.classes.get_key_value(class) else {
            return done(Err(JobError::Call(CallError::NotFound)));
        };
        let caller = Caller::Object { class: from.class, name: from.name.clone() };
        let answer = Box::new(move |result: Result<Value, CallError>| done(result.map_err(JobError::Call)));
        self.call_by(caller, &Identity::named(class, name), method, body, answer);
    }
}

impl Worker {
    /// A job has ended: tells the object. False: it is gone from here.
    pub(super) fn finish_job(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        (job, result): (JobId, JobResult),
        now: Moment,
    ) -> bool {
        activation.aside.jobs.retain(|running| running.id != job);
        activation.note_event(now);
        let holds = activation.aside.block.as_ref().is_some_and(|block| block.job == job);
        if holds && let Err(error) = &result {
            let problem = error.to_string();
            self.block_failed(shared, scratch, slot, activation, &problem, now);
            return false;
        }
        if holds {
            self.unblock(&mut activation);
        }
        let handled = self.run(shared, &mut activation, &mut scratch.effects, slot, now, |object, ctx| {
            object.on_done(ctx, job, result);
        });
        self.after(shared, scratch, slot, activation, handled, now)
    }

    /// What waited for a job comes before everything else.
    fn unblock(&self, activation: &mut Activation) {
        activation.blocked = false;
        let Some(block) = activation.aside.block.take() else { return };
        if activation.ticks.is_none() {
            activation.ticks = block.ticks;
        }
        let object = activation.identity.id;
        let mut core = self.core();
        for event in block.held.into_iter().rev() {
            core.stash.push_front(Addressed { object, event });
        }
    }

    /// The job that everything waited for has failed: the object starts anew. Counted like a panic, or a wake
    /// that always fails would be tried for ever.
    pub(super) fn block_failed(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        problem: &str,
        now: Moment,
    ) {
        let identity = Arc::clone(&activation.identity);
        let panics = shared.directory.note_panic(identity.id, now);
        self.unblock(&mut activation);
        let message = format!("what it waited for failed: {problem}");
        self.crashed(shared, scratch, slot, activation, &message, None, panics);
    }

    /// Tells an object the end of a job, unless an activation before this one had started it.
    pub(super) fn job_done(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        activation: Box<Activation>,
        (job, result): (JobId, JobResult),
        now: Moment,
    ) {
        if activation.aside.jobs.iter().any(|running| running.id == job) {
            self.finish_job(shared, scratch, slot, activation, (job, result), now);
        } else {
            self.put_back(slot, activation);
        }
    }
}
