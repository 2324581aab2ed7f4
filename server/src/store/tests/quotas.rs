//! Quotas: exact to the byte, decided when a batch is committed, and nothing of what is over is written.

use super::contents::{alarm, on_both};
use super::*;
use crate::metrics::ClassNameLabel;
use crate::object::storage::TicketState::{Durable, Full};
use crate::object::storage::alarm_bytes;
use crate::store::{ClassMigration, ClassPlan};

fn of_object(bytes: u64) -> StoreSettings {
    StoreSettings { object_bytes_max: bytes, ..StoreSettings::new("") }
}

/// A value that counts for so many bytes with its key.
fn sized(key: &str, bytes: u64) -> Write {
    put(key, vec![1; bytes as usize - key.len()])
}

#[test]
fn store_6_an_object_is_full_exactly_at_its_quota() {
    on_both(&of_object(1_000), |store, write| {
        assert_eq!(write(batch("a", vec![sized("k", 1_001)])), Full);
        assert_eq!(write(batch("a", vec![sized("k", 1_000)])), Durable);
        assert_eq!(write(batch("a", vec![put("", "")])), Durable, "nothing more is nothing");
        assert_eq!(write(batch("a", vec![put("", "x")])), Full);
        assert_eq!(store.reader(object("a")).unwrap().bytes(), Ok(1_000));
        assert_eq!(write(batch("b", vec![sized("k", 1_000)])), Durable, "each object has its own");
    });
}

#[test]
fn store_6_of_what_is_over_the_quota_nothing_is_written() {
    on_both(&of_object(1_000), |store, write| {
        write(batch("a", vec![Write::Record(record("a", 1)), sized("k", 900)]));
        let over = vec![put("a", "x"), append("e"), Write::Record(record("a", 2)), sized("l", 100)];
        assert_eq!(write(WriteBatch { epoch: Epoch(2), ..batch("a", over) }), Full);
        let reader = store.reader(object("a")).unwrap();
        assert_eq!(reader.keys(b""), Ok(vec![b"k".to_vec()]));
        assert_eq!((reader.journal(), reader.bytes()), (Ok(vec![]), Ok(900)));
        assert_eq!(reader.record().unwrap().unwrap().epoch, Epoch(1));
        assert_eq!(
            write(batch("a", vec![sized("l", 100)])),
            Durable,
            "the older activation is still the newest"
        );
    });
}

#[test]
fn store_6_replacing_and_deleting_make_room_within_a_batch() {
    on_both(&of_object(1_000), |store, write| {
        assert_eq!(write(batch("a", vec![sized("k", 1_000)])), Durable);
        assert_eq!(write(batch("a", vec![sized("k", 1_000)])), Durable);
        assert_eq!(write(batch("a", vec![sized("k", 999), put("", "x")])), Durable);
        assert_eq!(write(batch("a", vec![delete("k"), sized("l", 1_000)])), Full, "one byte is there");
        assert_eq!(write(batch("a", vec![sized("l", 1_000), delete("k"), delete("")])), Durable);
        assert_eq!(write(batch("a", vec![Write::DeleteAll, sized("m", 1_000)])), Durable);
        assert_eq!(store.reader(object("a")).unwrap().bytes(), Ok(1_000));
    });
}

#[test]
fn store_6_alarms_count() {
    on_both(&of_object(alarm_bytes("name") + 10), |_, write| {
        let set = |generation| Write::SetAlarm(alarm("name", 1, generation));
        let clear = |generation| Write::ClearAlarm { name: "name".to_owned(), generation };
        assert_eq!(write(batch("a", vec![sized("k", 11), set(1)])), Full);
        assert_eq!(write(batch("a", vec![sized("k", 10), set(1)])), Durable);
        assert_eq!(write(batch("a", vec![set(2)])), Durable, "instead of the first");
        assert_eq!(write(batch("a", vec![clear(1), sized("l", 10)])), Full, "it is not that one");
        assert_eq!(write(batch("a", vec![clear(2), sized("l", 74 - 6)])), Durable);
    });
}

#[test]
fn store_6_the_directory_is_full_exactly_at_its_quota() {
    let settings = StoreSettings { total_bytes_max: 1_000, ..StoreSettings::new("") };
    on_both(&settings, |_, write| {
        assert_eq!(write(batch("a", vec![sized("k", 600)])), Durable);
        assert_eq!(write(batch("b", vec![sized("k", 401)])), Full);
        assert_eq!(write(batch("b", vec![sized("k", 400)])), Durable);
        assert_eq!(write(batch("c", vec![put("", "x")])), Full);
        assert_eq!(write(batch("a", vec![delete("k")])), Durable);
        assert_eq!(write(batch("c", vec![sized("k", 600)])), Durable);
    });
}

