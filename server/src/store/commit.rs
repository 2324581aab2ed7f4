//! The commit thread: groups what has arrived into one transaction, and brings the store back when the disk
//! refused.
//!
//! [`Committer`] is the logic, without a thread or a clock of its own to wait on; [`CommitThread`] is the
//! shell around it. After any error the file is closed and opened again, and the number of the last group in
//! it tells whether the group that failed is in: unknown is not failed. If it is not, it is written again.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::Database;

use super::disk::Disk;
use super::error::{StoreError, guarded};
use super::group::{Group, Quotas, Terms, learn_objects};
use super::index::Index;
use super::queue::{QueueReceiver, Queued};
use super::recovery::{committed_group, move_rows};
use super::settings::StoreSettings;
use super::standing::Standing;
use super::tables::first_row;
use crate::clock::ClockRef;
use crate::mailbox::Bell;
use crate::metrics::MetricsRef;
use crate::object::id::ObjectId;
use tickstone_shared::ids::Epoch;
use tickstone_shared::time::Moment;

use sizes::Sizes;
pub use thread::CommitThread;
mod pruning;
mod sizes;
mod thread;

/// Bytes of batches that make a group full.
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Rows that move from an overlong log to the tails after a commit.
const MOVED_ROWS: usize = 64;

/// What the committer shares with the readers.
pub(super) struct Shared {
    /// None while it is being reopened.
    pub(super) db: RwLock<Option<Arc<Database>>>,
    pub(super) failing: AtomicBool,
    pub(super) needs: Mutex<Needs>,
    /// Rung when tickets have changed.
    pub(super) bells: Mutex<Vec<Bell>>,
}

/// What readers need to know beside the file.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// The log row that is next.
    pub(super) next_row: u64,
    /// The rows from which on objects need the log.
    pub(super) rows: HashMap<ObjectId, u64>,
    /// The epochs of objects of which everything was removed.
    pub(super) gone: HashMap<ObjectId, Epoch>,
}

impl Needs {
    fn note(&mut self, index: &Index, object: ObjectId) {
        match index.first_row(&object) {
            Some(row) => self.rows.insert(object, row),
            None => self.rows.remove(&object),
        };
        match index.gone(&object) {
            Some(epoch) => self.gone.insert(object, epoch),
            None => self.gone.remove(&object),
        };
    }
}

impl Shared {
    /// The log has nothing of the object before this row; and the epoch that is not in the file, if there is one.
    pub(super) fn needs_of(&self, object: &ObjectId) -> (u64, Option<Epoch>) {
        let needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        let row = needs.rows.get(object).copied().unwrap_or(needs.next_row);
        (row, needs.gone.get(object).copied())
    }

    fn db(&self) -> Option<Arc<Database>> {
        self.db.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace_db(&self, db: Option<Database>) -> Option<Database> {
        let new = db.map(Arc::new);
        let old = std::mem::replace(&mut *self.db.write().unwrap_or_else(PoisonError::into_inner), new);
        old.and_then(Arc::into_inner)
    }
}

/// What a turn says about the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There may be more to do now.
    Again,
    /// Nothing to do before this, unless something urgent comes.
    At(Moment),
    /// Nothing to do until something comes.
    Idle,
    /// It was closed, everything is written, and the file is closed.
    Closed,
}

/// The group has been planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planned {
    /// Not tried yet.
    Untried,
    /// Tried, and nobody knows whether it is in.
    Unknown,
    /// The file says that it is in.
    Found,
}

/// An episode during which the disk refuses.
#[derive(Debug)]
struct Episode {
    retry_at: Moment,
}

/// See the module.
pub struct Committer {
    shared: Arc<Shared>,
    queue: QueueReceiver,
    disk: Arc<dyn Disk>,
    settings: StoreSettings,
    clock: ClockRef,
    metrics: MetricsRef,
    index: Index,
    /// Batches that are no group yet.
    waiting: VecDeque<Queued>,
    waiting_bytes: usize,
    /// When they become one.
    due: Option<Moment>,
    /// When the last group was closed to newcomers: what came since has waited at most since then.
    closed_at: Option<Moment>,
    group: Group,
    planned: Option<Planned>,
    terms: Terms,
    /// The file as of the last group that is known to be in.
    standing: Standing,
    sizes: Sizes,
    episode: Option<Episode>,
    give_up_at: Option<Moment>,
}

