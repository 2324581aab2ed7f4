//! What holds on a board.

use serde::{Deserialize, Serialize};

use crate::object::contract::CallError;

/// Entries of a board, unless it says otherwise.
pub const ENTRIES: u32 = 10_000;
/// Entries of a board.
pub const ENTRIES_MAX: u32 = 100_000;
/// Seconds of a season: a minute to a year.
pub const SEASON_SECONDS: std::ops::RangeInclusive<u64> = 60..=31_622_400;
/// Seasons whose tops are kept.
pub const SEASONS_KEPT_MAX: u32 = 64;
/// Seasons whose tops are kept, unless it says otherwise.
const SEASONS_KEPT: u32 = 4;

/// What becomes of a user's score when another comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeps {
    /// The better of both.
    #[default]
    Best,
    /// The new one.
    Last,
    /// Both together, as far as they can be counted.
    Sum,
}

/// Which score is the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sorted {
    /// The higher.
    #[default]
    Descending,
    /// The lower.
    Ascending,
}

/// What holds on a board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// What becomes of a user's score when another comes.
    pub keeps: Keeps,
    /// Which score is the better.
    pub sorted: Sorted,
    /// So many entries; whoever is better than the last of them takes its place.
    pub entries_max: u32,
    /// How long a season is; none: it lasts until somebody ends it.
    pub season_seconds: Option<u64>,
    /// Seasons whose tops are kept.
    pub seasons_kept: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            keeps: Keeps::default(),
            sorted: Sorted::default(),
            entries_max: ENTRIES,
            season_seconds: None,
            seasons_kept: SEASONS_KEPT,
        }
    }
}

/// What is to hold from now on; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulesChange {
    /// [`Rules::keeps`].
    pub keeps: Option<Keeps>,
    /// [`Rules::sorted`].
    pub sorted: Option<Sorted>,
    /// [`Rules::entries_max`].
    pub entries_max: Option<u32>,
    /// [`Rules::season_seconds`]; 0: none.
    pub season_seconds: Option<u64>,
    /// [`Rules::seasons_kept`].
    pub seasons_kept: Option<u32>,
}

impl Rules {
    /// With a change, on a board that has so many entries.
    pub(super) fn changed(&self, change: &RulesChange, entries: u64) -> Result<Self, CallError> {
        let rules = Self {
            keeps: change.keeps.unwrap_or(self.keeps),
            sorted: change.sorted.unwrap_or(self.sorted),
            entries_max: change.entries_max.unwrap_or(self.entries_max),
            season_seconds: match change.season_seconds {
                None => self.season_seconds,
                Some(0) => None,
                some => some,
            },
            seasons_kept: change.seasons_kept.unwrap_or(self.seasons_kept),
        };
        rules.check()?;
        let conflict = |code, reason: &str| Err(CallError::Conflict { code, reason: reason.to_owned() });
        if entries > 0 && (rules.keeps, rules.sorted) != (self.keeps, self.sorted) {
            return conflict(
                "not_empty",
                "keeps and sorted stay while there are entries: reset the board first",
            );
        }
        if entries > u64::from(rules.entries_max) {
            return conflict("not_empty", "entries_max: the board has more entries than that");
        }
        Ok(rules)
    }

    fn check(&self) -> Result<(), CallError> {
        let expected = |text: String| Err(CallError::Invalid(text));
        if !(1..=ENTRIES_MAX).contains(&self.entries_max) {
            return expected(format!("entries_max: expected 1 to {ENTRIES_MAX}"));
        }
        if self.season_seconds.is_some_and(|seconds| !SEASON_SECONDS.contains(&seconds)) {
            let (shortest, longest) = SEASON_SECONDS.into_inner();
            return expected(format!("season_seconds: expected {shortest} to {longest}, or 0 for none"));
        }
        if self.seasons_kept > SEASONS_KEPT_MAX {
            return expected(format!("seasons_kept: expected 0 to {SEASONS_KEPT_MAX}"));
        }
        Ok(())
    }

    /// What a user's score becomes.
    pub(super) fn kept(&self, before: i64, new: i64) -> i64 {
        use super::place::SCORE_MAX;
        match (self.keeps, self.sorted) {
            (Keeps::Best, Sorted::Descending) => before.max(new),
            (Keeps::Best, Sorted::Ascending) => before.min(new),
            (Keeps::Last, _) => new,
            (Keeps::Sum, _) => (before + new).clamp(-SCORE_MAX, SCORE_MAX),
        }
    }
}
