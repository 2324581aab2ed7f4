//! Alarms: a row with the object's others, and a row of `due`, by which all alarms are ordered in time.

use redb::{ReadTransaction, ReadableTable};

use super::keys::{Space, row_key, space_end};
use super::sealed::{decode_record, seal, unseal};
use crate::object::id::ObjectId;
use crate::object::storage::{AlarmRow, ReadError};
use crate::runtime::ports::{AlarmKey, DueAlarm};
use crate::store::error::damaged;
use crate::store::tables::{Bytes, DUE, ID_BYTES, RECORDS, Tables, VALUES};

/// Reads the row of an alarm.
pub(in crate::store) fn decode(row_key: &[u8], row: &[u8]) -> Result<AlarmRow, ReadError> {
    let what = || match row_key.first_chunk() {
        Some(id) => format!("an alarm of object {}", ObjectId::from_stored(*id)),
        None => "an alarm".to_owned(),
    };
    unseal(&what, row_key, row)
}

/// The alarm of this name.
pub(in crate::store) fn stored(
    values: &impl ReadableTable<Bytes, Bytes>,
    object: &ObjectId,
    name: &[u8],
) -> Result<Option<AlarmRow>, ReadError> {
    let key = row_key(object, Space::Alarm, name);
    let row = values.get(key.as_slice())?;
    row.map(|row| decode(&key, row.value())).transpose()
}

/// Every alarm of an object, by name.
pub(in crate::store) fn all(
    values: &impl ReadableTable<Bytes, Bytes>,
    object: &ObjectId,
) -> Result<Vec<AlarmRow>, ReadError> {
    let (from, to) = (row_key(object, Space::Alarm, &[]), space_end(object, Space::Alarm));
    let rows = values.range(from.as_slice()..to.as_slice())?;
    rows.map(|row| row.map_err(ReadError::from).and_then(|(key, row)| decode(key.value(), row.value())))
        .collect()
}

/// Sets an alarm in the place of `old`.
pub(in crate::store) fn set(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    old: Option<&AlarmRow>,
    alarm: &AlarmRow,
) -> Result<(), redb::Error> {
    let key = row_key(object, Space::Alarm, alarm.name.as_bytes());
    tables.values()?.insert(key.as_slice(), seal(&key, alarm).as_slice())?;
    if let Some(old) = old.filter(|old| old.due_ms != alarm.due_ms) {
        tables.due()?.remove(due_key(old.due_ms, object, &old.name).as_slice())?;
    }
    tables.due()?.insert(due_key(alarm.due_ms, object, &alarm.name).as_slice(), ())?;
    Ok(())
}

/// Removes an alarm.
pub(in crate::store) fn clear(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    old: &AlarmRow,
) -> Result<(), redb::Error> {
    let key = row_key(object, Space::Alarm, old.name.as_bytes());
    tables.values()?.remove(key.as_slice())?;
    tables.due()?.remove(due_key(old.due_ms, object, &old.name).as_slice())?;
    Ok(())
}

pub(in crate::store) fn due_key(due_ms: u64, object: &ObjectId, name: &str) -> Vec<u8> {
    [due_ms.to_be_bytes().as_slice(), object.as_bytes(), name.as_bytes()].concat()
}

/// A page of the alarms that are due. What is damaged is left out, and named in the log.
pub(in crate::store) fn due(
    transaction: &ReadTransaction,
    after: Option<&AlarmKey>,
    until_ms: u64,
    limit: usize,
) -> Result<Vec<DueAlarm>, ReadError> {
    let mut from = after.map_or_else(Vec::new, |key| due_key(key.due_ms, &key.object, &key.name));
    from.extend(after.is_some().then_some(0));
    let mut found = Vec::new();
    let (values, records) = (transaction.open_table(VALUES)?, transaction.open_table(RECORDS)?);
    for row in transaction.open_table(DUE)?.range::<&[u8]>(from.as_slice()..)? {
        let (key, _) = row?;
        let Some((due_ms, id, name)) = split(key.value()) else { continue };
        if due_ms > until_ms || found.len() >= limit {
            break;
        }
        let object = ObjectId::from_stored(*id);
        let read = || {
            let row = stored(&values, &object, name)?.ok_or_else(|| lost(&object, "its alarm"))?;
            let record = records.get(id)?.ok_or_else(|| lost(&object, "its record"))?;
            Ok((row, decode_record(&object, record.value())?))
        };
        match read() {
            Ok((row, record)) => found.push(DueAlarm { object, class: record.class, name: record.name, row }),
            Err(error @ ReadError::Io(_)) => return Err(error),
            Err(error) => tracing::error!(%object, %error, "an alarm does not fire; restore a backup"),
        }
    }
    Ok(found)
}

fn lost(object: &ObjectId, what: &str) -> ReadError {
    damaged(format!("object {object}"), format!("{what} is missing"))
}

fn split(key: &[u8]) -> Option<(u64, &[u8; ID_BYTES], &[u8])> {
    let (due, rest) = key.split_first_chunk()?;
    let (id, name) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*due), id, name))
}
