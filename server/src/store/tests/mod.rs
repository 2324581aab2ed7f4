//! What the store promises, on a simulated disk and on a real file.

mod archive;
mod contents;
mod crashes;
mod damage;
mod files;
mod history;
mod limits;
mod migrations;
mod quotas;
mod refusals;
mod sockets;
mod twins;

use std::sync::Arc;
use std::time::Duration;

use tickstone_shared::ids::{Epoch, ObjectName};

use super::sim_disk::SimDisk;
use super::{Committer, RedbStore, StoreError, StoreSettings, Turn};
use crate::clock::{Clock, ManualClock};
use crate::metrics::Metrics;
use crate::object::id::ObjectId;
use crate::object::storage::{Record, Ticket, TicketState, Write, WriteBatch};
use crate::runtime::ports::Store;

/// A store on a simulated disk under a virtual clock.
struct Bench {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    store: RedbStore,
    committer: Committer,
}

impl Bench {
    fn open(disk: &SimDisk, settings: StoreSettings) -> Result<Self, StoreError> {
        Self::open_at(disk, settings, Arc::new(ManualClock::default()))
    }

    fn open_at(disk: &SimDisk, settings: StoreSettings, clock: Arc<ManualClock>) -> Result<Self, StoreError> {
        let (store, committer) =
            RedbStore::open_manual(Arc::new(disk.clone()), settings, clock.clone(), Metrics::new())?;
        Ok(Self { disk: disk.clone(), clock, store, committer })
    }

    fn new() -> Self {
        Self::open(&SimDisk::new(), StoreSettings::new("")).unwrap()
    }

    /// Opens the file again, as after a clean end.
    fn reopen(self) -> Self {
        self.reopen_with(StoreSettings::new(""))
    }

    fn reopen_with(mut self, settings: StoreSettings) -> Self {
        self.store.close();
        assert_eq!(self.run(), Turn::Closed);
        Self::open_at(&self.disk, settings, self.clock).unwrap()
    }

    /// Lets the committer do everything that is due within `within`.
    fn run_for(&mut self, within: Duration) -> Turn {
        let end = self.clock.now() + within;
        loop {
            match self.committer.turn(self.clock.now()) {
                Turn::Again => {}
                Turn::At(moment) if moment <= end => self.clock.advance_to(moment),
                other => return other,
            }
        }
    }

    /// Lets it write everything, on a disk that takes it.
    fn run(&mut self) -> Turn {
        self.run_for(Duration::from_secs(60))
    }

    fn submit(&self, batch: WriteBatch) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket::default());
        self.store.submit(WriteBatch { ticket: Some(ticket.clone()), ..batch }).unwrap();
        ticket
    }

    fn durable(&mut self, batch: WriteBatch) {
        let ticket = self.submit(batch);
        self.run();
        assert_eq!(ticket.state(), TicketState::Durable);
    }
}

fn object(name: &str) -> ObjectId {
    ObjectId::from_name("test", &ObjectName::parse(name).unwrap())
}

fn record(name: &str, epoch: u32) -> Record {
    Record {
        class: "test".to_owned(),
        name: ObjectName::parse(name).unwrap(),
        epoch: Epoch(epoch),
        node: 0,
        class_version: 1,
        wake_at_start: epoch % 2 == 1,
    }
}

fn batch(name: &str, writes: Vec<Write>) -> WriteBatch {
    WriteBatch { object: object(name), node: 0, epoch: Epoch(1), writes, urgent: false, ticket: None }
}

fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Write {
    Write::Put { key: key.as_ref().to_vec(), value: value.as_ref().to_vec() }
}

fn delete(key: impl AsRef<[u8]>) -> Write {
    Write::Delete { key: key.as_ref().to_vec() }
}

fn append(entry: impl AsRef<[u8]>) -> Write {
    Write::Append { entry: entry.as_ref().to_vec() }
}
