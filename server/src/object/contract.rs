//! The handlers of a durable object. Synchronous, run to completion on the owner's thread: nothing of the
//! same object runs until one returns, so there is no lock in the code of a class.

use std::sync::Arc;

use tickstone_shared::time::Tick;

use super::alarm::{AlarmError, AlarmFired};
use super::caller::{Awaited, Caller};
use super::class::ClassRules;
use super::context::{Context, WriteRefused};
use super::id::Identity;
use super::job::{JobId, JobResult};
use super::request::ObjectRequest;
use super::socket::SocketEvent;
use super::storage::ReadError;
use super::values::StorageError;

/// One object, alive. It may be dropped after any handler: what must last goes through the context.
///
/// A handler that returns an error or panics commits nothing and sends nothing.
pub trait DurableObject: Send {
    /// The first handler of an activation, on a thread that may read the disk. What was stored is read here.
    fn wake(&mut self, ctx: &mut Context<'_>, reason: &WakeReason) -> Result<(), WakeError>;
    /// A request that wants an answer.
    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError>;
    /// An HTTP request, as it came; it is answered like a call, with an
    /// [`ObjectResponse`](super::request::ObjectResponse).
    fn on_http(
        &mut self,
        _ctx: &mut Context<'_>,
        _id: CallId,
        _request: ObjectRequest,
    ) -> Result<Answer, CallError> {
        Err(CallError::NotFound)
    }
    /// A job has ended. Told exactly once, unless the object was reset in between.
    fn on_done(&mut self, _ctx: &mut Context<'_>, _job: JobId, _result: JobResult) {}
    /// Something happened on one of the object's sockets.
    fn on_socket(&mut self, _ctx: &mut Context<'_>, _event: SocketEvent) {}
    /// An alarm is due. It is gone once what this handler wrote is durable; an error runs it again later.
    fn on_alarm(&mut self, _ctx: &mut Context<'_>, _alarm: &AlarmFired) -> Result<(), AlarmError> {
        Ok(())
    }
    /// A step is due. Only if the object asked for ticks.
    fn on_tick(&mut self, _ctx: &mut Context<'_>, _due: TickDue) {}
    /// What the last handler wrote was not taken: too much waits for the disk. What it sent gated is dropped.
    fn on_writes_refused(&mut self) -> AfterRefusal {
        AfterRefusal::Reset
    }
    /// Last words before the memory goes: at a drain, and before it hibernates.
    fn on_sleep(&mut self, _ctx: &mut Context<'_>) {}
}

/// A class of objects: how one comes into being.
pub trait Class: Send + Sync {
    /// The class's name.
    fn name(&self) -> &'static str;
    /// An object that has not been woken yet.
    fn instantiate(&self, identity: &Identity) -> Box<dyn DurableObject>;
    /// What holds for every object of the class.
    fn rules(&self) -> ClassRules {
        ClassRules::default()
    }
    /// Rewrites what an object of an older version stored, before it is woken and in the same commit.
    fn migrate(&self, _ctx: &mut Context<'_>, from: u32) -> Result<(), WakeError> {
        Err(WakeError(format!("its class has no migration from version {from}")))
    }
}

/// A class, shared.
pub type ClassRef = Arc<dyn Class>;

/// Why an object is woken (contract: LIFE 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WakeReason {
    /// Nothing is stored of it.
    Created,
    /// It had been idle, and its memory went. Everything it wrote is there, its sockets are, and its epoch is
    /// the same.
    Hibernation,
    /// The process started. Jobs are gone; sockets are as far as they come back.
    Restart,
    /// The activation before this one was thrown away: a handler panicked, what it wrote did not become durable,
    /// or the object was taken back to an earlier moment.
    Crash {
        /// What the object was attempting ([`Context::attempt`]), if it had said so.
        attempt: Option<Vec<u8>>,
        /// Panics within the last 60 s, this one included; 0: none.
        panics: u32,
    },
    /// What was stored by an older version of its class has just been migrated.
    Migration {
        /// From this version.
        from: u32,
    },
}

/// What an object wants after its writes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRefusal {
    /// To be rebuilt from what is stored.
    Reset,
    /// To go on: it will write what makes up for it.
    GoOn,
}

/// A step that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickDue {
    /// The step's number: one more than the last.
    pub tick: Tick,
    /// Another step is due right after this one: nothing needs to be shown of this one.
    pub catching_up: bool,
}

/// A request that wants an answer.
#[derive(Debug)]
pub struct Call {
    /// Names the answer.
    pub id: CallId,
    /// Who asks.
    pub caller: Caller,
    /// What is asked.
    pub method: String,
    /// With what.
    pub body: serde_json::Value,
    /// Whether they still wait.
    pub awaited: Awaited,
}

/// Names a call within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// How a call is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// With this, once what the object wrote up to now is durable.
    Now(serde_json::Value),
    /// With this, at once: a look at the object that promises nothing.
    AtOnce(serde_json::Value),
    /// By `ctx.reply` in a later handler, within 30 s.
    Later,
}

/// Why a call has no answer. The variants say what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is nothing under this name.
    #[error("no such object")]
    NotFound,
    /// The object is there, what the request names in it is not: `code` is stable, for programs.
    #[error("{reason}")]
    Missing {
        /// For programs.
        code: &'static str,
        /// For people.
        reason: String,
    },
    /// The object is over: nothing of it changes any more.
    #[error("the object is over")]
    Over,
    /// The request contradicts what is there: `code` is stable, for programs.
    #[error("{reason}")]
    Conflict {
        /// For programs.
        code: &'static str,
        /// For people.
        reason: String,
    },
    /// The request is not one the object understands.
    #[error("{0}")]
    Invalid(String),
    /// Who asks may not.
    #[error("{0}")]
    Forbidden(String),
    /// Who asks does so too often.
    #[error("too often: again in {retry_after_ms} ms")]
    TooFast {
        /// How long to wait.
        retry_after_ms: u64,
    },
    /// Too much is waiting: try again later.
    #[error("overloaded")]
    Overloaded,
    /// The object was reset while it worked on this: it may or may not have happened.
    #[error("the object was reset")]
    Reset,
    /// The disk does not take it, or it is over a quota. Nothing was written.
    #[error("storage is full or failing")]
    Storage,
    /// The server is draining.
    #[error("the server is draining")]
    Draining,
    /// The object is set aside: what is stored of it could not be used.
    #[error("the object is set aside: {0}")]
    SetAside(String),
    /// No answer in time.
    #[error("no answer within 30 s")]
    TimedOut,
}

