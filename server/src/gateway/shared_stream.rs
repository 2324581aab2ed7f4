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

use super::close_reason::TOO_FAST;
use super::guard::admission::ByteMeter;
use super::guard::{Arriving, FrameMeter};
use super::link::Link;
use super::settings::Settings;
use super::tls::ReadHalf;
use crate::clock::ClockRef;

/// A socket whose writes go through the connection's queues.
pub(super) struct SharedStream {
    /// The socket's read half.
    pub(super) read: ReadHalf,
    link: Arc<Link>,
    bytes: ByteMeter,
    frames: FrameMeter,
    frame_rate: ByteMeter,
    bytes_in: Counter,
    clock: ClockRef,
}

impl SharedStream {
    /// Nothing has come but what was read ahead, with the request.
    pub(super) fn new(
        read: ReadHalf,
        link: Arc<Link>,
        bytes_in: Counter,
        clock: ClockRef,
        settings: &Settings,
        read_ahead: &[u8],
    ) -> Self {
        let bytes = ByteMeter::new(settings.bytes_per_second_max);
        let frame_rate = ByteMeter::new(settings.frames_per_second_max);
        let mut stream =
            Self { read, link, bytes, frames: FrameMeter::default(), frame_rate, bytes_in, clock };
        if !read_ahead.is_empty() && !stream.is_taken(read_ahead) {
            stream.link.end(TOO_FAST);
        }
        stream
    }

    /// Counts what has come: within the rates?
    fn is_taken(&mut self, came: &[u8]) -> bool {
        self.bytes_in.inc_by(came.len() as u64);
        let now = self.clock.now();
        let (frames, arriving) = self.frames.take(came);
        self.link.heard_bytes(now);
        if arriving != Arriving::Same {
            self.link.heard_message();
        }
        if arriving == Arriving::Another {
            self.link.heard_bytes(now);
        }
        self.bytes.is_within(now, came.len()) && self.frame_rate.is_within(now, frames)
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
        let came = &buf.filled()[before..];
        if came.is_empty() || self.is_taken(came) {
            return Poll::Ready(Ok(()));
        }
        self.link.end(TOO_FAST);
        Poll::Ready(Err(io::Error::other("more bytes or frames a second than allowed")))
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
