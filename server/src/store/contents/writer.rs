//! Carries out the writes of batches within a transaction, and keeps the accounts.

use std::collections::{BTreeMap, BTreeSet};

use redb::ReadableTable;

use super::account::Account;
use super::chunk::Scratch;
use super::history::{self, Subject};
use super::keys::{Space, row_key, space_end, within};
use super::sealed::decode_record;
use super::{alarms, objects, sockets};
use crate::object::id::ObjectId;
use crate::object::storage::{AlarmRow, Bookmark, Record, Write, WriteBatch, alarm_bytes};
use crate::store::error::lenient;
use crate::store::tables::Tables;

/// See the module.
pub(in crate::store) struct Writer<'w, 'txn> {
    tables: &'w mut Tables<'txn>,
    scratch: &'w mut Scratch,
    group: u64,
    /// Of every object whose values or alarms change.
    accounts: BTreeMap<ObjectId, Account>,
    /// The objects that have rows in the history now.
    kept: BTreeSet<ObjectId>,
}

/// Is what changes kept?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum History {
    /// The class asks for it.
    Kept,
    /// It does not.
    None,
}

impl<'w, 'txn> Writer<'w, 'txn> {
    pub(in crate::store) fn new(
        tables: &'w mut Tables<'txn>,
        scratch: &'w mut Scratch,
        group: u64,
        accounts: BTreeMap<ObjectId, Account>,
    ) -> Self {
        Self { tables, scratch, group, accounts, kept: BTreeSet::new() }
    }

    /// The accounts as they are now, and the objects that have rows in the history now.
    pub(in crate::store) fn finish(self) -> (BTreeMap<ObjectId, Account>, BTreeSet<ObjectId>) {
        (self.accounts, self.kept)
    }

    /// Carries out a write of a batch; what it does to the journal is not done here.
    pub(in crate::store) fn write(
        &mut self,
        batch: &WriteBatch,
        history: History,
        write: &Write,
    ) -> Result<(), redb::Error> {
        let object = &batch.object;
        match write {
            Write::Put { key, value } => self.put(object, history, key, value),
            Write::Delete { key } => self.delete(object, history, key),
            Write::SetAlarm(alarm) => self.set_alarm(object, history, alarm),
            Write::ClearAlarm { name, generation } => {
                let stored = self.alarm(object, name.as_bytes())?;
                match stored.filter(|stored| stored.generation == *generation) {
                    Some(stored) => self.clear_alarm(object, history, &stored),
                    None => Ok(()),
                }
            }
            Write::DeleteAll => self.delete_all(object, history),
            Write::Restore { bookmark, .. } => self.restore(batch, *bookmark),
            Write::Record(record) => self.set_record(object, history, record),
            Write::KeepSocket(socket) => sockets::keep(self.tables, object, socket),
            Write::ForgetSocket(socket) => sockets::forget(self.tables, object, *socket),
            Write::Append { .. } | Write::CutJournal => Ok(()),
        }
    }

    fn put(
        &mut self,
        object: &ObjectId,
        history: History,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), redb::Error> {
        self.keep(object, history, || Subject::Value(key.to_vec()))?;
        let old = self.scratch.put(self.tables, (object, Space::Value), key, value)?;
        let key_bytes = key.len() as u64;
        self.replace(object, old.map(|old| key_bytes + old), Some(key_bytes + value.len() as u64));
        Ok(())
    }

    fn delete(&mut self, object: &ObjectId, history: History, key: &[u8]) -> Result<(), redb::Error> {
        self.keep(object, history, || Subject::Value(key.to_vec()))?;
        let old = self.scratch.delete(self.tables, (object, Space::Value), key)?;
        self.replace(object, old.map(|old| key.len() as u64 + old), None);
        Ok(())
    }

    /// The alarm of this name. One that is damaged is as none.
    fn alarm(&mut self, object: &ObjectId, name: &[u8]) -> Result<Option<AlarmRow>, redb::Error> {
        Ok(lenient(alarms::stored(self.tables.values()?, object, name))?.flatten())
    }

    fn set_alarm(
        &mut self,
        object: &ObjectId,
        history: History,
        alarm: &AlarmRow,
    ) -> Result<(), redb::Error> {
        self.keep(object, history, || Subject::Alarm(alarm.name.clone().into()))?;
        let old = self.alarm(object, alarm.name.as_bytes())?;
        alarms::set(self.tables, object, old.as_ref(), alarm)?;
        self.replace(object, old.map(|old| old.bytes()), Some(alarm.bytes()));
        Ok(())
    }

    fn clear_alarm(
        &mut self,
        object: &ObjectId,
        history: History,
        alarm: &AlarmRow,
    ) -> Result<(), redb::Error> {
        self.keep(object, history, || Subject::Alarm(alarm.name.clone().into()))?;
        alarms::clear(self.tables, object, alarm)?;
        self.replace(object, Some(alarm_bytes(&alarm.name)), None);
        Ok(())
    }

