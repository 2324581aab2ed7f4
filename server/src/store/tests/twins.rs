//! Both twins pass the same checks.

use super::*;
use crate::object::storage::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use crate::store::MemoryStore;

/// Writes, and makes durable what was written.
fn check(store: &dyn Store, mut flush: impl FnMut()) {
    let mut write = |name: &str, writes: Vec<Write>| {
        store.submit(batch(name, writes)).unwrap();
        flush();
    };
    assert_eq!(store.reader(object("a")).unwrap().record(), Ok(None));
    assert_eq!(store.reader(object("a")).unwrap().get(b"k"), Ok(None));
    write("a", vec![Write::Record(record("a", 1)), put("k2", "two"), put("k1", "one"), put("l", "")]);
    write("b", vec![put("k1", "other"), append("b0")]);
    let reader = store.reader(object("a")).unwrap();
    assert_eq!(reader.record(), Ok(Some(record("a", 1))));
    assert_eq!(reader.get(b"k1"), Ok(Some(b"one".to_vec())));
    assert_eq!(reader.get(b"l"), Ok(Some(Vec::new())));
    assert_eq!(reader.keys(b"k"), Ok(vec![b"k1".to_vec(), b"k2".to_vec()]));
    assert_eq!(reader.keys(b""), Ok(vec![b"k1".to_vec(), b"k2".to_vec(), b"l".to_vec()]));
    assert_eq!(store.to_wake().unwrap(), vec![(object("a"), record("a", 1))]);

    write("a", vec![delete("k1"), delete("absent"), put("k2", "new"), append("a0"), append("a1")]);
    write("a", vec![append("a2")]);
    assert_eq!(reader.get(b"k1"), Ok(Some(b"one".to_vec())), "a reader sees one moment");
    let reader = store.reader(object("a")).unwrap();
    assert_eq!(reader.get(b"k1"), Ok(None));
    assert_eq!(reader.get(b"k2"), Ok(Some(b"new".to_vec())));
    assert_eq!(reader.journal(), Ok(vec![b"a0".to_vec(), b"a1".to_vec(), b"a2".to_vec()]));
    write("a", vec![append("a3"), Write::CutJournal, append("a4")]);
    assert_eq!(store.reader(object("a")).unwrap().journal(), Ok(vec![b"a4".to_vec()]));
    assert_eq!(store.reader(object("b")).unwrap().journal(), Ok(vec![b"b0".to_vec()]));
    write("a", vec![Write::Record(record("a", 2))]);
    assert_eq!(store.to_wake().unwrap(), vec![]);
}

#[test]
fn the_twins_keep_what_is_written() {
    check(&MemoryStore::new(), || {});
    let by_hand = MemoryStore::by_hand(&StoreSettings::new(""));
    check(&by_hand, || assert_eq!(by_hand.flush(), 1));
    let mut bench = Bench::new();
    let store = bench.store.clone();
    check(&store, || assert_eq!(bench.run(), Turn::Idle));
}

#[test]
fn values_of_every_size_come_back_and_leave_nothing_behind() {
    let mut bench = Bench::new();
    let long_key = vec![b'x'; KEY_BYTES_MAX];
    for key in [b"k".as_slice(), &long_key] {
        let piece = crate::store::contents::chunk::piece_bytes(key);
        let largest = VALUE_BYTES_MAX - key.len();
        let sizes = [0, 1, piece - 1, piece, piece + 1, 2 * piece - 1, 2 * piece, 2 * piece + 1, largest, 5];
        for size in sizes {
            let value: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            bench.durable(batch("a", vec![put(key, &value)]));
            assert_eq!(bench.store.reader(object("a")).unwrap().get(key), Ok(Some(value)), "{size}");
        }
        bench.durable(batch("a", vec![put(key, vec![0; 3 * piece])]));
        bench.durable(batch("a", vec![delete(key)]));
        assert_eq!(bench.store.reader(object("a")).unwrap().get(key), Ok(None));
    }
    let transaction = bench.disk_pieces();
    assert_eq!(transaction, 0, "pieces of values that are gone");
}

impl Bench {
    /// Rows of further pieces in the file.
    fn disk_pieces(&mut self) -> u64 {
        use redb::{ReadableDatabase, ReadableTableMetadata};
        self.store.close();
        self.run();
        let db = crate::store::Disk::open(&self.disk).unwrap().unwrap();
        db.begin_read().unwrap().open_table(crate::store::tables::CHUNKS).unwrap().len().unwrap()
    }
}

#[test]
fn journals_survive_a_reopen_and_go_on() {
    let mut bench = Bench::new();
    let large = vec![7; 100_000];
    bench.durable(batch("a", vec![append("gone"), Write::CutJournal, append("0"), append(&large)]));
    bench.durable(batch("b", vec![append("b")]));
    for round in 1..4_u8 {
        bench = bench.reopen();
        bench.durable(batch("a", vec![append([round])]));
        let mut expected = vec![b"0".to_vec(), large.clone()];
        expected.extend((1..=round).map(|round| vec![round]));
        assert_eq!(bench.store.reader(object("a")).unwrap().journal(), Ok(expected));
    }
    bench.durable(batch("a", vec![Write::CutJournal]));
    assert_eq!(bench.store.reader(object("a")).unwrap().journal(), Ok(vec![]));
    bench = bench.reopen();
    assert_eq!(bench.store.reader(object("a")).unwrap().journal(), Ok(vec![]));
    assert_eq!(bench.store.reader(object("b")).unwrap().journal(), Ok(vec![b"b".to_vec()]));
}

#[test]
fn one_who_never_cuts_does_not_pin_the_log() {
    let settings = StoreSettings { log_rows_max: 100, ..StoreSettings::new("") };
    let mut bench = Bench::open(&SimDisk::new(), settings).unwrap();
    bench.durable(batch("sleeper", vec![append("zzz")]));
    for n in 0..1_000_u32 {
        let mut writes = vec![append(n.to_le_bytes()), append([1; 6_000])];
        if n % 10 == 9 {
            writes.push(Write::CutJournal);
        }
        bench.durable(batch("busy", writes));
        bench.durable(batch("slow", vec![append(n.to_le_bytes())]));
    }
    assert!(bench.committer.log_rows() <= 100 + 64, "{}", bench.committer.log_rows());
    let journal = |name| bench.store.reader(object(name)).unwrap().journal().unwrap();
    assert_eq!(journal("sleeper"), vec![b"zzz".to_vec()]);
    assert_eq!(journal("busy"), Vec::<Vec<u8>>::new());
    let expected: Vec<Vec<u8>> = (0..1_000_u32).map(|n| n.to_le_bytes().to_vec()).collect();
    assert_eq!(journal("slow"), expected);
    let bench = bench.reopen();
    assert_eq!(bench.store.reader(object("slow")).unwrap().journal().unwrap(), expected);
}
