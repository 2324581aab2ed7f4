//! What comes on a socket of an object: bytes to messages.
//!
//! Responsible for: counting what comes, and reading frames with a frame reader that is there only while a message is
//! on its way. Bytes are read into one buffer that all sockets of a thread share, so that a socket on which nothing
//! comes has none.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tickstone_shared::time::Moment;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketContext};

use super::peer::Peer;
use crate::gateway::close_reason::{self, Ending, TOO_FAST};
use crate::gateway::connection::frame_reader;
use crate::gateway::guard::admission::ByteMeter;
use crate::gateway::guard::{Arriving, FrameMeter};
use crate::gateway::settings::Settings;
use crate::gateway::tls::ReadHalf;

/// Bytes read at once.
const SCRATCH_BYTES: usize = 16 * 1024;

thread_local! {
    /// What was read last on this thread, until it has been taken.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// Reads one socket.
pub(super) struct Reader {
    read: ReadHalf,
    frames: FrameMeter,
    bytes: ByteMeter,
    frame_rate: ByteMeter,
    /// There while a message is not whole.
    partial: Option<Box<WebSocketContext>>,
}

impl Reader {
    /// Nothing has come.
    pub(super) fn new(read: ReadHalf, settings: &Settings) -> Self {
        Self {
            read,
            frames: FrameMeter::default(),
            bytes: ByteMeter::new(settings.object_bytes_per_second_max),
            frame_rate: ByteMeter::new(settings.object_frames_per_second_max),
            partial: None,
        }
    }

    /// The socket, when no more messages are read of it.
    pub(super) fn into_read(self) -> ReadHalf {
        self.read
    }

    /// Nothing is kept of what came.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.partial.is_none()
    }

    /// Reads what there is, once, and hands each whole message to `take`. Answers how many bytes came.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        peer: &Peer,
        now: impl Fn() -> Moment,
        take: &mut dyn FnMut(Message) -> Result<(), Ending>,
    ) -> Poll<Result<usize, Ending>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buf = ReadBuf::new(scratch);
            let read = ready!(Pin::new(&mut self.read).poll_read(cx, &mut buf));
            if let Err(error) = read {
                return Poll::Ready(Err(close_reason::of_io_error(&error)));
            }
            let came = buf.filled();
            if came.is_empty() {
                return Poll::Ready(Err(Ending::Gone));
            }
            Poll::Ready(self.take(came, peer, now(), take).map(|()| came.len()))
        })
    }

    /// Takes bytes that have come.
    pub(super) fn take(
        &mut self,
        came: &[u8],
        peer: &Peer,
        now: Moment,
        take: &mut dyn FnMut(Message) -> Result<(), Ending>,
    ) -> Result<(), Ending> {
        let (frames, arriving) = self.frames.take(came);
        let is_within = arriving != Arriving::Nothing;
        peer.heard_bytes(now, is_within, arriving == Arriving::Another);
        if !self.bytes.is_within(now, came.len()) || !self.frame_rate.is_within(now, frames) {
            return Err(TOO_FAST);
        }
        let new = || {
            Box::new(WebSocketContext::new(
                Role::Server,
                Some(frame_reader(peer.group.rules.message_bytes_max)),
            ))
        };
        let mut context = self.partial.take().unwrap_or_else(new);
        let mut feed = Feed { came, peer };
        loop {
            match context.read(&mut feed) {
                Ok(message) => {
                    if message.is_close() {
                        // The frame reader has its answer ready, and says that this was the end.
                        let _ = context.flush(&mut feed);
                    }
                    take(message)?;
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(close_reason::of_socket_error(&error)),
            }
        }
        self.partial = is_within.then_some(context);
        Ok(())
    }
}

/// The bytes that have come, and the way out for the frame reader's own answers.
struct Feed<'a> {
    came: &'a [u8],
    peer: &'a Peer,
}

impl Read for Feed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.came.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.came.read(buf)
    }
}

impl Write for Feed<'_> {
    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        self.peer.send_reliable(Bytes::copy_from_slice(frame));
        Ok(frame.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
