//! What one client has still to receive, and the way to its socket.
//!
//! Responsible for: writing frames whole and in order, straight to the socket while it takes them; keeping
//! what it does not take: the rest of one frame, a bounded queue of reliable frames, one slot for the newest
//! state; holding reliable frames for the state that follows them, as one write costs what another does however
//! little is in it. Full-policy: a state replaces the one in the slot, or that is taken back before (counted); a reliable
//! frame that does not fit is refused, and the caller closes the client as too slow (4420).
//! Not responsible for: what is in a frame, when a client is given up.
//!
//! Invariant: nothing here waits. The lock is held for one write at most, and never by a tick thread.

pub(super) mod held;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use prometheus_client::metrics::counter::Counter;
use rustix::net::SendFlags;
use tickstone_shared::replication::stream_base::Fate;
use tokio::net::tcp::OwnedWriteHalf;

/// Reliable frames that may wait for one client (reliability P34).
pub(super) const RELIABLE_FRAMES_MAX: usize = 64;
/// Bytes of reliable frames that may wait for one client (reliability P34).
pub(super) const RELIABLE_BYTES_MAX: usize = 256 * 1024;

/// Bytes of reliable frames that are held for the next write: with more they go out by themselves.
const HELD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of room for them that a client keeps.
const HELD_BYTES_KEPT: usize = 1024;

/// Where frames go. Real: a TCP socket's write half; in tests a sink that takes what it is told to take.
pub(super) trait Sink {
    /// Takes a first part of `bytes` now, or [`io::ErrorKind::WouldBlock`].
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Ready when a write may succeed again.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// What is still in the kernel is to be thrown away when the socket closes.
    fn abandon(&self);
}

impl Sink for OwnedWriteHalf {
    /// Past the library first: what it knows of the socket's readiness is cold memory, and of use only when the
    /// socket is full.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::net::send(self.as_ref(), bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Err(rustix::io::Errno::AGAIN) => OwnedWriteHalf::try_write(self, bytes),
            sent => Ok(sent?),
        }
    }
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.as_ref().poll_write_ready(cx)
    }
    fn abandon(&self) {
        // A socket that refuses the option is closed the slow way.
        let _ = self.as_ref().set_zero_linger();
    }
}

/// A reliable frame does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueueFull;

/// What of the queue survives an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Reliable frames go out first.
    Reliable,
    /// Only the frame that has begun is finished.
    Nothing,
}

/// Counters that are incremented without looking them up.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic {
    /// Bytes the sockets took.
    pub(super) bytes_out: Counter,
    /// Bytes that came.
    pub(super) bytes_in: Counter,
    /// States that a newer one replaced.
    pub(super) coalesced: Counter,
}

/// The way out of one connection.
#[derive(Debug)]
pub(super) struct Outgoing<S> {
    queues: Mutex<Queues<S>>,
    /// Something waits for the socket: the connection's task is to flush.
    waiting: AtomicBool,
    task: AtomicWaker,
    traffic: Traffic,
}

#[derive(Debug)]
struct Queues<S> {
    /// Nothing is taken any more.
    ending: bool,
    /// Whole reliable frames for the next write. None while something waits for the socket.
    held: Vec<u8>,
    /// What waits for the socket; none for nearly every socket nearly always.
    waiting: Option<Box<Waiting>>,
    /// None once everything was said: dropping it says so to the client (FIN).
    sink: Option<S>,
    /// Grows with every byte taken while something waited.
    progress: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Bytes the socket has not taken, from `rest_from`: always the next to go.
    rest: Vec<u8>,
    rest_from: usize,
    reliable: VecDeque<Bytes>,
    reliable_bytes: usize,
    /// The newest state; empty: none.
    state: Vec<u8>,
}

