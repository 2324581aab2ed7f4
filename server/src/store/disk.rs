//! Where the file is: on a disk, or on one that a test makes fail.

use std::fs::File;
use std::path::{Path, PathBuf};

use redb::{Builder, Database};

use super::error::{StoreError, guarded};

/// Something that holds one database. The file and the simulated disk are two.
pub trait Disk: Send + Sync {
    /// Opens the database that is there; none if there is none yet. Never creates or overwrites.
    fn open(&self) -> Result<Option<Database>, StoreError>;
    /// Creates a database and opens it. It is there wholly, with what `prepare` commits to it, or not at all.
    fn create(&self, prepare: &dyn Fn(&Database) -> Result<(), StoreError>) -> Result<Database, StoreError>;
    /// Lets `check` look at the database before anything is written to it, where that is possible.
    fn peek(&self, check: &Peek<'_>) -> Result<(), StoreError>;
    /// What people call it.
    fn place(&self) -> String;
}

/// Looks at a database without writing to it.
pub type Peek<'a> = dyn Fn(&redb::ReadOnlyDatabase) -> Result<(), StoreError> + 'a;

/// A file.
#[derive(Debug)]
pub struct FileDisk {
    path: PathBuf,
    cache_bytes: usize,
}

impl FileDisk {
    /// The file `tickstone.redb` in a directory.
    pub fn new(dir: &Path, cache_bytes: usize) -> Self {
        Self { path: dir.join("tickstone.redb"), cache_bytes }
    }

    /// The file.
    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn builder(&self) -> Builder {
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_bytes);
        builder
    }

    fn redb_error(&self, what: &'static str) -> impl Fn(redb::Error) -> StoreError + '_ {
        move |error| StoreError::from_redb(what, &self.place(), &error)
    }

    fn io_error(&self, what: &'static str) -> impl Fn(std::io::Error) -> StoreError + '_ {
        move |error| StoreError::Io { what, file: self.place(), problem: error.to_string() }
    }

    /// Creating and renaming are durable only when the directory is.
    fn sync_dir(&self) -> std::io::Result<()> {
        let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Disk for FileDisk {
    fn open(&self) -> Result<Option<Database>, StoreError> {
        if !self.path.try_exists().map_err(self.io_error("open"))? {
            return Ok(None);
        }
        let opened = guarded(|| Ok(self.builder().open(&self.path)?));
        opened.map(Some).map_err(self.redb_error("open"))
    }

    fn create(&self, prepare: &dyn Fn(&Database) -> Result<(), StoreError>) -> Result<Database, StoreError> {
        let temporary = self.path.with_extension("redb.new");
        if temporary.try_exists().map_err(self.io_error("create"))? {
            std::fs::remove_file(&temporary).map_err(self.io_error("create"))?;
        }
        let db = guarded(|| Ok(self.builder().create(&temporary)?)).map_err(self.redb_error("create"))?;
        prepare(&db)?;
        guarded(|| Ok(db.close()?)).map_err(self.redb_error("create"))?;
        let synced = File::open(&temporary).and_then(|file| file.sync_all());
        let renamed = synced.and_then(|()| std::fs::rename(&temporary, &self.path));
        renamed.and_then(|()| self.sync_dir()).map_err(self.io_error("create"))?;
        let opened = self.open()?;
        opened.ok_or_else(|| self.io_error("open")(std::io::ErrorKind::NotFound.into()))
    }

    fn peek(&self, check: &Peek<'_>) -> Result<(), StoreError> {
        // Refused if the file was not closed cleanly: then it is opened, and so repaired, first.
        match guarded(|| Ok(self.builder().open_read_only(&self.path)?)) {
            Ok(db) => check(&db),
            Err(_) => Ok(()),
        }
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}
