//! Backups: one file with everything that is stored, made while the server runs; a directory made of one; and
//! the check of a directory, which may also make its file small again.
//!
//! Must never happen here: a backup that is there in part; a directory that is restored over another; a row that
//! is used before the checksum of the whole file was.

mod backup;
mod check;
mod framing;
mod overlay;
mod restore;
mod tables;
mod verify;

pub(super) use backup::save;
pub use backup::{BackupReport, inspect};
#[cfg(test)]
pub(super) use check::check_database;
pub use check::{CheckReport, Compaction, check};
pub use framing::ArchiveError;
pub use restore::restore;
#[cfg(test)]
pub(super) use restore::restore_to;
