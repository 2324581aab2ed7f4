//! The store: what the runtime submits to and reads from.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};

use super::chunk::decode_record;
use super::commit::{CommitThread, Committer, Shared};
use super::disk::{Disk, FileDisk};
use super::error::{StoreError, guarded_read};
use super::lock::DirectoryLock;
use super::queue::{QueueSender, queue};
use super::reader::RedbReader;
use super::recovery;
use super::settings::StoreSettings;
use super::tables::{RECORDS, first_row};
use crate::clock::ClockRef;
use crate::metrics::MetricsRef;
use crate::object::id::ObjectId;
use crate::object::storage::{ReadError, Reader, Record, WriteBatch};
use crate::runtime::ports::{Store, StoreHealth, SubmitError};

/// Objects in one file. Cloning shares it.
#[derive(Clone)]
pub struct RedbStore {
    queue: QueueSender,
    shared: Arc<Shared>,
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
        let (db, group) = recovery::open(disk.as_ref())?;
        let (sender, receiver) = queue(&settings);
        let shared = Arc::new(Shared {
            db: RwLock::new(Some(Arc::new(db))),
            failing: AtomicBool::new(false),
            needs: Mutex::new((first_row(group + 1), HashMap::new())),
        });
        let committer = Committer::new(shared.clone(), receiver, disk, settings, clock, metrics, group);
        Ok((Self { queue: sender, shared }, committer))
    }

    /// From now on nothing is taken; the committer writes what is queued and closes the file.
    pub fn close(&self) {
        self.queue.close();
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
        let first_row = self.shared.first_row(&object);
        let transaction = self.begin_read()?;
        Ok(Box::new(RedbReader { transaction, object, first_row }))
    }

    fn to_wake(&self) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        let transaction = self.begin_read()?;
        guarded_read(|| {
            let mut found = Vec::new();
            for row in transaction.open_table(RECORDS)?.iter()? {
                let (id, row) = row?;
                let object = ObjectId::from_stored(*id.value());
                match decode_record(&object, row.value()) {
                    Ok(record) if record.wake_at_start => found.push((object, record)),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::error!(%object, %error, "not woken; restore a backup to get it back");
                    }
                }
            }
            Ok(found)
        })
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
