//! A store that notes what was reported durable, by numbers that grow, and passes everything on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tickstone_server::object::id::ObjectId;
use tickstone_server::object::storage::{
    Bookmark, ReadError, Reader, Record, Ticket, TicketState, WriteBatch,
};
use tickstone_server::runtime::ports::{
    AlarmKey, DueAlarm, ObjectQuery, RestoreError, RestoreOrder, Store, StoreHealth, SubmitError, WithSockets,
};
use tickstone_server::store::RedbStore;

/// The number that a batch brings, if it brings one.
type NumberOf = dyn Fn(&WriteBatch) -> Option<u64> + Send + Sync;

#[derive(Debug, Default)]
struct Noted {
    pending: Vec<(ObjectId, u64, Arc<Ticket>)>,
    /// The highest number of each object that a durable batch has brought.
    durable: BTreeMap<ObjectId, u64>,
    refused: u64,
}

/// See the module.
pub(crate) struct Witness {
    inner: RedbStore,
    number_of: Box<NumberOf>,
    noted: Mutex<Noted>,
}

impl Witness {
    /// Watches a store.
    pub(crate) fn new(
        inner: RedbStore,
        number_of: impl Fn(&WriteBatch) -> Option<u64> + Send + Sync + 'static,
    ) -> Self {
        Self { inner, number_of: Box::new(number_of), noted: Mutex::default() }
    }

    /// Takes the numbers that have been reported durable.
    pub(crate) fn settle(&self) {
        let noted = &mut *self.noted.lock().unwrap();
        let durable = &mut noted.durable;
        noted.pending.retain(|(object, number, ticket)| {
            if ticket.state() == TicketState::Durable {
                let newest = durable.entry(*object).or_default();
                *newest = (*newest).max(*number);
            }
            ticket.state() == TicketState::Pending
        });
    }

    /// The highest number of an object that was reported durable.
    pub(crate) fn durable(&self, object: ObjectId) -> u64 {
        self.noted.lock().unwrap().durable.get(&object).copied().unwrap_or(0)
    }

    /// Batches that were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.noted.lock().unwrap().refused
    }

    /// The store itself.
    pub(crate) fn inner(&self) -> &RedbStore {
        &self.inner
    }
}

impl Store for Witness {
    fn submit(&self, mut batch: WriteBatch) -> Result<(), SubmitError> {
        let noted = (self.number_of)(&batch).map(|number| {
            let ticket = batch.ticket.get_or_insert_with(|| Arc::new(Ticket::default()));
            (batch.object, number, Arc::clone(ticket))
        });
        let submitted = self.inner.submit(batch);
        let mut state = self.noted.lock().unwrap();
        match submitted {
            Ok(()) => state.pending.extend(noted),
            Err(_) => state.refused += 1,
        }
        submitted
    }
    fn reader(&self, object: ObjectId) -> Result<Box<dyn Reader + '_>, ReadError> {
        self.inner.reader(object)
    }
    fn to_wake(&self) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        self.inner.to_wake()
    }
    fn objects(&self, query: &ObjectQuery) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        self.inner.objects(query)
    }
    fn due_alarms(
        &self,
        after: Option<&AlarmKey>,
        until_ms: u64,
        limit: usize,
    ) -> Result<Vec<DueAlarm>, ReadError> {
        self.inner.due_alarms(after, until_ms, limit)
    }
    fn with_sockets(&self) -> Result<Vec<WithSockets>, ReadError> {
        self.inner.with_sockets()
    }
    fn bookmark_now(&self) -> Result<Bookmark, RestoreError> {
        self.inner.bookmark_now()
    }
    fn bookmark_at(&self, unix_ms: u64) -> Result<Bookmark, RestoreError> {
        self.inner.bookmark_at(unix_ms)
    }
    fn restore(&self, order: RestoreOrder) -> Result<Bookmark, RestoreError> {
        self.inner.restore(order)
    }
    fn health(&self) -> StoreHealth {
        self.inner.health()
    }
}