impl Committer {
    pub(super) fn new(
        shared: Arc<Shared>,
        queue: QueueReceiver,
        disk: Arc<dyn Disk>,
        settings: StoreSettings,
        clock: ClockRef,
        metrics: MetricsRef,
        standing: Standing,
    ) -> Self {
        let index = Index::new();
        let mut sizes = Sizes::default();
        sizes.show(&metrics, &standing);
        let quotas =
            Quotas { object_bytes_max: settings.object_bytes_max, total_bytes_max: settings.total_bytes_max };
        let retention_ms = u64::try_from(settings.history_retention.as_millis()).unwrap_or(u64::MAX);
        let terms = Terms { quotas, retention_ms };
        Self {
            shared,
            queue,
            disk,
            settings,
            clock,
            metrics,
            index,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            due: None,
            closed_at: None,
            group: Group::default(),
            planned: None,
            terms,
            sizes,
            standing,
            episode: None,
            give_up_at: None,
        }
    }

    /// Does what is due.
    pub fn turn(&mut self, now: Moment) -> Turn {
        let closing = self.closing(now);
        if let Some(episode) = &self.episode
            && now < episode.retry_at
        {
            return Turn::At(episode.retry_at);
        }
        if self.planned.is_none() {
            self.collect(now);
        }
        let due = self.due.is_some_and(|due| due <= now || closing.is_some());
        if self.planned.is_some() || due {
            return self.commit(now);
        }
        match self.due {
            Some(due) => Turn::At(due),
            None if closing.is_some() => self.finish(),
            None => match self.history_overdue() {
                Some(until_ms) => self.shorten_history(until_ms, now),
                None if self.queue.go_idle() => Turn::Idle,
                None => Turn::Again,
            },
        }
    }

    #[cfg(test)]
    pub(super) fn log_rows(&self) -> usize {
        self.index.log_rows()
    }

    fn closing(&mut self, now: Moment) -> Option<Moment> {
        if self.give_up_at.is_none() && self.queue.closed() {
            self.give_up_at = Some(now + self.settings.close_wait);
        }
        self.give_up_at
    }

    /// Takes what has arrived.
    fn collect(&mut self, now: Moment) {
        let since = self.closed_at.take();
        while self.waiting_bytes < GROUP_BYTES_MAX {
            let Some(queued) = self.queue.next() else { break };
            let regular = since.unwrap_or(now) + self.settings.group_interval;
            let due = if queued.urgent() { now } else { regular };
            self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
            self.waiting_bytes += queued.bytes();
            self.waiting.push_back(queued);
        }
        if self.waiting_bytes >= GROUP_BYTES_MAX {
            self.due = Some(now);
        }
    }

    fn commit(&mut self, now: Moment) -> Turn {
        match self.try_commit(now) {
            Ok(()) => {
                self.recovered();
                Turn::Again
            }
            Err(error) => {
                let next = self.failed(&error, now);
                if self.give_up_at.is_some_and(|give_up_at| now >= give_up_at) { self.finish() } else { next }
            }
        }
    }

    fn try_commit(&mut self, now: Moment) -> Result<(), StoreError> {
        let db = self.opened()?;
        if self.planned.is_none() {
            self.plan(&db, now)?;
        }
        if self.group.has_writes() {
            let begun = self.clock.now();
            let found = self.planned.replace(Planned::Unknown) == Some(Planned::Found);
            let (group, standing, terms) = (&mut self.group, &self.standing, &self.terms);
            let write = || if found { group.confirm(&db) } else { group.write(&db, standing, terms) };
            guarded(write).map_err(self.refused())?;
            self.metrics.commit_seconds.observe(self.clock.now().since(begun).as_secs_f64());
        }
        self.settle();
        self.shorten_log(&db)
    }

    /// Makes the waiting batches a group.
    fn plan(&mut self, db: &Database, now: Moment) -> Result<(), StoreError> {
        guarded(|| learn_objects(db, &self.waiting, &mut self.index)).map_err(self.refused())?;
        let now_ms = self.clock.unix_ms();
        let (group, waiting, index) = (&mut self.group, &mut self.waiting, &mut self.index);
        let plan = || group.plan(db, &self.terms, &self.standing, now_ms, waiting, index);
        guarded(plan).map_err(self.refused())?;
        self.planned = Some(Planned::Untried);
        self.waiting_bytes = self.waiting.iter().map(Queued::bytes).sum();
        self.due = (!self.waiting.is_empty()).then_some(now);
        self.closed_at = Some(now);
        Ok(())
    }

