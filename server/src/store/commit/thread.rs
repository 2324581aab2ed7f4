//! The thread around the committer.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::{Committer, Turn};
use crate::store::error::StoreError;
use crate::store::lock::DirectoryLock;
use crate::store::queue::QueueSender;

/// How long an idle thread sleeps at most.
const IDLE: Duration = Duration::from_secs(1);
/// How long closing waits beyond the settings' time, for a call to the disk that has begun.
const JOIN_GRACE: Duration = Duration::from_secs(5);

/// The thread that writes. Dropping it closes the store.
#[derive(Debug)]
pub struct CommitThread {
    queue: QueueSender,
    thread: Option<JoinHandle<()>>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
    close_wait: Duration,
    place: String,
}

impl CommitThread {
    /// Starts it. It keeps the directory's lock.
    pub(in crate::store) fn start(
        committer: Committer,
        lock: DirectoryLock,
        queue: QueueSender,
        close_wait: Duration,
    ) -> Result<Self, StoreError> {
        let (alive, ended) = bounded(0);
        let place = committer.disk.place();
        let body = move || {
            run(committer);
            drop(lock);
            drop(alive);
        };
        let thread = std::thread::Builder::new().name("tickstone-commit".to_owned()).spawn(body);
        let thread = thread.map_err(|source| StoreError::Io {
            what: "start the thread that writes",
            file: place.clone(),
            problem: source.to_string(),
        })?;
        Ok(Self { queue, thread: Some(thread), ended, close_wait, place })
    }

    /// Writes what is queued, closes the file and ends the thread. An error: the disk did not answer in time.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.queue.close();
        let problem = match self.ended.recv_timeout(self.close_wait + JOIN_GRACE) {
            Err(RecvTimeoutError::Timeout) => "the disk does not answer",
            _ if thread.join().is_err() => "its thread panicked",
            _ => return Ok(()),
        };
        Err(StoreError::Io { what: "close", file: self.place.clone(), problem: problem.to_owned() })
    }
}

impl Drop for CommitThread {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the store was not closed cleanly");
        }
    }
}

fn run(mut committer: Committer) {
    committer.queue.wake_here();
    loop {
        let now = committer.clock.now();
        let wait = match committer.turn(now) {
            Turn::Again => continue,
            Turn::At(moment) => moment.since(now),
            Turn::Idle => IDLE,
            Turn::Closed => return,
        };
        // Woken or not, the next turn looks at everything.
        std::thread::park_timeout(wait);
    }
}
