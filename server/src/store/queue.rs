//! What waits for the disk. Bounded by batches and by bytes; full refuses.
//!
//! The submitting side does no IO, holds a lock only to push, and wakes the commit thread only if that sleeps without a
//! deadline or somebody waits: a tick thread pays a push.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use super::settings::StoreSettings;
use crate::mailbox::{Bell, Receiver, Sender, mailbox};
use crate::object::storage::{Write, WriteBatch};
use crate::runtime::ports::SubmitError;

/// Bytes a batch counts for besides those of its writes.
const BATCH_BYTES: usize = 128;
const WRITE_BYTES: usize = 64;

/// A batch that has not been tried yet. Dropped without being taken, its ticket fails.
#[derive(Debug)]
pub(super) struct Queued {
    batch: Option<WriteBatch>,
    bytes: usize,
}

impl Queued {
    /// Takes the batch out and what it counts for.
    pub(super) fn take(mut self) -> (Option<WriteBatch>, usize) {
        (self.batch.take(), self.bytes)
    }

    /// What it is; none if it was taken.
    pub(super) fn batch(&self) -> Option<&WriteBatch> {
        self.batch.as_ref()
    }

    pub(super) fn urgent(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| batch.urgent)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if let Some(ticket) = self.batch.take().and_then(|batch| batch.ticket) {
            ticket.set_failed();
        }
    }
}

/// What the two sides share.
#[derive(Debug, Default)]
struct State {
    batches: AtomicUsize,
    bytes: AtomicUsize,
    closed: AtomicBool,
    /// The commit thread sleeps until it is woken.
    idle: AtomicBool,
}

/// The submitting side.
#[derive(Debug, Clone)]
pub(super) struct QueueSender {
    state: Arc<State>,
    batches: Sender<Queued>,
    bell: Bell,
    batches_max: usize,
    bytes_max: usize,
}

/// The commit thread's side.
#[derive(Debug)]
pub(super) struct QueueReceiver {
    state: Arc<State>,
    batches: Receiver<Queued>,
    bell: Bell,
}

/// A queue with the settings' bounds.
pub(super) fn queue(settings: &StoreSettings) -> (QueueSender, QueueReceiver) {
    let state = Arc::new(State::default());
    let (batches_in, batches) = mailbox(settings.queue_batches_max);
    let bell = Bell::default();
    let sender = QueueSender {
        state: state.clone(),
        batches: batches_in,
        bell: bell.clone(),
        batches_max: settings.queue_batches_max,
        bytes_max: settings.queue_bytes_max,
    };
    (sender, QueueReceiver { state, batches, bell })
}

/// What a batch counts for.
pub(super) fn batch_bytes(batch: &WriteBatch) -> usize {
    let writes = batch.writes.iter().map(|write| {
        WRITE_BYTES
            + match write {
                Write::Put { key, value } => key.len() + value.len(),
                Write::Delete { key } => key.len(),
                Write::Append { entry } => entry.len(),
                Write::SetAlarm(alarm) => alarm.name.len(),
                Write::ClearAlarm { name, .. } => name.len(),
                Write::KeepSocket(socket) => {
                    let tags: usize = socket.tags.iter().map(String::len).sum();
                    socket.attachment.len() + tags + socket.name.as_str().len()
                }
                Write::ForgetSocket(_) => 0,
                Write::CutJournal | Write::Record(_) | Write::DeleteAll | Write::Restore { .. } => 0,
            }
    });
    BATCH_BYTES + writes.sum::<usize>()
}

impl QueueSender {
    /// Takes a batch or refuses it.
    pub(super) fn submit(&self, batch: WriteBatch) -> Result<(), SubmitError> {
        if self.state.closed.load(Ordering::Acquire) {
            return Err(SubmitError::Closed);
        }
        let bytes = batch_bytes(&batch);
        if !self.reserve(bytes) {
            return Err(SubmitError::QueueFull);
        }
        let urgent = batch.urgent;
        if let Err(refused) = self.batches.offer(Queued { batch: Some(batch), bytes }) {
            self.state.release(1, bytes);
            // Its ticket is left alone: the submitter has the error.
            let _ = refused.take();
            return Err(SubmitError::QueueFull);
        }
        fence(Ordering::SeqCst);
        if urgent || self.state.idle.load(Ordering::Relaxed) && self.state.idle.swap(false, Ordering::SeqCst)
        {
            self.bell.ring();
        }
        Ok(())
    }

    fn reserve(&self, bytes: usize) -> bool {
        let batches = self.state.batches.fetch_add(1, Ordering::AcqRel) + 1;
        let total = self.state.bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let fits = batches <= self.batches_max && total <= self.bytes_max;
        if !fits {
            self.state.release(1, bytes);
        }
        fits
    }

    /// From now on submissions are refused; what is queued is still written.
    pub(super) fn close(&self) {
        self.state.closed.store(true, Ordering::Release);
        self.bell.ring();
    }
}

impl State {
    fn release(&self, batches: usize, bytes: usize) {
        self.batches.fetch_sub(batches, Ordering::AcqRel);
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

impl QueueReceiver {
    /// The next batch, if there is one.
    pub(super) fn next(&self) -> Option<Queued> {
        self.batches.take()
    }

    /// Room for this much again.
    pub(super) fn release(&self, batches: usize, bytes: usize) {
        self.state.release(batches, bytes);
    }

    /// The next batch will wake the thread. False: there is one already.
    pub(super) fn go_idle(&self) -> bool {
        self.state.idle.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let empty = self.batches.is_empty();
        if !empty {
            self.state.idle.store(false, Ordering::SeqCst);
        }
        empty
    }

    pub(super) fn closed(&self) -> bool {
        self.state.closed.load(Ordering::Acquire)
    }

    /// From now on the calling thread is woken when something urgent comes, or anything while it is idle.
    pub(super) fn wake_here(&self) {
        self.bell.hang_here();
    }
}
