//! What is said in a space, and what a space is asked.

use serde::{Deserialize, Serialize};

use super::rules::{RulesChange, SpaceRules};
use crate::object::typed::Methods;

/// What somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There.
    Online,
    /// There, but not looking.
    Away,
    /// Not there.
    Offline,
}

/// What others see of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Who.
    pub user: String,
    /// What they are.
    pub status: Status,
    /// They are writing something.
    pub typing: bool,
}

/// Which part of those who are there.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Users after this one, in byte order.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What a heartbeat says beside that somebody is there.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// What they are from now on; none: what they were, or online if they were offline.
    pub status: Option<Status>,
    /// Whether they type; none: as before.
    pub typing: Option<bool>,
}

/// What a space can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PresenceCall {
    /// A heartbeat of whoever the token names.
    Beat(Option<Beat>),
    /// What some users are.
    Get {
        /// Who.
        users: Vec<String>,
    },
    /// Everybody who is not offline.
    List(Option<Page>),
    /// What holds in the space.
    Rules,
    /// Moderators: to change that.
    Configure(RulesChange),
}

/// What a space answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PresenceReply {
    /// What one user is.
    One(Seen),
    /// What users are.
    Users {
        /// They.
        users: Vec<Seen>,
    },
    /// What holds in the space.
    Rules(SpaceRules),
}

impl Methods for PresenceCall {
    type Reply = PresenceReply;
}

/// What comes on a socket.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Heard {
    /// The user is there.
    Beat(Beat),
    /// The socket wants to be told of these; none: of everybody.
    Watch {
        /// Who.
        users: Option<Vec<String>>,
    },
}

/// What is sent on sockets.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    /// What those are who are watched.
    State { user: &'a str, users: &'a [Seen] },
    /// What has changed of them.
    Changes { users: &'a [Seen] },
}

impl Told<'_> {
    /// As it is sent.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("it is plain data")
    }
}
