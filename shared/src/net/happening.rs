//! What a client is told, one thing after another, and why it could not join.

use std::time::Duration;

use crate::time::Tick;
use crate::wire::close::CloseCode;
use crate::wire::message::EventMessage;

/// Something that happened to a player.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// The match took the player in, or back after a drop.
    Joined {
        /// It is the seat of before.
        is_back: bool,
    },
    /// A newer state has come: look at the entities.
    State(Tick),
    /// Something happened in the match, in the game's words.
    Event(EventMessage),
    /// Data from the game.
    Message(serde_json::Value),
    /// The answer to a ping, and how long it took.
    Pong(Duration),
    /// The connection is lost. It is tried again without any doing.
    Dropped {
        /// What the server said, or what broke.
        reason: String,
    },
    /// The end: nothing comes after it.
    Left {
        /// The close code, if there was one.
        code: Option<CloseCode>,
        /// What the server said, or what broke.
        reason: String,
    },
}

/// The player was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not taken in: {reason}")]
pub struct JoinError {
    /// The close code, if there was one.
    pub code: Option<CloseCode>,
    /// What the server said, or what broke.
    pub reason: String,
}

/// A field that the game's inputs do not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the game's inputs have no field {0:?}")]
pub struct UnknownField(pub String);
