//! Preferences: JSON values by key, a row each.

use std::collections::BTreeMap;

use serde_json::Value;
use tickstone_shared::ids::changes_the_line;

use super::profile::Profile;
use super::words::{Change, Told};
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::values::StorageError;

/// Preferences of a user.
pub const PREFERENCES_MAX: usize = 100;
/// Bytes of a key.
pub const PREFERENCE_KEY_BYTES_MAX: usize = 64;
/// Bytes of a value, as JSON.
pub const PREFERENCE_VALUE_BYTES_MAX: usize = 4_096;
/// Bytes of all keys and values: a hello has them all.
pub const PREFERENCE_BYTES_IN_ALL_MAX: usize = 32 * 1024;

/// Where they are stored.
const ROWS: &str = "p/";

/// All of them.
pub(super) fn all(ctx: &mut Context<'_>) -> Result<BTreeMap<String, Value>, StorageError> {
    let rows = ctx.storage().list_prefix(ROWS)?;
    rows.iter().map(|(key, value)| Ok((name_of(key), parsed(value)?))).collect()
}

fn name_of(key: &[u8]) -> String {
    String::from_utf8_lossy(&key[ROWS.len()..]).into_owned()
}

pub(super) fn parsed<T: serde::de::DeserializeOwned>(value: &[u8]) -> Result<T, StorageError> {
    serde_json::from_slice(value).map_err(|error| StorageError::Type(error.to_string()))
}

impl Profile {
    /// Changes preferences, all of them or none, and tells every socket.
    pub(super) fn set(&mut self, ctx: &mut Context<'_>, change: &Change) -> Result<(), CallError> {
        let changed = &change.preferences;
        if !(1..=PREFERENCES_MAX).contains(&changed.len()) {
            return Err(CallError::Invalid(format!("preferences: expected 1 to {PREFERENCES_MAX}")));
        }
        changed.iter().try_for_each(|(key, value)| check(key, value))?;
        let mut all = all(ctx)?;
        all.extend(changed.clone());
        all.retain(|_, value| !value.is_null());
        let bytes: usize = all.iter().map(|(key, value)| key.len() + value.to_string().len()).sum();
        if all.len() > PREFERENCES_MAX || bytes > PREFERENCE_BYTES_IN_ALL_MAX {
            let reason = format!(
                "a user has at most {PREFERENCES_MAX} preferences of {PREFERENCE_BYTES_IN_ALL_MAX} bytes in all"
            );
            return Err(CallError::Conflict { code: "too_many_preferences", reason });
        }
        for (key, value) in changed {
            let row = format!("{ROWS}{key}");
            if value.is_null() {
                ctx.storage().delete(row);
            } else {
                ctx.storage().put(row, value.to_string())?;
            }
        }
        ctx.peers().broadcast(None, &[], Told::Preferences { changed: changed.clone() }.text());
        Ok(())
    }
}

fn check(key: &str, value: &Value) -> Result<(), CallError> {
    if !(1..=PREFERENCE_KEY_BYTES_MAX).contains(&key.len()) || key.contains(changes_the_line) {
        let expected =
            format!("expected keys of 1 to {PREFERENCE_KEY_BYTES_MAX} bytes, none of them a control");
        return Err(CallError::Invalid(format!("preferences: {expected}")));
    }
    if value.to_string().len() > PREFERENCE_VALUE_BYTES_MAX {
        let expected = format!("expected values of at most {PREFERENCE_VALUE_BYTES_MAX} bytes as JSON");
        return Err(CallError::Invalid(format!("preferences: {expected}")));
    }
    Ok(())
}
