//! Jobs: slow or outside work that a handler starts and that comes back through `on_done`.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use tickstone_shared::ids::ObjectName;

use super::context::Context;
use super::contract::CallError;
use super::effects::{Control, Output, Release};

/// Jobs one object may have at a time; more end at once as overloaded.
pub const JOBS_MAX: usize = 256;

/// Names a job within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// Work that is run off the worker.
pub type Computation = Box<dyn FnOnce() -> Result<Value, String> + Send>;

/// Something to be done while the object is free.
pub enum Job {
    /// Asks another object. It is asked once what the handler wrote is durable.
    Call {
        /// Its class.
        class: String,
        /// Its name.
        name: ObjectName,
        /// What is asked.
        method: String,
        /// With what.
        body: Value,
    },
    /// Computes something. Nobody else may see it: it begins at once, and what the handler wrote may still be lost.
    Compute(Computation),
    /// Waits. In memory: for a wait that must survive, set an alarm.
    Sleep(Duration),
    /// Does something that the world outside sees, such as a request to another server, by whatever means the class
    /// has; to be given a time limit there. It begins once what the handler wrote is durable, on a thread that may
    /// wait.
    Outside(Computation),
}

/// What a job came to.
pub type JobResult = Result<Value, JobError>;

/// Why a job has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The other object's answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The work itself failed.
    #[error("{0}")]
    Failed(String),
    /// Not done within 30 s. It may still have happened.
    #[error("not done within 30 s")]
    TimedOut,
    /// Too many jobs at once: this one was not begun.
    #[error("too many jobs at once")]
    Overloaded,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Job::Call { class, name, method, .. } => write!(f, "Call({class}/{name} {method})"),
            Job::Compute(_) => f.write_str("Compute"),
            Job::Sleep(time) => write!(f, "Sleep({time:?})"),
            Job::Outside(_) => f.write_str("Outside"),
        }
    }
}

impl Job {
    /// Others see it begin: it must not before the writes it follows are durable.
    fn release(&self) -> Release {
        match self {
            Job::Call { .. } | Job::Outside(_) => Release::Gated,
            Job::Compute(_) | Job::Sleep(_) => Release::Ungated,
        }
    }
}

impl Context<'_> {
    /// Starts a job; its result comes by `on_done`.
    pub fn start(&mut self, job: Job) -> JobId {
        let id = self.next_job();
        self.output(job.release(), Output::Start { id, job });
        id
    }

    /// Asks another object; its answer comes by `on_done`.
    pub fn call(&mut self, class: &str, name: ObjectName, method: &str, body: Value) -> JobId {
        self.start(Job::Call { class: class.to_owned(), name, method: method.to_owned(), body })
    }

    /// Holds every other event until a job of this handler is done. Its failure, or 30 s, resets the object:
    /// for what must be there before anything else, so in `wake` (elsewhere it is counted and warned of).
    pub fn block_until(&mut self, job: JobId) {
        self.control(Control::BlockUntil(job));
    }
}
