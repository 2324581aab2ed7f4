//! Everything that reaches a world from outside: what the journal holds.

use serde::{Deserialize, Serialize};

use crate::ids::{PlayerName, Seat};
use crate::input::InputRow;

/// Something from outside that changes a world, applied before the step that consumes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A player takes a seat. Refused by the game or applied; only what was applied is journaled.
    Join {
        /// The seat, free until now.
        seat: Seat,
        /// Who takes it.
        player: PlayerName,
    },
    /// A player gives a seat up, or loses it.
    Leave {
        /// The seat, free from now on.
        seat: Seat,
        /// Why.
        reason: LeaveReason,
    },
    /// A player's connection is gone; seat and body stay.
    Drop {
        /// Their seat.
        seat: Seat,
    },
    /// A dropped player is back.
    Return {
        /// Their seat.
        seat: Seat,
    },
    /// A seat's input from this tick on, until the next one.
    Input {
        /// Whose.
        seat: Seat,
        /// The packed input.
        row: InputRow,
    },
    /// Data a player sent to the game, as JSON text.
    Message {
        /// Whose.
        seat: Seat,
        /// At most [`crate::limits::MESSAGE_DATA_BYTES_MAX`] bytes of JSON.
        data: String,
    },
    /// What a signal from outside changes, as JSON text, in the game's words.
    Signal {
        /// What [`super::game::Game::signalled`] is given.
        data: String,
    },
    /// What the game waited for has not come in time.
    Overdue {
        /// The number of its deadline.
        number: u32,
    },
}

/// Why a seat became free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaveReason {
    /// The player left.
    Left,
    /// The player dropped and did not come back in time.
    TimedOut,
    /// The player was removed.
    Kicked,
}

/// Something a world tells the outside, emitted by systems during a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Who is told.
    pub to: Audience,
    /// An event's name, or none for a plain message.
    pub name: Option<&'static str>,
    /// What is told.
    pub data: serde_json::Value,
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody in the match.
    Everybody,
    /// The player on one seat.
    Seat(Seat),
}
