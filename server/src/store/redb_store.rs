//! The store: what the runtime submits to and reads from.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::{Database, ReadTransaction, ReadableDatabase};

use super::archive::{self, ArchiveError, BackupReport};
use super::commit::{CommitThread, Committer, Needs, Shared};
use super::contents::{alarms, history, objects, sockets};
use super::disk::{Disk, FileDisk};
use super::error::{StoreError, guarded_read};
use super::lock::DirectoryLock;
use super::queue::{QueueSender, queue};
use super::reader::RedbReader;
use super::recovery;
use super::settings::StoreSettings;
use super::tables::first_row;
use crate::clock::ClockRef;
use crate::mailbox::Bell;
use crate::metrics::MetricsRef;
use crate::object::id::ObjectId;
use crate::object::storage::{Bookmark, ReadError, Reader, Record, WriteBatch};
use crate::runtime::ports::{
    AlarmKey, DueAlarm, ObjectQuery, RestoreError, RestoreOrder, Store, StoreHealth, SubmitError, WithSockets,
};

/// Objects in one file. Cloning shares it.
#[derive(Clone)]
pub struct RedbStore {
    queue: QueueSender,
    shared: Arc<Shared>,
    clock: ClockRef,
    retention_ms: u64,
}

impl RedbStore {
    /// Opens the store in the settings' directory, creating it if it is missing, and starts its thread.
    pub fn open(
        settings: StoreSettings,
        clock: ClockRef,
        metrics: MetricsRef,
    ) -> Result<(Self, CommitThread), StoreError> {
        let lock = DirectoryLock::take(&settings.dir)?;
        let disk = Arc::new(FileDisk::new(&settings.dir, settings.cache_bytes));
        let close_wait = settings.close_wait;
        let (store, committer) = Self::open_manual(disk, settings, clock, metrics)?;
        let thread = CommitThread::start(committer, lock, store.queue.clone(), close_wait)?;
        Ok((store, thread))
    }

    /// Opens the store on any disk, without a thread: whoever has the committer calls its
    /// [`turn`](Committer::turn).
    pub fn open_manual(
        disk: Arc<dyn Disk>,
        settings: StoreSettings,
        clock: ClockRef,
        metrics: MetricsRef,
    ) -> Result<(Self, Committer), StoreError> {
        let (db, standing) = recovery::open(disk.as_ref(), &settings, clock.unix_ms())?;
        let (sender, receiver) = queue(&settings);
        let needs = Needs { next_row: first_row(standing.group + 1), ..Needs::default() };
        let shared = Arc::new(Shared {
            db: RwLock::new(Some(Arc::new(db))),
            failing: AtomicBool::new(false),
            needs: Mutex::new(needs),
            bells: Mutex::default(),
        });
        let retention_ms = u64::try_from(settings.history_retention.as_millis()).unwrap_or(u64::MAX);
        let store = Self { queue: sender, shared: shared.clone(), clock: clock.clone(), retention_ms };
        let committer = Committer::new(shared, receiver, disk, settings, clock, metrics, standing);
        Ok((store, committer))
    }

    /// From now on nothing is taken; the committer writes what is queued and closes the file.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Writes everything that is stored now to a file, beside whatever goes on. Reads the disk.
    pub fn backup(&self, path: &Path) -> Result<BackupReport, ArchiveError> {
        let unreadable = |error| StoreError::unreadable(&path.display().to_string(), &error);
        let transaction = self.begin_read().map_err(unreadable)?;
        archive::save(&transaction, path)
    }

    /// The database, to be looked into.
    #[cfg(test)]
    pub(super) fn database(&self) -> Arc<Database> {
        let db = self.shared.db.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(db.as_ref().expect("a test looks while it is open"))
    }

    fn begin_read(&self) -> Result<ReadTransaction, ReadError> {
        let db = self.shared.db.read().unwrap_or_else(PoisonError::into_inner);
        let db: &Database = db.as_ref().ok_or_else(|| ReadError::Io("it is being reopened".to_owned()))?;
        guarded_read(|| Ok(db.begin_read()?))
    }
}

impl Store for RedbStore {
    fn submit(&self, batch: WriteBatch) -> Result<(), SubmitError> {
        self.queue.submit(batch)
    }

    fn reader(&self, object: ObjectId) -> Result<Box<dyn Reader + '_>, ReadError> {
        // In this order: what the object needs of the log only moves forward, so this is never too late.
        let (first_row, gone) = self.shared.needs_of(&object);
        let transaction = self.begin_read()?;
        Ok(Box::new(RedbReader { transaction, object, first_row, gone }))
    }

    fn to_wake(&self) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        let transaction = self.begin_read()?;
        guarded_read(|| objects::to_wake(&transaction))
    }

    fn objects(&self, query: &ObjectQuery) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        let transaction = self.begin_read()?;
        guarded_read(|| objects::page(&transaction, query))
    }

    fn due_alarms(
        &self,
        after: Option<&AlarmKey>,
        until_ms: u64,
        limit: usize,
    ) -> Result<Vec<DueAlarm>, ReadError> {
        let transaction = self.begin_read()?;
        guarded_read(|| alarms::due(&transaction, after, until_ms, limit))
    }

    fn with_sockets(&self) -> Result<Vec<WithSockets>, ReadError> {
        let transaction = self.begin_read()?;
        guarded_read(|| sockets::objects(&transaction))
    }

    fn bookmark_now(&self) -> Result<Bookmark, RestoreError> {
        let transaction = self.begin_read()?;
        Ok(guarded_read(|| history::now(&transaction))?)
    }

    fn bookmark_at(&self, unix_ms: u64) -> Result<Bookmark, RestoreError> {
        let transaction = self.begin_read()?;
        let now_ms = self.clock.unix_ms();
        let expired = unix_ms < now_ms.saturating_sub(self.retention_ms);
        if expired {
            let earliest = guarded_read(|| history::floor(&transaction))?;
            return Err(RestoreError::Expired { earliest });
        }
        let is_past = unix_ms < now_ms;
        let find = || if is_past { history::at(&transaction, unix_ms) } else { history::now(&transaction) };
        Ok(guarded_read(find)?)
    }

    fn restore(&self, order: RestoreOrder) -> Result<Bookmark, RestoreError> {
        let transaction = self.begin_read()?;
        let latest = guarded_read(|| history::now(&transaction))?;
        if order.bookmark > latest {
            return Err(RestoreError::Future { latest });
        }
        let earliest = guarded_read(|| history::earliest_of(&transaction, &order.class))?;
        let earliest = earliest.ok_or(RestoreError::NoHistory)?;
        if order.bookmark < earliest {
            return Err(RestoreError::Expired { earliest });
        }
        self.submit(order.into_batch())?;
        Ok(latest)
    }

    fn ring_after_commits(&self, bell: Bell) {
        self.shared.bells.lock().unwrap_or_else(PoisonError::into_inner).push(bell);
    }

    fn health(&self) -> StoreHealth {
        if self.shared.failing.load(Ordering::Acquire) { StoreHealth::Failing } else { StoreHealth::Writable }
    }
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore").field("health", &self.health()).finish_non_exhaustive()
    }
}
