//! What the twin has of one object, plainly.

use std::collections::{BTreeMap, VecDeque};

use crate::object::id::ObjectId;
use crate::object::resume::KeptSocket;
use crate::object::storage::{
    AlarmRow, Bookmark, Entry, NO_ACTIVATION, Range, ReadError, Reader, Record, Write, WriteBatch,
};
use crate::store::error::damaged;
use tickstone_shared::ids::Epoch;

/// What can be taken back.
#[derive(Debug, Default, Clone)]
pub(super) struct Contents {
    pub(super) record: Option<Record>,
    pub(super) values: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) alarms: BTreeMap<String, AlarmRow>,
}

impl Contents {
    /// What counts for the quota.
    pub(super) fn bytes(&self) -> u64 {
        let values = self.values.iter().map(|(key, value)| (key.len() + value.len()) as u64);
        values.sum::<u64>() + self.alarms.values().map(AlarmRow::bytes).sum::<u64>()
    }
}

#[derive(Debug, Default, Clone)]
pub(super) struct Stored {
    pub(super) epoch: Epoch,
    pub(super) node: u32,
    pub(super) contents: Contents,
    pub(super) journal: Vec<Vec<u8>>,
    pub(super) damaged: bool,
    pub(super) sockets: BTreeMap<u64, KeptSocket>,
    /// What there was before a group, the oldest first.
    pub(super) history: Vec<(u64, Contents)>,
}

impl Stored {
    /// May this activation write?
    pub(super) fn admits(&self, batch: &WriteBatch) -> bool {
        let newest = batch.epoch > self.epoch || batch.epoch == self.epoch && batch.node == self.node;
        !self.damaged && (newest || self.epoch == Epoch::default())
    }

    /// Carries out the writes of a batch that is admitted.
    pub(super) fn apply(&mut self, batch: &WriteBatch) {
        if batch.epoch != NO_ACTIVATION {
            (self.epoch, self.node) = (batch.epoch, batch.node);
        }
        for write in &batch.writes {
            self.write(batch, write.clone());
        }
    }

    fn write(&mut self, batch: &WriteBatch, write: Write) {
        let contents = &mut self.contents;
        match write {
            Write::Put { key, value } => drop(contents.values.insert(key, value)),
            Write::Delete { key } => drop(contents.values.remove(&key)),
            Write::SetAlarm(alarm) => drop(contents.alarms.insert(alarm.name.clone(), alarm)),
            Write::ClearAlarm { name, generation } => {
                if contents.alarms.get(&name).is_some_and(|alarm| alarm.generation == generation) {
                    contents.alarms.remove(&name);
                }
            }
            Write::DeleteAll => {
                *contents = Contents::default();
                self.journal.clear();
            }
            Write::KeepSocket(socket) => drop(self.sockets.insert(socket.socket, socket)),
            Write::ForgetSocket(socket) => drop(self.sockets.remove(&socket.0)),
            Write::Restore { bookmark, .. } => self.restore(batch, bookmark),
            Write::Append { entry } => self.journal.push(entry),
            Write::CutJournal => self.journal.clear(),
            Write::Record(record) => {
                if record.epoch > self.epoch {
                    (self.epoch, self.node) = (record.epoch, record.node);
                }
                contents.record = Some(record);
            }
        }
    }

    fn restore(&mut self, batch: &WriteBatch, bookmark: Bookmark) {
        let Some((_, was)) = self.history.iter().find(|(group, _)| *group > bookmark.0) else { return };
        let record = was.record.clone();
        let record = record.map(|was| Record { node: batch.node, epoch: batch.epoch, ..was });
        self.contents = Contents { record, ..was.clone() };
    }
}

pub(super) struct MemoryReader {
    pub(super) object: ObjectId,
    pub(super) stored: Stored,
    pub(super) group: u64,
    pub(super) floor: u64,
    pub(super) moments: VecDeque<(u64, u64)>,
}

/// The newest of these moments until a time; the earliest there is if none was.
pub(super) fn newest_until(moments: &VecDeque<(u64, u64)>, floor: u64, unix_ms: u64) -> Bookmark {
    let moment = moments.iter().rfind(|(at_ms, _)| *at_ms <= unix_ms);
    Bookmark(moment.map_or(floor, |(_, group)| *group))
}

impl MemoryReader {
    fn checked(&self) -> Result<&Stored, ReadError> {
        if self.stored.damaged {
            return Err(damaged(format!("object {}", self.object), "a test says so"));
        }
        Ok(&self.stored)
    }
}

impl Reader for MemoryReader {
    fn record(&self) -> Result<Option<Record>, ReadError> {
        Ok(self.checked()?.contents.record.clone())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.checked()?.contents.values.get(key).cloned())
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
        let from = self.checked()?.contents.values.range(prefix.to_vec()..);
        Ok(from.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(prefix)).collect())
    }

    fn list(&self, range: &Range) -> Result<Vec<Entry>, ReadError> {
        let values = &self.checked()?.contents.values;
        let Some((from, to)) = range.bounds() else { return Ok(Vec::new()) };
        let within = values.range(from..).take_while(|(key, _)| to.as_ref().is_none_or(|to| *key < to));
        let within: Vec<_> = within.map(|(key, value)| (key.clone(), value.clone())).collect();
        let limit = range.limit();
        Ok(if range.reverse {
            within.into_iter().rev().take(limit).collect()
        } else {
            within.into_iter().take(limit).collect()
        })
    }

    fn alarms(&self) -> Result<Vec<AlarmRow>, ReadError> {
        Ok(self.checked()?.contents.alarms.values().cloned().collect())
    }

    fn bytes(&self) -> Result<u64, ReadError> {
        Ok(self.checked()?.contents.bytes())
    }

    fn journal(&self) -> Result<Vec<Vec<u8>>, ReadError> {
        Ok(self.checked()?.journal.clone())
    }

    fn sockets(&self) -> Result<Vec<KeptSocket>, ReadError> {
        Ok(self.checked()?.sockets.values().cloned().collect())
    }

    fn bookmark_now(&self) -> Result<Bookmark, ReadError> {
        Ok(Bookmark(self.group))
    }

    fn bookmark_at(&self, unix_ms: u64) -> Result<Bookmark, ReadError> {
        Ok(newest_until(&self.moments, self.floor, unix_ms))
    }

    fn epoch(&self) -> Result<Epoch, ReadError> {
        Ok(self.checked()?.epoch)
    }
}
