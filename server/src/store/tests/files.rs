//! Real files: the lock, formats, and what cannot be opened.

use super::*;
use crate::clock::SystemClock;
use crate::store::tables::{FORMAT_KEY, META};
use std::path::Path;

fn open(dir: &Path) -> Result<(RedbStore, crate::store::CommitThread), StoreError> {
    RedbStore::open(StoreSettings::new(dir), Arc::new(SystemClock::new()), Metrics::new())
}

/// Writes something and closes. Returns the file.
fn written(dir: &Path) -> std::path::PathBuf {
    let (store, thread) = open(dir).unwrap();
    store.submit(batch("a", vec![put("k", "v"), append("e")])).unwrap();
    thread.close().unwrap();
    dir.join("tickstone.redb")
}

#[test]
fn a_file_is_written_by_its_thread_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let (store, thread) = open(dir.path()).unwrap();
    assert_eq!(store.reader(object("a")).unwrap().get(b"k"), Ok(Some(b"v".to_vec())));
    assert_eq!(store.reader(object("a")).unwrap().journal(), Ok(vec![b"e".to_vec()]));
    let ticket = Arc::new(Ticket::default());
    let urgent = WriteBatch { urgent: true, ticket: Some(ticket.clone()), ..batch("a", vec![append("f")]) };
    store.submit(urgent).unwrap();
    while ticket.state() == TicketState::Pending {
        std::thread::yield_now();
    }
    assert_eq!(ticket.state(), TicketState::Durable);
    thread.close().unwrap();
}

#[test]
fn a_second_server_is_refused_and_told_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, thread) = open(dir.path()).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(&error, StoreError::Locked { dir: named } if named == dir.path()), "{error}");
    assert!(error.to_string().contains(dir.path().to_str().unwrap()));
    drop(thread);
    open(dir.path()).unwrap();
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = written(dir.path());
    let db = redb::Database::open(&file).unwrap();
    let transaction = crate::store::tables::begin(&db).unwrap();
    transaction.open_table(META).unwrap().insert(FORMAT_KEY, 99).unwrap();
    transaction.commit().unwrap();
    db.close().unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::NewerFormat { found: 99, supported: 2, .. }), "{error}");
    assert!(error.to_string().contains("tickstone.redb"));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = written(dir.path());
    let whole = std::fs::read(&file).unwrap();
    let damaged = [Vec::new(), b"hello".to_vec(), vec![0xa5; 100_000], whole[..5_000].to_vec()];
    for bytes in damaged {
        std::fs::write(&file, &bytes).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("tickstone.redb"), "{error}");
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert_eq!(std::fs::read(&file).unwrap(), bytes);
    }
}

#[test]
fn a_creation_that_was_interrupted_is_started_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tickstone.redb.new"), b"half a header").unwrap();
    written(dir.path());
    assert!(!dir.path().join("tickstone.redb.new").exists());
}
