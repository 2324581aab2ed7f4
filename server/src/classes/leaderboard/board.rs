//! One board: what a user's score becomes, and where it stands.

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::changes_the_line;

use super::keys::Key;
use super::place::{Place, SCORE_MAX};
use super::ranking::{Ranked, Ranking, of_season};
use super::rules::{Rules, RulesChange};
use super::words::{Counted, PLACED_MAX, Placed, SCORES_MAX, Submission};
use crate::access::scope::SUBJECT_BYTES_MAX;
use crate::object::caller::Caller;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::values::StorageError;

/// Where [`Meta`] is stored.
const META: &[u8] = b"board";
/// Where a user stands: season and user.
pub(super) const USERS: &[u8] = b"u/";

/// What is stored of a board beside its rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) rules: Rules,
    pub(super) season: Now,
    /// The number of the next place.
    pub(super) next: u64,
    /// Keys that are remembered.
    pub(super) keys: u64,
    /// When it was last shown, in ms since 1970.
    pub(super) shown_ms: u64,
}

/// The season that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Now {
    pub(super) number: u64,
    /// 0: nothing has been done yet.
    pub(super) began_ms: u64,
    /// None: it lasts until somebody ends it.
    pub(super) ends_ms: Option<u64>,
}

impl Default for Now {
    fn default() -> Self {
        Self { number: 1, began_ms: 0, ends_ms: None }
    }
}

/// A board, as far as it is in memory.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) meta: Meta,
    pub(super) ranking: Ranking,
    /// As it is stored; as any begins while nothing is, so that who only reads stores nothing.
    stored: Meta,
}

impl Board {
    /// As it is stored; a new one has the rules of any.
    pub(super) fn stored(ctx: &mut Context<'_>) -> Result<Self, StorageError> {
        let stored: Meta = ctx.storage().get_as(META)?.unwrap_or_default();
        let meta = stored.clone();
        let ranking = Ranking::stored(ctx, meta.season.number)?;
        Ok(Self { meta, ranking, stored })
    }

    /// Stores what has changed beside the rows.
    pub(super) fn keep(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        if self.has_changed() {
            ctx.storage().put_as(META, &self.meta)?;
            self.stored = self.meta.clone();
        }
        Ok(())
    }

    /// Something beside the rows is not as it is stored.
    pub(super) fn has_changed(&self) -> bool {
        self.stored != self.meta
    }

    /// The first season begins with the first that is done.
    pub(super) fn begin(&mut self, ctx: &Context<'_>) {
        if self.meta.season.began_ms == 0 {
            self.meta.season.began_ms = ctx.unix_ms();
        }
    }

    fn user_row(&self, user: &str) -> Vec<u8> {
        [&*of_season(USERS, self.meta.season.number), user.as_bytes()].concat()
    }

    /// Where a user stands.
    pub(super) fn place_of(&self, ctx: &mut Context<'_>, user: &str) -> Result<Option<Place>, StorageError> {
        Ok(ctx.storage().get_as(&self.user_row(user))?.map(Place))
    }

    /// Counts scores, all of them or none.
    pub(super) fn submit(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        submission: &Submission,
    ) -> Result<Counted, CallError> {
        check(submission)?;
        let key = submission.key.as_deref().map(|key| Key::of(caller, key)).transpose()?;
        let is_known = key.as_ref().map_or(Ok(false), |key| key.is_known(ctx))?;
        if !is_known {
            if let Some(key) = &key {
                key.remember(ctx, &mut self.meta)?;
            }
            for (user, score) in &submission.scores {
                self.count(ctx, user, *score)?;
            }
            self.show(ctx)?;
        }
        let placed = (submission.scores.len() <= PLACED_MAX).then(|| {
            let users = submission.scores.keys();
            users.map(|user| Ok((user.clone(), self.placed(ctx, user)?))).collect::<Result<_, CallError>>()
        });
        Ok(Counted { counted: !is_known, placed: placed.transpose()? })
    }

    fn placed(&self, ctx: &mut Context<'_>, user: &str) -> Result<Placed, CallError> {
        let Some(place) = self.place_of(ctx, user)? else { return Ok(Placed { rank: None, score: None }) };
        let rank = self.ranking.rank_of(ctx, place)?;
        Ok(Placed { rank: Some(rank), score: Some(place.score(self.meta.rules.sorted)) })
    }

