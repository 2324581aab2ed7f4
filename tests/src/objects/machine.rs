//! What stays when a process does not, processes on it, and a second one that takes over.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tickstone_server::clock::{Clock as _, ManualClock};
use tickstone_server::metrics::Metrics;
use tickstone_server::object::contract::ClassRef;
use tickstone_server::object::simple::SimpleClass;
use tickstone_server::runtime::pool::{Edges, Shared};
use tickstone_server::runtime::ports::JobsInPlace;
use tickstone_server::runtime::settings::Settings;
use tickstone_server::runtime::worker::Scratch;
use tickstone_server::store::sim_disk::SimDisk;
use tickstone_server::store::{Committer, RedbStore, StoreError, StoreSettings, Turn};

use super::ledger::{CLASSES, LedgerClass, identity};
use super::oracle::Oracle;
use super::tally::Tally;
use super::wire::Wire;
use crate::store::Witness;

/// Turns of a thread that has nothing to wait for.
const TURNS_MAX: u32 = 200;

/// The machine.
pub(crate) struct Machine {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) disk: SimDisk,
    pub(crate) oracle: Oracle,
    /// Objects forget their memory after every event.
    forgetful: bool,
    queue_batches_max: usize,
    processes: u32,
}

/// The file, and who writes it.
pub(crate) struct Filed {
    pub(crate) store: Arc<Witness>,
    committer: Committer,
}

/// A process.
pub(crate) struct Process {
    pub(crate) shared: Arc<Shared>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) stale: Arc<AtomicBool>,
    scratch: Scratch,
}

impl Machine {
    pub(crate) fn new(seed: u64, disk: SimDisk, oracle: Oracle) -> Self {
        let clock = Arc::new(ManualClock::default());
        clock.advance(Duration::from_secs(1));
        // A third of the seeds forgets; half of them have a queue that is soon full.
        let queue_batches_max = if seed.is_multiple_of(2) { 24 } else { 65_536 };
        Self { clock, disk, oracle, forgetful: seed.is_multiple_of(3), queue_batches_max, processes: 0 }
    }

    /// Opens the store.
    pub(crate) fn open(&self) -> Result<Filed, StoreError> {
        let history = [CLASSES[1].to_owned()].into();
        let (queue_batches_max, history_retention) = (self.queue_batches_max, Duration::from_secs(60));
        let settings =
            StoreSettings { queue_batches_max, history, history_retention, ..StoreSettings::new("") };
        let disk = Arc::new(self.disk.clone());
        let (store, committer) = RedbStore::open_manual(disk, settings, self.clock.clone(), Metrics::new())?;
        let oracle = self.oracle.clone();
        let objects = oracle.look().objects.len();
        let ids: Vec<_> = (0..objects).map(|object| identity(object).id).collect();
        // What a batch makes durable is the newest version of its object: nothing ran since.
        let newest = move |batch: &tickstone_server::object::storage::WriteBatch| {
            let object = ids.iter().position(|id| *id == batch.object)?;
            (!batch.writes.is_empty()).then(|| oracle.look().objects[object].newest().number)
        };
        Ok(Filed { store: Arc::new(Witness::new(store, newest)), committer })
    }

    /// Starts a process on it.
    pub(crate) fn start(&mut self, filed: &Filed) -> Process {
        self.processes += 1;
        let stale = Arc::new(AtomicBool::new(false));
        let wire = Arc::new(Wire::new(self.oracle.clone(), stale.clone()));
        let edges = Edges {
            clock: self.clock.clone(),
            store: filed.store.clone(),
            outlet: wire.clone(),
            metrics: Metrics::new(),
            jobs: Arc::new(JobsInPlace),
        };
        let settings = Settings {
            node: self.processes,
            forgetful: self.forgetful,
            tick_workers: 1,
            general_workers: 2,
            ..Settings::default()
        };
        let ledger = |class| -> ClassRef {
            let (oracle, stale) = (self.oracle.clone(), stale.clone());
            Arc::new(LedgerClass { class, oracle, process: self.processes, stale })
        };
        let tally: ClassRef = Arc::new(SimpleClass::<Tally>::default());
        let classes = CLASSES.into_iter().map(ledger).chain([tally]).collect();
        let shared = Shared::new(&settings, edges, classes);
        Process { shared, wire, stale, scratch: Scratch::default() }
    }
}

impl Filed {
    /// A few turns of the thread that commits. True: the file is closed.
    pub(crate) fn commit(&mut self, machine: &Machine) -> bool {
        let mut closed = false;
        for _ in 0..4 {
            match self.committer.turn(machine.clock.now()) {
                Turn::Again => {}
                Turn::At(_) | Turn::Idle => break,
                Turn::Closed => {
                    closed = true;
                    break;
                }
            }
        }
        self.store.settle();
        let mut oracle = machine.oracle.look();
        oracle.troubled |= self.store.refused() > 0;
        for (object, known) in oracle.objects.iter_mut().enumerate() {
            known.durable = known.durable.max(self.store.durable(identity(object).id));
        }
        closed
    }

    /// Commits until nothing waits. False: the disk does not take it.
    pub(crate) fn drain(&mut self, machine: &Machine) -> bool {
        for _ in 0..TURNS_MAX {
            machine.clock.advance(Duration::from_millis(40));
            self.commit(machine);
            if self.committer.turn(machine.clock.now()) == Turn::Idle {
                self.commit(machine);
                return true;
            }
        }
        false
    }
}

impl Process {
    /// One turn of every worker.
    pub(crate) fn turn(&mut self) {
        self.shared.turn_all(&mut self.scratch);
    }
}
