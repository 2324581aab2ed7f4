//! The runtime's promises under a virtual clock, with a small class of its own.

mod calls;
mod failures;
mod gate;
mod haste;
mod life;
mod moving;
mod panics;
mod probe;
mod ticks;
mod watchdog;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use serde_json::Value;
use tickstone_shared::ids::ObjectName;
use tickstone_shared::time::Moment;

use super::directory::WorkerId;
use super::handle::{Objects, ReplyTo};
use super::pool::{Edges, Shared};
use super::ports::{JobsInPlace, Outlet, SocketOutput};
use super::settings::Settings;
use super::worker::Scratch;
use crate::clock::{Clock, ManualClock};
use crate::metrics::{Metrics, MetricsRef};
use crate::object::contract::CallError;
use crate::object::id::Identity;
use crate::store::{MemoryStore, StoreSettings};
use probe::{PROBE, ProbeClass, Seen};

/// What goes out, kept.
#[derive(Default)]
struct Collected(Mutex<Vec<SocketOutput>>, Owners);

/// Who owned the object `one` when something went out.
#[derive(Default)]
struct Owners {
    pool: OnceLock<Weak<Shared>>,
    seen: Mutex<Vec<Option<WorkerId>>>,
}

impl Outlet for Collected {
    fn deliver(&self, outputs: &mut Vec<SocketOutput>) {
        if let Some(pool) = self.1.pool.get().and_then(Weak::upgrade) {
            self.1.seen.lock().unwrap().push(pool.directory.owner(named("one").id));
        }
        self.0.lock().unwrap().append(outputs);
    }
}

/// Where one answer goes.
#[derive(Default, Clone)]
struct Reply(Arc<Mutex<Vec<Result<Value, CallError>>>>);

impl Reply {
    fn to(&self) -> ReplyTo {
        let answers = Arc::clone(&self.0);
        Box::new(move |answer| answers.lock().unwrap().push(answer))
    }

    /// The answer, if there is one. Fails if there are two, or if there can be none any more.
    fn got(&self) -> Option<Result<Value, CallError>> {
        let answers = self.0.lock().unwrap();
        assert!(answers.len() <= 1, "answered twice: {answers:?}");
        let awaited = Arc::strong_count(&self.0) > 1;
        assert!(awaited || !answers.is_empty(), "the call was dropped without an answer");
        answers.first().cloned()
    }

    fn error(&self) -> CallError {
        self.got().expect("it is answered").expect_err("with an error")
    }
}

/// A pool on this thread.
struct Bench {
    clock: Arc<ManualClock>,
    store: MemoryStore,
    outlet: Arc<Collected>,
    metrics: MetricsRef,
    class: Arc<ProbeClass>,
    shared: Arc<Shared>,
    scratch: Scratch,
}

/// Every bench is another process.
static NEXT_NODE: AtomicU32 = AtomicU32::new(1);

fn settings() -> Settings {
    let node = NEXT_NODE.fetch_add(1, Ordering::Relaxed);
    Settings {
        node,
        tick_workers: 2,
        general_workers: 1,
        spare_workers: 1,
        realtime: false,
        ..Settings::default()
    }
}

fn named(name: &str) -> Identity {
    Identity::named(PROBE, ObjectName::parse(name).unwrap())
}

impl Bench {
    fn with(settings: &Settings, store: MemoryStore) -> Self {
        let clock = Arc::new(ManualClock::default());
        clock.advance(Duration::from_secs(1));
        let (outlet, metrics) = (Arc::new(Collected::default()), Metrics::new());
        let class = Arc::new(ProbeClass::default());
        let edges = Edges {
            clock: clock.clone(),
            store: Arc::new(store.clone()),
            outlet: outlet.clone(),
            metrics: metrics.clone(),
            jobs: Arc::new(JobsInPlace),
        };
        let shared = Shared::new(settings, edges, vec![class.clone()]);
        outlet.1.pool.get_or_init(|| Arc::downgrade(&shared));
        Self { clock, store, outlet, metrics, class, shared, scratch: Scratch::default() }
    }

    /// Everything is durable at once.
    fn new() -> Self {
        Self::with(&settings(), MemoryStore::new())
    }

    /// Nothing is durable before it is flushed.
    fn by_hand() -> Self {
        Self::with(&settings(), MemoryStore::by_hand(&StoreSettings::new("")))
    }

    /// The process ended and starts again on what is stored.
    fn restart(self) -> Self {
        let Self { store, .. } = self;
        store.crash();
        Self::with(&settings(), store)
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    /// One turn of every worker.
    fn turn(&mut self) -> Moment {
        self.shared.turn_all(&mut self.scratch)
    }

    /// Turns until nothing more can happen without time.
    fn settle(&mut self) {
        for _ in 0..6 {
            self.turn();
        }
    }

    /// The clock goes on, with a turn whenever one is due.
    fn run_for(&mut self, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            let next = self.turn().max(self.now() + Duration::from_micros(50));
            self.clock.advance_to(next.min(end));
        }
        self.settle();
    }

    fn call(&self, name: &str, method: &str, body: impl Into<Value>) -> Reply {
        let reply = Reply::default();
        self.shared.call(&named(name), method, body.into(), reply.to());
        reply
    }

    /// Calls, and has it answered.
    fn ask(&mut self, name: &str, method: &str, body: impl Into<Value>) -> Result<Value, CallError> {
        let reply = self.call(name, method, body);
        self.settle();
        reply.got().expect("it is answered")
    }

    fn seen(&self) -> Vec<Seen> {
        self.class.log.seen()
    }

    fn count(&self, wanted: &Seen) -> usize {
        self.seen().iter().filter(|seen| *seen == wanted).count()
    }

    fn wakes(&self, name: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| matches!(seen, Seen::Wake { name: woken, .. } if woken == name))
            .count()
    }

    fn sent(&self) -> usize {
        self.outlet.0.lock().unwrap().len()
    }

    /// The tick numbers an object has had.
    fn ticks(&self, name: &str) -> Vec<(u64, bool)> {
        let of_name = |seen: &Seen| match seen {
            Seen::Tick { name: ticked, tick, catching_up } if ticked == name => Some((*tick, *catching_up)),
            _ => None,
        };
        self.seen().iter().filter_map(of_name).collect()
    }

    /// The numbers an object was told to note.
    fn notes(&self, name: &str) -> Vec<u64> {
        let of_name = |seen: &Seen| match seen {
            Seen::Note { name: noted, number } if noted == name => Some(*number),
            _ => None,
        };
        self.seen().iter().filter_map(of_name).collect()
    }
}
