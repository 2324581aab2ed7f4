//! Power cuts at any moment, and operations that fail, against a plain model.
//!
//! After a power cut the store must be as after some prefix of what was submitted, in order: at least
//! everything that was acked, and no batch in part. `TICKSTONE_CRASHES` says how many cuts there are.

use std::collections::BTreeMap;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::contents::alarm;
use super::*;
use crate::object::storage::{AlarmRow, Bookmark, Range};
use crate::runtime::ports::RestoreOrder;
use crate::store::sim_disk::Refusal;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const KEYS: [&str; 3] = ["x", "y", "z"];
const CUTS: u32 = 5;
/// What one object may have: random writes come over it now and then.
const QUOTA: u64 = 70_000;

/// What is stored of every object, plainly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Plain {
    record: Option<Record>,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    alarms: BTreeMap<String, AlarmRow>,
    journal: Vec<Vec<u8>>,
}

type Model = BTreeMap<ObjectId, Plain>;

impl Plain {
    fn bytes(&self) -> u64 {
        let values: usize = self.values.iter().map(|(key, value)| key.len() + value.len()).sum();
        values as u64 + self.alarms.values().map(AlarmRow::bytes).sum::<u64>()
    }

    fn write(&mut self, write: Write) {
        match write {
            Write::Put { key, value } => drop(self.values.insert(key, value)),
            Write::Delete { key } => drop(self.values.remove(&key)),
            Write::Append { entry } => self.journal.push(entry),
            Write::CutJournal => self.journal.clear(),
            Write::Record(record) => self.record = Some(record),
            Write::SetAlarm(alarm) => drop(self.alarms.insert(alarm.name.clone(), alarm)),
            Write::ClearAlarm { name, generation } => {
                self.alarms.retain(|_, alarm| alarm.name != name || alarm.generation != generation);
            }
            Write::DeleteAll => *self = Self::default(),
            Write::KeepSocket(_) | Write::ForgetSocket(_) => unreachable!("the model has no sockets"),
            Write::Restore { .. } => unreachable!("the model does not go back"),
        }
    }
}

/// All of a batch, or nothing if it is over the quota.
fn apply(model: &mut Model, batch: &WriteBatch) {
    let plain = model.entry(batch.object).or_default();
    let mut after = plain.clone();
    batch.writes.iter().for_each(|write| after.write(write.clone()));
    if after.bytes() <= QUOTA || after.bytes() <= plain.bytes() {
        *plain = after;
    }
}

/// What the store shows; that its sizes and its order of alarms agree with it.
fn read(store: &RedbStore) -> Model {
    let mut model = Model::new();
    let mut times = Vec::new();
    for name in NAMES {
        let reader = store.reader(object(name)).unwrap();
        let values = reader.list(&Range::default()).unwrap().into_iter().collect();
        let alarms: Vec<AlarmRow> = reader.alarms().unwrap();
        let (record, journal) = (reader.record().unwrap(), reader.journal().unwrap());
        if record.is_some() {
            times.extend(alarms.iter().map(|alarm| alarm.due_ms));
        }
        let alarms = alarms.into_iter().map(|alarm| (alarm.name.clone(), alarm)).collect();
        let plain = Plain { record, values, alarms, journal };
        assert_eq!(reader.bytes(), Ok(plain.bytes()));
        model.insert(object(name), plain);
    }
    times.sort_unstable();
    let due = store.due_alarms(None, u64::MAX, 999).unwrap();
    assert_eq!(due.iter().map(|due| due.row.due_ms).collect::<Vec<_>>(), times);
    model
}

fn below(rng: &mut Pcg64Mcg, limit: u32) -> u32 {
    rng.next_u32() % limit
}

fn random_write(rng: &mut Pcg64Mcg, name: &str, number: u64) -> Write {
    let key = KEYS[below(rng, 3) as usize];
    match below(rng, 16) {
        0..=2 => {
            let size = [8, 100, 5_000, 40_000][below(rng, 4) as usize];
            put(key, number.to_le_bytes().repeat(size / 8))
        }
        3 => delete(key),
        4 => Write::CutJournal,
        5 => Write::Record(Record { wake_at_start: number.is_multiple_of(2), ..record(name, 1) }),
        6 | 7 => Write::SetAlarm(alarm(key, number % 50, number % 3)),
        8 => Write::ClearAlarm { name: key.to_owned(), generation: number % 3 },
        9 if below(rng, 4) == 0 => Write::DeleteAll,
        _ => append(number.to_le_bytes().repeat(1 + below(rng, 8) as usize)),
    }
}