    /// Counts one score. Whoever comes to the same score again stays where they stand.
    fn count(&mut self, ctx: &mut Context<'_>, user: &str, score: i64) -> Result<(), StorageError> {
        let sorted = self.meta.rules.sorted;
        let before = self.place_of(ctx, user)?;
        let score = before.map_or(score, |place| self.meta.rules.kept(place.score(sorted), score));
        let results = match before {
            None => 0,
            Some(place) => {
                let ranked = self.ranking.at(ctx, place)?;
                let results = ranked.results.saturating_add(1);
                if place.score(sorted) == score {
                    return self.ranking.put(ctx, place, &Ranked { results, ..ranked });
                }
                self.ranking.remove(ctx, place)?;
                ranked.results
            }
        };
        let place = Place::new(score, sorted, self.meta.next);
        if before.is_none() && !self.make_room(ctx, place)? {
            return Ok(());
        }
        self.meta.next += 1;
        let ranked =
            Ranked { user: user.to_owned(), at_unix_ms: ctx.unix_ms(), results: results.saturating_add(1) };
        self.ranking.insert(ctx, place, &ranked)?;
        ctx.storage().put_as(self.user_row(user), &place.0)
    }

    /// A full board takes whoever is better than its last. False: they are not.
    fn make_room(&mut self, ctx: &mut Context<'_>, place: Place) -> Result<bool, StorageError> {
        if self.ranking.total() < u64::from(self.meta.rules.entries_max) {
            return Ok(true);
        }
        match self.ranking.last(ctx)? {
            Some((last, ranked)) if place < last => {
                self.take_away(ctx, last, &ranked.user)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn take_away(&mut self, ctx: &mut Context<'_>, place: Place, user: &str) -> Result<(), StorageError> {
        ctx.storage().delete(self.user_row(user));
        self.ranking.remove(ctx, place)
    }

    /// Takes a user's entry away.
    pub(super) fn remove(&mut self, ctx: &mut Context<'_>, user: &str) -> Result<(), CallError> {
        let place = self.place_of(ctx, user)?.ok_or_else(no_such_user)?;
        self.take_away(ctx, place, user)?;
        Ok(self.show(ctx)?)
    }

    /// Changes what holds.
    pub(super) fn configure(&mut self, ctx: &mut Context<'_>, change: &RulesChange) -> Result<(), CallError> {
        let rules = self.meta.rules.changed(change, self.ranking.total())?;
        let before = std::mem::replace(&mut self.meta.rules, rules);
        if before.season_seconds != self.meta.rules.season_seconds {
            self.time_season(ctx)?;
        }
        self.forget_seasons(ctx)?;
        Ok(self.show(ctx)?)
    }

    /// The object that submitted under a key never asks again.
    pub(super) fn settle(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        key: &str,
    ) -> Result<bool, CallError> {
        if !matches!(caller, Caller::Object { .. }) {
            return Err(CallError::Forbidden("settle: for objects that submitted".to_owned()));
        }
        Ok(Key::of(caller, key)?.settle(ctx, &mut self.meta)?)
    }
}

/// Why a user's rank cannot be told.
pub(super) fn no_such_user() -> CallError {
    let reason = "this user is not on the board".to_owned();
    CallError::Missing { code: "no_such_entry", reason }
}

fn check(submission: &Submission) -> Result<(), CallError> {
    if !(1..=SCORES_MAX).contains(&submission.scores.len()) {
        return Err(CallError::Invalid(format!("scores: expected 1 to {SCORES_MAX} users")));
    }
    submission.scores.keys().try_for_each(|user| check_user(user))?;
    if submission.scores.values().any(|score| !(-SCORE_MAX..=SCORE_MAX).contains(score)) {
        return Err(CallError::Invalid(format!("scores: expected -{SCORE_MAX} to {SCORE_MAX}")));
    }
    Ok(())
}

/// A user that may be one.
pub(super) fn check_user(user: &str) -> Result<(), CallError> {
    if (1..=SUBJECT_BYTES_MAX).contains(&user.len()) && !user.contains(changes_the_line) {
        return Ok(());
    }
    Err(CallError::Invalid(format!("user: expected 1 to {SUBJECT_BYTES_MAX} bytes, none of them a control")))
}
