//! How much an object has: what its quota is decided by, and whether anything is left of it.

use std::collections::BTreeMap;

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::keys::{Space, row_key};
use super::sealed::{seal, unseal};
use crate::object::id::ObjectId;
use crate::object::storage::{ReadError, Write};
use crate::store::tables::{Bytes, Tables};

/// Exact, as of a commit. An object without a row has nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Account {
    /// Bytes of keys and values, and what alarms count for.
    pub(in crate::store) bytes: u64,
    /// How many values and alarms.
    pub(in crate::store) rows: u64,
}

impl Account {
    /// Something of `old` bytes was there (none: nothing), and now `new` are.
    pub(in crate::store) fn replace(&mut self, old: Option<u64>, new: Option<u64>) {
        self.bytes = self.bytes.saturating_sub(old.unwrap_or(0)) + new.unwrap_or(0);
        self.rows = self.rows.saturating_sub(u64::from(old.is_some())) + u64::from(new.is_some());
    }
}

/// Bytes by which writes grow an object at most.
pub(in crate::store) fn growth_max(writes: &[Write]) -> u64 {
    let of = |write: &Write| match write {
        Write::Put { key, value } => (key.len() + value.len()) as u64,
        Write::SetAlarm(alarm) => alarm.bytes(),
        _ => 0,
    };
    writes.iter().map(of).sum()
}

/// Do these writes change what an account counts?
pub(in crate::store) fn counts(writes: &[Write]) -> bool {
    let counts = |write: &Write| match write {
        Write::Put { .. } | Write::Delete { .. } | Write::SetAlarm(_) | Write::ClearAlarm { .. } => true,
        Write::DeleteAll | Write::Restore { .. } => true,
        Write::Append { .. } | Write::CutJournal | Write::Record(_) => false,
        Write::KeepSocket(_) | Write::ForgetSocket(_) => false,
    };
    writes.iter().any(counts)
}

/// What is known of a row before it is changed: the bytes it counts for, and its generation if it is an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Before {
    pub(in crate::store) bytes: u64,
    pub(in crate::store) generation: u64,
}

/// What an object with this account will have after these writes, of which none restores; `stored` says what
/// a row is now.
pub(in crate::store) fn after<E>(
    mut account: Account,
    writes: &[Write],
    mut stored: impl FnMut(Space, &[u8]) -> Result<Option<Before>, E>,
) -> Result<Account, E> {
    let mut changed: BTreeMap<(bool, &[u8]), Option<Before>> = BTreeMap::new();
    let mut emptied = false;
    for write in writes {
        let (space, key, new) = match write {
            Write::Put { key, value } => {
                (Space::Value, key.as_slice(), Some((key.len() + value.len()) as u64))
            }
            Write::Delete { key } => (Space::Value, key.as_slice(), None),
            Write::SetAlarm(alarm) => (Space::Alarm, alarm.name.as_bytes(), Some(alarm.bytes())),
            Write::ClearAlarm { name, .. } => (Space::Alarm, name.as_bytes(), None),
            Write::DeleteAll => {
                (account, emptied) = (Account::default(), true);
                changed.clear();
                continue;
            }
            Write::Append { .. } | Write::CutJournal | Write::Record(_) | Write::Restore { .. } => continue,
            Write::KeepSocket(_) | Write::ForgetSocket(_) => continue,
        };
        let place = (space == Space::Alarm, key);
        let before = match changed.get(&place) {
            Some(before) => *before,
            None if emptied => None,
            None => stored(space, key)?,
        };
        let generation = match write {
            Write::SetAlarm(alarm) => alarm.generation,
            // Another one than is meant stays.
            Write::ClearAlarm { generation, .. } if before.is_some_and(|b| b.generation != *generation) => {
                continue;
            }
            _ => 0,
        };
        account.replace(before.map(|before| before.bytes), new);
        changed.insert(place, new.map(|bytes| Before { bytes, generation }));
    }
    Ok(account)
}

pub(in crate::store) fn read(
    values: &impl ReadableTable<Bytes, Bytes>,
    object: &ObjectId,
) -> Result<Account, ReadError> {
    let key = row_key(object, Space::Account, &[]);
    let Some(row) = values.get(key.as_slice())? else { return Ok(Account::default()) };
    unseal(&|| format!("the account of object {object}"), &key, row.value())
}

pub(in crate::store) fn write(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    account: Account,
) -> Result<(), redb::Error> {
    let key = row_key(object, Space::Account, &[]);
    if account.rows == 0 {
        tables.values()?.remove(key.as_slice())?;
    } else {
        tables.values()?.insert(key.as_slice(), seal(&key, &account).as_slice())?;
    }
    Ok(())
}
