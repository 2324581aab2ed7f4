//! One connection as the rest of the gateway sees it: shared by task, fan-out and sweeper.
//!
//! Responsible for: what they tell each other about it. Not responsible for: reading from it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use tickstone_shared::sim::registered::AnyGame;
use tickstone_shared::time::Moment;
use tickstone_shared::wire::encode;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::version::{Encoding, StateKind};

use super::close_reason::{Ending, ONE_STREAM, TOO_FAST, TOO_SLOW};
use super::frames;
use super::outgoing::{Outgoing, Traffic};
use super::quic::{self, Datagrams};
use super::tls::WriteHalf;
use crate::object::socket::SocketId;

/// What a client speaks; said by its hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spoken {
    /// How messages are written.
    pub(super) encoding: Encoding,
    /// How states are shown.
    pub(super) kind: StateKind,
}

/// What the sweeper remembers of its last look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Swept {
    /// How far the client was in what waits for it; none: nothing waited.
    pub(super) progress: Option<u64>,
    /// Since when it has been there.
    pub(super) since: Moment,
    /// When it was last pinged.
    pub(super) pinged: Moment,
}

/// A connection.
pub(super) struct Link {
    /// Its number.
    pub(super) socket: SocketId,
    /// When it came.
    pub(super) opened: Moment,
    /// The way out of what must arrive, and of states where there is no other.
    pub(super) out: Outgoing<WriteHalf>,
    /// The way out of states over QUIC.
    pub(super) datagrams: Option<Datagrams>,
    /// Set by the hello.
    pub(super) spoken: OnceLock<Spoken>,
    /// Set by the welcome: whose inputs these are.
    pub(super) game: OnceLock<Arc<dyn AnyGame>>,
    /// The sweeper's own.
    pub(super) swept: Mutex<Swept>,
    ending: OnceLock<Ending>,
    heard: AtomicU64,
    /// When the first byte came of a message that is not whole yet; 0: none.
    begun: AtomicU64,
}

impl Link {
    /// A connection that has said nothing yet.
    pub(super) fn new(
        socket: SocketId,
        opened: Moment,
        write: WriteHalf,
        traffic: Traffic,
        datagrams: Option<Datagrams>,
    ) -> Arc<Self> {
        Arc::new(Self {
            socket,
            opened,
            out: Outgoing::new(write, traffic),
            datagrams,
            spoken: OnceLock::new(),
            game: OnceLock::new(),
            swept: Mutex::new(Swept { progress: None, since: opened, pinged: opened }),
            ending: OnceLock::new(),
            heard: AtomicU64::new(opened.0),
            begun: AtomicU64::new(0),
        })
    }

    /// Has the connection end; the first reason stands.
    pub(super) fn end(&self, ending: Ending) {
        if self.ending.set(ending).is_ok() {
            self.out.wake();
        }
    }

    /// How it is to end, if it is.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.ending.get().copied()
    }

    /// Sends frames that must arrive; a client with no room for them is closed.
    pub(super) fn send_reliable(&self, frame: Bytes) {
        if self.out.send_reliable(frame).is_err() {
            self.end(TOO_SLOW);
        }
    }

    /// Keeps frames that must arrive for what is written next: see [`Outgoing::hold`].
    pub(super) fn hold(&self, frame: &Bytes) -> bool {
        self.out.hold(frame).unwrap_or_else(|_| {
            self.end(TOO_SLOW);
            false
        })
    }

    /// Sends a message in the encoding of the hello; before it, nothing.
    pub(super) fn send_message(&self, message: &ServerMessage) {
        if let Some(spoken) = self.spoken.get() {
            let payload = encode::server_message(message, spoken.encoding);
            self.send_reliable(self.framed(&payload, spoken.encoding));
        }
    }

    /// A message as it stands on this transport.
    pub(super) fn framed(&self, payload: &[u8], encoding: Encoding) -> Bytes {
        match self.datagrams {
            Some(_) => quic::framed(payload),
            None => frames::message(payload, encoding),
        }
    }

    /// Asks a client that is silent whether it is there; over QUIC the library does.
    pub(super) fn ping(&self) {
        if self.datagrams.is_none() {
            self.send_reliable(frames::PING);
        }
    }

    /// What QUIC's packets say: that the client is there, that it sends too fast.
    pub(super) fn look_at_packets(&self, now: Moment) {
        let Some(packets) = self.datagrams.as_ref().map(|datagrams| datagrams.look(now)) else { return };
        if packets.came {
            self.heard.store(now.0, Ordering::Relaxed);
        }
        if !packets.within_rate {
            self.end(TOO_FAST);
        }
        if packets.other_stream {
            self.end(ONE_STREAM);
        }
    }

    /// Bytes have come.
    pub(super) fn heard_bytes(&self, now: Moment) {
        self.heard.store(now.0, Ordering::Relaxed);
        if self.begun.load(Ordering::Relaxed) == 0 {
            self.begun.store(now.0.max(1), Ordering::Relaxed);
        }
    }

    /// A message is whole.
    pub(super) fn heard_message(&self) {
        self.begun.store(0, Ordering::Relaxed);
    }

    /// When the client was last heard.
    pub(super) fn heard(&self) -> Moment {
        Moment(self.heard.load(Ordering::Relaxed))
    }

    /// Since when a message has been arriving, if one has.
    pub(super) fn begun(&self) -> Option<Moment> {
        Some(self.begun.load(Ordering::Relaxed)).filter(|begun| *begun != 0).map(Moment)
    }

    /// What the sweeper remembers, to be replaced.
    pub(super) fn swept(&self) -> std::sync::MutexGuard<'_, Swept> {
        self.swept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
