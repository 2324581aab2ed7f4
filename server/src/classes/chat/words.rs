//! What is said in a room, and what a room is asked.

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::ObjectName;

use super::part_words::{PartAsks, PartReply};
use super::rules::{RoomRules, RulesChange};
use crate::object::typed::Methods;

/// A message of somebody, or of the room itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number in the room: one more than that of the message before.
    pub id: u64,
    /// Who said it; none: an announcement.
    pub user: Option<String>,
    /// What was said.
    pub text: String,
    /// When the server took it, in ms since 1970.
    pub unix_ms: u64,
}

/// Which part of the history.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryPage {
    /// Messages before this one; none: the newest.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// Which part of the members.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembersPage {
    /// Users after this one, in byte order.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What a room can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChatCall {
    /// To say something, as whoever the token names.
    Say {
        /// What.
        text: String,
    },
    /// Messages, oldest first.
    History(Option<HistoryPage>),
    /// Who is there.
    Members(Option<MembersPage>),
    /// What holds in the room.
    Rules,
    /// Moderators: to say something as the room.
    Announce {
        /// What.
        text: String,
    },
    /// Moderators: to change what holds.
    Configure(RulesChange),
    /// Moderators: to take a message away.
    Delete {
        /// Which.
        id: u64,
    },
    /// Moderators: to let somebody read alone.
    Mute {
        /// Whom.
        user: String,
        /// For how long; none: until they are unmuted.
        seconds: Option<u64>,
    },
    /// Moderators: to let somebody speak again.
    Unmute {
        /// Whom.
        user: String,
    },
    /// Moderators: who may not speak.
    Mutes,
    /// The server, before it lets somebody connect: where to.
    Place {
        /// Whom.
        user: String,
    },
    /// A part of the room.
    Part(PartAsks),
}

/// Somebody who may not speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// Who.
    pub user: String,
    /// Until when, in ms since 1970; none: until they are unmuted.
    pub until_unix_ms: Option<u64>,
}

/// What a room answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ChatReply {
    /// What was said, as everybody got it.
    Said(Message),
    /// Messages, oldest first.
    History {
        /// The messages.
        messages: Vec<Message>,
        /// There are older ones.
        more: bool,
    },
    /// Who is there.
    Members {
        /// How many, each user once.
        members: usize,
        /// Of these, those of the page, in byte order.
        users: Vec<String>,
    },
    /// Who may not speak.
    Mutes {
        /// In byte order of the users.
        mutes: Vec<Mute>,
    },
    /// What holds in the room.
    Rules(RoomRules),
    /// It is done.
    Done {
        /// True.
        done: bool,
    },
    /// What a part is answered.
    Part(PartReply),
    /// Where somebody is to connect.
    Placed {
        /// To this part; none: to the room itself.
        part: Option<ObjectName>,
    },
}

impl Methods for ChatCall {
    type Reply = ChatReply;
}

/// What comes on a socket.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Heard {
    /// Somebody says something.
    Say {
        /// What.
        text: String,
    },
}

/// What is sent on sockets.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    /// The first message: where one is, and what was said.
    Welcome { room: &'a str, user: &'a str, members: usize, messages: &'a [Message], more: bool },
    /// Something was said.
    Message(&'a Message),
    /// Somebody is there now.
    Join { user: &'a str, members: usize },
    /// Somebody is not there any more.
    Leave { user: &'a str, members: usize },
    /// Several came and went; `members` counts those, too, who are not named.
    Members { members: usize, joined: &'a [&'a str], left: &'a [&'a str] },
    /// A message was taken away.
    Deleted { id: u64 },
    /// The receiver may not speak.
    Muted { until_unix_ms: Option<u64> },
    /// The receiver may speak again.
    Unmuted {},
}

impl Told<'_> {
    /// As it is sent.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("it is plain data")
    }
}
