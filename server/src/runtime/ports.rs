//! What the runtime needs from the edges: a place to store and a way out. The arrow points down although
//! the call goes up: the store and the gateway implement these, the simulator fakes them.

use crate::mailbox::Bell;
use crate::object::effects::PeerOutput;
use crate::object::id::ObjectId;
use crate::object::job::{Computation, JobError, JobResult};
use crate::object::peer::SocketInfo;
use crate::object::socket::{SocketId, StateFrame};
use crate::object::storage::{AlarmRow, Bookmark, ReadError, Reader, Record, Ticket, Write, WriteBatch};
use std::sync::Arc;
use tickstone_shared::ids::{Epoch, ObjectName};
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
    /// A page of the objects that have a record, by class and name. Reads the disk.
    fn objects(&self, query: &ObjectQuery) -> Result<Vec<(ObjectId, Record)>, ReadError>;
    /// At most `limit` alarms that are due until `until_ms` (ms since 1970), by their time; the first after
    /// `after`. Reads the disk.
    fn due_alarms(
        &self,
        after: Option<&AlarmKey>,
        until_ms: u64,
        limit: usize,
    ) -> Result<Vec<DueAlarm>, ReadError>;
    /// Every object with sockets that are stored. Reads the disk.
    fn with_sockets(&self) -> Result<Vec<WithSockets>, ReadError>;
    /// The newest moment. Reads the disk.
    fn bookmark_now(&self) -> Result<Bookmark, RestoreError>;
    /// The moment that was the newest at this time (ms since 1970). Reads the disk.
    fn bookmark_at(&self, unix_ms: u64) -> Result<Bookmark, RestoreError>;
    /// Takes an object back to a moment, in order with its batches. Returns the moment to which a second
    /// restore takes it forth again. Whoever calls this has made sure that nothing of the object is awake
    /// or waits. Reads the disk.
    fn restore(&self, order: RestoreOrder) -> Result<Bookmark, RestoreError>;
    /// Rings whenever tickets have changed, for a thread that sleeps until then. A store in which they change
    /// only while somebody asks has nobody to wake.
    fn ring_after_commits(&self, _bell: Bell) {}
    /// Can it be written to?
    fn health(&self) -> StoreHealth;
}

/// Which objects are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectQuery {
    /// Only of this class.
    pub class: Option<String>,
    /// Only names that begin with this.
    pub prefix: String,
    /// After the object of this class and name: the last one of the page before.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: usize,
}

/// The place of an alarm among all that are due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlarmKey {
    /// When it is due, in ms since 1970.
    pub due_ms: u64,
    /// Whose.
    pub object: ObjectId,
    /// Its name.
    pub name: String,
}

/// An alarm that is due, and what is needed to wake its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueAlarm {
    /// Whose.
    pub object: ObjectId,
    /// The object's class.
    pub class: String,
    /// The object's name.
    pub name: ObjectName,
    /// The alarm.
    pub row: AlarmRow,
}

impl DueAlarm {
    /// Its place among all.
    pub fn key(&self) -> AlarmKey {
        AlarmKey { due_ms: self.row.due_ms, object: self.object, name: self.row.name.clone() }
    }
}

/// An object with sockets that are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithSockets {
    /// Which.
    pub object: ObjectId,
    /// Its class.
    pub class: String,
    /// Its name.
    pub name: ObjectName,
    /// How many.
    pub sockets: usize,
}

/// What is to be taken back.
#[derive(Debug, Clone)]
pub struct RestoreOrder {
    /// Which object. It may have been deleted.
    pub object: ObjectId,
    /// Its class.
    pub class: String,
    /// By this node.
    pub node: u32,
    /// By this activation, or on behalf of it.
    pub epoch: Epoch,
    /// To which moment.
    pub bookmark: Bookmark,
    /// Told when it is done, or that it cannot be.
    pub ticket: Arc<Ticket>,
}

impl RestoreOrder {
    /// The batch that does it.
    pub fn into_batch(self) -> WriteBatch {
        WriteBatch {
            object: self.object,
            node: self.node,
            epoch: self.epoch,
            writes: vec![Write::Restore { class: self.class, bookmark: self.bookmark }],
            urgent: true,
            ticket: Some(self.ticket),
        }
    }
}

/// Why a moment cannot be named or an object be taken back to it. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The history does not reach back so far.
    #[error("the history does not reach back so far: the earliest bookmark is {earliest}")]
    Expired {
        /// The earliest there is.
        earliest: Bookmark,
    },
    /// It has not been yet.
    #[error("this moment has not been yet: the latest bookmark is {latest}")]
    Future {
        /// The latest there is.
        latest: Bookmark,
    },
    /// The object's class keeps no history.
    #[error("this object has no history: its class does not ask for one")]
    NoHistory,
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store takes nothing.
    #[error(transparent)]
    Submit(#[from] SubmitError),
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
    /// The object was removed: of the ends of its sockets nobody is told from now on.
    fn abandon(&self, _object: ObjectId) {}
}

/// Work off the workers.
pub enum Work {
    /// A computation.
    Compute(Computation),
    /// Something that waits for the world outside.
    Outside(Computation),
}

/// Receives what work came to, exactly once, on whatever thread has it.
pub type Done = Box<dyn FnOnce(JobResult) + Send>;

/// Does work off the workers.
pub trait Jobs: Send + Sync {
    /// Takes work, without waiting for it.
    fn run(&self, work: Work, done: Done);
}

/// Does work where it is asked for: for tests and simulators.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobsInPlace;

impl Jobs for JobsInPlace {
    fn run(&self, work: Work, done: Done) {
        let (Work::Compute(computation) | Work::Outside(computation)) = work;
        done(computation().map_err(JobError::Failed));
    }
}
