//! What an object stores: an ordered private key-value space, and a journal that only grows until it is cut.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::{Epoch, ObjectName};

use super::id::ObjectId;
use super::resume::KeptSocket;
use super::socket::SocketId;

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
    /// The node whose activation that is.
    pub node: u32,
    /// The version of its class that wrote what is stored.
    pub class_version: u32,
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
    /// Sets an alarm, instead of the one of that name.
    SetAlarm(AlarmRow),
    /// Removes an alarm, if it still has this generation.
    ClearAlarm {
        /// Its name.
        name: String,
        /// The one that is meant: an alarm that was set anew stays.
        generation: u64,
    },
    /// Removes everything: values, alarms, the journal and the record. Nothing is left to be paid for, but
    /// the history of a class that keeps one.
    DeleteAll,
    /// Stores a socket for the process after this one, instead of what was stored of it. It counts for no quota,
    /// has no history, and is there until it is forgotten, whatever else is removed.
    KeepSocket(KeptSocket),
    /// Forgets a socket that was stored, if it was.
    ForgetSocket(SocketId),
    /// Takes values, alarms and the record back to what they were; the journal stays, and so does the epoch.
    Restore {
        /// The object's class: it need not have a record any more.
        class: String,
        /// To which moment.
        bookmark: Bookmark,
    },
}

/// Bytes of an alarm's name.
pub const ALARM_NAME_BYTES_MAX: usize = 256;
/// Bytes an alarm counts for besides its name.
const ALARM_BYTES: u64 = 64;

/// An alarm as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRow {
    /// Its name, at most [`ALARM_NAME_BYTES_MAX`].
    pub name: String,
    /// When it fires next, in ms since 1970.
    pub due_ms: u64,
    /// When it was to fire at first: retries do not move this.
    pub scheduled_ms: u64,
    /// Tells an alarm from one of the same name that was set before.
    pub generation: u64,
    /// Runs that failed because of the handler.
    pub retries: u32,
    /// Runs that failed because of the store.
    pub store_retries: u32,
    /// Between two runs, if it repeats.
    pub every_ms: Option<u64>,
}

impl AlarmRow {
    /// What it counts for in the quota.
    pub fn bytes(&self) -> u64 {
        alarm_bytes(&self.name)
    }
}

/// What an alarm of this name counts for in the quota.
pub fn alarm_bytes(name: &str) -> u64 {
    ALARM_BYTES + name.len() as u64
}

/// Which values are listed: byte order, the start included, the end excluded (contract: STORE 1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub start: Start,
    /// The key before which it ends.
    pub end: Option<Vec<u8>>,
    /// Only keys that begin with this.
    pub prefix: Vec<u8>,
    /// From the end.
    pub reverse: bool,
    /// At most so many.
    pub limit: Option<NonZeroUsize>,
}

/// Where a [`Range`] begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// With the first key.
    #[default]
    First,
    /// With this key, if it is there.
    At(Vec<u8>),
    /// After this key.
    After(Vec<u8>),
}

impl Range {
    /// The bounds in keys: the lower one included, the upper one excluded. None: nothing is within.
    pub fn bounds(&self) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let start = match &self.start {
            Start::First => Vec::new(),
            Start::At(key) => key.clone(),
            Start::After(key) => [key.as_slice(), &[0]].concat(),
        };
        let lower = start.max(self.prefix.clone());
        let upper = match (&self.end, after_prefix(&self.prefix)) {
            (Some(end), Some(after)) => Some(end.clone().min(after)),
            (end, after) => end.clone().or(after),
        };
        let empty = upper.as_ref().is_some_and(|upper| *upper <= lower);
        (!empty).then_some((lower, upper))
    }

    /// How many at most.
    pub fn limit(&self) -> usize {
        self.limit.map_or(usize::MAX, NonZeroUsize::get)
    }
}

/// The first key after all that begin with `prefix`. None: there is none.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut after = prefix[..=last].to_vec();
    after[last] += 1;
    Some(after)
}

/// A moment in what is stored, as an ordered text: the later, the greater (contract: STORE 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bookmark(pub u64);

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Bookmark {
    type Err = NoBookmark;

    fn from_str(text: &str) -> Result<Self, NoBookmark> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u64::from_str_radix(text, 16).ok().filter(|_| digits && text.len() == 16);
        number.map(Self).ok_or(NoBookmark)
    }
}

/// A text that is no bookmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a bookmark is 16 lower-case hex digits")]
pub struct NoBookmark;

/// The activation of a batch that is none's: a barrier, or sockets that are stored at a drain.
pub const NO_ACTIVATION: Epoch = Epoch(u32::MAX);

/// The writes of one handler: all or none.
#[derive(Debug, Clone)]
pub struct WriteBatch {
    /// Whose.
    pub object: ObjectId,
    /// The node whose activation wrote it; a store refuses another one than the epoch's.
    pub node: u32,
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
    /// It will never be durable: it is over a quota, and nothing of it was written.
    Full,
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
            2 => TicketState::Failed,
            _ => TicketState::Full,
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

    /// The batch will never be: it is over a quota.
    pub fn set_full(&self) {
        self.0.store(3, Ordering::Release);
    }
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// What is stored of one object, as of one moment. Only threads that may read the disk hold one.
pub trait Reader {
    /// The object's record; none if nothing is stored of it.
    fn record(&self) -> Result<Option<Record>, ReadError>;
    /// A value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;
    /// The keys that begin with `prefix`, ascending.
    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, ReadError>;
    /// The values of a range, in its order.
    fn list(&self, range: &Range) -> Result<Vec<Entry>, ReadError>;
    /// The alarms, by name.
    fn alarms(&self) -> Result<Vec<AlarmRow>, ReadError>;
    /// Bytes that count for the quota: keys, values and alarms ([`AlarmRow::bytes`]).
    fn bytes(&self) -> Result<u64, ReadError>;
    /// The journal's entries since it was last cut, oldest first.
    fn journal(&self) -> Result<Vec<Vec<u8>>, ReadError>;
    /// The sockets that are stored of it.
    fn sockets(&self) -> Result<Vec<KeptSocket>, ReadError>;
    /// The newest moment of everything that is stored.
    fn bookmark_now(&self) -> Result<Bookmark, ReadError>;
    /// The moment that was the newest at this time (ms since 1970); the earliest there is if none was.
    fn bookmark_at(&self, unix_ms: u64) -> Result<Bookmark, ReadError>;
    /// The newest activation's number: the record's, or that of the activation that removed everything.
    fn epoch(&self) -> Result<Epoch, ReadError>;
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
