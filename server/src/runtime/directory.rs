//! Who owns which object: at most one activation per id (contract: ID 5).
//!
//! Invariant: an event is put into its owner's inbox under the same lock that found the owner, so that after
//! a move every event for the object that the old owner will ever get is already in its inbox.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use tickstone_shared::time::Moment;

use super::inbox::{Addressed, Event, Inbox};
use super::settings::PANIC_WINDOW;
use crate::id_map::IdMap;
use crate::object::id::{Identity, ObjectId};

/// A worker, by its place in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkerId(pub usize);

const SHARDS: usize = 16;
const POISON: &str = "no code under this lock panics";

struct Entry {
    owner: WorkerId,
    panics: Vec<Moment>,
}

type Shard = IdMap<ObjectId, Entry>;

/// The directory.
pub struct Directory {
    shards: [RwLock<Shard>; SHARDS],
    objects: AtomicUsize,
    objects_max: usize,
}

/// Why an event did not reach an owner.
pub enum Undelivered {
    /// Nobody owns the object: wake it.
    NoOwner(Event),
    /// The owner's inbox is full.
    Full(Event),
}

/// The directory holds as many objects as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryFull;

impl Directory {
    /// An empty directory.
    pub fn new(objects_max: usize) -> Self {
        Self { shards: Default::default(), objects: AtomicUsize::new(0), objects_max }
    }

    fn shard(&self, object: &ObjectId) -> &RwLock<Shard> {
        &self.shards[usize::from(object.as_bytes()[0]) % SHARDS]
    }

    fn read(&self, object: &ObjectId) -> RwLockReadGuard<'_, Shard> {
        self.shard(object).read().expect(POISON)
    }

    fn write(&self, object: &ObjectId) -> RwLockWriteGuard<'_, Shard> {
        self.shard(object).write().expect(POISON)
    }

    /// Puts an event into its owner's inbox.
    #[expect(clippy::result_large_err, reason = "the event comes back by value: refusing must not allocate")]
    pub fn deliver(&self, inboxes: &[Inbox], object: ObjectId, event: Event) -> Result<(), Undelivered> {
        let shard = self.read(&object);
        let Some(entry) = shard.get(&object) else {
            return Err(Undelivered::NoOwner(event));
        };
        inboxes[entry.owner.0].offer(Addressed { object, event }).map_err(Undelivered::Full)
    }

    /// Puts the end of a job into its object's inbox; to nobody if the object has no owner any more.
    pub fn deliver_done(&self, inboxes: &[Inbox], object: ObjectId, event: Event) {
        let shard = self.read(&object);
        if let Some(entry) = shard.get(&object) {
            inboxes[entry.owner.0].put(Addressed { object, event });
        }
    }

    /// Makes `owner` the owner of an object that has none; true if it had none.
    pub fn claim(&self, identity: &Identity, owner: WorkerId) -> Result<bool, DirectoryFull> {
        let mut shard = self.write(&identity.id);
        if shard.contains_key(&identity.id) {
            return Ok(false);
        }
        if self.objects.load(Ordering::Relaxed) >= self.objects_max {
            return Err(DirectoryFull);
        }
        self.objects.fetch_add(1, Ordering::Relaxed);
        shard.insert(identity.id, Entry { owner, panics: Vec::new() });
        Ok(true)
    }

    /// Who owns an object.
    pub fn owner(&self, object: ObjectId) -> Option<WorkerId> {
        self.read(&object).get(&object).map(|entry| entry.owner)
    }

    /// Hands an object to another owner, if `from` still owns it.
    pub fn transfer(&self, object: ObjectId, from: WorkerId, to: WorkerId) -> bool {
        let mut shard = self.write(&object);
        match shard.get_mut(&object).filter(|entry| entry.owner == from) {
            Some(entry) => {
                entry.owner = to;
                true
            }
            None => false,
        }
    }

    /// Forgets an object, if `owner` still owns it.
    pub fn release(&self, object: ObjectId, owner: WorkerId) -> bool {
        let mut shard = self.write(&object);
        if shard.get(&object).is_none_or(|entry| entry.owner != owner) {
            return false;
        }
        shard.remove(&object);
        self.objects.fetch_sub(1, Ordering::Relaxed);
        true
    }

    /// Forgets an object if `owner` still owns it and no event waits for it: nobody can deliver one while
    /// `collect` looks. Answers the events that keep it.
    pub(super) fn release_if_quiet(
        &self,
        object: ObjectId,
        owner: WorkerId,
        collect: impl FnOnce() -> VecDeque<Event>,
    ) -> VecDeque<Event> {
        let mut shard = self.write(&object);
        if shard.get(&object).is_none_or(|entry| entry.owner != owner) {
            return VecDeque::new();
        }
        let events = collect();
        if events.is_empty() {
            shard.remove(&object);
            self.objects.fetch_sub(1, Ordering::Relaxed);
        }
        events
    }

    /// Notes a panic; answers how many there were within the window, this one included.
    pub fn note_panic(&self, object: ObjectId, now: Moment) -> u32 {
        let mut shard = self.write(&object);
        let Some(entry) = shard.get_mut(&object) else { return 1 };
        entry.panics.retain(|panic| now.since(*panic) < PANIC_WINDOW);
        entry.panics.push(now);
        u32::try_from(entry.panics.len()).unwrap_or(u32::MAX)
    }

    /// Objects that have an owner.
    pub fn len(&self) -> usize {
        self.objects.load(Ordering::Relaxed)
    }

    /// No object has an owner.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
