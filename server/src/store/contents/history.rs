//! What values, alarms and records were before the groups that changed them, for classes that ask for it.
//!
//! A group that changes something first stores what that was, once. The state at an earlier moment is what is
//! there now with, for each row that has changed since, the oldest of what it was since. `moments` says when
//! each such group was committed and whose rows it changed; by it the history is shortened, a few rows with
//! each commit.

use std::collections::BTreeSet;

use redb::{ReadTransaction, ReadableTable};

use super::chunk::{Scratch, assemble};
use super::keys::{Space, row_key, space_end, within};
use crate::object::id::ObjectId;
use crate::object::storage::{Bookmark, ReadError};
use crate::store::classes::class_rows;
use crate::store::error::lenient;
use crate::store::tables::{CLASSES, FLOOR_KEY, ID_BYTES, LOG, META, MOMENTS, Tables, last_group};

/// Rows of the history that one commit removes at most.
const PRUNED_ROWS_MAX: usize = 256;
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// What a row of the history is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Subject {
    /// The record.
    Record,
    /// The value of this key.
    Value(Vec<u8>),
    /// The alarm of this name.
    Alarm(Vec<u8>),
}

/// The name of a row of the history.
fn name_of(group: u64, subject: &Subject) -> Vec<u8> {
    let (kind, key): (u8, &[u8]) = match subject {
        Subject::Record => (0, &[]),
        Subject::Value(key) => (1, key),
        Subject::Alarm(name) => (2, name),
    };
    [group.to_be_bytes().as_slice(), &[kind], key].concat()
}

/// What a row of the history is about, by its name.
pub(in crate::store) fn parse(name: &[u8]) -> Option<Subject> {
    let (_group, rest) = name.split_first_chunk::<8>()?;
    match rest.split_first()? {
        (0, _) => Some(Subject::Record),
        (1, key) => Some(Subject::Value(key.to_vec())),
        (2, name) => Some(Subject::Alarm(name.to_vec())),
        _ => None,
    }
}

/// Keeps what something is, before the group first changes it.
pub(in crate::store) fn keep(
    tables: &mut Tables<'_>,
    scratch: &mut Scratch,
    object: &ObjectId,
    group: u64,
    subject: &Subject,
) -> Result<(), redb::Error> {
    let name = name_of(group, subject);
    if tables.values()?.get(row_key(object, Space::History, &name).as_slice())?.is_some() {
        return Ok(());
    }
    let now = match subject {
        Subject::Record => tables.records()?.get(object.as_bytes())?.map(|row| row.value().to_vec()),
        Subject::Value(key) => value(tables, object, Space::Value, key)?,
        Subject::Alarm(name) => {
            let row = tables.values()?.get(row_key(object, Space::Alarm, name).as_slice())?;
            row.map(|row| row.value().to_vec())
        }
    };
    let content = now.map_or(vec![ABSENT], |now| [&[PRESENT], now.as_slice()].concat());
    scratch.put(tables, (object, Space::History), &name, &content)?;
    Ok(())
}

/// Reads a value within a transaction of the commit thread; none if it is damaged, which is logged.
fn value(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    space: Space,
    key: &[u8],
) -> Result<Option<Vec<u8>>, redb::Error> {
    let row_key = row_key(object, space, key);
    let Some(row) = tables.values()?.get(row_key.as_slice())?.map(|row| row.value().to_vec()) else {
        return Ok(None);
    };
    let mut piece = |key: &[u8]| Ok(tables.chunks()?.get(key)?.map(|piece| piece.value().to_vec()));
    lenient(assemble(&row_key, &row, &mut piece))
}

/// The oldest rows of the history after a moment, one of each subject, with their names.
pub(in crate::store) fn since(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    bookmark: Bookmark,
) -> Result<Vec<(Vec<u8>, Subject)>, redb::Error> {
    let after = bookmark.0.saturating_add(1).to_be_bytes();
    let from = row_key(object, Space::History, &after);
    let to = space_end(object, Space::History);
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for row in tables.values()?.range(from.as_slice()..to.as_slice())? {
        let name = within(row?.0.value()).to_vec();
        let Some(subject) = parse(&name) else { continue };
        if seen.insert(subject.clone()) {
            found.push((name, subject));
        }
    }
    Ok(found)
}

/// What a row of the history says that there was: something, or nothing. None: it is damaged.
pub(in crate::store) fn content(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    name: &[u8],
) -> Result<Option<Option<Vec<u8>>>, redb::Error> {
    let content = value(tables, object, Space::History, name)?;
    Ok(content.and_then(|content| match content.split_first() {
        Some((&ABSENT, _)) => Some(None),
        Some((_, was)) => Some(Some(was.to_vec())),
        None => None,
    }))
}

