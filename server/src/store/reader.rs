//! What is stored of one object, as of one moment.

use redb::{ReadTransaction, ReadableTable};

use super::contents::keys::{Space, row_key, space_end, within};
use super::contents::sealed::decode_record;
use super::contents::{account, alarms, chunk, history, sockets};
use super::error::{damaged, guarded_read};
use super::log::{Item, items};
use super::tables::{Bytes, CHUNKS, LOG, RECORDS, TAILS, VALUES, tail_key, tail_number};
use crate::object::id::ObjectId;
use crate::object::resume::KeptSocket;
use crate::object::storage::{AlarmRow, Bookmark, Entry, Range, ReadError, Reader, Record};
use tickstone_shared::ids::Epoch;

/// Reads a snapshot of the file.
pub(super) struct RedbReader {
    pub(super) transaction: ReadTransaction,
    pub(super) object: ObjectId,
    /// The log has nothing of the object before this row.
    pub(super) first_row: u64,
    /// The epoch of an activation that removed everything.
    pub(super) gone: Option<Epoch>,
}

impl Reader for RedbReader {
    fn record(&self) -> Result<Option<Record>, ReadError> {
        guarded_read(|| {
            let records = self.transaction.open_table(RECORDS)?;
            let row = records.get(self.object.as_bytes())?;
            row.map(|row| decode_record(&self.object, row.value())).transpose()
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        guarded_read(|| {
            let key = row_key(&self.object, Space::Value, key);
            let values = self.transaction.open_table(VALUES)?;
            let Some(row) = values.get(key.as_slice())? else { return Ok(None) };
            chunk::assemble(&key, row.value(), &mut self.pieces()).map(Some)
        })
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
        guarded_read(|| {
            let range = Range { prefix: prefix.to_vec(), ..Range::default() };
            let mut keys = Vec::new();
            self.each(&range, |row_key, _| {
                keys.push(within(row_key).to_vec());
                Ok(())
            })?;
            Ok(keys)
        })
    }

    fn list(&self, range: &Range) -> Result<Vec<Entry>, ReadError> {
        guarded_read(|| {
            let (mut found, mut pieces) = (Vec::new(), self.pieces());
            self.each(range, |row_key, row| {
                found.push((within(row_key).to_vec(), chunk::assemble(row_key, row, &mut pieces)?));
                Ok(())
            })?;
            Ok(found)
        })
    }

    fn alarms(&self) -> Result<Vec<AlarmRow>, ReadError> {
        guarded_read(|| alarms::all(&self.transaction.open_table(VALUES)?, &self.object))
    }

    fn bytes(&self) -> Result<u64, ReadError> {
        guarded_read(|| Ok(account::read(&self.transaction.open_table(VALUES)?, &self.object)?.bytes))
    }

    fn sockets(&self) -> Result<Vec<KeptSocket>, ReadError> {
        guarded_read(|| sockets::of(&self.transaction, &self.object))
    }

    fn bookmark_now(&self) -> Result<Bookmark, ReadError> {
        guarded_read(|| history::now(&self.transaction))
    }

    fn bookmark_at(&self, unix_ms: u64) -> Result<Bookmark, ReadError> {
        guarded_read(|| history::at(&self.transaction, unix_ms))
    }

    fn epoch(&self) -> Result<Epoch, ReadError> {
        let stored = self.record()?.map(|record| record.epoch);
        Ok(stored.max(self.gone).unwrap_or_default())
    }

    fn journal(&self) -> Result<Vec<Vec<u8>>, ReadError> {
        guarded_read(|| {
            let mut journal = Journal { object: self.object, entries: Vec::new(), damage: None };
            self.read_tails(&mut journal)?;
            let log = self.transaction.open_table(LOG)?;
            journal.read_log(&log, self.first_row)?;
            journal.damage.map_or(Ok(journal.entries), Err)
        })
    }
}

impl RedbReader {
    /// Visits the rows of the values in a range, in its order.
    fn each(
        &self,
        range: &Range,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let Some((from, to)) = range.bounds() else { return Ok(()) };
        let from = row_key(&self.object, Space::Value, &from);
        let end = || space_end(&self.object, Space::Value);
        let to = to.map_or_else(end, |to| row_key(&self.object, Space::Value, &to));
        let values = self.transaction.open_table(VALUES)?;
        let mut rows = values.range::<&[u8]>(from.as_slice()..to.as_slice())?;
        for _ in 0..range.limit() {
            let next = if range.reverse { rows.next_back() } else { rows.next() };
            let Some(row) = next else { break };
            let (key, row) = row?;
            visit(key.value(), row.value())?;
        }
        Ok(())
    }

    /// Reads further pieces of values.
    fn pieces(&self) -> impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let mut chunks = None;
        move |key| {
            let chunks = match &mut chunks {
                Some(chunks) => chunks,
                none => none.insert(self.transaction.open_table(CHUNKS)?),
            };
            Ok(chunks.get(key)?.map(|piece| piece.value().to_vec()))
        }
    }

    fn read_tails(&self, journal: &mut Journal) -> Result<(), ReadError> {
        let range = tail_key(self.object.as_bytes(), 0)..=tail_key(self.object.as_bytes(), u64::MAX);
        let tails = self.transaction.open_table(TAILS)?;
        for (number, row) in (0..).zip(tails.range::<&[u8; 40]>(range.start()..=range.end())?) {
            let (key, row) = row?;
            if tail_number(key.value()) != number {
                journal.damaged("rows are missing");
            }
            journal.read_row(tail_number(key.value()), row.value());
        }
        Ok(())
    }
}

/// The journal as far as it has been read.
struct Journal {
    object: ObjectId,
    entries: Vec<Vec<u8>>,
    damage: Option<ReadError>,
}

impl Journal {
    fn read_log(&mut self, log: &impl ReadableTable<u64, Bytes>, first: u64) -> Result<(), ReadError> {
        for row in log.range(first..)? {
            let (key, row) = row?;
            self.read_row(key.value(), row.value());
        }
        Ok(())
    }

    /// A cut forgets everything before it, damage too: a value stands for it.
    fn read_row(&mut self, key: u64, row: &[u8]) {
        for item in items(key, row) {
            match item {
                Item::Entry(object, _, entry) if object == self.object => self.entries.push(entry.to_vec()),
                Item::Cut(object) if object == self.object => {
                    self.entries.clear();
                    self.damage = None;
                }
                Item::DamagedEntry(object) if object == self.object => self.damaged("an entry's checksum"),
                Item::DamagedRest => self.damaged("the end of a row, which may be another's,"),
                Item::Entry(..) | Item::Cut(_) | Item::DamagedEntry(_) => {}
            }
        }
    }

    fn damaged(&mut self, part: &str) {
        let what = format!("the journal of object {}", self.object);
        self.damage.get_or_insert_with(|| damaged(what, format!("{part} is not as it was written")));
    }
}
