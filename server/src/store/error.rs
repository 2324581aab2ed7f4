//! What can go wrong with the store as a whole, and how redb's errors are read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use super::classes::ClassError;
use crate::object::storage::ReadError;

/// Why the store cannot be opened or closed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another server uses the directory.
    #[error("the data directory {} is in use by another server: stop that or use another", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// A newer server wrote it. Nothing was touched.
    #[error("{file} has storage format {found}, this server reads up to {supported}; use a newer server")]
    NewerFormat {
        /// The file's format.
        found: u64,
        /// The newest this server knows.
        supported: u64,
        /// The file.
        file: String,
    },
    /// An older server wrote it, before there were releases. Nothing was touched.
    #[error("{file} has storage format {found}, of before the first release; this server reads {supported}")]
    OlderFormat {
        /// The file's format.
        found: u64,
        /// The one that this server knows.
        supported: u64,
        /// The file.
        file: String,
    },
    /// What the server declares and what is stored do not fit. Nothing was touched.
    #[error(transparent)]
    Classes(#[from] ClassError),
    /// It is not what was written. Nothing was overwritten.
    #[error("{file} is damaged: {problem}; nothing was overwritten: move it away or restore a backup")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The disk refuses.
    #[error("cannot {what} {file}: {problem}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        file: String,
        /// What the system answered.
        problem: String,
    },
}

impl StoreError {
    /// Something that is needed to start cannot be read.
    pub(super) fn unreadable(file: &str, error: &ReadError) -> Self {
        let (file, problem) = (file.to_owned(), error.to_string());
        match error {
            ReadError::Damaged { .. } => Self::Damaged { file, problem },
            ReadError::Io(_) => Self::Io { what: "read", file, problem },
        }
    }

    /// Reads an error of redb: damage or the disk.
    pub(super) fn from_redb(what: &'static str, file: &str, error: &redb::Error) -> Self {
        let file = file.to_owned();
        let problem = error.to_string();
        match error {
            redb::Error::Corrupted(_)
            | redb::Error::UpgradeRequired(_)
            | redb::Error::TableDoesNotExist(_)
            | redb::Error::TableTypeMismatch { .. } => Self::Damaged { file, problem },
            redb::Error::Io(source) if source.kind() == std::io::ErrorKind::InvalidData => {
                Self::Damaged { file, problem }
            }
            _ => Self::Io { what, file, problem },
        }
    }
}

/// Runs what reads a file that may be damaged: redb panics on some damage, which here is an error as any.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(redb::Error::Corrupted(format!("the database gave up: {text}")))
    })
}

/// As [`guarded`], for readers.
pub(super) fn guarded_read<T>(run: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    let outcome = guarded(|| Ok(run()));
    outcome.unwrap_or_else(|error| Err(ReadError::from(error)))
}

/// Something stored is not what was written.
pub(super) fn damaged(what: impl Into<String>, problem: impl Into<String>) -> ReadError {
    ReadError::Damaged { what: what.into(), problem: problem.into() }
}

/// What is damaged is none, and logged; only a disk that does not answer is an error. For the commit thread,
/// which must not stop for one object's damage.
pub(super) fn lenient<T>(read: Result<T, ReadError>) -> Result<Option<T>, redb::Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(ReadError::Io(problem)) => Err(redb::Error::Corrupted(problem)),
        Err(error @ ReadError::Damaged { .. }) => {
            tracing::error!(%error, "something stored is damaged and is left as it is");
            Ok(None)
        }
    }
}

impl From<redb::Error> for ReadError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Corrupted(problem) => damaged("the database", problem),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<redb::StorageError> for ReadError {
    fn from(error: redb::StorageError) -> Self {
        Self::from(redb::Error::from(error))
    }
}

impl From<redb::TableError> for ReadError {
    fn from(error: redb::TableError) -> Self {
        Self::from(redb::Error::from(error))
    }
}

impl From<redb::TransactionError> for ReadError {
    fn from(error: redb::TransactionError) -> Self {
        Self::from(redb::Error::from(error))
    }
}
