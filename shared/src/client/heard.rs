//! What a session makes of what it hears.

use crate::replication::delta_error::DeltaError;
use crate::wire::close::CloseCode;

/// What a message from the server changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The match took the client in.
    Welcomed {
        /// Inputs of the connection before that were applied without a state having said so.
        applied: AppliedInputs,
    },
    /// A state newer than every other.
    NewState {
        /// Inputs that were not applied before and are now: the first of them, and how many.
        applied: AppliedInputs,
    },
    /// A state that is no newer, or of another epoch: dropped.
    OldState,
    /// A state that cannot be read, or builds on one that is not there: the client or the server is broken. Over
    /// datagrams the latter is no news, and such a state dropped.
    Unreadable(DeltaError),
    /// An event, data or a pong; events are kept.
    Other,
    /// The server is about to close, for this reason.
    Bye(CloseCode),
}

/// Consecutive input numbers that a state has newly applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppliedInputs {
    /// The lowest number.
    pub first_seq: u32,
    /// How many.
    pub count: u32,
}

impl AppliedInputs {
    /// The numbers, ascending.
    pub fn numbers(self) -> impl Iterator<Item = u32> {
        (0..self.count).map(move |offset| self.first_seq.wrapping_add(offset))
    }
}

/// How much of a state came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// All of it.
    Whole,
    /// A part is missing: in its place stand the rows of the state before.
    InPart,
}

/// What a client may do after its connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterClose {
    /// Come back, by the hello of [`Session::hello`](super::session::Session::hello).
    TryAgain,
    /// There is nothing to come back to.
    GiveUp,
}
