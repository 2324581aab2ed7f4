//! What is stored of one object, as of one moment.

use redb::{ReadTransaction, ReadableTable};

use super::chunk;
use super::error::{damaged, guarded_read};
use super::log::{Item, items};
use super::tables::{Bytes, CHUNKS, ID_BYTES, LOG, RECORDS, TAILS, VALUES, tail_key, tail_number};
use crate::object::id::ObjectId;
use crate::object::storage::{ReadError, Reader, Record};

/// Reads a snapshot of the file.
pub(super) struct RedbReader {
    pub(super) transaction: ReadTransaction,
    pub(super) object: ObjectId,
    /// The log has nothing of the object before this row.
    pub(super) first_row: u64,
}

impl Reader for RedbReader {
    fn record(&self) -> Result<Option<Record>, ReadError> {
        guarded_read(|| {
            let records = self.transaction.open_table(RECORDS)?;
            let row = records.get(self.object.as_bytes())?;
            row.map(|row| chunk::decode_record(&self.object, row.value())).transpose()
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        guarded_read(|| {
            let values = self.transaction.open_table(VALUES)?;
            chunk::get(&values, || self.transaction.open_table(CHUNKS), &self.object, key)
        })
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
        guarded_read(|| {
            let from = chunk::value_key(&self.object, prefix);
            let mut keys = Vec::new();
            for row in self.transaction.open_table(VALUES)?.range(from.as_slice()..)? {
                let key = row?.0;
                if !key.value().starts_with(&from) {
                    break;
                }
                keys.push(key.value()[ID_BYTES..].to_vec());
            }
            Ok(keys)
        })
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
