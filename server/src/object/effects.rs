//! What a handler asks for. Collected while it runs, carried out by the runtime after it returned; a handler
//! that fails or panics asked for nothing.

use std::sync::Arc;

use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::ServerMessage;

use super::context::WakeAtStart;
use super::contract::{CallError, CallId};
use super::id::{Identity, ObjectId};
use super::job::{Job, JobId};
use super::peer::{Attachment, AutoResponse, Payload, Tags, WhenFull};
use super::socket::{SocketId, StateFrame};
use super::storage::{Bookmark, Write};
use super::values::snapshot::ObjectSnapshot;

/// Something that leaves the object.
#[derive(Debug)]
pub enum Output {
    /// A reliable message to a socket.
    Send {
        /// To whom.
        socket: SocketId,
        /// What.
        message: Arc<ServerMessage>,
    },
    /// A reliable message to many sockets, encoded once.
    Broadcast {
        /// To whom.
        sockets: Vec<SocketId>,
        /// What.
        message: Arc<ServerMessage>,
    },
    /// The end of a socket; a `bye` with the same code goes before it.
    Close {
        /// Which.
        socket: SocketId,
        /// Why, for programs.
        code: CloseCode,
        /// Why, for a developer.
        reason: &'static str,
    },
    /// The state of a tick: each receiver's newest replaces one that has not left yet.
    State(Arc<StateFrame>),
    /// The answer to a call.
    Reply {
        /// Which call.
        call: CallId,
        /// The answer.
        result: Result<serde_json::Value, CallError>,
    },
    /// Something for the object's own sockets.
    Peer(Box<PeerOutput>),
    /// What the object shows is another from now on; none: whoever asks is to read it again.
    Snapshot(Option<ObjectSnapshot>),
    /// A job begins.
    Start {
        /// Its name.
        id: JobId,
        /// What is done.
        job: Job,
    },
}

/// Something for the own sockets of an object, in its own protocol or in none.
#[derive(Debug, Clone)]
pub enum PeerOutput {
    /// The connection is taken.
    Accept {
        /// Which.
        socket: SocketId,
        /// For good.
        tags: Tags,
        /// To begin with.
        attachment: Attachment,
    },
    /// A socket is stored with every change from now on.
    Keep {
        /// Which.
        socket: SocketId,
    },
    /// Other bytes are kept with a socket.
    Attach {
        /// Which.
        socket: SocketId,
        /// From now on.
        attachment: Attachment,
    },
    /// A message.
    Send {
        /// To whom.
        socket: SocketId,
        /// What.
        payload: Payload,
        /// If the socket cannot take it.
        when_full: WhenFull,
    },
    /// A message to many, encoded once.
    Broadcast {
        /// To sockets of this object.
        object: ObjectId,
        /// With this tag; none: to all.
        tag: Option<Box<str>>,
        /// But not to these.
        except: Arc<[SocketId]>,
        /// What.
        payload: Payload,
        /// If a socket cannot take it.
        when_full: WhenFull,
    },
    /// The end of a socket.
    Close {
        /// Which.
        socket: SocketId,
        /// Why, for programs.
        code: u16,
        /// Why, for a developer.
        reason: Box<str>,
    },
    /// Every socket of an object that was removed ends, and nobody is told.
    Abandon {
        /// Which object's.
        object: ObjectId,
    },
    /// A text that is answered without waking the object.
    AutoResponse {
        /// On the sockets of this object.
        object: Identity,
        /// The pair; none: that of the class.
        pair: Option<AutoResponse>,
    },
}

/// When an output leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Once everything the object has written up to now is durable (contract: GATE 3).
    Gated,
    /// At once.
    Ungated,
}

/// Something the object asks of the runtime itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// Step the object `rate_hz` times a second; the first step computes tick `after + 1`.
    StartTicks {
        /// Steps a second.
        rate_hz: u32,
        /// The newest tick there is.
        after: Tick,
    },
    /// No more steps.
    StopTicks,
    /// Where the object is to run.
    Place(WorkerGroup),
    /// Show this in listings.
    Publish(Listing),
    /// Forget the activation; the next event wakes the object anew.
    Finish,
    /// Writes of this handler are waited for: commit them now.
    CommitNow,
    /// Hold every other event until this job is done.
    BlockUntil(JobId),
    /// Forget the memory as soon as nothing needs it.
    Hibernate,
    /// A socket that was open before it slept is its own again.
    KeepSocket(SocketId),
    /// Take it back to a moment, and do nothing else of what the handler asked for.
    Restore(Bookmark),
    /// Whether to wake it when the server starts.
    WakeAtStart(WakeAtStart),
}

/// What listings show of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listing {
    /// The state, in the class's words.
    pub state: &'static str,
    /// The whole entry, as JSON; searched by its fields.
    pub entry: serde_json::Value,
}

/// Everything one handler asked for. Its buffers are reused.
#[derive(Debug, Default)]
pub struct Effects {
    /// Changes to what is stored, in order: one batch.
    pub writes: Vec<Write>,
    /// The first of the writes are the runtime's own; the handler's begin here.
    pub given: usize,
    /// The same of the outputs.
    pub given_outputs: usize,
    /// The alarm that runs.
    pub running_alarm: Option<String>,
    /// What leaves, in order.
    pub outputs: Vec<(Release, Output)>,
    /// What the runtime is asked for, in order.
    pub controls: Vec<Control>,
    /// What the object says it is attempting: handed to it again if the handler panics.
    pub attempt: Vec<u8>,
    /// Whether `attempt` was set by this handler.
    pub attempted: bool,
}

impl Effects {
    /// Nothing asked for; keeps the buffers.
    pub fn clear(&mut self) {
        self.writes.clear();
        (self.given, self.given_outputs) = (0, 0);
        self.running_alarm = None;
        self.outputs.clear();
        self.controls.clear();
        self.attempted = false;
    }

    /// The moment to which the object is to be taken back, if it is.
    pub fn restores(&self) -> Option<Bookmark> {
        self.controls.iter().rev().find_map(|control| match control {
            Control::Restore(bookmark) => Some(*bookmark),
            _ => None,
        })
    }

    /// Adds a write of the runtime's own, before those of the handler.
    pub fn give(&mut self, write: Write) {
        self.writes.push(write);
        self.given = self.writes.len();
    }

    /// Adds an output of the runtime's own, before those of the handler.
    pub fn give_output(&mut self, output: PeerOutput) {
        self.outputs.push((Release::Gated, Output::Peer(Box::new(output))));
        self.given_outputs = self.outputs.len();
    }
}
