//! One socket of an object as the rest of the gateway sees it: shared by its task, the fan-out and the sweeper.
//!
//! Responsible for: what is kept of it while the object sleeps. Invariant: it is small, and an idle one has no timer,
//! no buffer and nothing that runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tickstone_shared::time::Moment;
use tickstone_shared::wire::version::Encoding;

use super::group::Group;
use crate::gateway::close_reason::{Ending, TOO_SLOW};
use crate::gateway::frames;
use crate::gateway::outgoing::{Outgoing, Traffic};
use crate::gateway::tls::WriteHalf;
use crate::object::peer::{Attachment, Framing, Payload, SocketInfo, Tags, WhenFull};
use crate::object::socket::SocketId;

/// How a socket is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PeerEnding {
    /// As every connection of the gateway may.
    Gateway(Ending),
    /// As the object said: code and reason.
    Object(u16, Box<str>),
}

/// What the object keeps with the socket.
#[derive(Debug, Default)]
struct Kept {
    tags: Option<Tags>,
    attachment: Attachment,
    /// It is stored with every change.
    lasting: bool,
    /// It is stored for the next process.
    parked: bool,
}

/// A socket of an object.
pub(in crate::gateway) struct Peer {
    /// Its number.
    pub(super) socket: SocketId,
    /// The sockets of the object.
    pub(super) group: Arc<Group>,
    /// The way out.
    pub(super) out: Outgoing<WriteHalf>,
    /// How a framed socket's messages are written; none: it is raw, or has not said hello.
    pub(super) spoken: OnceLock<Encoding>,
    ending: OnceLock<Box<PeerEnding>>,
    kept: Mutex<Kept>,
    /// In ms since 1970; 0: never.
    auto_response_ms: AtomicU64,
    heard: AtomicU64,
    pinged: AtomicU64,
    /// Since when a message, or the hello, has been on its way; 0: none is.
    begun: AtomicU64,
    /// The sweeper has it on its list.
    is_watched: AtomicBool,
    is_abandoned: AtomicBool,
}

