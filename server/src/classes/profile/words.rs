//! What a profile can be asked, and what its sockets say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::typed::Methods;

/// The methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileCall {
    /// Preferences, and how much is unread.
    Get,
    /// Changes preferences.
    Set(Change),
    /// Notifications that are not read, the newest first.
    List(Option<Page>),
    /// They are read: nothing is kept of them.
    Read(Marks),
    /// Tells the user something; for operators, other objects, moderators.
    Notify(Note),
}

/// What preferences become.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// By key; null: it is taken away. Those that are left out stay.
    pub preferences: BTreeMap<String, Value>,
}

/// Which notifications.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// Those before this one.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// Which notifications are read; either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Marks {
    /// All of them up to this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u64>,
    /// These.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<u64>>,
}

/// What a user is to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What it is, for programs.
    pub kind: String,
    /// Any JSON.
    #[serde(default)]
    pub body: Value,
}

/// A notification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Grows by one with each.
    pub id: u64,
    /// When it came, in ms since 1970.
    pub at_unix_ms: u64,
    /// What it is, for programs.
    pub kind: String,
    /// Any JSON.
    pub body: Value,
}

/// What there is of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Got {
    /// By key.
    pub preferences: BTreeMap<String, Value>,
    /// Notifications that are not read.
    pub unread: u64,
    /// Notifications that went unread since the user last read any: there were too many.
    pub dropped: u64,
}

/// A page of notifications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// The newest first.
    pub notifications: Vec<Notification>,
    /// How many there are in all.
    pub unread: u64,
    /// What goes into `before` for those that follow.
    pub next: Option<u64>,
}

/// What is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marked {
    /// Notifications that are not read.
    pub unread: u64,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ProfileReply {
    /// To `get` and `set`.
    Got(Got),
    /// To `list`.
    Listed(Listed),
    /// To `notify`.
    Noted(Notification),
    /// To `read`.
    Marked(Marked),
}

impl Methods for ProfileCall {
    type Reply = ProfileReply;
}

/// What comes on a socket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub enum Heard {
    /// As the call.
    Set {
        /// What becomes of them.
        preferences: BTreeMap<String, Value>,
    },
    /// As the call.
    Read {
        /// All of them up to this one.
        #[serde(default)]
        up_to: Option<u64>,
        /// These.
        #[serde(default)]
        ids: Option<Vec<u64>>,
    },
}

/// What the user's sockets are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Told {
    /// First of all, and again to a socket that has come back.
    Hello {
        /// What there is.
        #[serde(flatten)]
        got: Got,
        /// The newest that are not read, the newest first.
        notifications: Vec<Notification>,
    },
    /// Something new.
    Notification {
        /// What.
        #[serde(flatten)]
        notification: Notification,
        /// Notifications that are not read.
        unread: u64,
    },
    /// Some were read, on this socket or another.
    Read {
        /// Which.
        #[serde(flatten)]
        marks: Marks,
        /// Notifications that are not read.
        unread: u64,
    },
    /// Preferences have changed, on this socket or another.
    Preferences {
        /// Those that have, by key; null: taken away.
        changed: BTreeMap<String, Value>,
    },
}

impl Told {
    /// As it is sent.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("it is plain data")
    }
}
