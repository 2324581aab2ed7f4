//! Backups, restores and checks.

use std::path::Path;

use super::contents::alarm;
use super::*;
use crate::clock::SystemClock;
use crate::object::storage::Range;
use crate::runtime::ports::ObjectQuery;
use crate::store::archive::{self, ArchiveError, Compaction, check_database, restore_to};
use crate::store::{CommitThread, Disk};

fn open(dir: &Path) -> (RedbStore, CommitThread) {
    let settings = StoreSettings { history: ["test".to_owned()].into(), ..StoreSettings::new(dir) };
    RedbStore::open(settings, Arc::new(SystemClock::new()), Metrics::new()).unwrap()
}

fn submit(store: &RedbStore, batch: WriteBatch) -> Arc<Ticket> {
    let ticket = Arc::new(Ticket::default());
    store.submit(WriteBatch { urgent: true, ticket: Some(ticket.clone()), ..batch }).unwrap();
    ticket
}

fn durable(store: &RedbStore, batch: WriteBatch) {
    let ticket = submit(store, batch);
    while ticket.state() == TicketState::Pending {
        std::thread::yield_now();
    }
    assert_eq!(ticket.state(), TicketState::Durable);
}

fn fill(store: &RedbStore) {
    for name in ["a", "b", "c"] {
        let long = vec![b'l'; 100_000];
        let writes = vec![put("k", name), put("long", long), Write::SetAlarm(alarm("", 10, 1))];
        durable(store, batch(name, [vec![Write::Record(record(name, 1))], writes].concat()));
        durable(store, batch(name, vec![put("k", format!("{name}2")), append("j0"), append("j1")]));
    }
}

/// Everything of every object.
fn shown(store: &RedbStore) -> String {
    let objects = store.objects(&ObjectQuery { limit: 99, ..ObjectQuery::default() }).unwrap();
    let of = |object: ObjectId| {
        let reader = store.reader(object).unwrap();
        let contents = (reader.record(), reader.alarms(), reader.bytes(), reader.journal());
        format!("{:?} {contents:?}\n", reader.list(&Range::default()))
    };
    let due = store.due_alarms(None, 99, 99).unwrap();
    let contents: String = objects.iter().map(|(object, _)| of(*object)).collect();
    format!("{contents}{due:?} {:?}", store.bookmark_now())
}

#[test]
fn store_5_a_backup_of_a_running_store_is_restored_whole() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = dir.path().join("one.tickstone");
    let (store, thread) = open(dir.path());
    fill(&store);
    let before = shown(&store);
    let report = store.backup(&file).unwrap();
    assert!(report.rows > 20 && report.blake3.len() == 64);
    durable(&store, batch("a", vec![put("k", "after")]));
    assert_ne!(shown(&store), before);
    drop(store);
    thread.close().unwrap();

    assert_eq!(archive::restore(&file, other.path()).unwrap().rows, report.rows);
    let (store, thread) = open(other.path());
    assert_eq!(shown(&store), before);
    durable(&store, batch("a", vec![put("k", "goes on")]));
    drop(store);
    thread.close().unwrap();
    let checked = archive::check(other.path(), Compaction::No).unwrap();
    assert_eq!((checked.objects, checked.problems_total), (3, 0), "{checked:?}");
}

#[test]
fn store_5_a_backup_goes_over_nothing_and_a_restore_neither() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("one.tickstone");
    let (store, thread) = open(dir.path());
    fill(&store);
    store.backup(&file).unwrap();
    assert!(matches!(store.backup(&file), Err(ArchiveError::Exists { .. })));
    let locked = archive::restore(&file, dir.path());
    assert!(matches!(locked, Err(ArchiveError::Store(StoreError::Locked { .. }))), "{locked:?}");
    drop(store);
    thread.close().unwrap();
    let before = std::fs::read(dir.path().join("tickstone.redb")).unwrap();
    assert!(matches!(archive::restore(&file, dir.path()), Err(ArchiveError::Exists { .. })));
    assert_eq!(std::fs::read(dir.path().join("tickstone.redb")).unwrap(), before);
    assert!(!dir.path().join("one.unfinished").exists());
}

#[test]
fn store_5_every_damage_of_a_backup_is_found_and_nothing_restored() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = dir.path().join("one.tickstone");
    let (store, thread) = open(dir.path());
    durable(&store, batch("a", vec![Write::Record(record("a", 1)), put("k", "v")]));
    store.backup(&file).unwrap();
    drop(store);
    thread.close().unwrap();
    let whole = std::fs::read(&file).unwrap();
    let damages = (0..whole.len()).map(|at| {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        damaged
    });
    let cuts = (0..whole.len()).map(|length| whole[..length].to_vec());
    let longer = [[whole.as_slice(), b"x"].concat()];
    for bytes in damages.chain(cuts).chain(longer) {
        std::fs::write(&file, &bytes).unwrap();
        let error = archive::restore(&file, other.path()).unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
        assert!(!other.path().join("tickstone.redb").exists());
    }
    std::fs::write(&file, &whole).unwrap();
    archive::restore(&file, other.path()).unwrap();
}

