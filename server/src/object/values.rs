//! An object's storage as its handlers see it: reads see this handler's writes, those before it that the disk
//! does not have yet, and the disk (contract: STORE 1, 2).

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::{Context, WriteRefused};
use super::effects::{Control, Output, Release};
use super::storage::{Bookmark, KEY_BYTES_MAX, Range, ReadError, Reader, VALUE_BYTES_MAX, Write};
use unwritten::Seen;

pub mod snapshot;
pub mod unwritten;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// What an object stores.
pub struct Storage<'c, 'a> {
    ctx: &'c mut Context<'a>,
}

/// Why a value was not read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// It is over a limit. Nothing of it was taken.
    #[error(transparent)]
    Refused(#[from] WriteRefused),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The object runs on a thread that never reads the disk.
    #[error("a tick worker never reads the disk: what is needed there is read in wake")]
    TickWorker,
    /// It is stored, but not as what was asked for.
    #[error("a stored value is not of the type it was read as: {0}")]
    Type(String),
}

/// This handler's own writes by key, as far as they have been looked at.
#[derive(Debug, Default)]
pub(super) struct OwnWrites {
    looked_at: usize,
    /// Where the newest write of a key is.
    newest: BTreeMap<Vec<u8>, usize>,
    /// Everything older was removed.
    erased: bool,
}

impl OwnWrites {
    fn look_at(&mut self, writes: &[Write]) {
        for (place, write) in writes.iter().enumerate().skip(self.looked_at) {
            match write {
                Write::Put { key, .. } | Write::Delete { key } => {
                    self.newest.insert(key.clone(), place);
                }
                Write::DeleteAll => {
                    self.newest.clear();
                    self.erased = true;
                }
                _ => {}
            }
        }
        self.looked_at = writes.len();
    }
}

fn written(write: &Write) -> Option<&[u8]> {
    match write {
        Write::Put { value, .. } => Some(value),
        _ => None,
    }
}

impl<'a> Context<'a> {
    /// What the object stores.
    pub fn storage(&mut self) -> Storage<'_, 'a> {
        Storage { ctx: self }
    }

    /// What was stored when it was last durable, journal and record included; without what has been written
    /// since. For `wake`, where both are the same.
    pub fn reader(&self) -> Result<Box<dyn Reader + 'a>, StorageError> {
        self.sight.disk.ok_or(StorageError::TickWorker)?().map_err(StorageError::Read)
    }

    fn disk(&mut self) -> Result<&(dyn Reader + 'a), StorageError> {
        if self.reader.is_none() {
            self.reader = Some(self.reader()?);
        }
        Ok(&**self.reader.as_ref().expect("it was set just now"))
    }
}

