//! What objects show, as far as somebody asked for it lately; the rest is in the store.
//!
//! Invariant: what is held is what is durable. What an object shows anew replaces it when the gate lets it out; where
//! a gate may have been abandoned, what is held is forgotten, and read again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use crate::object::id::ObjectId;
use crate::object::storage::ReadError;
use crate::object::values::snapshot::{ObjectSnapshot, SNAPSHOT};
use crate::runtime::pool::Shared;

/// Snapshots that are held; the one that nobody has asked for the longest goes.
pub const SNAPSHOTS_MAX: usize = 4096;
/// Their bytes.
pub const SNAPSHOT_BYTES_IN_ALL_MAX: usize = 32 * 1024 * 1024;

const POISON: &str = "no code under this lock panics";

/// Snapshots by object.
#[derive(Debug, Default)]
pub struct Snapshots(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    held: BTreeMap<ObjectId, Held>,
    bytes: usize,
    /// Grows with every look.
    looks: u64,
    /// Grows with every change that an object makes.
    changes: u64,
}

#[derive(Debug)]
struct Held {
    snapshot: ObjectSnapshot,
    looked_at: u64,
}

/// When somebody began to read the store: what an object has shown since is newer than what they find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Began(u64);

impl Snapshots {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect(POISON)
    }

    /// What is held of an object; else the store is to be read.
    pub fn look(&self, object: ObjectId) -> Result<ObjectSnapshot, Began> {
        let mut inside = self.inside();
        inside.looks += 1;
        let (looks, began) = (inside.looks, Began(inside.changes));
        let held = inside.held.get_mut(&object).ok_or(began)?;
        held.looked_at = looks;
        Ok(held.snapshot.clone())
    }

    /// Holds what was read, unless it may be old already.
    pub fn found(&self, object: ObjectId, began: Began, snapshot: ObjectSnapshot) {
        let mut inside = self.inside();
        if inside.changes == began.0 {
            let looked_at = inside.looks;
            inside.put(object, Held { snapshot, looked_at });
        }
    }

    /// An object shows something else now. It is held only if somebody asks.
    pub fn changed(&self, object: ObjectId, snapshot: Option<ObjectSnapshot>) {
        let mut inside = self.inside();
        inside.changes += 1;
        let before = inside.remove(object);
        if let Some((before, snapshot)) = before.zip(snapshot) {
            inside.put(object, Held { snapshot, ..before });
        }
    }
}

impl Inside {
    fn remove(&mut self, object: ObjectId) -> Option<Held> {
        let held = self.held.remove(&object)?;
        self.bytes -= held.snapshot.text.len();
        Some(held)
    }

    fn put(&mut self, object: ObjectId, held: Held) {
        self.remove(object);
        self.bytes += held.snapshot.text.len();
        self.held.insert(object, held);
        while self.held.len() > SNAPSHOTS_MAX || self.bytes > SNAPSHOT_BYTES_IN_ALL_MAX {
            let oldest = self.held.iter().min_by_key(|(_, held)| held.looked_at).map(|(object, _)| *object);
            let Some(oldest) = oldest else { return };
            self.remove(oldest);
        }
    }
}

impl Shared {
    /// What is stored that an object shows. Reads the disk.
    pub(in crate::runtime) fn stored_snapshot(
        &self,
        object: ObjectId,
    ) -> Result<Option<ObjectSnapshot>, ReadError> {
        let began = match self.snapshots.look(object) {
            Ok(held) => return Ok(Some(held)),
            Err(began) => began,
        };
        let Some(bytes) = self.store.reader(object)?.get(SNAPSHOT)? else { return Ok(None) };
        let damaged = |error: std::str::Utf8Error| ReadError::Damaged {
            what: "what an object shows".to_owned(),
            problem: error.to_string(),
        };
        let snapshot = ObjectSnapshot::from(std::str::from_utf8(&bytes).map_err(damaged)?);
        self.snapshots.found(object, began, snapshot.clone());
        Ok(Some(snapshot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: u16) -> ObjectId {
        let [high, low] = number.to_be_bytes();
        let mut random = [0; 16];
        (random[0], random[1]) = (high, low);
        ObjectId::new_unique("board", random)
    }

    fn ask(snapshots: &Snapshots, number: u16, text: &str) {
        if let Err(began) = snapshots.look(object(number)) {
            snapshots.found(object(number), began, text.into());
        }
    }

    fn is_held(snapshots: &Snapshots, number: u16) -> bool {
        snapshots.look(object(number)).is_ok()
    }

    #[test]
    fn what_was_read_before_a_change_is_not_held() {
        let snapshots = Snapshots::default();
        let began = snapshots.look(object(1)).unwrap_err();
        snapshots.changed(object(1), Some("new".into()));
        snapshots.found(object(1), began, "old".into());
        assert!(!is_held(&snapshots, 1));
        ask(&snapshots, 1, "new");
        snapshots.changed(object(1), Some("newer".into()));
        assert_eq!(snapshots.look(object(1)), Ok("newer".into()), "what is asked for follows");
        snapshots.changed(object(1), None);
        assert!(!is_held(&snapshots, 1));
    }

    #[test]
    fn so_many_are_held_and_not_one_more_and_who_is_asked_for_stays() {
        let snapshots = Snapshots::default();
        (0..SNAPSHOTS_MAX as u16).for_each(|number| ask(&snapshots, number, "{}"));
        assert!((0..SNAPSHOTS_MAX as u16).all(|number| is_held(&snapshots, number)));
        ask(&snapshots, u16::MAX, "{}");
        assert!(is_held(&snapshots, u16::MAX) && !is_held(&snapshots, 0) && is_held(&snapshots, 1));
        assert_eq!(snapshots.inside().held.len(), SNAPSHOTS_MAX);
    }

    #[test]
    fn so_many_bytes_are_held_and_not_one_more() {
        let (snapshots, text) = (Snapshots::default(), "x".repeat(1 << 20));
        let fit = (SNAPSHOT_BYTES_IN_ALL_MAX >> 20) as u16;
        (0..fit).for_each(|number| ask(&snapshots, number, &text));
        assert!((0..fit).all(|number| is_held(&snapshots, number)));
        ask(&snapshots, fit, "x");
        assert!(!is_held(&snapshots, 0) && is_held(&snapshots, fit));
        assert_eq!(snapshots.inside().bytes, SNAPSHOT_BYTES_IN_ALL_MAX - text.len() + 1);
    }
}
