//! Makes a backup of a snapshot, beside a server that goes on.

use std::fs::File;
use std::path::{Path, PathBuf};

use redb::ReadTransaction;

use super::framing::{ArchiveError, Row, Sink, Source};
use super::tables::each_row;
use crate::store::error::{StoreError, guarded};

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// The file.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
    /// The blake3 hash of its content, which is also its end.
    pub blake3: String,
}

/// Writes everything of a snapshot to a file that is not there yet, and reads it again. The file appears when
/// it is whole.
pub(in crate::store) fn save(
    transaction: &ReadTransaction,
    path: &Path,
) -> Result<BackupReport, ArchiveError> {
    let io = || ArchiveError::io(path);
    if path.try_exists().map_err(io())? {
        return Err(ArchiveError::Exists { path: path.to_owned() });
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(io())?;
    let unfinished = path.with_extension("unfinished");
    if unfinished.try_exists().map_err(io())? {
        std::fs::remove_file(&unfinished).map_err(io())?;
    }
    let written = write(transaction, &unfinished);
    let report = written.and_then(|written| {
        let read = inspect(&unfinished)?;
        let same = (read.rows, &read.blake3) == (written.rows, &written.blake3);
        same.then_some(read).ok_or_else(|| ArchiveError::damaged(&unfinished, "it is not what was written"))
    });
    let report = report.inspect_err(|_| {
        // What is left of it is of no use; the error is told.
        let _removed = std::fs::remove_file(&unfinished);
    })?;
    std::fs::rename(&unfinished, path).map_err(io())?;
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(io())?;
    Ok(BackupReport { path: path.to_owned(), ..report })
}

fn write(transaction: &ReadTransaction, path: &Path) -> Result<BackupReport, ArchiveError> {
    let mut sink = Sink::create(path).map_err(ArchiveError::io(path))?;
    let mut take = |row: Row<'_>| Ok(sink.row(row)?);
    let read = guarded(|| each_row(transaction, &mut take));
    read.map_err(|error| StoreError::from_redb("back up", &path.display().to_string(), &error))?;
    let rows = sink.rows;
    let hash = sink.finish().map_err(ArchiveError::io(path))?;
    Ok(BackupReport { path: path.to_owned(), rows, blake3: hash.to_string() })
}

/// Reads a backup to its end and compares its checksum.
pub fn inspect(path: &Path) -> Result<BackupReport, ArchiveError> {
    let read = || {
        let mut source = Source::open(path)?;
        let mut rows = 0;
        while source.row()?.is_some() {
            rows += 1;
        }
        Ok((rows, source.hash()))
    };
    let (rows, hash) = read().map_err(|error: super::framing::SourceError| error.of(path))?;
    Ok(BackupReport { path: path.to_owned(), rows, blake3: hash.to_string() })
}
