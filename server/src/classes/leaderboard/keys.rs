//! Submissions that were counted, by their keys: the same again counts no second time.
//!
//! An object, such as a match, says when it never asks again; until then its key stays, for however long a server is
//! down. The key of anybody else is remembered for a time.

use std::num::NonZeroUsize;
use std::time::Duration;

use tickstone_shared::ids::changes_the_line;

use super::board::Meta;
use super::ranking::read;
use crate::object::caller::Caller;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::storage::Range;
use crate::object::values::StorageError;

/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 128;
/// How long the key of whoever is no object is remembered.
pub const KEY_REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Keys of a board. A row of less than 500 bytes each.
pub const KEYS_MAX: u64 = 1_000_000;

/// Until when a key is remembered (ms since 1970; none: until it is settled), by who submitted and the key.
const KEYS: &[u8] = b"k/";
/// Keys that are remembered for a time, by when that ends.
const ENDING: &[u8] = b"x/";
/// Keys that are forgotten with one submission at most: so the rows go faster than they come.
const FORGOTTEN_AT_ONCE: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not 0");

/// A key of a caller.
#[derive(Debug)]
pub(super) struct Key {
    row: Vec<u8>,
    is_of_object: bool,
}

impl Key {
    /// Nobody can use up a key of an object: an object has a place of its own for them.
    pub(super) fn of(caller: &Caller, key: &str) -> Result<Self, CallError> {
        if !(1..=KEY_BYTES_MAX).contains(&key.len()) || key.contains(changes_the_line) {
            let expected = format!("key: expected 1 to {KEY_BYTES_MAX} bytes, none of them a control");
            return Err(CallError::Invalid(expected));
        }
        let whose = match caller {
            Caller::Object { class, name } => format!("{class}/{name}"),
            _ => String::new(),
        };
        let row = [KEYS, whose.as_bytes(), &[0], key.as_bytes()].concat();
        Ok(Self { row, is_of_object: !whose.is_empty() })
    }

    /// Whether it is remembered.
    pub(super) fn is_known(&self, ctx: &mut Context<'_>) -> Result<bool, StorageError> {
        let until: Option<Option<u64>> = ctx.storage().get_as(&self.row)?;
        let now_ms = ctx.unix_ms();
        Ok(until.is_some_and(|until| until.is_none_or(|until| until > now_ms)))
    }

    /// Remembers it.
    pub(super) fn remember(&self, ctx: &mut Context<'_>, meta: &mut Meta) -> Result<(), CallError> {
        forget_ended(ctx, meta)?;
        // One whose time is over may still be there.
        if ctx.storage().get(&self.row)?.is_none() {
            if meta.keys >= KEYS_MAX {
                return Err(CallError::Overloaded);
            }
            meta.keys += 1;
        }
        let until_ms = (!self.is_of_object).then(|| ctx.unix_ms() + KEY_REMEMBERED.as_millis() as u64);
        ctx.storage().put_as(self.row.clone(), &until_ms)?;
        if let Some(until_ms) = until_ms {
            ctx.storage().put(ending(until_ms, &self.row), [])?;
        }
        Ok(())
    }

    /// Whoever submitted under it never asks again. False: it is not there.
    pub(super) fn settle(&self, ctx: &mut Context<'_>, meta: &mut Meta) -> Result<bool, StorageError> {
        let is_there = ctx.storage().get(&self.row)?.is_some();
        if is_there {
            ctx.storage().delete(self.row.clone());
            meta.keys -= 1;
        }
        Ok(is_there)
    }
}

fn ending(until_ms: u64, row: &[u8]) -> Vec<u8> {
    [ENDING, &until_ms.to_be_bytes(), row].concat()
}

/// Forgets some keys whose time is over. One that was remembered anew meanwhile has a later end, and stays.
fn forget_ended(ctx: &mut Context<'_>, meta: &mut Meta) -> Result<(), StorageError> {
    let end = ending(ctx.unix_ms() + 1, &[]);
    let over =
        Range { prefix: ENDING.into(), end: Some(end), limit: Some(FORGOTTEN_AT_ONCE), ..Range::default() };
    for (key, _) in ctx.storage().list(&over)? {
        let (until, row) = key[ENDING.len()..].split_at(size_of::<u64>());
        let stored = ctx.storage().get(row)?.map(|until| read::<Option<u64>>(&until)).transpose()?;
        if stored == Some(Some(u64::from_be_bytes(*until.first_chunk().expect("it was split off")))) {
            ctx.storage().delete(row);
            meta.keys -= 1;
        }
        ctx.storage().delete(key.clone());
    }
    Ok(())
}
