//! What a room and its parts say to each other.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::typed::Methods;

/// Something that everybody in a room is told, in every part of it, in the order of these numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// One more than that of the event before.
    pub number: u64,
    /// Who is told.
    pub whom: Whom,
    /// The message, as it is sent.
    pub text: String,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Everybody.
    Everybody,
    /// Everybody but one.
    Others(String),
    /// One alone.
    User(String),
}

/// What a part asks its room.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PartAsks {
    /// Somebody is there.
    Arrive {
        /// Who.
        user: String,
    },
    /// Somebody is there no more.
    Depart {
        /// Who.
        user: String,
    },
    /// Somebody says something.
    Say {
        /// Who.
        user: String,
        /// What.
        text: String,
    },
    /// What was told after this event.
    Missed {
        /// The newest that is known.
        after: u64,
    },
    /// These are there, and nobody else.
    Here {
        /// Who.
        users: Vec<String>,
    },
}

/// What a room answers its part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PartReply {
    /// How the room is after an event.
    Welcome {
        /// The message, but for its user.
        welcome: Value,
        /// The number of the event.
        told: u64,
    },
    /// What was told.
    Events {
        /// In order.
        events: Vec<Event>,
        /// The number of the newest there is.
        newest: u64,
    },
}

/// What a part is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PartCall {
    /// To tell its sockets something.
    Told {
        /// The number of the newest event there is.
        newest: u64,
        /// Those that it may not know, as far as they come with this.
        events: Vec<Event>,
    },
}

impl Methods for PartCall {
    type Reply = bool;
}
