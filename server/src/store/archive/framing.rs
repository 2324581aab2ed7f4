//! The format of a backup: a head, rows by table, and the blake3 hash of all before it.
//!
//! The head is a line of text with the format's number. A row: number of its table (u8), bytes of its key and
//! of its value (u32 each, little-endian), key, value. Table 255 ends the rows; behind it the hash, 32 bytes.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::store::error::StoreError;

const HEAD: &[u8] = b"tickstone backup 2\n";
const END: u8 = u8::MAX;
/// No row has a longer key or value: a log row that one entry fills.
const PART_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a backup cannot be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file cannot be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{} is no whole backup of this format: {problem}; nothing was restored", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is something already.
    #[error("{} is there already; nothing was written", path.display())]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ArchiveError {
    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn damaged(path: &Path, problem: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), problem }
    }
}

/// Writes a backup.
pub(super) struct Sink {
    file: BufWriter<File>,
    hash: blake3::Hasher,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Sink {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1024 * 1024, File::create_new(path)?);
        let mut sink = Self { file, hash: blake3::Hasher::new(), rows: 0, bytes: 0 };
        sink.put(HEAD)?;
        Ok(sink)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    pub(super) fn row(&mut self, (table, key, value): Row<'_>) -> io::Result<()> {
        let length = |part: &[u8]| {
            let fits = u32::try_from(part.len()).ok().filter(|_| part.len() <= PART_BYTES_MAX);
            fits.ok_or_else(|| io::Error::other("a row is larger than any that is written"))
        };
        let (key_bytes, value_bytes) = (length(key)?, length(value)?);
        self.rows += 1;
        self.put(&[table])?;
        self.put(&key_bytes.to_le_bytes())?;
        self.put(&value_bytes.to_le_bytes())?;
        self.put(key)?;
        self.put(value)
    }

    /// Ends the backup; it is on the disk then. Returns its hash.
    pub(super) fn finish(mut self) -> io::Result<blake3::Hash> {
        self.put(&[END])?;
        let hash = self.hash.finalize();
        self.file.write_all(hash.as_bytes())?;
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(hash)
    }
}

/// The number of a table, and a row of it: key and value.
pub(super) type Row<'a> = (u8, &'a [u8], &'a [u8]);

/// Reads a backup.
pub(super) struct Source {
    file: BufReader<File>,
    hash: blake3::Hasher,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// Why a row cannot be read.
pub(super) enum SourceError {
    Io(io::Error),
    Damaged(&'static str),
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends too early"),
            _ => Self::Io(error),
        }
    }
}

impl SourceError {
    pub(super) fn of(self, path: &Path) -> ArchiveError {
        match self {
            Self::Io(source) => ArchiveError::io(path)(source),
            Self::Damaged(problem) => ArchiveError::damaged(path, problem),
        }
    }
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let file = BufReader::with_capacity(1024 * 1024, File::open(path)?);
        let mut source = Self { file, hash: blake3::Hasher::new(), key: Vec::new(), value: Vec::new() };
        let mut head = [0; HEAD.len()];
        source.take(&mut head)?;
        if head != HEAD {
            return Err(SourceError::Damaged("it does not begin as one"));
        }
        Ok(source)
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), SourceError> {
        self.file.read_exact(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }

    fn length(&mut self) -> Result<usize, SourceError> {
        let mut bytes = [0; 4];
        self.take(&mut bytes)?;
        let length = u32::from_le_bytes(bytes) as usize;
        let fits = Some(length).filter(|length| *length <= PART_BYTES_MAX);
        fits.ok_or(SourceError::Damaged("a row is larger than any that is written"))
    }

    /// The next row. None: that was the last one, and the checksum is right.
    pub(super) fn row(&mut self) -> Result<Option<Row<'_>>, SourceError> {
        let mut table = [0];
        self.take(&mut table)?;
        if table[0] == END {
            return self.end().map(|_| None);
        }
        let (key_bytes, value_bytes) = (self.length()?, self.length()?);
        let (mut key, mut value) = (std::mem::take(&mut self.key), std::mem::take(&mut self.value));
        key.resize(key_bytes, 0);
        value.resize(value_bytes, 0);
        self.take(&mut key)?;
        self.take(&mut value)?;
        (self.key, self.value) = (key, value);
        Ok(Some((table[0], &self.key, &self.value)))
    }

    fn end(&mut self) -> Result<(), SourceError> {
        let mut stored = [0; blake3::OUT_LEN];
        self.file.read_exact(&mut stored)?;
        if self.hash.finalize() != stored {
            return Err(SourceError::Damaged("its checksum does not match"));
        }
        match self.file.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(SourceError::Damaged("there is more behind its end")),
        }
    }

    /// The hash of what was read.
    pub(super) fn hash(&self) -> blake3::Hash {
        self.hash.finalize()
    }
}
