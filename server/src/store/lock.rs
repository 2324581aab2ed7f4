//! One server a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::error::StoreError;

/// Held while a server uses a data directory; the system lets go of it when the process ends.
#[derive(Debug)]
pub struct DirectoryLock(#[expect(dead_code, reason = "held for its lock")] File);

impl DirectoryLock {
    /// Creates the directory if it is missing, and takes it.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(|source| io("create", dir, &source))?;
        let path = dir.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| io("open", &path, &source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(io("lock", &path, &source)),
        }
    }

    /// Takes it to look at the directory alone, which is not changed. None: no server has ever used it.
    pub fn look(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join("lock");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io("open", &path, &source)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(io("lock", &path, &source)),
        }
    }
}

fn io(what: &'static str, path: &Path, source: &std::io::Error) -> StoreError {
    StoreError::Io { what, file: path.display().to_string(), problem: source.to_string() }
}