impl Storage<'_, '_> {
    /// Sets a value.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Result<(), WriteRefused> {
        let (key, value) = (key.into(), value.into());
        if key.len() > KEY_BYTES_MAX {
            return Err(WriteRefused::Key { got: key.len() });
        }
        if key.len() + value.len() > VALUE_BYTES_MAX {
            return Err(WriteRefused::Value { got: key.len() + value.len() });
        }
        self.ctx.effects.writes.push(Write::Put { key, value });
        Ok(())
    }

    /// Sets many values, or none of them.
    pub fn put_all(&mut self, rows: impl IntoIterator<Item = Row>) -> Result<(), WriteRefused> {
        self.transaction(|storage| rows.into_iter().try_for_each(|(key, value)| storage.put(key, value)))
    }

    /// Sets a value of any type that serde knows.
    pub fn put_as<T: Serialize>(&mut self, key: impl Into<Vec<u8>>, value: &T) -> Result<(), StorageError> {
        let bytes = postcard::to_stdvec(value).map_err(|error| StorageError::Type(error.to_string()))?;
        Ok(self.put(key, bytes)?)
    }

    /// Removes a value, if it is there.
    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.ctx.effects.writes.push(Write::Delete { key: key.into() });
    }

    /// Removes many values.
    pub fn delete_keys<K: Into<Vec<u8>>>(&mut self, keys: impl IntoIterator<Item = K>) {
        keys.into_iter().for_each(|key| self.delete(key));
    }

    /// Removes everything: values, alarms, the journal. What is left costs nothing.
    pub fn delete_all(&mut self) {
        self.ctx.effects.writes.push(Write::DeleteAll);
        self.ctx.output(Release::Gated, Output::Snapshot(None));
    }

    /// A value.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let Context { own, effects, sight, .. } = &mut *self.ctx;
        own.look_at(&effects.writes);
        if let Some(place) = own.newest.get(key) {
            return Ok(written(&effects.writes[*place]).map(<[u8]>::to_vec));
        }
        if own.erased {
            return Ok(None);
        }
        match sight.kept.unwritten.look(key) {
            Seen::Is(value) => Ok(value.map(<[u8]>::to_vec)),
            Seen::AskDisk => Ok(self.ctx.disk()?.get(key)?),
        }
    }

    /// Many values, in the order of their keys here.
    pub fn get_keys<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k [u8]>,
    ) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        keys.into_iter().map(|key| self.get(key)).collect()
    }

    /// A value as a type that serde knows.
    pub fn get_as<T: DeserializeOwned>(&mut self, key: &[u8]) -> Result<Option<T>, StorageError> {
        let Some(bytes) = self.get(key)? else { return Ok(None) };
        postcard::from_bytes(&bytes).map(Some).map_err(|error| StorageError::Type(error.to_string()))
    }

    /// The values of a range, in byte order or against it.
    pub fn list(&mut self, range: &Range) -> Result<Vec<Row>, StorageError> {
        let Some((lower, upper)) = range.bounds() else { return Ok(Vec::new()) };
        let Context { own, effects, sight, .. } = &mut *self.ctx;
        own.look_at(&effects.writes);
        let mut waiting: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        if !own.erased {
            let between = sight.kept.unwritten.between(&lower, upper.as_deref());
            waiting.extend(between.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))));
        }
        let within = own.newest.range(lower..);
        let within = within.take_while(|(key, _)| upper.as_ref().is_none_or(|upper| *key < upper));
        waiting.extend(
            within.map(|(key, place)| (key.clone(), written(&effects.writes[*place]).map(<[u8]>::to_vec))),
        );
        let hides_disk = own.erased || sight.kept.unwritten.hides_disk();
        let rows =
            if hides_disk { Vec::new() } else { self.ctx.disk()?.list(&widened(range, waiting.len()))? };
        Ok(merged(rows, waiting, range))
    }

    /// Everything that begins with a prefix.
    pub fn list_prefix(&mut self, prefix: impl Into<Vec<u8>>) -> Result<Vec<Row>, StorageError> {
        self.list(&Range { prefix: prefix.into(), ..Range::default() })
    }

    /// What `work` writes, all or nothing: an error takes back its writes and no others. Nests.
    pub fn transaction<T, E>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let before = self.ctx.effects.writes.len();
        let result = work(self);
        if result.is_err() {
            self.ctx.effects.writes.truncate(before);
            self.ctx.own = OwnWrites::default();
        }
        result
    }

    /// The newest moment that is durable. What this handler writes comes after it.
    pub fn bookmark_now(&mut self) -> Result<Bookmark, StorageError> {
        Ok(self.ctx.disk()?.bookmark_now()?)
    }

    /// The moment that was the newest at this time, in ms since 1970; the earliest there is if none was.
    pub fn bookmark_at(&mut self, unix_ms: u64) -> Result<Bookmark, StorageError> {
        Ok(self.ctx.disk()?.bookmark_at(unix_ms)?)
    }

    /// Has the object taken back to a moment, if its class keeps a history that reaches back so far. Nothing else
    /// that this handler asks for is done, whoever waits for an answer is told that the object was reset, and it
    /// wakes on what was stored then.
    pub fn restore(&mut self, bookmark: Bookmark) {
        self.ctx.control(Control::Restore(bookmark));
    }

    /// Adds an entry to the journal.
    pub fn append(&mut self, entry: Vec<u8>) -> Result<(), WriteRefused> {
        if entry.len() > VALUE_BYTES_MAX {
            return Err(WriteRefused::Value { got: entry.len() });
        }
        self.ctx.effects.writes.push(Write::Append { entry });
        Ok(())
    }

    /// Forgets the journal so far: what this handler puts stands for it.
    pub fn cut_journal(&mut self) {
        self.ctx.effects.writes.push(Write::CutJournal);
    }
}

/// The range, with room for rows that turn out to be removed.
fn widened(range: &Range, removed_max: usize) -> Range {
    let limit = range.limit.map(|limit| limit.saturating_add(removed_max));
    Range { limit, ..range.clone() }
}

fn merged(rows: Vec<Row>, waiting: BTreeMap<Vec<u8>, Option<Vec<u8>>>, range: &Range) -> Vec<Row> {
    let limit = range.limit.map_or(usize::MAX, NonZeroUsize::get);
    if waiting.is_empty() {
        return rows;
    }
    let mut all: BTreeMap<Vec<u8>, Vec<u8>> = rows.into_iter().collect();
    for (key, value) in waiting {
        match value {
            Some(value) => all.insert(key, value),
            None => all.remove(&key),
        };
    }
    if range.reverse {
        all.into_iter().rev().take(limit).collect()
    } else {
        all.into_iter().take(limit).collect()
    }
}
