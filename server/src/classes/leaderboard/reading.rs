//! Reading a board, and what everybody is shown of it.

use std::time::Duration;

use serde_json::json;

use super::board::{Board, check_user, no_such_user};
use super::place::Place;
use super::ranking::Ranked;
use super::words::{Entry, Of, Page, Rank, Standing};
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::values::StorageError;

/// Entries of a page.
pub const PAGE_MAX: usize = 100;
/// Entries of a page, unless it is asked for otherwise.
const PAGE: usize = 20;
/// Neighbours of a user that are told, on either side.
pub const AROUND_MAX: u64 = 50;
/// Entries that everybody is shown, and that are kept of a season.
pub const TOP_MAX: u64 = 100;
/// What everybody is shown is renewed no more often.
pub const SHOWN_EVERY: Duration = Duration::from_secs(1);

/// The alarm that shows what has changed since the board was last shown.
pub(super) const SHOW: &str = "show";

impl Board {
    fn entry(&self, rank: u64, place: Place, ranked: Ranked) -> Entry {
        let Ranked { user, at_unix_ms, results } = ranked;
        Entry { rank, user, score: place.score(self.meta.rules.sorted), at_unix_ms, results }
    }

    /// Entries from a rank on.
    pub(super) fn entries(
        &self,
        ctx: &mut Context<'_>,
        from: u64,
        limit: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        let rows = self.ranking.page(ctx, from, limit)?;
        Ok((from..).zip(rows).map(|(rank, (place, ranked))| self.entry(rank, place, ranked)).collect())
    }

    /// A page.
    pub(super) fn page(&self, ctx: &mut Context<'_>, page: &Page) -> Result<Standing, CallError> {
        let (from, limit) = (page.from.unwrap_or(1), page.limit.unwrap_or(PAGE));
        if from == 0 {
            return Err(CallError::Invalid("from: expected a rank, from 1".to_owned()));
        }
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(CallError::Invalid(format!("limit: expected 1 to {PAGE_MAX}")));
        }
        Ok(self.standing(ctx, from, limit as u64)?)
    }

    fn standing(&self, ctx: &mut Context<'_>, from: u64, limit: u64) -> Result<Standing, StorageError> {
        let entries = self.entries(ctx, from, limit)?;
        let total = self.ranking.total();
        let next = entries.last().map(|last| last.rank + 1).filter(|next| *next <= total);
        let (season, ends_unix_ms) = (self.meta.season.number, self.meta.season.ends_ms);
        Ok(Standing { season, ends_unix_ms, total, entries, next })
    }

    /// Where a user stands, and who stands around them.
    pub(super) fn rank(&self, ctx: &mut Context<'_>, of: &Of) -> Result<Rank, CallError> {
        check_user(&of.user)?;
        if of.around > AROUND_MAX {
            return Err(CallError::Invalid(format!("around: expected 0 to {AROUND_MAX}")));
        }
        let place = self.place_of(ctx, &of.user)?.ok_or_else(no_such_user)?;
        let rank = self.ranking.rank_of(ctx, place)?;
        let from = rank.saturating_sub(of.around).max(1);
        let around = self.entries(ctx, from, rank - from + 1 + of.around)?;
        let entry = self.ranking.at(ctx, place)?;
        let around = if of.around == 0 { Vec::new() } else { around };
        Ok(Rank { entry: self.entry(rank, place, entry), around, total: self.ranking.total() })
    }

    /// Shows everybody the best, or sets an alarm for it if they were shown just now.
    pub(super) fn show(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let next_ms = self.meta.shown_ms + SHOWN_EVERY.as_millis() as u64;
        if ctx.unix_ms() >= next_ms {
            return self.show_now(ctx);
        }
        if ctx.alarm(SHOW).is_none() {
            ctx.set_alarm(SHOW, next_ms)?;
        }
        Ok(())
    }

    /// Shows everybody the best.
    pub(super) fn show_now(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        self.meta.shown_ms = ctx.unix_ms();
        let standing = self.standing(ctx, 1, TOP_MAX)?;
        let shown = json!({
            "board": ctx.identity().name,
            "season": standing.season,
            "ends_unix_ms": standing.ends_unix_ms,
            "total": standing.total,
            "entries": standing.entries,
            "keeps": self.meta.rules.keeps,
            "sorted": self.meta.rules.sorted,
        });
        ctx.show_snapshot(&shown.to_string())?;
        Ok(())
    }
}
