//! Makes a data directory of a backup.

use std::path::Path;

use redb::Database;

use super::backup::{BackupReport, inspect};
use super::framing::{ArchiveError, Source, SourceError};
use super::tables::insert;
use crate::store::disk::{Disk, FileDisk};
use crate::store::error::{StoreError, guarded};
use crate::store::lock::DirectoryLock;
use crate::store::tables::{begin, create};

/// Rows and bytes that are inserted in one transaction.
const ROWS_MAX: usize = 16_384;
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Restores a backup into a directory that has no store yet. The store is there wholly or not at all.
pub fn restore(backup: &Path, dir: &Path) -> Result<BackupReport, ArchiveError> {
    let _lock = DirectoryLock::take(dir)?;
    let disk = FileDisk::new(dir, 64 * 1024 * 1024);
    let path = disk.path();
    if path.try_exists().map_err(ArchiveError::io(&path))? {
        return Err(ArchiveError::Exists { path });
    }
    restore_to(backup, &disk)
}

/// As [`restore`], on any disk.
pub(in crate::store) fn restore_to(backup: &Path, disk: &dyn Disk) -> Result<BackupReport, ArchiveError> {
    let report = inspect(backup)?;
    let place = disk.place();
    let fill =
        |db: &Database| fill(db, backup).map_err(|error| StoreError::from_redb("restore", &place, &error));
    let db = disk.create(&fill)?;
    let closed = guarded(|| Ok(db.close()?));
    closed.map_err(|error| StoreError::from_redb("restore", &place, &error))?;
    Ok(report)
}

fn fill(db: &Database, backup: &Path) -> Result<(), redb::Error> {
    guarded(|| {
        let mut source = Source::open(backup).map_err(broken)?;
        let mut more = true;
        while more {
            let transaction = begin(db)?;
            create(&transaction)?;
            let (mut rows, mut bytes) = (0, 0);
            while more && rows < ROWS_MAX && bytes < BYTES_MAX {
                let row = source.row().map_err(broken)?;
                more = row.is_some();
                let Some((table, key, value)) = row else { continue };
                if !insert(&transaction, table, key, value)? {
                    return Err(redb::Error::Corrupted(format!("it has a table {table}")));
                }
                (rows, bytes) = (rows + 1, bytes + key.len() + value.len());
            }
            transaction.commit()?;
        }
        Ok(())
    })
}

fn broken(error: SourceError) -> redb::Error {
    match error {
        SourceError::Io(error) => redb::Error::Io(error),
        SourceError::Damaged(problem) => redb::Error::Corrupted(problem.to_owned()),
    }
}
