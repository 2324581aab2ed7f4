//! The stream's write side as the queue of reliable messages writes to it.
//!
//! Whoever sends first finds the stream idle and writes at once; only the connection's task can wait for it.
//! The library tells nobody that a stream is writable: it keeps the waker of a write that was refused. So the
//! task's waker is kept here, and every write is made in its name.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use quinn::{SendStream, VarInt};

use crate::gateway::outgoing::Sink;

/// What a stream is reset with when what it still holds is thrown away.
const ABANDONED: VarInt = VarInt::from_u32(4420);

/// A stream to a client.
#[derive(Debug)]
pub(in crate::gateway) struct StreamSink(Mutex<Writing>);

#[derive(Debug)]
struct Writing {
    stream: SendStream,
    task: Waker,
    /// A write was refused in the task's name since it was last told so.
    is_refused: bool,
}

impl StreamSink {
    /// Nothing was written.
    pub(super) fn new(stream: SendStream) -> Self {
        let task = Waker::noop().clone();
        Self(Mutex::new(Writing { stream, task, is_refused: false }))
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for StreamSink {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let Writing { stream, task, is_refused } = &mut *self.lock();
        match Pin::new(stream).poll_write(&mut Context::from_waker(task), bytes) {
            Poll::Ready(written) => written.map_err(io::Error::other),
            Poll::Pending => {
                *is_refused = true;
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut writing = self.lock();
        let is_known = writing.task.will_wake(cx.waker());
        if std::mem::take(&mut writing.is_refused) && is_known {
            return Poll::Pending;
        }
        if !is_known {
            writing.task.clone_from(cx.waker());
        }
        Poll::Ready(Ok(()))
    }

    fn abandon(&self) {
        // A stream that is closed already holds nothing.
        let _ = self.lock().stream.reset(ABANDONED);
    }
}
