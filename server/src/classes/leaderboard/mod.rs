//! Leaderboards: scores by user, ranked, in seasons.
//!
//! Responsible for: that a result counts once, that equal scores stand in the order in which they came, that a season
//! ends once. Not responsible for: what a score is worth, and who plays.
//!
//! The way of a result: [`class`](self) (who may) -> `board` (what a user's score becomes) -> `ranking` (where it
//! stands) -> `shown` (what everybody is shown). Nothing is stored whole: a result costs a few small rows, however many
//! there are, and a board wakes on the counts of its stretches alone.

mod board;
mod class;
mod http;
mod keys;
mod place;
mod ranking;
mod reading;
mod rules;
mod seasons;
#[cfg(test)]
mod tests;
mod words;

pub use class::{Leaderboard, MODERATOR_SCOPE};
pub use keys::{KEY_BYTES_MAX, KEY_REMEMBERED, KEYS_MAX};
pub use place::SCORE_MAX;
pub use ranking::STRETCH_MAX;
pub use reading::{AROUND_MAX, PAGE_MAX, SHOWN_EVERY, TOP_MAX};
pub use rules::{ENTRIES, ENTRIES_MAX, Keeps, Rules, RulesChange, SEASON_SECONDS, SEASONS_KEPT_MAX, Sorted};
pub use words::{
    BoardCall, BoardReply, Counted, Done, Entry, Of, PLACED_MAX, Page, Placed, Rank, SCORES_MAX, Season,
    Settled, Standing, Submission, Which,
};