impl Peer {
    /// A socket that has said nothing.
    pub(super) fn new(
        socket: SocketId,
        group: Arc<Group>,
        write: WriteHalf,
        traffic: Traffic,
        now: Moment,
    ) -> Arc<Self> {
        Arc::new(Self {
            socket,
            group,
            out: Outgoing::new(write, traffic),
            spoken: OnceLock::new(),
            ending: OnceLock::new(),
            kept: Mutex::default(),
            auto_response_ms: AtomicU64::new(0),
            heard: AtomicU64::new(now.0),
            pinged: AtomicU64::new(now.0),
            begun: AtomicU64::new(0),
            is_watched: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the socket end; the first reason stands.
    pub(super) fn end(&self, ending: PeerEnding) {
        if self.ending.set(Box::new(ending)).is_ok() {
            self.out.wake();
        }
    }

    /// How it is to end, if it is.
    pub(super) fn ending(&self) -> Option<PeerEnding> {
        self.ending.get().map(|ending| (**ending).clone())
    }

    fn is_ending(&self) -> bool {
        self.ending.get().is_some()
    }

    /// Fixes the tags, once; a second time changes nothing and answers false.
    pub(super) fn accept(&self, tags: Tags, attachment: Attachment) -> bool {
        let mut kept = self.kept();
        if kept.tags.is_some() {
            return false;
        }
        *kept = Kept { tags: Some(tags), attachment, ..Kept::default() };
        true
    }

    /// Replaces what the object keeps with it.
    pub(super) fn attach(&self, attachment: Attachment) {
        self.kept().attachment = attachment;
    }

    /// It is stored with every change from now on.
    pub(super) fn keep(&self) {
        let mut kept = self.kept();
        (kept.lasting, kept.parked) = (true, true);
    }

    /// What is to be stored of it for the next process; none: nothing, or that is there already.
    pub(super) fn to_park(&self) -> Option<SocketInfo> {
        let is_due = {
            let kept = self.kept();
            kept.tags.is_some() && !kept.parked
        };
        (is_due && !self.is_ending()).then(|| self.info())
    }

    /// It is stored for the next process.
    pub(super) fn note_parked(&self) {
        self.kept().parked = true;
    }

    /// Is it stored for the next process?
    pub(super) fn is_parked(&self) -> bool {
        self.kept().parked
    }

    /// Its object was removed: nobody is told of its end.
    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Release);
    }

    /// Is nobody to be told of its end?
    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    /// Was it accepted?
    pub(super) fn is_accepted(&self) -> bool {
        self.kept().tags.is_some()
    }

    /// Was it accepted with this tag?
    pub(super) fn has_tag(&self, tag: &str) -> bool {
        self.kept().tags.as_ref().is_some_and(|tags| tags.has(tag))
    }

    /// What is known of it.
    pub(super) fn info(&self) -> SocketInfo {
        let (tags, attachment, lasting) = {
            let kept = self.kept();
            (kept.tags.clone().unwrap_or_default(), kept.attachment.clone(), kept.lasting)
        };
        let auto_response_ms = Some(self.auto_response_ms.load(Ordering::Relaxed)).filter(|ms| *ms != 0);
        let queued_bytes = self.out.queued_bytes();
        SocketInfo { socket: self.socket, tags, attachment, queued_bytes, auto_response_ms, lasting }
    }

    /// Sends a frame; what it means that there is no room, the sender says.
    pub(super) fn send(&self, frame: Bytes, when_full: WhenFull) {
        match when_full {
            WhenFull::NewestWins if !self.is_ending() => {
                self.out.send_state(&frame);
            }
            WhenFull::NewestWins => {}
            WhenFull::Close => self.send_reliable(frame),
        }
    }

    /// Sends a frame that must arrive; a client with no room for it is closed. After the end was said, nothing.
    pub(super) fn send_reliable(&self, frame: Bytes) {
        if !self.is_ending() && self.out.send_reliable(frame).is_err() {
            self.end(PeerEnding::Gateway(TOO_SLOW));
        }
    }

    /// Answers without the object, if it is what is answered so.
    pub(super) fn answer(&self, asked: &str, unix_ms: u64) -> bool {
        let Some(pair) = self.group.auto_response().filter(|pair| pair.request() == asked) else {
            return false;
        };
        self.send_reliable(frames::message(pair.response().as_bytes(), Encoding::Json));
        self.auto_response_ms.store(unix_ms, Ordering::Relaxed);
        true
    }

    /// The hello is awaited from now on.
    pub(super) fn awaits_hello(&self, now: Moment) {
        self.begun.store(now.0.max(1), Ordering::Relaxed);
    }

    /// Bytes have come, and a message is on its way since then or is not.
    pub(super) fn heard_bytes(&self, now: Moment, is_within: bool, is_another: bool) {
        self.heard.store(now.0, Ordering::Relaxed);
        if self.group.rules.framing == Framing::Framed && self.spoken.get().is_none() {
            return;
        }
        if !is_within {
            self.begun.store(0, Ordering::Relaxed);
        } else if is_another || self.begun.load(Ordering::Relaxed) == 0 {
            self.begun.store(now.0.max(1), Ordering::Relaxed);
        }
    }

    /// When the client was last heard.
    pub(super) fn heard(&self) -> Moment {
        Moment(self.heard.load(Ordering::Relaxed))
    }

    /// Since when a message has been arriving, if one has.
    pub(super) fn begun(&self) -> Option<Moment> {
        Some(self.begun.load(Ordering::Relaxed)).filter(|begun| *begun != 0).map(Moment)
    }

    /// Asks a client that is silent whether it is there.
    pub(super) fn ping(&self, now: Moment) {
        self.pinged.store(now.0, Ordering::Relaxed);
        self.send_reliable(frames::PING);
    }

    /// When it was last pinged.
    pub(super) fn pinged(&self) -> Moment {
        Moment(self.pinged.load(Ordering::Relaxed))
    }

    /// Puts it on the sweeper's list; false if it is there.
    pub(super) fn watch(&self) -> bool {
        !self.is_watched.swap(true, Ordering::AcqRel)
    }

    /// It is off the sweeper's list.
    pub(super) fn unwatch(&self) {
        self.is_watched.store(false, Ordering::Release);
    }
}

/// A message as it stands on a raw socket.
pub(super) fn framed(payload: &Payload) -> Bytes {
    match payload {
        Payload::Text(text) => frames::message(text.as_bytes(), Encoding::Json),
        Payload::Bytes(bytes) => frames::message(bytes, Encoding::Msgpack),
    }
}
