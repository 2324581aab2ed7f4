//! The store's twin in memory: the same order, limits and refusals, nothing on a disk.
//!
//! By hand, nothing is durable until [`MemoryStore::flush`] says so: a test decides when tickets complete,
//! and what a crash loses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::queue::batch_bytes;
use super::settings::StoreSettings;
use crate::clock::{ClockRef, ManualClock};
use crate::object::id::ObjectId;
use crate::object::storage::{Bookmark, ReadError, Reader, Record, WriteBatch};
use crate::runtime::ports::{
    AlarmKey, DueAlarm, ObjectQuery, RestoreError, RestoreOrder, Store, StoreHealth, SubmitError, WithSockets,
};
use tickstone_shared::ids::Epoch;

use state::State;
use stored::MemoryReader;
mod state;
mod stored;

/// When a batch becomes durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// While it is submitted.
    AtOnce,
    /// When it is flushed.
    ByHand,
}

/// See the module. Cloning shares it.
#[derive(Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    mode: Mode,
    settings: StoreSettings,
    clock: ClockRef,
}

impl MemoryStore {
    /// A store in which everything is durable at once, unless it fails.
    pub fn new() -> Self {
        Self::with(&StoreSettings::new(""))
    }

    /// A store in which nothing is durable before it is flushed, with the queue limits of the settings.
    pub fn by_hand(settings: &StoreSettings) -> Self {
        Self { mode: Mode::ByHand, ..Self::with(settings) }
    }

    /// The same with the limits of the settings.
    pub fn with(settings: &StoreSettings) -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { state: Arc::default(), mode: Mode::AtOnce, settings: settings.clone(), clock }
    }

    /// The same store by this clock, which says what the history keeps.
    #[must_use]
    pub fn on(self, clock: ClockRef) -> Self {
        Self { clock, ..self }
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
            state.apply(&self.settings, self.clock.unix_ms(), &batch);
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
            let record = stored.contents.record.as_ref();
            stored.epoch = record.map_or(Epoch::default(), |record| record.epoch);
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

    /// Every record that is not damaged.
    fn records(&self) -> Vec<(ObjectId, Record)> {
        let state = self.lock();
        let healthy = state.objects.iter().filter(|(_, stored)| !stored.damaged);
        healthy.filter_map(|(object, stored)| Some((*object, stored.contents.record.clone()?))).collect()
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

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    fn submit(&self, batch: WriteBatch) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if state.closed {
            return Err(SubmitError::Closed);
        }
        let bytes = batch_bytes(&batch);
        if state.queue.len() >= self.settings.queue_batches_max
            || state.queued_bytes + bytes > self.settings.queue_bytes_max
        {
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
        let state = self.lock();
        let stored = state.objects.get(&object).cloned().unwrap_or_default();
        let (moments, floor) = (state.moments.clone(), state.floor);
        Ok(Box::new(MemoryReader { object, stored, group: state.group, floor, moments }))
    }

    fn to_wake(&self) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        Ok(self.records().into_iter().filter(|(_, record)| record.wake_at_start).collect())
    }

    fn objects(&self, query: &ObjectQuery) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        let mut records = self.records();
        let place = |record: &Record| (record.class.clone(), record.name.as_str().to_owned());
        records.retain(|(_, record)| {
            query.class.as_ref().is_none_or(|class| record.class == *class)
                && record.name.as_str().starts_with(&query.prefix)
                && query.after.as_ref().is_none_or(|after| place(record) > *after)
        });
        records.sort_by_key(|(_, record)| place(record));
        records.truncate(query.limit);
        Ok(records)
    }

    fn due_alarms(
        &self,
        after: Option<&AlarmKey>,
        until_ms: u64,
        limit: usize,
    ) -> Result<Vec<DueAlarm>, ReadError> {
        let state = self.lock();
        let mut due = Vec::new();
        for (object, stored) in state.objects.iter().filter(|(_, stored)| !stored.damaged) {
            let Some(record) = &stored.contents.record else { continue };
            due.extend(stored.contents.alarms.values().map(|row| DueAlarm {
                object: *object,
                class: record.class.clone(),
                name: record.name.clone(),
                row: row.clone(),
            }));
        }
        due.retain(|alarm| alarm.row.due_ms <= until_ms && after.is_none_or(|after| alarm.key() > *after));
        due.sort_by_key(DueAlarm::key);
        due.truncate(limit);
        Ok(due)
    }

    fn with_sockets(&self) -> Result<Vec<WithSockets>, ReadError> {
        let state = self.lock();
        let with = |(object, stored): (&ObjectId, &stored::Stored)| {
            let (first, sockets) = (stored.sockets.values().next()?, stored.sockets.len());
            Some(WithSockets {
                object: *object,
                class: first.class.clone(),
                name: first.name.clone(),
                sockets,
            })
        };
        Ok(state.objects.iter().filter_map(with).collect())
    }

    fn bookmark_now(&self) -> Result<Bookmark, RestoreError> {
        Ok(Bookmark(self.lock().group))
    }

    fn bookmark_at(&self, unix_ms: u64) -> Result<Bookmark, RestoreError> {
        let state = self.lock();
        let now_ms = self.clock.unix_ms();
        let retention_ms = u64::try_from(self.settings.history_retention.as_millis()).unwrap_or(u64::MAX);
        if unix_ms < now_ms.saturating_sub(retention_ms) {
            return Err(RestoreError::Expired { earliest: Bookmark(state.floor) });
        }
        if unix_ms >= now_ms {
            return Ok(Bookmark(state.group));
        }
        Ok(stored::newest_until(&state.moments, state.floor, unix_ms))
    }

    fn restore(&self, order: RestoreOrder) -> Result<Bookmark, RestoreError> {
        let (latest, earliest) = {
            let state = self.lock();
            (Bookmark(state.group), Bookmark(state.floor))
        };
        if order.bookmark > latest {
            return Err(RestoreError::Future { latest });
        }
        if !self.settings.history.contains(&order.class) {
            return Err(RestoreError::NoHistory);
        }
        if order.bookmark < earliest {
            return Err(RestoreError::Expired { earliest });
        }
        self.submit(order.into_batch())?;
        Ok(latest)
    }

    fn health(&self) -> StoreHealth {
        if self.lock().failing { StoreHealth::Failing } else { StoreHealth::Writable }
    }
}
