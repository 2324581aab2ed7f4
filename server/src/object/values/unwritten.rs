//! What an object wrote and the disk does not have yet: its reads see it all the same.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::object::storage::{Ticket, TicketState, Write};

/// A value that waits for the disk; none: it was removed.
type Waiting = Option<Vec<u8>>;

/// See the module. Only what is written on a thread that may read the disk is here: elsewhere nothing is read.
#[derive(Debug, Default)]
pub struct Unwritten {
    newest: u64,
    values: BTreeMap<Vec<u8>, (u64, Waiting)>,
    /// Everything on the disk is hidden until this batch is there: it removes all of it.
    erased_by: Option<u64>,
    batches: VecDeque<Batch>,
}

#[derive(Debug)]
struct Batch {
    number: u64,
    ticket: Arc<Ticket>,
    keys: Vec<Vec<u8>>,
}

/// What is known of a key without the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<'a> {
    /// It has this value, or none.
    Is(Option<&'a [u8]>),
    /// The disk knows.
    AskDisk,
}

impl Unwritten {
    /// Everything is on the disk.
    pub const fn new() -> Self {
        Self { newest: 0, values: BTreeMap::new(), erased_by: None, batches: VecDeque::new() }
    }

    /// Remembers a batch until its ticket is durable.
    pub fn add(&mut self, writes: &[Write], ticket: Arc<Ticket>) {
        self.newest += 1;
        let number = self.newest;
        let mut keys = Vec::new();
        for write in writes {
            let (key, value) = match write {
                Write::Put { key, value } => (key, Some(value.clone())),
                Write::Delete { key } => (key, None),
                Write::DeleteAll => {
                    self.values.clear();
                    self.erased_by = Some(number);
                    continue;
                }
                _ => continue,
            };
            keys.push(key.clone());
            self.values.insert(key.clone(), (number, value));
        }
        self.batches.push_back(Batch { number, ticket, keys });
    }

    /// Forgets what is on the disk by now. What the oldest batch that is not has come to.
    pub fn settle(&mut self) -> TicketState {
        while let Some(batch) = self.batches.front() {
            match batch.ticket.state() {
                TicketState::Durable => {}
                other => return other,
            }
            let Some(batch) = self.batches.pop_front() else { break };
            for key in batch.keys {
                if self.values.get(&key).is_some_and(|(number, _)| *number == batch.number) {
                    self.values.remove(&key);
                }
            }
            if self.erased_by.is_some_and(|number| number == batch.number) {
                self.erased_by = None;
            }
        }
        TicketState::Durable
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// What is known of a key.
    pub fn look(&self, key: &[u8]) -> Seen<'_> {
        match self.values.get(key) {
            Some((_, value)) => Seen::Is(value.as_deref()),
            None if self.erased_by.is_some() => Seen::Is(None),
            None => Seen::AskDisk,
        }
    }

    /// Nothing on the disk counts.
    pub fn hides_disk(&self) -> bool {
        self.erased_by.is_some()
    }

    /// What waits between two keys.
    pub fn between<'a>(
        &'a self,
        lower: &[u8],
        upper: Option<&'a [u8]>,
    ) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let from = self.values.range(lower.to_vec()..);
        from.take_while(move |(key, _)| upper.is_none_or(|upper| key.as_slice() < upper))
            .map(|(key, (_, value))| (key.as_slice(), value.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &[u8], value: &[u8]) -> Write {
        Write::Put { key: key.to_vec(), value: value.to_vec() }
    }

    #[test]
    fn a_value_is_seen_until_its_own_batch_is_durable() {
        let mut unwritten = Unwritten::default();
        let (first, second) = (Arc::new(Ticket::default()), Arc::new(Ticket::default()));
        unwritten.add(&[put(b"a", b"1"), put(b"b", b"1")], Arc::clone(&first));
        unwritten.add(&[put(b"a", b"2")], Arc::clone(&second));
        first.set_durable();
        assert_eq!(unwritten.settle(), TicketState::Pending);
        assert_eq!(unwritten.look(b"a"), Seen::Is(Some(b"2")));
        assert_eq!(unwritten.look(b"b"), Seen::AskDisk);
        second.set_durable();
        assert_eq!(unwritten.settle(), TicketState::Durable);
        assert!(unwritten.is_empty() && unwritten.look(b"a") == Seen::AskDisk);
    }

    #[test]
    fn what_removes_everything_hides_the_disk_until_it_is_there() {
        let mut unwritten = Unwritten::default();
        let ticket = Arc::new(Ticket::default());
        unwritten.add(&[put(b"a", b"1"), Write::DeleteAll, put(b"b", b"2")], Arc::clone(&ticket));
        assert_eq!(unwritten.look(b"a"), Seen::Is(None));
        assert_eq!(unwritten.look(b"b"), Seen::Is(Some(b"2")));
        assert!(unwritten.hides_disk());
        ticket.set_durable();
        unwritten.settle();
        assert!(!unwritten.hides_disk());
    }

    #[test]
    fn a_batch_that_failed_is_told() {
        let mut unwritten = Unwritten::default();
        let ticket = Arc::new(Ticket::default());
        unwritten.add(&[put(b"a", b"1")], Arc::clone(&ticket));
        ticket.set_failed();
        assert_eq!(unwritten.settle(), TicketState::Failed);
    }
}
