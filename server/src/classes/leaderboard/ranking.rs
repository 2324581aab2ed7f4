//! The entries of a season in order, and how many there are before each.
//!
//! An entry is a row under its place. Stretches of neighbouring places have counts, which are stored, too, and are all
//! that a board has in memory: a rank is the sum of the stretches before, and the rows of one.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::place::{PLACE_BYTES, Place};
use crate::object::context::Context;
use crate::object::storage::{Range, Start};
use crate::object::values::{Row, StorageError};

/// Entries of a stretch; one more, and it is parted.
pub const STRETCH_MAX: u64 = 256;

/// Rows of entries: season and place.
pub(super) const ENTRIES: &[u8] = b"r/";
/// Counts of stretches: season and the place they begin with.
pub(super) const STRETCHES: &[u8] = b"f/";

/// What is stored of an entry; its score is in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ranked {
    pub(super) user: String,
    pub(super) at_unix_ms: u64,
    pub(super) results: u32,
}

/// The order of a season's entries.
#[derive(Debug)]
pub(super) struct Ranking {
    season: u64,
    /// Entries of each stretch, by the place it begins with; the first begins before every place.
    stretches: BTreeMap<Place, u64>,
    total: u64,
}

/// A prefix and a season.
pub(super) fn of_season(prefix: &[u8], season: u64) -> Vec<u8> {
    [prefix, &season.to_be_bytes()].concat()
}

impl Ranking {
    /// Nobody yet.
    pub(super) fn empty(season: u64) -> Self {
        Self { season, stretches: BTreeMap::from([(Place::FIRST, 0)]), total: 0 }
    }

    /// As it is stored.
    pub(super) fn stored(ctx: &mut Context<'_>, season: u64) -> Result<Self, StorageError> {
        let mut ranking = Self::empty(season);
        for (key, count) in ctx.storage().list_prefix(of_season(STRETCHES, season))? {
            let count: u64 = read(&count)?;
            ranking.stretches.insert(place_of(&key)?, count);
            ranking.total += count;
        }
        Ok(ranking)
    }

    /// Entries in all.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Stretches in memory.
    #[cfg(test)]
    pub(super) fn stretches(&self) -> impl Iterator<Item = u64> {
        self.stretches.values().copied()
    }

    fn key(&self, prefix: &[u8], place: Place) -> Vec<u8> {
        [prefix, &self.season.to_be_bytes(), &place.0].concat()
    }

    /// The stretch of a place: where it begins, and how many it has.
    fn stretch_of(&self, place: Place) -> (Place, u64) {
        let (start, count) = self.stretches.range(..=place).next_back().expect("the first begins before all");
        (*start, *count)
    }

    fn after(&self, start: Place) -> Option<(Place, u64)> {
        let after = (Bound::Excluded(start), Bound::Unbounded);
        self.stretches.range(after).next().map(|(next, count)| (*next, *count))
    }

    fn set(&mut self, ctx: &mut Context<'_>, start: Place, count: u64) -> Result<(), StorageError> {
        self.stretches.insert(start, count);
        ctx.storage().put_as(self.key(STRETCHES, start), &count)
    }

    /// The rows of entries from a place on, in order.
    fn rows(&self, ctx: &mut Context<'_>, from: Place, limit: u64) -> Result<Vec<Row>, StorageError> {
        let Some(limit) = NonZeroUsize::new(usize::try_from(limit).unwrap_or(usize::MAX)) else {
            return Ok(Vec::new());
        };
        ctx.storage().list(&Range {
            prefix: of_season(ENTRIES, self.season),
            start: Start::At(self.key(ENTRIES, from)),
            limit: Some(limit),
            ..Range::default()
        })
    }

    /// What stands at a place.
    pub(super) fn at(&self, ctx: &mut Context<'_>, place: Place) -> Result<Ranked, StorageError> {
        let missing = || StorageError::Type("an entry of the board is missing".to_owned());
        ctx.storage().get_as(&self.key(ENTRIES, place))?.ok_or_else(missing)
    }

    /// Changes what stands at a place.
    pub(super) fn put(
        &self,
        ctx: &mut Context<'_>,
        place: Place,
        ranked: &Ranked,
    ) -> Result<(), StorageError> {
        ctx.storage().put_as(self.key(ENTRIES, place), ranked)
    }

