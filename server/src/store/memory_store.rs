//! The store's twin in memory: the same order, limits and refusals, nothing on a disk.
//!
//! By hand, nothing is durable until [`MemoryStore::flush`] says so: a test decides when tickets complete,
//! and what a crash loses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::damaged;
use super::queue::batch_bytes;
use super::settings::StoreSettings;
use crate::object::id::ObjectId;
use crate::object::storage::{AlarmRow, Range, ReadError, Reader, Record, Write, WriteBatch};
use crate::runtime::ports::{AlarmKey, DueAlarm, ObjectQuery, Store, StoreHealth, SubmitError};
use tickstone_shared::ids::Epoch;

/// When a batch becomes durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// While it is submitted.
    AtOnce,
    /// When it is flushed.
    ByHand,
}

/// What is stored of one object.
#[derive(Debug, Default, Clone)]
struct Stored {
    epoch: Epoch,
    record: Option<Record>,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    journal: Vec<Vec<u8>>,
    alarms: BTreeMap<String, AlarmRow>,
    damaged: bool,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<ObjectId, Stored>,
    queue: VecDeque<WriteBatch>,
    queued_bytes: usize,
    failing: bool,
    closed: bool,
}

/// See the module. Cloning shares it.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    mode: Mode,
    batches_max: usize,
    bytes_max: usize,
}

impl MemoryStore {
    /// A store in which everything is durable at once, unless it fails.
    pub fn new() -> Self {
        Self::with(Mode::AtOnce, &StoreSettings::new(""))
    }

    /// A store in which nothing is durable before it is flushed, with the queue limits of the settings.
    pub fn by_hand(settings: &StoreSettings) -> Self {
        Self::with(Mode::ByHand, settings)
    }

    fn with(mode: Mode, settings: &StoreSettings) -> Self {
        Self {
            state: Arc::default(),
            mode,
            batches_max: settings.queue_batches_max,
            bytes_max: settings.queue_bytes_max,
        }
    }

    /// Makes durable what is queued, unless the store fails. Returns how many batches it were.
    pub fn flush(&self) -> usize {
        self.flush_some(usize::MAX)
    }

    /// Makes durable the oldest `count` queued batches, unless the store fails.
    pub fn flush_some(&self, count: usize) -> usize {
        let mut state = self.lock();
        if state.failing {
            return 0;
        }
        let count = count.min(state.queue.len());
        for _ in 0..count {
            let Some(batch) = state.queue.pop_front() else { break };
            state.queued_bytes -= batch_bytes(&batch);
            state.apply(batch);
        }
        count
    }

    /// From now on the disk refuses: what is submitted queues up to the limits.
    pub fn fail(&self) {
        self.lock().failing = true;
    }

    /// The disk takes writes again.
    pub fn repair(&self) {
        self.lock().failing = false;
        if self.mode == Mode::AtOnce {
            self.flush();
        }
    }

    /// The process dies: what is queued is lost, its tickets stay pending. Returns how many batches it were.
    pub fn crash(&self) -> usize {
        let mut state = self.lock();
        let lost = state.queue.len();
        state.queue.clear();
        state.queued_bytes = 0;
        for stored in state.objects.values_mut() {
            stored.epoch = stored.record.as_ref().map_or(Epoch::default(), |record| record.epoch);
        }
        lost
    }

    /// Whatever is read of the object is damaged from now on.
    pub fn damage(&self, object: ObjectId) {
        self.lock().objects.entry(object).or_default().damaged = true;
    }

    /// How many batches wait.
    pub fn queued(&self) -> usize {
        self.lock().queue.len()
    }

