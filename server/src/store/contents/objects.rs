//! Records, and the indexes of objects: by class and name, and of those that are woken at start.

use redb::{ReadTransaction, ReadableTable};

use super::sealed::{decode_record, encode_record};
use crate::object::id::ObjectId;
use crate::object::storage::{ReadError, Record, after_prefix};
use crate::runtime::ports::ObjectQuery;
use crate::store::error::damaged;
use crate::store::tables::{Bytes, Id, NAMES, RECORDS, Tables, WAKES};

/// No class has this in its name, and it sorts before everything that has.
const SEPARATOR: u8 = 0;

/// Where an object is found by its class and name.
pub(in crate::store) fn name_key(class: &str, name: &str) -> Vec<u8> {
    [class.as_bytes(), &[SEPARATOR], name.as_bytes()].concat()
}

/// The class in such a key.
pub(in crate::store) fn class_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.split(|byte| *byte == SEPARATOR).next()?).ok()
}

/// Stores a record and finds the object by it from now on.
pub(in crate::store) fn set_record(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    record: &Record,
) -> Result<(), redb::Error> {
    let row = encode_record(object, record);
    let old = tables.records()?.insert(object.as_bytes(), row.as_slice())?.map(|row| row.value().to_vec());
    let old = old.and_then(|row| decode_record(object, &row).ok());
    let same_name = |old: &Record| (&old.class, &old.name) == (&record.class, &record.name);
    if !old.as_ref().is_some_and(same_name) {
        if let Some(old) = &old {
            tables.names()?.remove(name_key(&old.class, old.name.as_str()).as_slice())?;
        }
        let key = name_key(&record.class, record.name.as_str());
        tables.names()?.insert(key.as_slice(), object.as_bytes())?;
    }
    match (old.is_some_and(|old| old.wake_at_start), record.wake_at_start) {
        (false, true) => drop(tables.wakes()?.insert(object.as_bytes(), ())?),
        (true, false) => drop(tables.wakes()?.remove(object.as_bytes())?),
        _ => {}
    }
    Ok(())
}

/// Forgets a record.
pub(in crate::store) fn remove_record(tables: &mut Tables<'_>, object: &ObjectId) -> Result<(), redb::Error> {
    let Some(row) = tables.records()?.remove(object.as_bytes())?.map(|row| row.value().to_vec()) else {
        return Ok(());
    };
    tables.wakes()?.remove(object.as_bytes())?;
    if let Ok(record) = decode_record(object, &row) {
        tables.names()?.remove(name_key(&record.class, record.name.as_str()).as_slice())?;
    }
    Ok(())
}

/// Every object that is woken at start. What is damaged is left out, and named in the log.
pub(in crate::store) fn to_wake(transaction: &ReadTransaction) -> Result<Vec<(ObjectId, Record)>, ReadError> {
    let records = transaction.open_table(RECORDS)?;
    let mut found = Vec::new();
    for row in transaction.open_table(WAKES)?.iter()? {
        let object = ObjectId::from_stored(*row?.0.value());
        found.extend(listed(&records, object)?);
    }
    Ok(found)
}

/// A page of objects. What is damaged is left out, and named in the log.
pub(in crate::store) fn page(
    transaction: &ReadTransaction,
    query: &ObjectQuery,
) -> Result<Vec<(ObjectId, Record)>, ReadError> {
    let (names, records) = (transaction.open_table(NAMES)?, transaction.open_table(RECORDS)?);
    let mut found = Vec::new();
    let mut from = match (&query.after, &query.class) {
        (Some((class, name)), _) => [name_key(class, name).as_slice(), &[0]].concat(),
        (None, Some(class)) => name_key(class, &query.prefix),
        (None, None) => Vec::new(),
    };
    while found.len() < query.limit {
        let Some(row) = names.range(from.as_slice()..)?.next().transpose()? else { break };
        let Some(class) = class_of(row.0.value()).map(str::to_owned) else { break };
        if query.class.as_ref().is_some_and(|wanted| *wanted != class) {
            break;
        }
        let first = name_key(&class, &query.prefix);
        from = from.max(first.clone());
        let end = after_prefix(&first).unwrap_or_default();
        for row in names.range(from.as_slice()..end.as_slice().max(&from))? {
            if found.len() >= query.limit {
                break;
            }
            let object = ObjectId::from_stored(*row?.1.value());
            found.extend(listed(&records, object)?);
        }
        from = [class.as_bytes(), &[SEPARATOR + 1]].concat();
    }
    Ok(found)
}

fn listed(
    records: &impl ReadableTable<Id, Bytes>,
    object: ObjectId,
) -> Result<Option<(ObjectId, Record)>, ReadError> {
    let row = records.get(object.as_bytes())?;
    let record = row.map(|row| decode_record(&object, row.value()));
    let missing = || Err(damaged(format!("object {object}"), "its record is missing"));
    match record.unwrap_or_else(missing) {
        Ok(record) => Ok(Some((object, record))),
        Err(error @ ReadError::Io(_)) => Err(error),
        Err(error) => {
            tracing::error!(%object, %error, "an object is left out; restore a backup to get it back");
            Ok(None)
        }
    }
}
