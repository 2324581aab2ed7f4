//! `cargo bench --bench parts`: the parts of a tick's way, one by one, for an arena of 8 players who fight.
//!
//! Not responsible for: sockets and threads ([`floor`](../floor/main.rs) measures those).

#[path = "parts/differences.rs"]
mod differences;
#[path = "parts/fight.rs"]
mod fight;
#[path = "floor/moves.rs"]
mod moves;
#[path = "parts/sights.rs"]
mod sights;
#[path = "parts/traffic.rs"]
mod traffic;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fight::Fight;
use moves::Moves;
use tickstone_server::classes::matches::journal::{JournalEvent, TickRecord};
use tickstone_server::clock::{Clock as _, SystemClock};
use tickstone_server::metrics::Metrics;
use tickstone_server::object::id::ObjectId;
use tickstone_server::object::storage::{Record, Ticket, TicketState, Write, WriteBatch};
use tickstone_server::runtime::ports::Store as _;
use tickstone_server::store::{Committer, FileDisk, RedbStore, StoreSettings, Turn};
use tickstone_shared::ids::{Epoch, ObjectName};
use tickstone_shared::input::{Acknowledged, InputBatch, InputFeedback};
use tickstone_shared::snapshot::Snapshot;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::state::{StateHead, encode_own, encode_shared};
use tickstone_shared::wire::version::{Encoding, StateKind};
use tickstone_shared::wire::{decode, encode};

const PLAYERS: u16 = 8;
/// Matches that take turns.
const MATCHES: usize = 100;
/// Objects that write in every group.
const BATCHES: u32 = 100;
/// After so many groups the journals are cut, as a checkpoint does.
const CUT_GROUPS: u32 = 300;

fn simulation(criterion: &mut Criterion) {
    let mut fight = Fight::new(PLAYERS, 1);
    criterion.bench_function("tick", |bencher| {
        bencher.iter(|| {
            fight.choose_inputs();
            fight.tick();
        });
    });
    let mut fight = Fight::new(PLAYERS, 1);
    let mut snapshot = fight.snapshot();
    criterion.bench_function("shadow", |bencher| bencher.iter(|| fight.simulation.snapshot(&mut snapshot)));
    let mut saved = fight.saved();
    criterion.bench_function("checkpoint", |bencher| {
        bencher.iter(|| {
            saved.clear();
            fight.simulation.save(&mut saved);
        });
    });
    criterion.bench_function("restore", |bencher| {
        bencher.iter(|| fight.game.restore(&fight.rules, &saved).map(|restored| restored.tick()));
    });
}

/// As on a server: the caches have forgotten a match when its turn comes again.
fn one_of_many(criterion: &mut Criterion) {
    let mut fights: Vec<_> = (0..MATCHES).map(|_| Fight::new(PLAYERS, 1)).collect();
    let mut snapshot = Snapshot::default();
    let mut turn = 0;
    criterion.bench_function("tick, one of 100", |bencher| {
        bencher.iter(|| {
            turn = (turn + 1) % MATCHES;
            fights[turn].choose_inputs();
            fights[turn].tick();
        });
    });
    criterion.bench_function("shadow, one of 100", |bencher| {
        bencher.iter(|| {
            turn = (turn + 1) % MATCHES;
            fights[turn].simulation.snapshot(&mut snapshot);
        });
    });
}

fn wire(criterion: &mut Criterion) {
    let mut fight = Fight::new(PLAYERS, 1);
    let snapshot = fight.snapshot();
    let head = StateHead { epoch: Epoch(1), hash: None, snapshot: &snapshot, schema: fight.game.schema() };
    let (msgpack, delta) = (Encoding::Msgpack, StateKind::Delta);
    let mut out = Vec::new();
    criterion.bench_function("encode for 8", |bencher| {
        bencher.iter(|| {
            out.clear();
            encode_shared(&head, msgpack, delta, &mut out);
            let shared = out.len();
            for last_input in 0..u32::from(PLAYERS) {
                out.truncate(shared);
                let feedback = InputFeedback { last_input: 5000 + last_input, lead: 700, starved: 3 };
                encode_own(feedback, msgpack, delta, &mut out);
                black_box(&out);
            }
        });
    });
    let mut moves = Moves::new(1);
    let batch = InputBatch {
        epoch: Epoch(1),
        first_tick: Tick(5000),
        first_seq: 5000,
        acknowledged: Acknowledged::only(Tick(4996)),
        rows: (0..2).map(|_| moves.next()).collect(),
    };
    let mut message = Vec::new();
    encode::packed_input(&batch, &mut message);
    criterion.bench_function("decode input", |bencher| {
        bencher.iter(|| decode::from_client(black_box(&message), msgpack, &*fight.game));
    });
}

