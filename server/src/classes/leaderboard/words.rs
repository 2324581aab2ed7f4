//! What a board can be asked, and what it answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rules::{Rules, RulesChange};
use crate::object::typed::Methods;

/// Scores of one submission: as many as a match has seats.
pub const SCORES_MAX: usize = 1_000;
/// Users of one submission whose places are answered.
pub const PLACED_MAX: usize = 16;

/// The methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoardCall {
    /// Scores of users.
    Submit(Submission),
    /// The object that submitted under this key has stored that it is done, and never asks again.
    Settle(Settled),
    /// A page of entries.
    Top(Option<Page>),
    /// Where a user stands, and who stands around them.
    Rank(Of),
    /// The seasons that are kept.
    Seasons,
    /// The top of one of them.
    Season(Which),
    /// What holds.
    Rules,
    /// What is to hold; for moderators.
    Configure(RulesChange),
    /// Takes an entry away; for moderators.
    Remove(User),
    /// Ends the season; for moderators.
    Reset,
}

impl BoardCall {
    /// It changes nothing.
    pub(super) fn reads(&self) -> bool {
        matches!(self, Self::Top(_) | Self::Rank(_) | Self::Seasons | Self::Season(_) | Self::Rules)
    }

    /// It is for moderators.
    pub(super) fn moderates(&self) -> bool {
        matches!(self, Self::Configure(_) | Self::Remove(_) | Self::Reset)
    }
}

/// Scores of users, all at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// By user.
    pub scores: BTreeMap<String, i64>,
    /// Names it: the same again counts no second time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Which submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// Its key.
    pub key: String,
}

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// From this rank on (1).
    pub from: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// Who stands where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    /// The user.
    pub user: String,
    /// So many before and after them.
    #[serde(default)]
    pub around: u64,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Who.
    pub user: String,
}

/// A season.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Its number.
    pub season: u64,
}

/// A user on the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 1 is the best.
    pub rank: u64,
    /// Who.
    pub user: String,
    /// What they have come to.
    pub score: i64,
    /// When they had come to it, in ms since 1970.
    pub at_unix_ms: u64,
    /// Results of theirs that were counted.
    pub results: u32,
}

/// Where somebody stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// None: the board is full of better ones.
    pub rank: Option<u64>,
    /// Their score, if they stand on the board.
    pub score: Option<i64>,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// False: it had been counted before.
    pub counted: bool,
    /// Where its users stand, unless they are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<BTreeMap<String, Placed>>,
}

/// A part of the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The season's number, from 1.
    pub season: u64,
    /// When it ends, in ms since 1970.
    pub ends_unix_ms: Option<u64>,
    /// Entries in all.
    pub total: u64,
    /// The best first.
    pub entries: Vec<Entry>,
    /// What goes into `from` for those that follow.
    pub next: Option<u64>,
}

/// Where a user stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rank {
    /// Theirs.
    pub entry: Entry,
    /// Who stands around them, they among them.
    pub around: Vec<Entry>,
    /// Entries in all.
    pub total: u64,
}

/// A season that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Season {
    /// Its number.
    pub season: u64,
    /// When it began, in ms since 1970.
    pub began_unix_ms: u64,
    /// When it ended.
    pub ended_unix_ms: u64,
    /// Entries it had.
    pub total: u64,
    /// Its best; left out where seasons are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<Vec<Entry>>,
}

/// That something was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// True.
    pub done: bool,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BoardReply {
    /// To a submission.
    Counted(Counted),
    /// A part of the board.
    Standing(Standing),
    /// Where a user stands.
    Rank(Rank),
    /// One season.
    Season(Season),
    /// The seasons that are kept, the newest first.
    Seasons(Vec<Season>),
    /// What holds.
    Rules(Rules),
    /// It was done.
    Done(Done),
}

impl Methods for BoardCall {
    type Reply = BoardReply;
}