impl<S: Sink> Outgoing<S> {
    /// Nothing waits.
    pub(super) fn new(sink: S, traffic: Traffic) -> Self {
        let queues = Queues { ending: false, held: Vec::new(), waiting: None, sink: Some(sink), progress: 0 };
        Self {
            queues: Mutex::new(queues),
            waiting: AtomicBool::new(false),
            task: AtomicWaker::new(),
            traffic,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues<S>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the state back that waits in the slot; false if there is none any more.
    pub(super) fn take_back(&self) -> bool {
        let mut queues = self.lock();
        let Some(waiting) = &mut queues.waiting else { return false };
        let was_there = !waiting.state.is_empty();
        waiting.state.clear();
        self.traffic.coalesced.inc_by(was_there.into());
        was_there
    }

    /// Sends a state, or keeps it as the newest.
    pub(super) fn send_state(&self, frame: &[u8]) -> Fate {
        let mut queues = self.lock();
        if queues.ending || queues.sink.is_none() {
            return Fate::Ignored;
        }
        if let Some(waiting) = &mut queues.waiting {
            self.traffic.coalesced.inc_by((!waiting.state.is_empty()).into());
            waiting.state.clear();
            waiting.state.extend_from_slice(frame);
            return Fate::Waits;
        }
        self.write(queues, frame, true)
    }

    /// Sends whole frames after everything reliable before them. Once ending, they are dropped.
    pub(super) fn send_reliable(&self, frame: Bytes) -> Result<(), QueueFull> {
        let mut queues = self.lock();
        if queues.ending || queues.sink.is_none() {
            return Ok(());
        }
        if let Some(waiting) = &mut queues.waiting {
            return waiting.push(frame);
        }
        self.write(queues, &frame, false);
        Ok(())
    }

    /// Keeps whole frames for the next write, to be sent as by [`Self::send_reliable`]. True: they are the first, and
    /// the caller has to see that a state or [`Self::push`] follows soon.
    pub(super) fn hold(&self, frame: &Bytes) -> Result<bool, QueueFull> {
        let mut queues = self.lock();
        if queues.ending || queues.sink.is_none() {
            return Ok(false);
        }
        if let Some(waiting) = &mut queues.waiting {
            return waiting.push(frame.clone()).map(|()| false);
        }
        if queues.held.len() + frame.len() > HELD_BYTES_MAX {
            self.write(queues, frame, false);
            return Ok(false);
        }
        let is_first = queues.held.is_empty();
        queues.held.extend_from_slice(frame);
        Ok(is_first)
    }

    /// Sends what is held.
    pub(super) fn push(&self) {
        let queues = self.lock();
        if !queues.held.is_empty() && !queues.ending {
            self.write(queues, &[], false);
        }
    }

    /// Writes what is held, and then a frame. What the socket does not take of it waits.
    fn write(&self, mut queues: MutexGuard<'_, Queues<S>>, frame: &[u8], is_state: bool) -> Fate {
        let mut held = std::mem::take(&mut queues.held);
        let before = held.len();
        let bytes = if before == 0 {
            frame
        } else {
            held.extend_from_slice(frame);
            &held
        };
        let written = queues.take(bytes);
        self.traffic.bytes_out.inc_by(written as u64);
        let (is_whole, mut fate) = (written == bytes.len(), Fate::Leaves);
        if !is_whole {
            let mut reliable = bytes.len();
            // A state that has begun must be finished; one that has not may be replaced.
            if is_state && written <= before {
                (reliable, fate) = (before, Fate::Waits);
            }
            let waiting = queues.waiting.get_or_insert_default();
            waiting.rest.extend_from_slice(&bytes[written..reliable]);
            waiting.state.extend_from_slice(&bytes[reliable..]);
        }
        held.clear();
        held.shrink_to(HELD_BYTES_KEPT);
        queues.held = held;
        drop(queues);
        if !is_whole {
            self.wait_for_socket();
        }
        fate
    }

    /// Takes nothing after these last frames.
    pub(super) fn finish(&self, last: &[Bytes], keep: Keep) {
        let mut queues = self.lock();
        if queues.ending {
            return;
        }
        queues.ending = true;
        let held = std::mem::take(&mut queues.held);
        let waiting = queues.waiting.get_or_insert_default();
        waiting.state.clear();
        if keep == Keep::Reliable {
            waiting.rest.extend_from_slice(&held);
        }
        if keep == Keep::Nothing {
            waiting.reliable.clear();
        }
        waiting.reliable.extend(last.iter().cloned());
        drop(queues);
        self.wait_for_socket();
    }

    /// Writes what waits whenever the socket takes it. Ready when, after [`Self::finish`], all is written and
    /// the write side closed, or when the socket is broken. Called by the connection's task alone.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.task.register(cx.waker());
        while self.waiting.load(Ordering::Acquire) {
            let mut queues = self.lock();
            let Some(sink) = &queues.sink else { return Poll::Ready(Ok(())) };
            ready!(sink.poll_writable(cx))?;
            let written = queues.flush()?;
            self.traffic.bytes_out.inc_by(written);
            if queues.waiting.is_none() {
                self.waiting.store(false, Ordering::Release);
                if queues.ending {
                    queues.sink = None;
                    return Poll::Ready(Ok(()));
                }
            }
        }
        Poll::Pending
    }

    /// How far a client got that something waits for; none if nothing does.
    pub(super) fn progress(&self) -> Option<u64> {
        let queues = self.lock();
        (queues.sink.is_some() && queues.waiting.is_some()).then_some(queues.progress)
    }

    /// Bytes that wait for the client.
    pub(super) fn queued_bytes(&self) -> usize {
        let bytes = |waiting: &Waiting| {
            waiting.rest.len() - waiting.rest_from + waiting.reliable_bytes + waiting.state.len()
        };
        let queues = self.lock();
        queues.held.len() + queues.waiting.as_deref().map_or(0, bytes)
    }

    /// Throws away what waits and what the kernel holds: the connection is reset when it is dropped.
    pub(super) fn abandon(&self) {
        let mut queues = self.lock();
        queues.ending = true;
        if let Some(sink) = queues.sink.take() {
            sink.abandon();
        }
    }

    /// Has the connection's task look around.
    pub(super) fn wake(&self) {
        self.task.wake();
    }

    fn wait_for_socket(&self) {
        self.waiting.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<S: Sink> Queues<S> {
    /// Bytes taken now. An error counts as none: the flush that follows meets it again and reports it.
    fn take(&self, bytes: &[u8]) -> usize {
        self.sink.as_ref().and_then(|sink| sink.try_write(bytes).ok()).unwrap_or(0)
    }

    /// Writes until all is gone or the socket takes no more.
    fn flush(&mut self) -> io::Result<u64> {
        let mut total = 0;
        let Self { waiting: kept, sink, progress, .. } = self;
        while let (Some(waiting), Some(sink)) = (&mut *kept, &*sink) {
            if waiting.rest.is_empty() {
                waiting.refill();
            }
            if waiting.rest.is_empty() {
                *kept = None;
                break;
            }
            match sink.try_write(&waiting.rest[waiting.rest_from..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    total += written as u64;
                    *progress += written as u64;
                    waiting.took(written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }
}

impl Waiting {
    fn push(&mut self, frame: Bytes) -> Result<(), QueueFull> {
        let bytes = self.reliable_bytes + frame.len();
        if self.reliable.len() >= RELIABLE_FRAMES_MAX || bytes > RELIABLE_BYTES_MAX {
            return Err(QueueFull);
        }
        self.reliable_bytes = bytes;
        self.reliable.push_back(frame);
        Ok(())
    }

    fn took(&mut self, written: usize) {
        self.rest_from += written;
        if self.rest_from == self.rest.len() {
            self.rest_from = 0;
            self.rest.clear();
        }
    }

    /// All reliable frames in one write, else the state.
    fn refill(&mut self) {
        for frame in self.reliable.drain(..) {
            self.rest.extend_from_slice(&frame);
        }
        self.reliable_bytes = 0;
        if self.rest.is_empty() {
            std::mem::swap(&mut self.rest, &mut self.state);
        }
    }
}

#[cfg(test)]
mod tests;
