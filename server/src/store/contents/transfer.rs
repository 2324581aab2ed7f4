//! Moves everything that is stored of an object to another class: its id changes, and with it every row's key
//! and checksum.

use std::collections::BTreeMap;

use redb::ReadableTable;

use super::account::{self, Account};
use super::chunk::{Scratch, assemble};
use super::history::{self, Subject};
use super::keys::{Space, row_key, space_end, within};
use super::sealed::{decode_record, encode_record, seal};
use super::writer::{History, Writer};
use super::{alarms, objects};
use crate::object::id::ObjectId;
use crate::object::storage::{Entry, Record};
use crate::store::error::lenient;
use crate::store::recovery::{move_tail, remove_tails};
use crate::store::tables::Tables;
use tickstone_shared::ids::ObjectName;

/// Moves an object and returns its new id. What is damaged stays behind, and is logged.
pub(in crate::store) fn transfer(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    record: &Record,
    to: &str,
) -> Result<ObjectId, redb::Error> {
    let new = object.in_class(&record.class, to, &record.name);
    let mut scratch = Scratch::default();
    copy_rows(tables, &mut scratch, (object, &new), to)?;
    move_tail(tables, object, &new)?;
    remove_tails(tables, object)?;
    Writer::new(tables, &mut scratch, 0, BTreeMap::new()).delete_all(object, History::None)?;
    account::write(tables, object, Account::default())?;
    let record = Record { class: to.to_owned(), name: new_name(object, &new, record), ..record.clone() };
    objects::set_record(tables, &new, &record)?;
    Ok(new)
}

/// One that is called by its id is called by the new one.
fn new_name(object: &ObjectId, new: &ObjectId, record: &Record) -> ObjectName {
    let own = record.name.as_str() == object.to_string();
    own.then(|| ObjectName::parse(&new.to_string()).ok()).flatten().unwrap_or_else(|| record.name.clone())
}

fn copy_rows(
    tables: &mut Tables<'_>,
    scratch: &mut Scratch,
    (object, new): (&ObjectId, &ObjectId),
    to: &str,
) -> Result<(), redb::Error> {
    if let Some(had) = lenient(account::read(tables.values()?, object))? {
        account::write(tables, new, had)?;
    }
    for alarm in lenient(alarms::all(tables.values()?, object))?.unwrap_or_default() {
        alarms::set(tables, new, None, &alarm)?;
    }
    for space in [Space::Value, Space::History] {
        let (mut from, end) = (row_key(object, space, &[]), space_end(object, space));
        while let Some((key, row)) = first_of(tables, &from, &end)? {
            let mut piece = |key: &[u8]| Ok(tables.chunks()?.get(key)?.map(|piece| piece.value().to_vec()));
            if let Some(value) = lenient(assemble(&key, &row, &mut piece))? {
                let value = match space {
                    Space::History => readdressed((object, new), to, &key, value)?,
                    _ => value,
                };
                scratch.put(tables, (new, space), within(&key), &value)?;
            }
            from = [key.as_slice(), &[0]].concat();
        }
    }
    Ok(())
}

fn first_of(tables: &mut Tables<'_>, from: &[u8], to: &[u8]) -> Result<Option<Entry>, redb::Error> {
    let first = tables.values()?.range::<&[u8]>(from..to)?.next().transpose()?;
    Ok(first.map(|(key, row)| (key.value().to_vec(), row.value().to_vec())))
}

/// A row of the history that has a sealed row within it, sealed for the new id.
fn readdressed(
    (object, new): (&ObjectId, &ObjectId),
    to: &str,
    key: &[u8],
    value: Vec<u8>,
) -> Result<Vec<u8>, redb::Error> {
    let Some((&mark, row)) = value.split_first().filter(|(_, row)| !row.is_empty()) else {
        return Ok(value);
    };
    let sealed = match history::parse(within(key)) {
        Some(Subject::Alarm(name)) => {
            let alarm = lenient(alarms::decode(&row_key(object, Space::Alarm, &name), row))?;
            alarm.map(|alarm| seal(&row_key(new, Space::Alarm, &name), &alarm))
        }
        Some(Subject::Record) => {
            let record = lenient(decode_record(object, row))?;
            record.map(|record| encode_record(new, &Record { class: to.to_owned(), ..record }))
        }
        Some(Subject::Value(_)) | None => return Ok(value),
    };
    Ok([&[mark], sealed.unwrap_or_default().as_slice()].concat())
}
