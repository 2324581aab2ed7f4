//! The server under test: runtime, matches and store on one simulated disk.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tickstone_server::classes::matches::class::{Entropy, Games, MatchClass, MatchSettings, Shelf};
use tickstone_server::classes::matches::input_buffer::InputCounters;
use tickstone_server::classes::matches::journal::TickRecord;
use tickstone_server::classes::matches::store_keys::{CHECKPOINTS, tick_of};
use tickstone_server::clock::{Clock as _, ManualClock};
use tickstone_server::metrics::{MATCH_CLASS, Metrics, MetricsRef};
use tickstone_server::object::id::Identity;
use tickstone_server::object::storage::{Write, WriteBatch};
use tickstone_server::runtime::pool::{Edges, Shared};
use tickstone_server::runtime::ports::JobsInPlace;
use tickstone_server::runtime::settings::Settings;
use tickstone_server::runtime::worker::Scratch;
use tickstone_server::store::sim_disk::SimDisk;
use tickstone_server::store::{Committer, RedbStore, StoreError, StoreSettings, Turn};
use tickstone_shared::games::arena::Arena;
use tickstone_shared::games::pong::Pong;
use tickstone_shared::ids::ObjectName;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::registered::register;

use super::class::{Watch, WatchedClass};
use super::game::{Fragile, Fuse};
use super::network::Wire;
use super::rng::Rng;
use super::store::Witness;

const MAP: &str = include_str!("../../../assets/maps/yard.json");

/// What stays when the process does not.
pub(crate) struct Machine {
    /// The time.
    pub(crate) clock: Arc<ManualClock>,
    /// The disk.
    pub(crate) disk: SimDisk,
    /// Panics on order.
    pub(crate) fuse: Fuse,
    /// Counts activations.
    pub(crate) watch: Watch,
    /// The games.
    pub(crate) games: Arc<Games>,
    assets: Arc<Assets>,
    entropy: Entropy,
    queue_batches_max: usize,
    /// Every start is another process.
    boots: AtomicU32,
}

impl Machine {
    /// A machine whose chance comes from a seed.
    pub(crate) fn new(seed: u64, disk: SimDisk) -> Self {
        let fuse = Fuse::default();
        let mut games: Games = BTreeMap::new();
        games.insert("pong", Fragile::around(register::<Pong>(), fuse.clone()));
        games.insert("arena", Fragile::around(register::<Arena>(), fuse.clone()));
        let mut assets = Assets::none();
        assets.insert("maps/yard.json", MAP);
        let random = Mutex::new(Rng::new(seed, 1));
        let entropy: Entropy = Arc::new(move || {
            let mut random = random.lock().unwrap();
            (u128::from(random.next()) << 64 | u128::from(random.next())).to_le_bytes()
        });
        let clock = Arc::new(ManualClock::default());
        clock.advance(Duration::from_secs(1));
        // Half of the seeds have a queue that fills within a second of a refusing disk.
        let queue_batches_max = if seed.is_multiple_of(2) { 96 } else { 65_536 };
        let (games, assets) = (Arc::new(games), Arc::new(assets));
        let boots = AtomicU32::new(1);
        Self { clock, disk, fuse, watch: Watch::default(), games, assets, entropy, queue_batches_max, boots }
    }

    /// Starts the process: opens the store, builds the runtime. Nothing is recovered yet.
    pub(crate) fn boot(&self) -> Result<Server, StoreError> {
        let metrics = Metrics::new();
        let settings = StoreSettings { queue_batches_max: self.queue_batches_max, ..StoreSettings::new("") };
        let disk = Arc::new(self.disk.clone());
        let (store, committer) = RedbStore::open_manual(disk, settings, self.clock.clone(), metrics.clone())?;
        let (store, wire) = (Arc::new(Witness::new(store, newest_tick)), Arc::new(Wire::default()));
        let shelf = Shelf {
            games: Arc::clone(&self.games),
            assets: Arc::clone(&self.assets),
            entropy: Arc::clone(&self.entropy),
            inputs: InputCounters::new(&metrics),
            metrics: metrics.clone(),
            settings: MatchSettings {
                checkpoint_interval: Duration::from_secs(2),
                ..MatchSettings::default()
            },
        };
        let class = WatchedClass::around(Arc::new(MatchClass::new(shelf)), self.watch.clone());
        let edges = Edges {
            clock: self.clock.clone(),
            store: store.clone(),
            outlet: wire.clone(),
            metrics: metrics.clone(),
            jobs: Arc::new(JobsInPlace),
        };
        let node = self.boots.fetch_add(1, Ordering::Relaxed);
        let settings = Settings { node, tick_workers: 2, general_workers: 1, ..Settings::default() };
        let shared = Shared::new(&settings, edges, vec![class]);
        Ok(Server { shared, scratch: Scratch::default(), store, committer, wire, metrics })
    }
}

/// A running process.
pub(crate) struct Server {
    /// The runtime.
    pub(crate) shared: Arc<Shared>,
    scratch: Scratch,
    /// The store.
    pub(crate) store: Arc<Witness>,
    committer: Committer,
    /// What it has let out.
    pub(crate) wire: Arc<Wire>,
    /// Its counts.
    pub(crate) metrics: MetricsRef,
}

impl Server {
    /// One turn of every worker.
    pub(crate) fn turn(&mut self) {
        self.shared.turn_all(&mut self.scratch);
    }

    /// A few turns of the thread that commits. True: the file is closed.
    pub(crate) fn commit(&mut self, clock: &ManualClock) -> bool {
        let mut closed = false;
        for _ in 0..4 {
            match self.committer.turn(clock.now()) {
                Turn::Again => {}
                Turn::At(_) | Turn::Idle => break,
                Turn::Closed => {
                    closed = true;
                    break;
                }
            }
        }
        self.store.settle();
        closed
    }
}

/// The newest tick that a batch stores.
fn newest_tick(batch: &WriteBatch) -> Option<u64> {
    let tick = |write: &Write| match write {
        Write::Append { entry } => Some(TickRecord::decode(entry)?.tick.0),
        Write::Put { key, .. } => Some(tick_of(CHECKPOINTS, key)?.0),
        _ => None,
    };
    batch.writes.iter().filter_map(tick).max()
}

/// The games, shared.
pub(crate) type GameSet = Games;

/// The object of a match.
pub(crate) fn identity(name: &str) -> Identity {
    Identity::named(MATCH_CLASS, ObjectName::parse(name).unwrap())
}