#[test]
fn store_6_a_group_is_judged_as_its_batches_one_by_one() {
    let mut bench = Bench::open(&SimDisk::new(), of_object(1_000)).unwrap();
    let writes = [
        (vec![sized("k", 500)], Durable),
        (vec![sized("k", 600)], Durable),
        (vec![sized("l", 401)], Full),
        (vec![sized("l", 400)], Durable),
        (vec![delete("k")], Durable),
        (vec![sized("m", 600)], Durable),
        (vec![put("", "x")], Full),
    ];
    let tickets: Vec<_> = writes.iter().map(|(writes, _)| bench.submit(batch("a", writes.clone()))).collect();
    let others = bench.submit(batch("b", vec![sized("k", 1_000)]));
    bench.run();
    let expected: Vec<_> = writes.iter().map(|(_, state)| *state).collect();
    assert_eq!(tickets.iter().map(|ticket| ticket.state()).collect::<Vec<_>>(), expected);
    assert_eq!(others.state(), Durable);
    let bench = bench.reopen();
    assert_eq!(bench.store.reader(object("a")).unwrap().bytes(), Ok(1_000));
}

#[test]
fn store_6_a_quota_that_was_lowered_still_lets_objects_shrink() {
    let mut bench = Bench::open(&SimDisk::new(), of_object(1_000)).unwrap();
    bench.durable(batch("a", vec![sized("k", 500), sized("l", 500)]));
    let settings = StoreSettings { total_bytes_max: 100, ..of_object(100) };
    let mut bench = bench.reopen_with(settings);
    let mut write = |writes| {
        let ticket = bench.submit(batch("a", writes));
        bench.run();
        ticket.state()
    };
    assert_eq!(write(vec![sized("k", 501)]), Full);
    assert_eq!(write(vec![sized("k", 499)]), Durable);
    assert_eq!(write(vec![delete("k")]), Durable);
}

#[test]
fn what_each_class_has_is_shown_and_survives_a_restart_and_a_rename() {
    let metrics = Metrics::new();
    let disk = SimDisk::new();
    let start = |settings: StoreSettings| {
        let clock = Arc::new(ManualClock::default());
        let (store, committer) =
            RedbStore::open_manual(Arc::new(disk.clone()), settings, clock.clone(), metrics.clone()).unwrap();
        Bench { disk: disk.clone(), clock, store, committer }
    };
    let shown =
        |class: &str| metrics.storage_bytes.get_or_create(&ClassNameLabel { class: class.to_owned() }).get();
    let other = |name| Record { class: "other".to_owned(), ..record(name, 1) };
    let mut bench = start(StoreSettings::new(""));
    bench.durable(batch("a", vec![Write::Record(record("a", 1)), sized("k", 100)]));
    bench.durable(batch(
        "b",
        vec![Write::Record(record("b", 1)), sized("k", 50), Write::SetAlarm(alarm("", 1, 1))],
    ));
    bench.durable(batch("o", vec![Write::Record(other("o")), sized("k", 7)]));
    let with_alarm = 150 + i64::try_from(alarm_bytes("")).unwrap();
    assert_eq!((shown("test"), shown("other")), (with_alarm, 7));
    bench.durable(batch("b", vec![Write::DeleteAll]));
    bench.durable(batch("o", vec![sized("k", 9)]));
    assert_eq!((shown("test"), shown("other")), (100, 9));
    bench.store.close();
    assert_eq!(bench.run(), Turn::Closed);
    metrics.storage_bytes.clear();
    let bench = start(StoreSettings::new(""));
    assert_eq!((shown("test"), shown("other")), (100, 9), "known again before anything is written");
    let mut bench = bench;
    bench.store.close();
    assert_eq!(bench.run(), Turn::Closed);
    let rename = ClassMigration::Rename { from: "other".to_owned(), to: "young".to_owned() };
    let plan = ClassPlan {
        declared: [("test".to_owned(), 1), ("young".to_owned(), 1)].into(),
        migrations: vec![rename],
        ..ClassPlan::default()
    };
    metrics.storage_bytes.clear();
    let _bench = start(StoreSettings { classes: Some(plan), ..StoreSettings::new("") });
    assert_eq!((shown("test"), shown("other"), shown("young")), (100, 0, 9));
}