    /// Removes values, alarms and the record. What has a history goes row by row.
    pub(in crate::store) fn delete_all(
        &mut self,
        object: &ObjectId,
        history: History,
    ) -> Result<(), redb::Error> {
        for name in self.keys(object, Space::Alarm)? {
            if let Some(alarm) = self.alarm(object, &name)? {
                self.clear_alarm(object, history, &alarm)?;
            }
        }
        if history == History::None {
            return self.remove_everything(object);
        }
        for key in self.keys(object, Space::Value)? {
            self.delete(object, history, &key)?;
        }
        self.accounts.insert(*object, Account::default());
        self.keep(object, history, || Subject::Record)?;
        objects::remove_record(self.tables, object)
    }

    /// Removes every row of an object whose alarms are gone already, its history too. The account is written
    /// when everything is.
    fn remove_everything(&mut self, object: &ObjectId) -> Result<(), redb::Error> {
        let from = row_key(object, Space::Value, &[]);
        let to = space_end(object, Space::History);
        self.tables.values()?.retain_in::<&[u8], _>(from.as_slice()..to.as_slice(), |_, _| false)?;
        self.tables.chunks()?.retain_in::<&[u8], _>(from.as_slice()..to.as_slice(), |_, _| false)?;
        self.accounts.insert(*object, Account::default());
        objects::remove_record(self.tables, object)
    }

    /// Stores a record. Only what says what the object is has a history, not every activation.
    fn set_record(
        &mut self,
        object: &ObjectId,
        history: History,
        record: &Record,
    ) -> Result<(), redb::Error> {
        if history == History::Kept {
            let row = self.tables.records()?.get(object.as_bytes())?.map(|row| row.value().to_vec());
            let stored = row.and_then(|row| decode_record(object, &row).ok());
            if stored.is_none_or(|stored| stored.class_version != record.class_version) {
                self.keep(object, history, || Subject::Record)?;
            }
        }
        objects::set_record(self.tables, object, record)
    }

    fn keys(&mut self, object: &ObjectId, space: Space) -> Result<Vec<Vec<u8>>, redb::Error> {
        let (from, to) = (row_key(object, space, &[]), space_end(object, space));
        let rows = self.tables.values()?.range(from.as_slice()..to.as_slice())?;
        rows.map(|row| Ok(within(row?.0.value()).to_vec())).collect()
    }

    /// Takes everything back; what it is now is kept, so that this can be taken back, too.
    fn restore(&mut self, batch: &WriteBatch, bookmark: Bookmark) -> Result<(), redb::Error> {
        let (object, kept) = (&batch.object, History::Kept);
        for (name, subject) in history::since(self.tables, object, bookmark)? {
            let Some(was) = history::content(self.tables, object, &name)? else { continue };
            match (subject, was) {
                (Subject::Value(key), Some(value)) => self.put(object, kept, &key, &value)?,
                (Subject::Value(key), None) => self.delete(object, kept, &key)?,
                (Subject::Alarm(name), was) => self.restore_alarm(object, &name, was)?,
                (Subject::Record, was) => self.restore_record(batch, was)?,
            }
        }
        Ok(())
    }

    fn restore_alarm(
        &mut self,
        object: &ObjectId,
        name: &[u8],
        was: Option<Vec<u8>>,
    ) -> Result<(), redb::Error> {
        let row_key = row_key(object, Space::Alarm, name);
        let was = was.map(|row| lenient(alarms::decode(&row_key, &row))).transpose()?.flatten();
        match (was, self.alarm(object, name)?) {
            (Some(alarm), _) => self.set_alarm(object, History::Kept, &alarm),
            (None, Some(alarm)) => self.clear_alarm(object, History::Kept, &alarm),
            (None, None) => Ok(()),
        }
    }

    fn restore_record(&mut self, batch: &WriteBatch, was: Option<Vec<u8>>) -> Result<(), redb::Error> {
        let object = &batch.object;
        self.keep(object, History::Kept, || Subject::Record)?;
        match was.map(|row| lenient(decode_record(object, &row))).transpose()?.flatten() {
            Some(was) => {
                let record = Record { node: batch.node, epoch: batch.epoch, ..was };
                objects::set_record(self.tables, object, &record)
            }
            None => objects::remove_record(self.tables, object),
        }
    }

    fn keep(
        &mut self,
        object: &ObjectId,
        history: History,
        subject: impl FnOnce() -> Subject,
    ) -> Result<(), redb::Error> {
        if history == History::Kept {
            self.kept.insert(*object);
            history::keep(self.tables, self.scratch, object, self.group, &subject())?;
        }
        Ok(())
    }

    fn replace(&mut self, object: &ObjectId, old: Option<u64>, new: Option<u64>) {
        self.accounts.entry(*object).or_default().replace(old, new);
    }
}