/// Why an object cannot be woken. It is set aside: nothing of it is overwritten, and it answers so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WakeError(pub String);

impl From<StorageError> for WakeError {
    fn from(error: StorageError) -> Self {
        WakeError(error.to_string())
    }
}

impl From<ReadError> for WakeError {
    fn from(error: ReadError) -> Self {
        WakeError(error.to_string())
    }
}

impl From<WriteRefused> for WakeError {
    fn from(error: WriteRefused) -> Self {
        WakeError(error.to_string())
    }
}

impl From<WriteRefused> for CallError {
    fn from(refused: WriteRefused) -> Self {
        CallError::Invalid(refused.to_string())
    }
}

impl From<ReadError> for CallError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged { .. } => CallError::SetAside(error.to_string()),
            ReadError::Io(_) => CallError::Storage,
        }
    }
}

impl From<StorageError> for CallError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Refused(refused) => refused.into(),
            StorageError::Read(error) => error.into(),
            StorageError::Type(_) => CallError::SetAside(error.to_string()),
            StorageError::TickWorker => CallError::Invalid(error.to_string()),
        }
    }
}

impl From<StorageError> for AlarmError {
    fn from(error: StorageError) -> Self {
        AlarmError(error.to_string())
    }
}

impl From<WriteRefused> for AlarmError {
    fn from(error: WriteRefused) -> Self {
        AlarmError(error.to_string())
    }
}