#[test]
fn store_5_a_restore_that_the_power_ends_leaves_nothing_or_all() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("one.tickstone");
    let (store, thread) = open(dir.path());
    fill(&store);
    let before = shown(&store);
    store.backup(&file).unwrap();
    drop(store);
    thread.close().unwrap();
    let mut restored = 0;
    for operation in (0..).step_by(3) {
        let disk = SimDisk::new();
        disk.power_off_at(operation);
        let outcome = restore_to(&file, &disk);
        let whole = outcome.is_ok() && !disk.power_is_off();
        disk.power_on(operation);
        if Disk::open(&disk).unwrap().is_some() {
            let bench = Bench::open(&disk, StoreSettings::new("")).unwrap();
            assert_eq!(shown(&bench.store), before);
            restored += 1;
        }
        if whole {
            break;
        }
    }
    assert!(restored >= 1);
}

#[test]
fn a_check_finds_what_is_damaged_or_does_not_agree() {
    let healthy = |bench: Bench| {
        let disk = bench.disk.clone();
        drop(bench);
        let mut db = Disk::open(&disk).unwrap().unwrap();
        check_database(&mut db, "the disk").unwrap()
    };
    let filled = || {
        let mut bench = Bench::new();
        for name in ["a", "b"] {
            let writes =
                vec![Write::Record(record(name, 1)), put("k", format!("value-of-{name}")), append("e")];
            bench.durable(batch(name, [writes, vec![Write::SetAlarm(alarm("", 10, 1))]].concat()));
        }
        bench.reopen()
    };
    let report = healthy(filled().reopen());
    assert_eq!((report.objects, report.rows, report.problems_total), (2, 4, 0), "{report:?}");
    let tamper = |tamper: &dyn Fn(&redb::WriteTransaction)| {
        let bench = filled();
        let transaction = crate::store::tables::begin(&bench.store.database()).unwrap();
        tamper(&transaction);
        transaction.commit().unwrap();
        healthy(bench.reopen()).problems_total
    };
    use crate::store::tables::{BYTES_KEY, DUE, META, NAMES, RECORDS, TAILS, VALUES, WAKES};
    assert_eq!(tamper(&|_| {}), 0);
    let found = [
        tamper(&|transaction| drop(transaction.open_table(META).unwrap().insert(BYTES_KEY, 1).unwrap())),
        tamper(&|transaction| drop(transaction.open_table(DUE).unwrap().pop_first().unwrap())),
        tamper(&|transaction| drop(transaction.open_table(NAMES).unwrap().pop_first().unwrap())),
        tamper(&|transaction| drop(transaction.open_table(WAKES).unwrap().pop_first().unwrap())),
        tamper(&|transaction| drop(transaction.open_table(RECORDS).unwrap().pop_first().unwrap())),
        tamper(&|transaction| drop(transaction.open_table(VALUES).unwrap().pop_first().unwrap())),
        tamper(&|transaction| drop(transaction.open_table(VALUES).unwrap().pop_last().unwrap())),
        tamper(&|transaction| {
            let mut tails = transaction.open_table(TAILS).unwrap();
            let (key, mut row) = {
                let (key, row) = tails.pop_first().unwrap().unwrap();
                (*key.value(), row.value().to_vec())
            };
            *row.last_mut().unwrap() ^= 1;
            tails.insert(&key, row.as_slice()).unwrap();
        }),
    ];
    assert!(found.iter().all(|problems| *problems > 0), "{found:?}");
}

#[test]
fn compaction_makes_a_file_small_and_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let (store, thread) = open(dir.path());
    fill(&store);
    for n in 0..40 {
        durable(&store, batch("d", vec![put(format!("k{n}"), vec![n; 500_000])]));
    }
    durable(&store, batch("d", vec![Write::DeleteAll]));
    let before = shown(&store);
    drop(store);
    thread.close().unwrap();
    let report = archive::check(dir.path(), Compaction::Yes).unwrap();
    assert!(report.file_bytes.1 * 2 < report.file_bytes.0, "{report:?}");
    let (store, thread) = open(dir.path());
    let group = |shown: &str| shown.rsplit_once(' ').unwrap().0.to_owned();
    assert_eq!(group(&shown(&store)), group(&before));
    drop(store);
    thread.close().unwrap();
}

#[test]
fn store_5_a_check_changes_nothing_even_of_a_file_that_was_not_closed() {
    let (dir, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, thread) = open(dir.path());
    fill(&store);
    let [from, to] = [&dir, &killed].map(|dir| dir.path().join("tickstone.redb"));
    std::fs::copy(&from, &to).unwrap();
    drop(store);
    thread.close().unwrap();
    let lonely = tempfile::tempdir().unwrap();
    assert!(archive::check(lonely.path(), Compaction::No).is_err());
    assert_eq!(std::fs::read_dir(lonely.path()).unwrap().count(), 0, "nothing is made");
    for dir in [&dir, &killed] {
        let file = dir.path().join("tickstone.redb");
        let names = || std::fs::read_dir(dir.path()).unwrap().count();
        let look = || (std::fs::read(&file).unwrap(), file.metadata().unwrap().modified().unwrap(), names());
        let before = look();
        let mut permissions = file.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&file, permissions).unwrap();
        let report = archive::check(dir.path(), Compaction::No).unwrap();
        assert_eq!((report.objects, report.problems_total), (3, 0), "{report:?}");
        assert!(look() == before, "it is as it was");
    }
}