/// Notes when a group was committed and whose rows it has in the history.
pub(in crate::store) fn note(
    tables: &mut Tables<'_>,
    at_ms: u64,
    group: u64,
    objects: &BTreeSet<ObjectId>,
) -> Result<(), redb::Error> {
    let ids: Vec<u8> = objects.iter().flat_map(|object| *object.as_bytes()).collect();
    tables.moments()?.insert((at_ms, group), ids.as_slice())?;
    Ok(())
}

/// As [`note`], beside what was noted for the same moment.
pub(in crate::store) fn note_more(
    tables: &mut Tables<'_>,
    at_ms: u64,
    group: u64,
    objects: &BTreeSet<ObjectId>,
) -> Result<(), redb::Error> {
    let noted = tables.moments()?.get((at_ms, group))?;
    let noted = noted.map_or_else(Vec::new, |ids| ids.value().to_vec());
    let noted = noted.as_chunks::<ID_BYTES>().0.iter().map(|id| ObjectId::from_stored(*id));
    note(tables, at_ms, group, &noted.chain(objects.iter().copied()).collect())
}

/// When the oldest group of the history was committed.
pub(in crate::store) fn oldest_ms(tables: &mut Tables<'_>) -> Result<Option<u64>, redb::Error> {
    Ok(tables.moments()?.first()?.map(|(moment, _)| moment.value().0))
}

/// Removes the oldest rows of groups up to a time, a few. Returns the earliest bookmark that is left, if that
/// has changed.
pub(in crate::store) fn prune(
    tables: &mut Tables<'_>,
    scratch: &mut Scratch,
    until_ms: u64,
) -> Result<Option<u64>, redb::Error> {
    let (mut left, mut floor) = (PRUNED_ROWS_MAX, None);
    while left > 0 {
        let first = tables.moments()?.first()?;
        let first = first.map(|(moment, ids)| (moment.value(), ids.value().to_vec()));
        let Some(((at_ms, group), ids)) = first.filter(|((at_ms, _), _)| *at_ms <= until_ms) else { break };
        floor = Some(group);
        tables.meta()?.insert(FLOOR_KEY, group)?;
        for id in ids.as_chunks::<ID_BYTES>().0 {
            forget(tables, scratch, &ObjectId::from_stored(*id), group, &mut left)?;
        }
        if left > 0 {
            tables.moments()?.remove((at_ms, group))?;
        }
    }
    Ok(floor)
}

/// Removes an object's history up to a group, at most `left` rows.
fn forget(
    tables: &mut Tables<'_>,
    scratch: &mut Scratch,
    object: &ObjectId,
    group: u64,
    left: &mut usize,
) -> Result<(), redb::Error> {
    let from = row_key(object, Space::History, &[]);
    let to = row_key(object, Space::History, &group.saturating_add(1).to_be_bytes());
    let rows = tables.values()?.range(from.as_slice()..to.as_slice())?.take(*left);
    let names =
        rows.map(|row| Ok(within(row?.0.value()).to_vec())).collect::<Result<Vec<_>, redb::Error>>()?;
    for name in &names {
        scratch.delete(tables, (object, Space::History), name)?;
    }
    *left -= names.len();
    Ok(())
}

/// The newest moment.
pub(in crate::store) fn now(transaction: &ReadTransaction) -> Result<Bookmark, ReadError> {
    let last = last_group(&transaction.open_table(META)?, &transaction.open_table(LOG)?);
    Ok(Bookmark(last?))
}

/// The earliest moment to which anything can be taken back.
pub(in crate::store) fn floor(transaction: &ReadTransaction) -> Result<Bookmark, ReadError> {
    let floor = transaction.open_table(META)?.get(FLOOR_KEY)?;
    Ok(Bookmark(floor.map_or(0, |floor| floor.value())))
}

/// The earliest moment to which objects of a class can be taken back; none if it keeps no history.
pub(in crate::store) fn earliest_of(
    transaction: &ReadTransaction,
    class: &str,
) -> Result<Option<Bookmark>, ReadError> {
    let classes = class_rows(&transaction.open_table(CLASSES)?)?;
    let since = classes.get(class).and_then(|row| row.history_since);
    let floor = floor(transaction)?;
    Ok(since.map(|since| Bookmark(since).max(floor)))
}

/// The newest moment of those that were noted until this time; the earliest if there is none.
pub(in crate::store) fn at(transaction: &ReadTransaction, unix_ms: u64) -> Result<Bookmark, ReadError> {
    let moments = transaction.open_table(MOMENTS)?;
    let moment = moments.range(..=(unix_ms, u64::MAX))?.next_back().transpose()?;
    match moment {
        Some((moment, _)) => Ok(Bookmark(moment.value().1)),
        None => floor(transaction),
    }
}
