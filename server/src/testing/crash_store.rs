//! A store that dies at a commit: what comes after it is lost, and nobody is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::object::id::ObjectId;
use crate::object::storage::{Bookmark, ReadError, Reader, Record, WriteBatch};
use crate::runtime::ports::{
    AlarmKey, DueAlarm, ObjectQuery, RestoreError, RestoreOrder, Store, StoreHealth, SubmitError, WithSockets,
};
use crate::store::MemoryStore;

/// See the module.
#[derive(Clone)]
pub(super) struct CrashStore {
    pub(super) inner: MemoryStore,
    commits: Arc<AtomicU64>,
    dies_at: Arc<AtomicU64>,
}

impl CrashStore {
    pub(super) fn new(inner: MemoryStore) -> Self {
        Self { inner, commits: Arc::default(), dies_at: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    /// Commits so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Dies at this commit, which is lost.
    pub(super) fn die_at(&self, commit: u64) {
        self.dies_at.store(commit, Ordering::SeqCst);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.commits() >= self.dies_at.load(Ordering::SeqCst)
    }

    /// Another process opens it.
    pub(super) fn revive(&self) {
        self.inner.crash();
        self.dies_at.store(u64::MAX, Ordering::SeqCst);
    }
}

impl Store for CrashStore {
    fn submit(&self, batch: WriteBatch) -> Result<(), SubmitError> {
        if !batch.writes.is_empty() && !self.is_dead() {
            self.commits.fetch_add(1, Ordering::SeqCst);
        }
        if self.is_dead() { Ok(()) } else { self.inner.submit(batch) }
    }
    fn reader(&self, object: ObjectId) -> Result<Box<dyn Reader + '_>, ReadError> {
        self.inner.reader(object)
    }
    fn to_wake(&self) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        self.inner.to_wake()
    }
    fn objects(&self, query: &ObjectQuery) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        self.inner.objects(query)
    }
    fn due_alarms(
        &self,
        after: Option<&AlarmKey>,
        until_ms: u64,
        limit: usize,
    ) -> Result<Vec<DueAlarm>, ReadError> {
        self.inner.due_alarms(after, until_ms, limit)
    }
    fn with_sockets(&self) -> Result<Vec<WithSockets>, ReadError> {
        self.inner.with_sockets()
    }
    fn bookmark_now(&self) -> Result<Bookmark, RestoreError> {
        self.inner.bookmark_now()
    }
    fn bookmark_at(&self, unix_ms: u64) -> Result<Bookmark, RestoreError> {
        self.inner.bookmark_at(unix_ms)
    }
    fn restore(&self, order: RestoreOrder) -> Result<Bookmark, RestoreError> {
        self.inner.restore(order)
    }
    fn health(&self) -> StoreHealth {
        self.inner.health()
    }
}
