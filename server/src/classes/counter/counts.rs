//! The counts of one object: in memory, and each in a row of its own, so that a change is one small write.

use std::collections::BTreeMap;

use tickstone_shared::ids::changes_the_line;

use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::values::StorageError;

/// Keys of one object whose count is not 0.
pub const KEYS_MAX: usize = 1000;
/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 128;
/// A count is at most this, and at least minus this: every JSON library reads it exactly.
pub const COUNT_MAX: i64 = (1 << 53) - 1;

/// What rows of counts begin with.
const PREFIX: &str = "count/";

/// The counts by key. What is 0 is not there.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<String, i64>);

impl Counts {
    /// As they are stored.
    pub(super) fn stored(ctx: &mut Context<'_>) -> Result<Self, StorageError> {
        let rows = ctx.storage().list_prefix(PREFIX)?;
        let count = |(key, value): (Vec<u8>, Vec<u8>)| {
            let key = String::from_utf8(key[PREFIX.len()..].to_vec());
            let key = key.map_err(|error| StorageError::Type(error.to_string()))?;
            let count =
                postcard::from_bytes(&value).map_err(|error| StorageError::Type(error.to_string()))?;
            Ok((key, count))
        };
        Ok(Self(rows.into_iter().map(count).collect::<Result<_, StorageError>>()?))
    }

    /// One of them.
    pub(super) fn of(&self, key: &str) -> i64 {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// All that are not 0.
    pub(super) fn all(&self) -> &BTreeMap<String, i64> {
        &self.0
    }

    /// Changes one; nothing of it happens where that is over a limit.
    pub(super) fn change(&mut self, ctx: &mut Context<'_>, key: &str, by: i64) -> Result<i64, CallError> {
        let count = self.of(key).saturating_add(by);
        if count.abs() > COUNT_MAX {
            return Err(CallError::Conflict {
                code: "out_of_range",
                reason: format!("a count is -{COUNT_MAX} to {COUNT_MAX}; this one would be {count}"),
            });
        }
        if count != 0 && !self.0.contains_key(key) && self.0.len() >= KEYS_MAX {
            return Err(CallError::Conflict {
                code: "too_many_keys",
                reason: format!("a counter has at most {KEYS_MAX} keys whose count is not 0"),
            });
        }
        let row = format!("{PREFIX}{key}");
        if count == 0 {
            // A key that was never counted has no row to be deleted.
            if self.0.remove(key).is_some() {
                ctx.storage().delete(row);
            }
        } else {
            ctx.storage().put_as(row, &count)?;
            self.0.insert(key.to_owned(), count);
        }
        Ok(count)
    }
}

/// A key that is one.
pub(super) fn check_key(key: &str) -> Result<(), CallError> {
    if key.len() > KEY_BYTES_MAX || key.contains(changes_the_line) {
        let reason = format!("key: expected at most {KEY_BYTES_MAX} bytes, none of them a control");
        return Err(CallError::Invalid(reason));
    }
    Ok(())
}

/// A number to add or to take that is one.
pub(super) fn check_by(by: i64) -> Result<(), CallError> {
    if (1..=COUNT_MAX).contains(&by) {
        Ok(())
    } else {
        Err(CallError::Invalid(format!("by: expected 1 to {COUNT_MAX}")))
    }
}
