//! What objects are asked to do.

use super::model::Change;
use crate::rng::Rng;

/// Who asks; what one of them asks of one object is done in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sender {
    /// Somebody over HTTP.
    Caller(u64),
    /// A socket.
    Socket(u64),
    /// Another object.
    Object(usize),
}

/// How its handler ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With an answer.
    Answer,
    /// With an answer in a later handler.
    AnswerLater,
    /// With an error: nothing of it has happened.
    Error,
    /// With a panic: the same.
    Panic,
}

/// What a handler does beside changing what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// Asks another object.
    Ask(usize),
    /// Computes something off the worker.
    Compute,
    /// Waits.
    Sleep,
    /// Says its version to every socket.
    Broadcast,
    /// Keeps its version with every socket.
    Attach,
    /// Closes a socket, if there is one.
    Close,
    /// Forgets its memory soon.
    Hibernate,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) sender: Sender,
    pub(crate) object: usize,
    pub(crate) changes: Vec<Change>,
    pub(crate) ending: Ending,
    pub(crate) beside: Beside,
    /// Its handler has been entered.
    pub(crate) begun: bool,
}

impl Asked {
    /// Any request.
    pub(crate) fn random(rng: &mut Rng, sender: Sender, object: usize, objects: usize) -> Self {
        let changes = (0..rng.below(4)).map(|_| Change::random(rng, 0)).collect();
        let ending = match rng.below(40) {
            0..3 => Ending::Error,
            3 => Ending::Panic,
            4..7 if matches!(sender, Sender::Caller(_)) => Ending::AnswerLater,
            _ => Ending::Answer,
        };
        let beside = match rng.below(40) {
            0..5 => Beside::Ask(rng.below(objects as u64) as usize),
            5..7 => Beside::Compute,
            7..9 => Beside::Sleep,
            9..13 => Beside::Broadcast,
            13..19 => Beside::Attach,
            19 => Beside::Close,
            20 => Beside::Hibernate,
            _ => Beside::Nothing,
        };
        Self { sender, object, changes, ending, beside, begun: false }
    }

    /// One that only looks.
    pub(crate) fn look(sender: Sender, object: usize) -> Self {
        let (ending, beside) = (Ending::Answer, Beside::Nothing);
        Self { sender, object, changes: Vec::new(), ending, beside, begun: false }
    }

    /// It stores something.
    pub(crate) fn writes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The last thing it does is to delete everything.
    pub(crate) fn leaves_nothing(&self) -> bool {
        matches!(self.changes.last(), Some(Change::DeleteAll))
    }
}
