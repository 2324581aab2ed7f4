//! Sockets as an object sees them: a number, and what happens on it.

use std::sync::Arc;

use tickstone_shared::ids::{Epoch, PlayerName, Seat, StateHash};
use tickstone_shared::input::{InputBatch, InputFeedback};
use tickstone_shared::replication::interest::Sights;
use tickstone_shared::replication::shape::Shape;
use tickstone_shared::replication::stream_base::Shown;
use tickstone_shared::snapshot::Snapshot;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::message::Hello;
use tickstone_shared::wire::state::StateHead;

use super::caller::Caller;
use super::peer::{Payload, SocketEnd};

/// Names a connection within the process; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// Why a join token is not taken, in the words of every refusal: nobody learns what is wrong with it.
pub const TICKET_REFUSED: &str = "a token is needed, and holds once";

/// What a checked join token says. Whether it was used before, the object knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Who comes.
    pub player: PlayerName,
    /// The seat; none: any.
    pub seat: Option<Seat>,
    /// Names the token.
    pub nonce: [u8; 16],
}

/// Something happened on a socket.
#[derive(Debug)]
pub enum SocketEvent {
    /// A connection said hello. The object accepts by sending a welcome, or refuses by closing it.
    Opened {
        /// The connection.
        socket: SocketId,
        /// What it said, but for its join token.
        hello: Box<Hello>,
        /// What its join token says, if it had one: the gateway has checked its signature and its time.
        ticket: Option<Box<Ticket>>,
    },
    /// Inputs came.
    Inputs {
        /// From where.
        socket: SocketId,
        /// Packed and checked.
        batch: InputBatch,
    },
    /// Data for the object came, as JSON text.
    Message {
        /// From where.
        socket: SocketId,
        /// What was sent.
        data: String,
    },
    /// The player gives the seat up.
    Leave {
        /// From where.
        socket: SocketId,
    },
    /// The connection is gone; told exactly once.
    Closed {
        /// Which.
        socket: SocketId,
    },
    /// Somebody wants a socket of the object's own. The object accepts it, or closes it.
    Connected {
        /// The connection.
        socket: SocketId,
        /// What was asked for.
        request: Box<PeerRequest>,
    },
    /// A message came on a socket of the object's own.
    Received {
        /// From where.
        socket: SocketId,
        /// What.
        payload: Payload,
    },
    /// A client of a socket of the object's own broke its protocol or a limit; its end follows.
    Failed {
        /// Which.
        socket: SocketId,
        /// What was broken, for a developer.
        reason: &'static str,
    },
    /// A socket of the object's own is gone; told exactly once.
    Disconnected {
        /// Which.
        socket: SocketId,
        /// How.
        end: Box<SocketEnd>,
    },
}

/// The request that wants a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRequest {
    /// Who asks.
    pub caller: Caller,
    /// The query string without its token.
    pub query: String,
}

impl SocketEvent {
    /// The connection it is about.
    pub fn socket(&self) -> SocketId {
        match self {
            SocketEvent::Opened { socket, .. }
            | SocketEvent::Inputs { socket, .. }
            | SocketEvent::Message { socket, .. }
            | SocketEvent::Leave { socket }
            | SocketEvent::Closed { socket }
            | SocketEvent::Connected { socket, .. }
            | SocketEvent::Received { socket, .. }
            | SocketEvent::Failed { socket, .. }
            | SocketEvent::Disconnected { socket, .. } => *socket,
        }
    }
}

/// The state of one tick on its way to everybody; encoded by the gateway, once for all who are shown the same.
#[derive(Debug, Clone)]
pub struct StateFrame {
    /// The activation it belongs to.
    pub epoch: Epoch,
    /// The match's hash, on ticks where it is taken.
    pub hash: Option<StateHash>,
    /// Tick and packed rows.
    pub snapshot: Snapshot,
    /// How the rows are packed.
    pub shape: Arc<Shape>,
    /// Who receives it.
    pub receivers: Vec<Receiver>,
    /// Which rows each of them sees, where not everybody sees all of them.
    pub sights: Sights,
}

impl StateFrame {
    /// Nothing, for nobody.
    pub fn blank(shape: &Arc<Shape>) -> Self {
        Self {
            epoch: Epoch(0),
            hash: None,
            snapshot: Snapshot::default(),
            shape: Arc::clone(shape),
            receivers: Vec::new(),
            sights: Sights::default(),
        }
    }

    /// What of it is the same for everybody who is shown it.
    pub fn head(&self) -> StateHead<'_> {
        StateHead { epoch: self.epoch, hash: self.hash, snapshot: &self.snapshot, schema: &self.shape.schema }
    }

    /// Do all receivers see the same?
    pub fn is_same_for_all(&self) -> bool {
        self.sights.is_empty() && self.shape.cut.is_same_for_all()
    }
}

/// Who receives a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    /// On this connection.
    pub socket: SocketId,
    /// In this seat.
    pub seat: Seat,
    /// What they are told about their own inputs.
    pub feedback: InputFeedback,
}

impl Shown for StateFrame {
    fn epoch(&self) -> Epoch {
        self.epoch
    }
    fn tick(&self) -> Tick {
        self.snapshot.tick
    }
}