/// With a history the class is named each time: an object without a record has none.
fn random_batch(rng: &mut Pcg64Mcg, number: u64, with_history: bool) -> WriteBatch {
    let name = NAMES[below(rng, 4) as usize];
    let count = 1 + below(rng, 4);
    let mut writes: Vec<Write> =
        (0..count).map(|n| random_write(rng, name, number * 16 + u64::from(n))).collect();
    if with_history {
        writes.insert(0, Write::Record(record(name, 1)));
    }
    WriteBatch { urgent: below(rng, 4) == 0, ..batch(name, writes) }
}

/// What is known of the file.
struct History {
    /// Acked for sure.
    base: Model,
    /// Submitted since, each with its ticket.
    since: Vec<(WriteBatch, Arc<Ticket>)>,
    /// Moments, and what there was then.
    moments: Vec<(Bookmark, Model)>,
}

impl History {
    /// Finds the prefix that the store shows. None: something acked is lost, or something is there in part.
    fn settle(&mut self, found: &Model) -> Option<()> {
        let done = |ticket: &Ticket| matches!(ticket.state(), TicketState::Durable | TicketState::Full);
        let acked = self.since.iter().filter(|(_, ticket)| done(ticket)).count();
        let mut model = self.base.clone();
        for (number, (batch, _)) in self.since.iter().enumerate() {
            if number >= acked && model == *found {
                break;
            }
            apply(&mut model, batch);
        }
        self.since.clear();
        self.base = model;
        (self.base == *found).then_some(())
    }

    /// Takes every object back to every moment that is known, and forth again.
    fn goes_back(&self, bench: &mut Bench) -> Option<()> {
        let restore = |bench: &mut Bench, name, bookmark| {
            let ticket = Arc::new(Ticket::default());
            let (object, class) = (object(name), "test".to_owned());
            let order =
                RestoreOrder { object, class, node: 0, epoch: Epoch(1), bookmark, ticket: ticket.clone() };
            let undo = bench.store.restore(order).unwrap();
            bench.run();
            assert_eq!(ticket.state(), TicketState::Durable);
            undo
        };
        let shown = |plain: &Plain| (plain.values.clone(), plain.alarms.clone(), plain.record.is_some());
        for (bookmark, then) in &self.moments {
            for name in NAMES {
                let undo = restore(bench, name, *bookmark);
                let back = &read(&bench.store)[&object(name)];
                (shown(back) == shown(&then[&object(name)])).then_some(())?;
                restore(bench, name, undo);
                (read(&bench.store) == self.base).then_some(())?;
            }
        }
        Some(())
    }
}

/// One disk through several power cuts, some of them while it is opened. None: it lost something.
fn survives(disk: &SimDisk, seed: u64, cuts: u32) -> Option<()> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let with_history = seed.is_multiple_of(2);
    let settings = StoreSettings {
        log_rows_max: 40,
        queue_batches_max: 1_000,
        object_bytes_max: QUOTA,
        history: with_history.then(|| "test".to_owned()).into_iter().collect(),
        ..StoreSettings::new("")
    };
    let base = NAMES.iter().map(|name| (object(name), Plain::default())).collect();
    let mut history = History { base, since: Vec::new(), moments: Vec::new() };
    let mut number = 0;
    for cut in 0..cuts {
        let span = [12, 40, 200][below(&mut rng, 3) as usize];
        disk.power_off_at(disk.operations() + u64::from(below(&mut rng, span)));
        let opened = Bench::open(disk, settings.clone());
        if !disk.power_is_off() {
            let mut bench = opened.ok()?;
            history.settle(&read(&bench.store))?;
            history.moments.push((bench.store.bookmark_now().ok()?, history.base.clone()));
            if below(&mut rng, 3) == 0 {
                let at = disk.operations() + u64::from(below(&mut rng, span));
                disk.refuse(at, Refusal::Once, std::io::ErrorKind::StorageFull);
            }
            while !disk.power_is_off() {
                for _ in 0..below(&mut rng, 6) {
                    number += 1;
                    let batch = random_batch(&mut rng, number, with_history);
                    history.since.push((batch.clone(), bench.submit(batch)));
                }
                bench.run_for(Duration::from_millis(u64::from(below(&mut rng, 30))));
            }
        }
        disk.power_on(seed ^ u64::from(cut) << 40);
    }
    let mut bench = Bench::open(disk, settings).ok()?;
    history.settle(&read(&bench.store))?;
    if with_history { history.goes_back(&mut bench) } else { Some(()) }
}

