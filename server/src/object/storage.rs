//! What an object stores: an ordered private key-value space, and a journal that only grows until it is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::{Epoch, ObjectName};

use super::id::ObjectId;

/// Bytes of a key (contract: STORE 1).
pub const KEY_BYTES_MAX: usize = 2048;
/// Bytes of a key and its value together (contract: STORE 1).
pub const VALUE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What is known of an object without waking it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The class's name.
    pub class: String,
    /// The object's name.
    pub name: ObjectName,
    /// The number of its newest activation, stored before that activation's first send.
    pub epoch: Epoch,
    /// It is to be woken when the server starts.
    pub wake_at_start: bool,
}

/// One change to what is stored of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets a value.
    Put {
        /// At most [`KEY_BYTES_MAX`].
        key: Vec<u8>,
        /// With the key at most [`VALUE_BYTES_MAX`].
        value: Vec<u8>,
    },
    /// Removes a value, if it is there.
    Delete {
        /// Its key.
        key: Vec<u8>,
    },
    /// Adds an entry to the journal: far cheaper than a value, for what is written every tick.
    Append {
        /// At most [`VALUE_BYTES_MAX`].
        entry: Vec<u8>,
    },
    /// Forgets the journal's entries so far: values of the same batch stand for them.
    CutJournal,
    /// Replaces the record.
    Record(Record),
}

/// The writes of one handler: all or none.
#[derive(Debug, Clone)]
pub struct WriteBatch {
    /// Whose.
    pub object: ObjectId,
    /// Written by this activation; a store refuses an older one than it has seen.
    pub epoch: Epoch,
    /// The changes, in order. None: a barrier, durable when everything before it is.
    pub writes: Vec<Write>,
    /// Someone waits for it: commit now rather than with the next group.
    pub urgent: bool,
    /// Told what became of it.
    pub ticket: Option<Arc<Ticket>>,
}

/// What has become of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketState {
    /// Not durable yet.
    Pending,
    /// Durable, with every batch submitted before it.
    Durable,
    /// It will never be durable.
    Failed,
}

/// Says when a batch is durable. Written once by the store, read by the owner of the batch.
#[derive(Debug, Default)]
pub struct Ticket(AtomicU8);

impl Ticket {
    /// What has become of the batch.
    pub fn state(&self) -> TicketState {
        match self.0.load(Ordering::Acquire) {
            0 => TicketState::Pending,
            1 => TicketState::Durable,
            _ => TicketState::Failed,
        }
    }

    /// The batch is on the disk.
    pub fn set_durable(&self) {
        self.0.store(1, Ordering::Release);
    }

    /// The batch will never be.
    pub fn set_failed(&self) {
        self.0.store(2, Ordering::Release);
    }
}

/// What is stored of one object, as of one moment. Only threads that may read the disk hold one.
pub trait Reader {
    /// The object's record; none if nothing is stored of it.
    fn record(&self) -> Result<Option<Record>, ReadError>;
    /// A value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;
    /// The keys that begin with `prefix`, ascending.
    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, ReadError>;
    /// The journal's entries since it was last cut, oldest first.
    fn journal(&self) -> Result<Vec<Vec<u8>>, ReadError>;
}

/// Why something stored cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not what was written. The object is set aside; nothing is overwritten.
    #[error("{what} is damaged: {problem}")]
    Damaged {
        /// Which part.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The disk does not answer.
    #[error("the store cannot be read: {0}")]
    Io(String),
}