    /// Flushes, and takes nothing any more.
    pub fn close(&self) {
        self.flush();
        self.lock().closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn apply(&mut self, batch: WriteBatch) {
        let barrier = batch.writes.is_empty();
        let stored = self.objects.entry(batch.object).or_default();
        let accepted = barrier || batch.epoch >= stored.epoch && !stored.damaged;
        if accepted && !barrier {
            stored.epoch = batch.epoch;
            batch.writes.into_iter().for_each(|write| stored.apply(write));
        }
        match batch.ticket {
            Some(ticket) if accepted => ticket.set_durable(),
            Some(ticket) => ticket.set_failed(),
            None => {}
        }
    }
}

impl Stored {
    fn apply(&mut self, write: Write) {
        match write {
            Write::Put { key, value } => {
                self.values.insert(key, value);
            }
            Write::Delete { key } => {
                self.values.remove(&key);
            }
            Write::Append { entry } => self.journal.push(entry),
            Write::CutJournal => self.journal.clear(),
            Write::Record(record) => {
                self.epoch = self.epoch.max(record.epoch);
                self.record = Some(record);
            }
            Write::SetAlarm(row) => {
                self.alarms.insert(row.name.clone(), row);
            }
            Write::ClearAlarm { name, generation } => {
                if self.alarms.get(&name).is_some_and(|row| row.generation == generation) {
                    self.alarms.remove(&name);
                }
            }
            Write::DeleteAll => {
                *self = Stored { epoch: self.epoch, ..Stored::default() };
            }
            Write::Restore(_) => {}
        }
    }
}

impl Store for MemoryStore {
    fn submit(&self, batch: WriteBatch) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if state.closed {
            return Err(SubmitError::Closed);
        }
        let bytes = batch_bytes(&batch);
        if state.queue.len() >= self.batches_max || state.queued_bytes + bytes > self.bytes_max {
            return Err(SubmitError::QueueFull);
        }
        state.queued_bytes += bytes;
        state.queue.push_back(batch);
        drop(state);
        if self.mode == Mode::AtOnce {
            self.flush();
        }
        Ok(())
    }

    fn reader(&self, object: ObjectId) -> Result<Box<dyn Reader + '_>, ReadError> {
        let stored = self.lock().objects.get(&object).cloned().unwrap_or_default();
        Ok(Box::new(MemoryReader { object, stored }))
    }

    fn to_wake(&self) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        let state = self.lock();
        let healthy = state.objects.iter().filter(|(_, stored)| !stored.damaged);
        let records = healthy.filter_map(|(object, stored)| Some((*object, stored.record.clone()?)));
        Ok(records.filter(|(_, record)| record.wake_at_start).collect())
    }

    fn objects(&self, query: &ObjectQuery) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        let state = self.lock();
        let records =
            state.objects.iter().filter_map(|(object, stored)| Some((*object, stored.record.clone()?)));
        let wanted = |record: &Record| {
            let key = (record.class.clone(), record.name.to_string());
            query.class.as_ref().is_none_or(|class| *class == record.class)
                && record.name.as_str().starts_with(&query.prefix)
                && query.after.as_ref().is_none_or(|after| key > *after)
        };
        let mut found: Vec<_> = records.filter(|(_, record)| wanted(record)).collect();
        found.sort_by_key(|(_, record)| (record.class.clone(), record.name.to_string()));
        found.truncate(query.limit);
        Ok(found)
    }

    fn due_alarms(
        &self,
        after: Option<&AlarmKey>,
        until_ms: u64,
        limit: usize,
    ) -> Result<Vec<DueAlarm>, ReadError> {
        let state = self.lock();
        let mut due: Vec<DueAlarm> = Vec::new();
        for (object, stored) in &state.objects {
            let Some(record) = &stored.record else { continue };
            due.extend(stored.alarms.values().filter(|row| row.due_ms <= until_ms).map(|row| DueAlarm {
                object: *object,
                class: record.class.clone(),
                name: record.name.clone(),
                row: row.clone(),
            }));
        }
        due.retain(|due| after.is_none_or(|after| due.key() > *after));
        due.sort_by_key(DueAlarm::key);
        due.truncate(limit);
        Ok(due)
    }

    fn health(&self) -> StoreHealth {
        if self.lock().failing { StoreHealth::Failing } else { StoreHealth::Writable }
    }
}

struct MemoryReader {
    object: ObjectId,
    stored: Stored,
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
        Ok(self.checked()?.record.clone())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.checked()?.values.get(key).cloned())
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
        let from = self.checked()?.values.range(prefix.to_vec()..);
        Ok(from.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(prefix)).collect())
    }

    fn journal(&self) -> Result<Vec<Vec<u8>>, ReadError> {
        Ok(self.checked()?.journal.clone())
    }

    fn list(&self, range: &Range) -> Result<Vec<(Vec<u8>, Vec<u8>)>, ReadError> {
        let Some((lower, upper)) = range.bounds() else { return Ok(Vec::new()) };
        let from = self.checked()?.values.range(lower..);
        let within = from.take_while(|(key, _)| upper.as_ref().is_none_or(|upper| *key < upper));
        let mut rows: Vec<_> = within.map(|(key, value)| (key.clone(), value.clone())).collect();
        if range.reverse {
            rows.reverse();
        }
        rows.truncate(range.limit());
        Ok(rows)
    }

    fn alarms(&self) -> Result<Vec<AlarmRow>, ReadError> {
        Ok(self.checked()?.alarms.values().cloned().collect())
    }

    fn epoch(&self) -> Result<Epoch, ReadError> {
        Ok(self.checked()?.epoch)
    }
}
