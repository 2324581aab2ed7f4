//! Power cuts at any moment, against a plain model.
//!
//! After a power cut the store must be as after some prefix of what was submitted, in order: at least
//! everything that was acked, and no batch in part.

use std::collections::BTreeMap;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const KEYS: [&str; 3] = ["x", "y", "z"];

/// What is stored of every object, plainly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Plain {
    record: Option<Record>,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    journal: Vec<Vec<u8>>,
}

type Model = BTreeMap<ObjectId, Plain>;

fn apply(model: &mut Model, batch: &WriteBatch) {
    let plain = model.entry(batch.object).or_default();
    for write in batch.writes.clone() {
        match write {
            Write::Put { key, value } => drop(plain.values.insert(key, value)),
            Write::Delete { key } => drop(plain.values.remove(&key)),
            Write::Append { entry } => plain.journal.push(entry),
            Write::CutJournal => plain.journal.clear(),
            Write::Record(record) => plain.record = Some(record),
            _ => {}
        }
    }
}

fn read(store: &RedbStore) -> Model {
    let mut model = Model::new();
    for name in NAMES {
        let reader = store.reader(object(name)).unwrap();
        let keys = reader.keys(b"").unwrap();
        let values = keys.into_iter().map(|key| (key.clone(), reader.get(&key).unwrap().unwrap())).collect();
        let (record, journal) = (reader.record().unwrap(), reader.journal().unwrap());
        model.insert(object(name), Plain { record, values, journal });
    }
    model
}

fn below(rng: &mut Pcg64Mcg, limit: u32) -> u32 {
    rng.next_u32() % limit
}

fn random_batch(rng: &mut Pcg64Mcg, number: u64) -> WriteBatch {
    let name = NAMES[below(rng, 4) as usize];
    let key = KEYS[below(rng, 3) as usize];
    let count = 1 + below(rng, 4);
    let writes = (0..count).map(|n| match below(rng, 12) {
        0 | 1 => {
            let size = [8, 100, 5_000, 40_000][below(rng, 4) as usize];
            put(key, (number * 16 + u64::from(n)).to_le_bytes().repeat(size / 8))
        }
        2 => delete(key),
        3 => Write::CutJournal,
        4 => Write::Record(Record { wake_at_start: number.is_multiple_of(2), ..record(name, 1) }),
        _ => append((number * 16 + u64::from(n)).to_le_bytes().repeat(1 + below(rng, 8) as usize)),
    });
    let writes = writes.collect();
    WriteBatch { urgent: below(rng, 4) == 0, ..batch(name, writes) }
}

/// What is known of the file.
struct History {
    /// Acked for sure.
    base: Model,
    /// Submitted since, each with its ticket.
    since: Vec<(WriteBatch, Arc<Ticket>)>,
}

impl History {
    /// Finds the prefix that the store shows. None: something acked is lost, or something is there in part.
    fn settle(&mut self, found: &Model) -> Option<()> {
        let acked = self.since.iter().filter(|(_, ticket)| ticket.state() == TicketState::Durable).count();
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
}

/// One disk through several power cuts, some of them while it is opened. None: it lost something.
fn survives(disk: &SimDisk, seed: u64, cuts: u32) -> Option<()> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let settings = StoreSettings { log_rows_max: 40, queue_batches_max: 1_000, ..StoreSettings::new("") };
    let base = NAMES.iter().map(|name| (object(name), Plain::default())).collect();
    let mut history = History { base, since: Vec::new() };
    let mut number = 0;
    for cut in 0..cuts {
        let span = [12, 40, 200][below(&mut rng, 3) as usize];
        disk.power_off_at(disk.operations() + u64::from(below(&mut rng, span)));
        let opened = Bench::open(disk, settings.clone());
        if !disk.power_is_off() {
            let mut bench = opened.ok()?;
            history.settle(&read(&bench.store))?;
            while !disk.power_is_off() {
                for _ in 0..below(&mut rng, 6) {
                    number += 1;
                    let batch = random_batch(&mut rng, number);
                    history.since.push((batch.clone(), bench.submit(batch)));
                }
                bench.run_for(Duration::from_millis(u64::from(below(&mut rng, 30))));
            }
        }
        disk.power_on(seed ^ u64::from(cut) << 40);
    }
    let bench = Bench::open(disk, settings).ok()?;
    history.settle(&read(&bench.store))
}

#[test]
fn power_cuts_lose_nothing_acked_and_tear_no_batch() {
    for seed in 0..1_000 {
        assert_eq!(survives(&SimDisk::new(), seed, 5), Some(()), "seed {seed}");
    }
}

#[test]
fn a_disk_that_lies_about_syncs_is_caught() {
    let caught = (0..50).filter(|seed| {
        let survived = std::panic::catch_unwind(|| survives(&SimDisk::lying(), *seed, 5));
        !matches!(survived, Ok(Some(())))
    });
    assert!(caught.count() > 5);
}
