//! The result of a match that is over, on its way to a leaderboard: asked for until the board has answered, by an
//! alarm and under the match's id, so that it counts once whatever crashes.
//!
//! What is posted is stored in the commit that ends the match. The board remembers the id until it is told that the
//! match has stored the answer, and never asks again. The simulation knows nothing of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tickstone_shared::ids::ObjectName;

use super::lifecycle::set_alarm;
use super::running::Running;
use super::store_keys::POSTING;
use crate::classes::leaderboard::{BoardCall, Leaderboard, SCORE_MAX, Settled, Submission};
use crate::object::context::Context;
use crate::object::contract::{CallError, WakeError};
use crate::object::job::{JobError, JobId, JobResult};
use crate::object::storage::Reader;

/// The alarm that asks the board.
pub const POST: &str = "post";
/// A board that did not answer is asked again after this, and each time after twice as long.
pub const RETRY_FIRST: Duration = Duration::from_secs(1);
/// At most so long.
pub const RETRY_MAX: Duration = Duration::from_secs(3600);

/// Where a match's result goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToBoard {
    /// To the board of its game (true), or nowhere.
    OfGame(bool),
    /// To this one.
    Named(ObjectName),
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// The board has not answered yet.
    Posting,
    /// It has counted, and remembers that it has.
    Counted,
    /// It need not remember any more.
    Settled,
    /// It never will.
    Refused,
}

/// A result on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    board: ObjectName,
    scores: BTreeMap<String, i64>,
    began_ms: u64,
    stage: Stage,
    /// It is being asked.
    #[serde(skip)]
    asked: Option<JobId>,
}

/// The board that a match posts to once it is over.
pub(super) fn board_of(running: &Running) -> Option<ObjectName> {
    match &running.header.request.board {
        Some(ToBoard::Named(board)) => Some(board.clone()),
        Some(ToBoard::OfGame(false)) => None,
        Some(ToBoard::OfGame(true)) | None => ObjectName::parse(running.game.board()?).ok(),
    }
}

impl Posting {
    /// What a match that ends now posts, if it has a board and anybody is there.
    pub(super) fn begin(ctx: &mut Context<'_>, running: &Running) -> Option<Self> {
        let board = board_of(running)?;
        let scores = running.simulation.scores().into_iter();
        let scores =
            scores.map(|(player, score)| (player.as_str().to_owned(), score.clamp(-SCORE_MAX, SCORE_MAX)));
        let scores: BTreeMap<String, i64> = scores.collect();
        if scores.is_empty() {
            return None;
        }
        let posting = Self { board, scores, began_ms: ctx.unix_ms(), stage: Stage::Posting, asked: None };
        posting.store(ctx);
        set_alarm(ctx, POST, Duration::ZERO);
        Some(posting)
    }

    /// As it is stored.
    pub(super) fn stored(stored: &dyn Reader) -> Result<Option<Self>, WakeError> {
        let Some(posting) = stored.get(POSTING)? else { return Ok(None) };
        let damaged = |error| WakeError(format!("what the match posts is damaged: {error}"));
        serde_json::from_slice(&posting).map(Some).map_err(damaged)
    }

    fn store(&self, ctx: &mut Context<'_>) {
        let encoded = serde_json::to_vec(self).expect("a result is plain data");
        ctx.storage().put(POSTING, encoded).expect("the scores of a match fit a value");
    }

    /// As HTTP shows it.
    pub(super) fn shown(&self) -> Value {
        let state = match self.stage {
            Stage::Posting => "posting",
            Stage::Counted | Stage::Settled => "posted",
            Stage::Refused => "refused",
        };
        json!({ "name": self.board, "state": state })
    }

    /// Asks the board, and sets the alarm for when it does not answer: as long again as it has taken so far.
    pub(super) fn ask(&mut self, ctx: &mut Context<'_>) {
        let key = ctx.identity().name.as_str().to_owned();
        let call = match self.stage {
            Stage::Posting => BoardCall::Submit(Submission { scores: self.scores.clone(), key: Some(key) }),
            Stage::Counted => BoardCall::Settle(Settled { key }),
            Stage::Settled | Stage::Refused => return,
        };
        let asked = ctx.ask::<Leaderboard>(self.board.clone(), &call);
        self.asked = Some(asked.expect("the methods of a board are an enum"));
        let so_far = Duration::from_millis(ctx.unix_ms().saturating_sub(self.began_ms));
        set_alarm(ctx, POST, so_far.clamp(RETRY_FIRST, RETRY_MAX));
    }

    /// The board has answered, or nobody knows.
    pub(super) fn answered(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        if self.asked.take_if(|asked| *asked == job).is_none() {
            return;
        }
        match result {
            Ok(_) if self.stage == Stage::Posting => {
                self.stage = Stage::Counted;
                self.store(ctx);
                self.ask(ctx);
            }
            Ok(_) => self.end(ctx, Stage::Settled),
            Err(JobError::Call(error)) if is_for_good(&error) => {
                tracing::warn!(name = %ctx.identity().name, board = %self.board, %error, "a leaderboard refuses a result");
                self.end(ctx, Stage::Refused);
            }
            Err(problem) => {
                tracing::debug!(name = %ctx.identity().name, board = %self.board, %problem, "not posted yet");
            }
        }
    }

    fn end(&mut self, ctx: &mut Context<'_>, stage: Stage) {
        self.stage = stage;
        self.scores.clear();
        self.store(ctx);
        ctx.cancel_alarm(POST);
    }
}

/// Asking again would be answered the same.
fn is_for_good(error: &CallError) -> bool {
    matches!(error, CallError::NotFound | CallError::Invalid(_) | CallError::Forbidden(_))
}
