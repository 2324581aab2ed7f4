//! What one client has still to receive, and the way to its socket.
//!
//! Responsible for: writing frames whole and in order, straight to the socket while it takes them; keeping
//! what it does not take: the rest of one frame, a bounded queue of reliable frames, one slot for the newest
//! state. Full-policy: a state replaces the one in the slot (counted); a reliable frame that does not fit is
//! refused, and the caller closes the client as too slow (4420).
//! Not responsible for: what is in a frame, when a client is given up.
//!
//! Invariant: nothing here waits. The lock is held for one write at most, and never by a tick thread.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use prometheus_client::metrics::counter::Counter;
use tokio::net::tcp::OwnedWriteHalf;

/// Reliable frames that may wait for one client (reliability P34).
pub(super) const RELIABLE_FRAMES_MAX: usize = 64;
/// Bytes of reliable frames that may wait for one client (reliability P34).
pub(super) const RELIABLE_BYTES_MAX: usize = 256 * 1024;
/// What a buffer may keep once it has emptied.
const KEPT_CAPACITY: usize = 8 * 1024;

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
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        OwnedWriteHalf::try_write(self, bytes)
    }
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.as_ref().poll_write_ready(cx)
    }
    fn abandon(&self) {
        // A socket that refuses the option is closed the slow way.
        let _ = self.as_ref().set_zero_linger();
    }
}

/// What became of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StateSent {
    /// The socket has it.
    Written,
    /// It waits, and replaced none.
    Waits,
    /// It waits, and replaced an older one.
    Replaced,
    /// The connection is ending.
    Ignored,
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
    /// None once everything was said: dropping it says so to the client (FIN).
    sink: Option<S>,
    /// Bytes the socket has not taken, from `rest_from`: always the next to go.
    rest: Vec<u8>,
    rest_from: usize,
    reliable: VecDeque<Bytes>,
    reliable_bytes: usize,
    /// The newest state; empty: none.
    state: Vec<u8>,
    /// Nothing is taken any more.
    ending: bool,
    /// Grows with every byte taken while something waited.
    progress: u64,
}

impl<S: Sink> Outgoing<S> {
    /// Nothing waits.
    pub(super) fn new(sink: S, traffic: Traffic) -> Self {
        let queues = Queues {
            sink: Some(sink),
            rest: Vec::new(),
            rest_from: 0,
            reliable: VecDeque::new(),
            reliable_bytes: 0,
            state: Vec::new(),
            ending: false,
            progress: 0,
        };
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

    /// Sends a state, or keeps it as the newest.
    pub(super) fn send_state(&self, frame: &[u8]) -> StateSent {
        let mut queues = self.lock();
        if queues.ending || queues.sink.is_none() {
            return StateSent::Ignored;
        }
        if queues.is_idle() {
            let written = queues.write(frame);
            self.traffic.bytes_out.inc_by(written as u64);
            if written == frame.len() {
                return StateSent::Written;
            }
            if written == 0 {
                queues.state.extend_from_slice(frame);
            } else {
                queues.rest.extend_from_slice(&frame[written..]);
            }
            drop(queues);
            self.wait_for_socket();
            return StateSent::Waits;
        }
        let replaced = !queues.state.is_empty();
        queues.state.clear();
        queues.state.extend_from_slice(frame);
        if replaced {
            self.traffic.coalesced.inc();
            return StateSent::Replaced;
        }
        StateSent::Waits
    }

    /// Sends whole frames after everything reliable before them. Once ending, they are dropped.
    pub(super) fn send_reliable(&self, frame: Bytes) -> Result<(), QueueFull> {
        let mut queues = self.lock();
        if queues.ending || queues.sink.is_none() {
            return Ok(());
        }
        if !queues.is_idle() {
            return queues.push(frame);
        }
        let written = queues.write(&frame);
        self.traffic.bytes_out.inc_by(written as u64);
        if written < frame.len() {
            queues.rest.extend_from_slice(&frame[written..]);
            drop(queues);
            self.wait_for_socket();
        }
        Ok(())
    }

    /// Takes nothing after these last frames.
    pub(super) fn finish(&self, last: &[Bytes], keep: Keep) {
        let mut queues = self.lock();
        if queues.ending {
            return;
        }
        queues.ending = true;
        queues.state.clear();
        if keep == Keep::Nothing {
            queues.reliable.clear();
        }
        queues.reliable.extend(last.iter().cloned());
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
            if queues.is_idle() {
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
        (queues.sink.is_some() && !queues.is_idle()).then_some(queues.progress)
    }

    /// Bytes that wait for the client.
    pub(super) fn queued_bytes(&self) -> usize {
        let queues = self.lock();
        queues.rest.len() - queues.rest_from + queues.reliable_bytes + queues.state.len()
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
    fn is_idle(&self) -> bool {
        self.rest.is_empty() && self.reliable.is_empty() && self.state.is_empty()
    }

    /// Bytes taken now. An error counts as none: the flush that follows meets it again and reports it.
    fn write(&self, frame: &[u8]) -> usize {
        self.sink.as_ref().and_then(|sink| sink.try_write(frame).ok()).unwrap_or(0)
    }

    fn push(&mut self, frame: Bytes) -> Result<(), QueueFull> {
        let bytes = self.reliable_bytes + frame.len();
        if self.reliable.len() >= RELIABLE_FRAMES_MAX || bytes > RELIABLE_BYTES_MAX {
            return Err(QueueFull);
        }
        self.reliable_bytes = bytes;
        self.reliable.push_back(frame);
        Ok(())
    }

    /// Writes until all is gone or the socket takes no more.
    fn flush(&mut self) -> io::Result<u64> {
        let mut total = 0;
        loop {
            if self.rest.is_empty() {
                self.refill();
            }
            let Some(sink) = self.sink.as_ref().filter(|_| !self.rest.is_empty()) else { return Ok(total) };
            match sink.try_write(&self.rest[self.rest_from..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    total += written as u64;
                    self.took(written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(total),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn took(&mut self, written: usize) {
        self.progress += written as u64;
        self.rest_from += written;
        if self.rest_from == self.rest.len() {
            self.rest_from = 0;
            self.rest.clear();
            self.rest.shrink_to(KEPT_CAPACITY);
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