fn record(fight: &mut Fight) -> TickRecord {
    fight.choose_inputs();
    let events = fight.events.iter().cloned().map(JournalEvent::World).collect();
    TickRecord { epoch: Epoch(1), tick: Tick(5000), events, hash: None }
}

fn journal(criterion: &mut Criterion) {
    let record = record(&mut Fight::new(PLAYERS, 1));
    let mut entry = Vec::new();
    criterion.bench_function("journal append", |bencher| {
        bencher.iter(|| {
            entry.clear();
            record.encode(&mut entry);
        });
    });
}

/// A store and those who write to it; the commits run on the thread that measures.
struct Writers {
    store: RedbStore,
    committer: Committer,
    clock: Arc<SystemClock>,
    objects: Vec<ObjectId>,
    entry: Vec<u8>,
}

impl Writers {
    fn open(dir: &Path, entry: Vec<u8>) -> Self {
        let clock = Arc::new(SystemClock::new());
        let settings = StoreSettings::new(dir);
        let disk = Arc::new(FileDisk::new(dir, settings.cache_bytes));
        let (store, committer) = RedbStore::open_manual(disk, settings, clock.clone(), Metrics::new())
            .expect("a new directory takes a store");
        let names = (0..BATCHES).map(name);
        let objects = names.map(|name| ObjectId::from_name("match", &name)).collect();
        let mut writers = Self { store, committer, clock, objects, entry };
        writers.commit(|number| {
            let record = Record {
                class: "match".to_owned(),
                name: name(number),
                epoch: Epoch(1),
                node: 0,
                class_version: 1,
                wake_at_start: true,
            };
            Write::Record(record)
        });
        writers
    }

    /// One group: one write of every object.
    fn commit(&mut self, write: impl Fn(u32) -> Write) {
        let ticket = Arc::new(Ticket::default());
        for (number, object) in (0..).zip(&self.objects) {
            let last = number + 1 == BATCHES;
            let batch = WriteBatch {
                object: *object,
                node: 0,
                epoch: Epoch(1),
                writes: vec![write(number)],
                urgent: last,
                ticket: last.then(|| Arc::clone(&ticket)),
            };
            self.store.submit(batch).expect("the queue has room");
        }
        while self.committer.turn(self.clock.now()) == Turn::Again {}
        assert_eq!(ticket.state(), TicketState::Durable);
    }
}

fn name(number: u32) -> ObjectName {
    ObjectName::parse(&format!("match-{number}")).expect("a short name")
}

fn store(criterion: &mut Criterion) {
    let mut entry = Vec::new();
    record(&mut Fight::new(PLAYERS, 1)).encode(&mut entry);
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("cargo has made this directory");
    let mut writers = Writers::open(dir.path(), entry);
    let mut groups = 0;
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(u64::from(BATCHES))).sample_size(20);
    group.bench_function("commit group of 100", |bencher| {
        bencher.iter(|| {
            groups += 1;
            if groups % CUT_GROUPS == 0 {
                writers.commit(|_| Write::CutJournal);
            }
            let entry = writers.entry.clone();
            writers.commit(|_| Write::Append { entry: entry.clone() });
        });
    });
    group.finish();
}

fn short() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = parts;
    config = short();
    targets = simulation, one_of_many, wire, differences::differences, sights::sights, journal,
        store
}
criterion_main!(parts);
