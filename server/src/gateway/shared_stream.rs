//! The stream the frame reader works on: the read half of the socket, and for writes the connection's queues.
//!
//! Responsible for: counting what comes, below the frame reader, and handing its whole control frames (pong,
//! close) to [`super::outgoing`], so that they never fall into the middle of a frame of the fan-out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::admission::ByteMeter;
use super::close_reason::TOO_FAST;
use super::link::Link;
use super::tls::ReadHalf;
use crate::clock::ClockRef;

/// A socket whose writes go through the connection's queues.
pub(super) struct SharedStream {
    /// The socket's read half.
    pub(super) read: ReadHalf,
    link: Arc<Link>,
    meter: ByteMeter,
    bytes_in: Counter,
    clock: ClockRef,
}

impl SharedStream {
    /// Nothing has come.
    pub(super) fn new(
        read: ReadHalf,
        link: Arc<Link>,
        bytes_in: Counter,
        clock: ClockRef,
        bytes_per_second_max: usize,
    ) -> Self {
        Self { read, link, meter: ByteMeter::new(bytes_per_second_max), bytes_in, clock }
    }
}

impl AsyncRead for SharedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.read).poll_read(cx, buf))?;
        let came = buf.filled().len() - before;
        if came == 0 {
            return Poll::Ready(Ok(()));
        }
        self.bytes_in.inc_by(came as u64);
        let now = self.clock.now();
        self.link.heard_bytes(now);
        if self.meter.is_within(now, came) {
            return Poll::Ready(Ok(()));
        }
        self.link.end(TOO_FAST);
        Poll::Ready(Err(io::Error::other("more bytes a second than allowed")))
    }
}

impl AsyncWrite for SharedStream {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        self.link.send_reliable(Bytes::copy_from_slice(frames));
        Poll::Ready(Ok(frames.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
