//! What the runtime needs from the edges: a place to store and a way out. The arrow points down although
//! the call goes up: the store and the gateway implement these, the simulator fakes them.

use crate::object::effects::PeerOutput;
use crate::object::id::ObjectId;
use crate::object::peer::SocketInfo;
use crate::object::socket::{SocketId, StateFrame};
use crate::object::storage::{ReadError, Reader, Record, WriteBatch};
use std::sync::Arc;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::ServerMessage;

/// Where objects are stored. Batches become durable in the order they were submitted.
pub trait Store: Send + Sync {
    /// Takes a batch, without waiting. Its ticket says what becomes of it.
    fn submit(&self, batch: WriteBatch) -> Result<(), SubmitError>;
    /// What is stored of an object now. Reads the disk.
    fn reader(&self, object: ObjectId) -> Result<Box<dyn Reader + '_>, ReadError>;
    /// Every object that is to be woken when the server starts. Reads the disk.
    fn to_wake(&self) -> Result<Vec<(ObjectId, Record)>, ReadError>;
    /// Can it be written to?
    fn health(&self) -> StoreHealth;
}

/// Why a batch was not taken. Nothing of it will ever be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// More waits for the disk than the queue's limit: the disk is too slow, full or gone.
    #[error("too many writes wait for the disk")]
    QueueFull,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// Whether the store takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreHealth {
    /// It does.
    Writable,
    /// It refuses (full, or failing) and is being reopened; nothing that was durable is lost.
    Failing,
}

/// Something for a socket.
#[derive(Debug, Clone)]
pub enum SocketOutput {
    /// A reliable message.
    Send {
        /// To whom.
        socket: SocketId,
        /// What.
        message: Arc<ServerMessage>,
    },
    /// A reliable message to many sockets, to be encoded once.
    Broadcast {
        /// To whom.
        sockets: Vec<SocketId>,
        /// What.
        message: Arc<ServerMessage>,
    },
    /// A `bye` and the end.
    Close {
        /// Which.
        socket: SocketId,
        /// Why, for programs.
        code: CloseCode,
        /// Why, for a developer.
        reason: &'static str,
    },
    /// The state of a tick for its receivers.
    State(Arc<StateFrame>),
    /// Something for the object's own sockets.
    Peer(Box<PeerOutput>),
}

/// The way out. Never blocks; what a socket cannot take is the gateway's to drop or to close for.
pub trait Outlet: Send + Sync {
    /// Takes everything in `outputs`, in order, and leaves it empty.
    fn deliver(&self, outputs: &mut Vec<SocketOutput>);
    /// The sockets of an object, as they are kept: asked when it wakes.
    fn sockets_of(&self, _object: ObjectId) -> Vec<SocketInfo> {
        Vec::new()
    }
}
