//! How long what an object says waits for the disk: the runtime and the thread that commits, by one virtual clock.

use super::*;
use crate::store::sim_disk::SimDisk;
use crate::store::{Committer, RedbStore, Turn};

/// A pool on a real store, whose thread is turned by hand.
struct Stored {
    clock: Arc<ManualClock>,
    committer: Committer,
    outlet: Arc<Collected>,
    shared: Arc<Shared>,
    scratch: Scratch,
}

impl Stored {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        clock.advance(Duration::from_secs(1));
        let (outlet, metrics) = (Arc::new(Collected::default()), Metrics::new());
        let disk = Arc::new(SimDisk::new());
        let opened = RedbStore::open_manual(disk, StoreSettings::new(""), clock.clone(), metrics.clone());
        let (store, committer) = opened.unwrap();
        let edges = Edges {
            clock: clock.clone(),
            store: Arc::new(store),
            outlet: outlet.clone(),
            metrics,
            jobs: Arc::new(JobsInPlace),
        };
        let shared = Shared::new(&settings(), edges, vec![Arc::new(ProbeClass::default())]);
        Self { clock, committer, outlet, shared, scratch: Scratch::default() }
    }

    /// Everything that happens without time.
    fn settle(&mut self) {
        for _ in 0..6 {
            self.shared.turn_all(&mut self.scratch);
            while self.committer.turn(self.clock.now()) == Turn::Again {}
        }
    }

    /// How many milliseconds after the call something leaves.
    fn leaves_after(&mut self, method: &str) -> u128 {
        self.outlet.0.lock().unwrap().clear();
        let began = self.clock.now();
        self.shared.call(&named("one"), method, Value::Null, Box::new(drop));
        for _ in 0..100 {
            self.settle();
            if !self.outlet.0.lock().unwrap().is_empty() {
                break;
            }
            self.clock.advance(Duration::from_millis(1));
        }
        assert_eq!(self.outlet.0.lock().unwrap().len(), 1, "{method}");
        self.clock.now().since(began).as_millis()
    }
}

#[test]
fn gate_3_what_somebody_waits_for_is_committed_at_once() {
    let mut stored = Stored::new();
    stored.leaves_after("tell");
    assert_eq!(stored.leaves_after("tell"), 0, "a message to a socket, as an answer to a call");
    assert_eq!(stored.leaves_after("ask"), 0, "a call of another object, and what that one says");
    assert_eq!(stored.leaves_after("tell_framed"), 33, "what a match says goes with the group");
}
