//! The handlers of a durable object. Synchronous, run to completion on the owner's thread: nothing of the
//! same object runs until one returns, so there is no lock in the code of a class.

use std::sync::Arc;

use tickstone_shared::time::Tick;

use super::context::Context;
use super::id::Identity;
use super::socket::SocketEvent;
use super::storage::Reader;

/// One object, alive. It may be dropped after any handler: what must last goes through the context.
pub trait DurableObject: Send {
    /// The first handler of an activation, on a thread that may read the disk. What was stored is read here.
    fn wake(
        &mut self,
        ctx: &mut Context<'_>,
        reason: &WakeReason,
        stored: &dyn Reader,
    ) -> Result<(), WakeError>;
    /// A request that wants an answer.
    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError>;
    /// Something happened on one of the object's sockets.
    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent);
    /// A step is due. Only if the object asked for ticks.
    fn on_tick(&mut self, _ctx: &mut Context<'_>, _due: TickDue) {}
    /// What the last handler wrote was not taken: too much waits for the disk. What it sent gated is dropped.
    fn on_writes_refused(&mut self) -> AfterRefusal {
        AfterRefusal::Reset
    }
    /// Last words before the memory goes: at a drain.
    fn on_sleep(&mut self, _ctx: &mut Context<'_>) {}
}

/// A class of objects: how one comes into being.
pub trait Class: Send + Sync {
    /// The class's name.
    fn name(&self) -> &'static str;
    /// An object that has not been woken yet.
    fn instantiate(&self, identity: &Identity) -> Box<dyn DurableObject>;
}

/// A class, shared.
pub type ClassRef = Arc<dyn Class>;

/// Why an object is woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WakeReason {
    /// Nothing is stored of it.
    Created,
    /// The process started, or the object had been put to sleep.
    Restart,
    /// A handler panicked. The world is rebuilt from what is stored.
    Crash {
        /// What the object was attempting ([`Context::attempt`]), if it had said so.
        attempt: Option<Vec<u8>>,
        /// Panics within the last 60 s, this one included.
        panics: u32,
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
    /// What is asked.
    pub method: String,
    /// With what.
    pub body: serde_json::Value,
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
    /// Too much is waiting: try again later.
    #[error("overloaded")]
    Overloaded,
    /// The object was reset while it worked on this: it may or may not have happened.
    #[error("the object was reset")]
    Reset,
    /// The disk does not take it.
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