    /// One more.
    pub(super) fn insert(
        &mut self,
        ctx: &mut Context<'_>,
        place: Place,
        ranked: &Ranked,
    ) -> Result<(), StorageError> {
        self.put(ctx, place, ranked)?;
        self.total += 1;
        let (start, count) = self.stretch_of(place);
        if count < STRETCH_MAX {
            return self.set(ctx, start, count + 1);
        }
        let rows = self.rows(ctx, start, count + 1)?;
        let (half, kept) = (rows.len() / 2, (rows.len() / 2) as u64);
        let middle = place_of(&rows[half].0)?;
        self.set(ctx, start, kept)?;
        self.set(ctx, middle, count + 1 - kept)
    }

    /// One less. A stretch that becomes small joins a neighbour: two of them have more than half of what one may.
    pub(super) fn remove(&mut self, ctx: &mut Context<'_>, place: Place) -> Result<(), StorageError> {
        ctx.storage().delete(self.key(ENTRIES, place));
        self.total -= 1;
        let (start, count) = self.stretch_of(place);
        self.set(ctx, start, count - 1)?;
        let before = self.stretches.range(..start).next_back().map(|(before, _)| *before);
        if let Some(before) = before {
            self.join(ctx, before)?;
        }
        let (start, _) = self.stretch_of(place);
        self.join(ctx, start)
    }

    /// Joins a stretch with the next if both are small.
    fn join(&mut self, ctx: &mut Context<'_>, start: Place) -> Result<(), StorageError> {
        let (Some(count), Some((next, more))) = (self.stretches.get(&start).copied(), self.after(start))
        else {
            return Ok(());
        };
        if count > 0 && more > 0 && count + more > STRETCH_MAX / 2 {
            return Ok(());
        }
        self.stretches.remove(&next);
        ctx.storage().delete(self.key(STRETCHES, next));
        self.set(ctx, start, count + more)
    }

    /// The rank of a place, from 1.
    pub(super) fn rank_of(&self, ctx: &mut Context<'_>, place: Place) -> Result<u64, StorageError> {
        let (start, count) = self.stretch_of(place);
        let before: u64 = self.stretches.range(..start).map(|(_, count)| count).sum();
        let key = self.key(ENTRIES, place);
        let within = self.rows(ctx, start, count)?.iter().take_while(|(its, _)| *its < key).count();
        Ok(before + within as u64 + 1)
    }

    /// Entries from a rank on.
    pub(super) fn page(
        &self,
        ctx: &mut Context<'_>,
        from: u64,
        limit: u64,
    ) -> Result<Vec<(Place, Ranked)>, StorageError> {
        let mut skipped = from.saturating_sub(1);
        if skipped >= self.total {
            return Ok(Vec::new());
        }
        let found = self.stretches.iter().find(|(_, count)| {
            let is_here = skipped < **count;
            skipped -= if is_here { 0 } else { **count };
            is_here
        });
        let (start, _) = found.expect("the counts are what there is in all");
        let rows = self.rows(ctx, *start, skipped + limit)?;
        let wanted = rows.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX));
        wanted.map(|(key, value)| Ok((place_of(key)?, read(value)?))).collect()
    }

    /// The last of all.
    pub(super) fn last(&self, ctx: &mut Context<'_>) -> Result<Option<(Place, Ranked)>, StorageError> {
        let range = Range {
            prefix: of_season(ENTRIES, self.season),
            reverse: true,
            limit: Some(NonZeroUsize::MIN),
            ..Range::default()
        };
        let rows = ctx.storage().list(&range)?;
        rows.first().map(|(key, value)| Ok((place_of(key)?, read(value)?))).transpose()
    }
}

fn place_of(key: &[u8]) -> Result<Place, StorageError> {
    let of = Place::at_end_of(key).filter(|_| key.len() > PLACE_BYTES);
    of.ok_or_else(|| StorageError::Type("a place is too short".to_owned()))
}

pub(super) fn read<T: for<'de> Deserialize<'de>>(value: &[u8]) -> Result<T, StorageError> {
    postcard::from_bytes(value).map_err(|error| StorageError::Type(error.to_string()))
}