/// Names the seed of a failure, wherever it is.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}", self.0);
        }
    }
}

#[test]
fn power_cuts_lose_nothing_acked_and_tear_no_batch() {
    let crashes = std::env::var("TICKSTONE_CRASHES").ok().and_then(|count| count.parse().ok());
    for seed in 0..crashes.unwrap_or(1_500) / u64::from(CUTS) {
        let _named = Named(seed);
        assert_eq!(survives(&SimDisk::new(), seed, CUTS), Some(()), "seed {seed}");
    }
}

#[test]
fn a_disk_that_lies_about_syncs_is_caught() {
    let caught = (0..50).filter(|seed| {
        let survived = std::panic::catch_unwind(|| survives(&SimDisk::lying(), *seed, CUTS));
        !matches!(survived, Ok(Some(())))
    });
    assert!(caught.count() > 5);
}

/// Every kind of write, a commit each.
fn script() -> Vec<WriteBatch> {
    let clear = Write::ClearAlarm { name: "x".to_owned(), generation: 1 };
    let back = Write::Restore { class: "test".to_owned(), bookmark: Bookmark(2) };
    let steps = vec![
        vec![Write::Record(record("a", 1)), put("k", "1"), put("long", vec![1; 40_000]), append("j")],
        vec![Write::SetAlarm(alarm("x", 10, 1)), put("k", "2"), delete("long")],
        vec![clear, Write::SetAlarm(alarm("y", 20, 1)), put("long", vec![2; 50_000])],
        vec![back, append("k")],
        vec![put("over", vec![0; QUOTA as usize]), append("never")],
        vec![Write::DeleteAll, put("k", "3"), Write::Record(record("a", 2))],
        vec![Write::DeleteAll],
    ];
    steps.into_iter().map(|writes| batch("a", writes)).collect()
}

fn script_settings() -> StoreSettings {
    let history = ["test".to_owned()].into();
    StoreSettings { object_bytes_max: QUOTA, history, ..StoreSettings::new("") }
}

#[test]
fn a_power_cut_at_every_operation_of_every_kind_of_write() {
    let mut states = Vec::new();
    let mut bench = Bench::open(&SimDisk::new(), script_settings()).unwrap();
    let first = bench.disk.operations();
    for step in script() {
        states.push(read(&bench.store));
        bench.submit(step);
        bench.run();
    }
    states.push(read(&bench.store));
    let operations = bench.disk.operations() - first;
    assert!(operations > 60, "{operations}");
    for seed in 0..operations * 3 {
        let _named = Named(seed);
        let mut bench = Bench::open(&SimDisk::new(), script_settings()).unwrap();
        bench.disk.power_off_at(first + seed % operations);
        let tickets: Vec<_> = script()
            .into_iter()
            .map(|step| {
                let ticket = bench.submit(step);
                bench.run_for(Duration::from_millis(20));
                ticket
            })
            .collect();
        let acked = tickets.iter().filter(|ticket| ticket.state() != TicketState::Pending).count();
        bench.disk.power_on(seed);
        let found = read(&Bench::open(&bench.disk, script_settings()).unwrap().store);
        let prefix = states.iter().skip(acked).position(|state| *state == found);
        assert!(prefix.is_some(), "seed {seed}: {acked} acked, and it is none of what came then");
    }
}