    /// The group is in.
    fn settle(&mut self) {
        self.planned = None;
        let mut needs = self.shared.needs.lock().unwrap_or_else(PoisonError::into_inner);
        let note = |index: &Index, object| needs.note(index, object);
        let (batches, bytes) = self.group.settle(&mut self.standing, &mut self.index, note);
        needs.next_row = first_row(self.standing.group + 1);
        self.sizes.show(&self.metrics, &self.standing);
        self.index.forget_idle(|object| {
            needs.gone.remove(object);
        });
        drop(needs);
        self.metrics.commit_group_size.observe(batches as f64);
        self.queue.release(batches, bytes);
        self.shared.bells.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Bell::ring);
    }

    /// Someone who does not cut pins an overlong log: moves its oldest rows to the tails.
    fn shorten_log(&mut self, db: &Database) -> Result<(), StoreError> {
        let Some(last) = self.index.overlong(self.settings.log_rows_max, MOVED_ROWS) else { return Ok(()) };
        let needs = |object: &ObjectId| self.index.first_row(object);
        guarded(|| move_rows(db, last, self.standing.group, &needs)).map_err(self.refused())?;
        let mut needs = self.shared.needs.lock().unwrap_or_else(PoisonError::into_inner);
        for object in self.index.moved(last) {
            needs.note(&self.index, object);
        }
        Ok(())
    }

    /// The database, opened again if it had to be closed. Finds out what became of the group that failed.
    fn opened(&mut self) -> Result<Arc<Database>, StoreError> {
        if let Some(db) = self.shared.db() {
            return Ok(db);
        }
        let place = self.disk.place();
        let db = self.disk.open()?;
        let gone = || StoreError::Damaged { file: place.clone(), problem: "it has gone".to_owned() };
        let db = db.ok_or_else(gone)?;
        let found = guarded(|| committed_group(&db)).map_err(self.refused())?;
        let unknown = self.planned == Some(Planned::Unknown);
        if unknown && found == self.group.number() {
            self.planned = Some(Planned::Found);
        } else if found != self.standing.group {
            let problem = format!("its last commit is {found}, but {} was made", self.standing.group);
            return Err(StoreError::Damaged { file: place, problem });
        }
        self.shared.replace_db(Some(db));
        self.metrics.store_reopened.inc();
        self.shared.db().ok_or_else(gone)
    }

    /// Closes the database. The first time it is tried again at once, then at intervals.
    fn failed(&mut self, error: &StoreError, now: Moment) -> Turn {
        self.shared.failing.store(true, Ordering::Release);
        self.close_db();
        if self.episode.is_none() {
            tracing::error!(%error, "nothing can be stored: free space or repair the disk; it is retried");
            self.episode = Some(Episode { retry_at: now });
            return Turn::Again;
        }
        let retry_at = now + self.settings.retry_interval;
        self.episode = Some(Episode { retry_at });
        // For the readers, meanwhile. If this fails, so will the retry, which tells.
        let _ = self.opened();
        Turn::At(retry_at)
    }

    fn recovered(&mut self) {
        if self.episode.take().is_some() {
            self.shared.failing.store(false, Ordering::Release);
            tracing::info!(file = self.disk.place(), "the store works again; nothing durable was lost");
        }
    }

    fn close_db(&self) -> Option<Result<(), redb::Error>> {
        let db = self.shared.replace_db(None)?;
        Some(guarded(|| Ok(db.close()?)))
    }

    /// Closes the file. What could not be written by now fails, or stays unknown if it was tried.
    fn finish(&mut self) -> Turn {
        self.waiting.extend(std::iter::from_fn(|| self.queue.next()));
        if !self.waiting.is_empty() || self.planned.is_some() {
            let batches = self.waiting.len();
            tracing::error!(file = self.disk.place(), batches, "closed without having written everything");
        }
        self.waiting.clear();
        if let Some(Err(error)) = self.close_db() {
            tracing::error!(file = self.disk.place(), %error, "the store was not closed cleanly");
        }
        Turn::Closed
    }

    fn refused(&self) -> impl Fn(redb::Error) -> StoreError + use<> {
        let place = self.disk.place();
        move |error| StoreError::from_redb("write", &place, &error)
    }
}
