//! Seasons: one ends once, by an alarm or by whoever comes after its end; its best are kept, its rows go in parts.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::board::{Board, USERS};
use super::ranking::{ENTRIES, Ranking, STRETCHES, of_season, read};
use super::reading::TOP_MAX;
use super::words::{Entry, Season};
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::storage::Range;
use crate::object::values::StorageError;

/// The alarm of the end of a season.
pub(super) const SEASON: &str = "season";
/// The alarm that removes the rows of seasons that are over.
pub(super) const SWEEP: &str = "sweep";
/// Rows of a kind that are removed at once.
const SWEPT_AT_ONCE: NonZeroUsize = NonZeroUsize::new(1_000).expect("1,000 is not 0");

/// Seasons that are kept, by number.
const KEPT: &[u8] = b"t/";

/// What is kept of a season.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    began_ms: u64,
    ended_ms: u64,
    total: u64,
    top: Vec<Entry>,
}

impl Kept {
    fn shown(self, season: u64, with_top: bool) -> Season {
        Season {
            season,
            began_unix_ms: self.began_ms,
            ended_unix_ms: self.ended_ms,
            total: self.total,
            top: with_top.then_some(self.top),
        }
    }
}

fn season_ms(board: &Board) -> Option<u64> {
    Some(Duration::from_secs(board.meta.rules.season_seconds?).as_millis() as u64)
}

impl Board {
    /// Ends the season if its time is over: nobody sees it after that, whether the alarm has come or not. Its
    /// successor ends where it would have if the server had never been down.
    pub(super) fn mind_season(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let (Some(ended_ms), Some(length)) = (self.meta.season.ends_ms, season_ms(self)) else {
            return Ok(());
        };
        if ctx.unix_ms() < ended_ms {
            return Ok(());
        }
        let began_ms = ended_ms + (ctx.unix_ms() - ended_ms) / length * length;
        if self.ranking.total() == 0 {
            return self.begin_season(ctx, began_ms);
        }
        self.end_season(ctx, ended_ms, began_ms)
    }

    /// Ends the season now, if there is anybody in it.
    pub(super) fn reset(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let now_ms = ctx.unix_ms();
        if self.ranking.total() > 0 { self.end_season(ctx, now_ms, now_ms) } else { Ok(()) }
    }

    fn end_season(
        &mut self,
        ctx: &mut Context<'_>,
        ended_ms: u64,
        began_ms: u64,
    ) -> Result<(), StorageError> {
        let number = self.meta.season.number;
        let kept = Kept {
            began_ms: self.meta.season.began_ms,
            ended_ms,
            total: self.ranking.total(),
            top: self.entries(ctx, 1, TOP_MAX)?,
        };
        ctx.storage().put_as(of_season(KEPT, number), &kept)?;
        ctx.set_alarm(SWEEP, ctx.unix_ms())?;
        self.meta.season.number = number + 1;
        self.ranking = Ranking::empty(number + 1);
        self.forget_seasons(ctx)?;
        self.begin_season(ctx, began_ms)
    }

    /// A season in which nobody was is none: it only begins later.
    fn begin_season(&mut self, ctx: &mut Context<'_>, began_ms: u64) -> Result<(), StorageError> {
        self.meta.season.began_ms = began_ms;
        self.time_season(ctx)?;
        self.show(ctx)
    }

    /// Sets when the season ends: so long after it began, or at the next multiple of that.
    pub(super) fn time_season(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let (now_ms, began_ms) = (ctx.unix_ms(), self.meta.season.began_ms);
        let next = |length: u64| began_ms + (now_ms.saturating_sub(began_ms) / length + 1) * length;
        self.meta.season.ends_ms = season_ms(self).map(next);
        match self.meta.season.ends_ms {
            Some(ends_ms) => ctx.set_alarm(SEASON, ends_ms)?,
            None => ctx.cancel_alarm(SEASON),
        }
        Ok(())
    }

    /// Forgets the tops of seasons that are too old.
    pub(super) fn forget_seasons(&self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let oldest = self.meta.season.number.saturating_sub(u64::from(self.meta.rules.seasons_kept));
        let old = Range { prefix: KEPT.into(), end: Some(of_season(KEPT, oldest)), ..Range::default() };
        for (key, _) in ctx.storage().list(&old)? {
            ctx.storage().delete(key);
        }
        Ok(())
    }

    /// Removes a part of the rows of seasons that are over; an alarm goes on.
    pub(super) fn sweep(&self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let mut is_more = false;
        for prefix in [ENTRIES, USERS, STRETCHES] {
            let end = Some(of_season(prefix, self.meta.season.number));
            let range = Range { prefix: prefix.into(), end, limit: Some(SWEPT_AT_ONCE), ..Range::default() };
            let rows = ctx.storage().list(&range)?;
            is_more |= rows.len() == SWEPT_AT_ONCE.get();
            ctx.storage().delete_keys(rows.into_iter().map(|(key, _)| key));
        }
        if is_more {
            ctx.set_alarm(SWEEP, ctx.unix_ms())?;
        }
        Ok(())
    }

    /// The seasons that are kept, the newest first, without their tops.
    pub(super) fn seasons(&self, ctx: &mut Context<'_>) -> Result<Vec<Season>, StorageError> {
        let range = Range { prefix: KEPT.into(), reverse: true, ..Range::default() };
        let rows = ctx.storage().list(&range)?;
        let number = |key: &[u8]| key.last_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
        rows.iter().map(|(key, kept)| Ok(read::<Kept>(kept)?.shown(number(key), false))).collect()
    }

    /// One of them.
    pub(super) fn season(&self, ctx: &mut Context<'_>, season: u64) -> Result<Season, CallError> {
        let kept: Option<Kept> = ctx.storage().get_as(&of_season(KEPT, season))?;
        let missing = || CallError::Missing {
            code: "no_such_season",
            reason: "no season of this number is kept".to_owned(),
        };
        Ok(kept.ok_or_else(missing)?.shown(season, true))
    }
}
