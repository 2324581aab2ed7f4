//! Looks at everything in a data directory, and makes its file small.

use std::path::Path;

use redb::{Builder, Database, ReadableDatabase, StorageBackend as _};

use super::overlay::Overlay;
use super::verify::verify;
use crate::store::disk::{Disk, FileDisk};
use crate::store::error::{StoreError, guarded};
use crate::store::lock::DirectoryLock;
use crate::store::recovery::check_format;
use crate::store::tables::begin;

/// Bytes of the file that are kept in memory.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
const NONE: &str = "there is none";
/// Problems that are named; more are counted.
pub(super) const PROBLEMS_MAX: usize = 100;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Objects with a record.
    pub objects: u64,
    /// Values and alarms.
    pub rows: u64,
    /// What they count for.
    pub bytes: u64,
    /// What is wrong, the first hundred.
    pub problems: Vec<String>,
    /// How many there are in all.
    pub problems_total: u64,
    /// The file's bytes before and after it was made small.
    pub file_bytes: (u64, u64),
}

impl CheckReport {
    pub(super) fn problem(&mut self, problem: String) {
        self.problems_total += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

/// What is done beside looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// Nothing.
    No,
    /// Pages move to the front, and the file is cut.
    Yes,
}

/// Checks every checksum in a directory that no server uses: the database's, and ours of every row; and that
/// accounts and indexes agree with what they are about. Nothing in the directory is changed, unless it is to be made
/// small: then it is, if nothing is wrong.
pub fn check(dir: &Path, compaction: Compaction) -> Result<CheckReport, StoreError> {
    match compaction {
        Compaction::No => look(dir),
        Compaction::Yes => check_and_compact(dir),
    }
}

/// Changes nothing: what the database writes meanwhile, a repair after a crash among it, stays in memory.
fn look(dir: &Path) -> Result<CheckReport, StoreError> {
    let _lock = DirectoryLock::look(dir)?;
    let disk = FileDisk::new(dir, CACHE_BYTES);
    let place = disk.place();
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => StoreError::Damaged { file: place.clone(), problem: NONE.to_owned() },
        _ => StoreError::Io { what: "open", file: place.clone(), problem: error.to_string() },
    };
    let overlay = Overlay::open(&disk.path()).map_err(unreadable)?;
    let length = overlay.len().map_err(unreadable)?;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    let opened = guarded(|| Ok(builder.create_with_backend(overlay)?));
    let mut db = opened.map_err(|error| StoreError::from_redb("open", &place, &error))?;
    let report = check_database(&mut db, &place)?;
    Ok(CheckReport { file_bytes: (length, length), ..report })
}

fn check_and_compact(dir: &Path) -> Result<CheckReport, StoreError> {
    let _lock = DirectoryLock::take(dir)?;
    let disk = FileDisk::new(dir, CACHE_BYTES);
    let place = disk.place();
    let length = || disk.path().metadata().map_or(0, |file| file.len());
    let none = || StoreError::Damaged { file: place.clone(), problem: NONE.to_owned() };
    let before = length();
    let mut db = disk.open()?.ok_or_else(none)?;
    let mut report = check_database(&mut db, &place)?;
    if report.problems_total == 0 {
        compact(&mut db).map_err(|error| StoreError::from_redb("compact", &place, &error))?;
    }
    guarded(|| Ok(db.close()?)).map_err(|error| StoreError::from_redb("close", &place, &error))?;
    report.file_bytes = (before, length());
    Ok(report)
}

/// As [`check`], of a database that is open.
pub(in crate::store) fn check_database(db: &mut Database, place: &str) -> Result<CheckReport, StoreError> {
    check_format(db, place)?;
    let broken = |error| StoreError::from_redb("check", place, &error);
    let sound = guarded(|| Ok(db.check_integrity()?)).map_err(broken)?;
    let mut report = guarded(|| verify(&db.begin_read()?)).map_err(broken)?;
    if !sound {
        report.problem(
            "the database's own structure is damaged, and can be repaired by a start of the server"
                .to_owned(),
        );
    }
    Ok(report)
}

/// redb moves pages only while nobody reads or writes.
fn compact(db: &mut Database) -> Result<(), redb::Error> {
    guarded(|| {
        db.compact().map_err(|error| redb::Error::Corrupted(error.to_string()))?;
        // A commit of ours behind it: the next start need not walk the file.
        let transaction = begin(db)?;
        Ok(transaction.commit()?)
    })
}
