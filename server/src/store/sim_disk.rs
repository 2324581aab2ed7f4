//! A disk that loses, tears and refuses writes, for tests and the simulator.
//!
//! What is written stays pending until it is synced. When the power goes, each pending write and change of
//! length is kept, dropped or torn, as the seed says: byte by byte in the first 4 KiB (redb's header),
//! in sectors of 512 bytes elsewhere, some of them garbage. What a sync failed to write stays visible and is
//! lost with the power. The same seeds give the same disk.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use redb::{Builder, Database, StorageBackend};

use super::disk::{Disk, Peek};
use super::error::{StoreError, guarded};

const HEADER_BYTES: u64 = 4096;
const SECTOR_BYTES: usize = 512;
/// One pending sector in so many is garbage afterwards.
const GARBAGE_ONE_IN: u32 = 16;

/// How an operation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// This one operation.
    Once,
    /// This one and all later ones, until [`SimDisk::repair`].
    UntilRepaired,
}

#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug, Default)]
struct Contents {
    /// There is a database: it was created wholly.
    exists: bool,
    /// As the next read sees it.
    seen: Vec<u8>,
    /// As it is after a sync.
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// Writes, syncs and changes of length so far.
    operations: u64,
    refuse: Option<(u64, Refusal, io::ErrorKind)>,
    power_off_at: Option<u64>,
    lying: bool,
    /// Counts the times the power came back: what was opened before is dead.
    boots: u64,
}

/// See the module. Cloning shares it.
#[derive(Clone, Default)]
pub struct SimDisk {
    contents: Arc<Mutex<Contents>>,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk whose syncs do nothing: what a test must notice.
    pub fn lying() -> Self {
        let disk = Self::new();
        disk.lock().lying = true;
        disk
    }

    /// Writes, syncs and changes of length so far.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Refuses the operation with this number, counted as [`SimDisk::operations`] does.
    pub fn refuse(&self, operation: u64, refusal: Refusal, kind: io::ErrorKind) {
        self.lock().refuse = Some((operation, refusal, kind));
    }

    /// Refuses nothing any more.
    pub fn repair(&self) {
        self.lock().refuse = None;
    }

    /// Switches the power off before the operation with this number.
    pub fn power_off_at(&self, operation: u64) {
        self.lock().power_off_at = Some(operation);
    }

    /// Is the power off?
    pub fn power_is_off(&self) -> bool {
        self.lock().power_is_off()
    }

    /// Loses and tears what was pending, and switches the power on. What was opened before is dead.
    pub fn power_on(&self, seed: u64) {
        let mut contents = self.lock();
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut file = std::mem::take(&mut contents.durable);
        for change in std::mem::take(&mut contents.pending) {
            tear(&mut file, change, &mut rng);
        }
        contents.seen = file.clone();
        contents.durable = file;
        contents.power_off_at = None;
        contents.refuse = None;
        contents.boots += 1;
    }

    /// The file as it is seen now, to be damaged by a test.
    pub fn edit<T>(&self, edit: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut contents = self.lock();
        let result = edit(&mut contents.seen);
        contents.durable = contents.seen.clone();
        contents.pending.clear();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backend(&self) -> Backend {
        Backend { disk: self.clone(), boot: self.lock().boots }
    }

    fn build(&self) -> Result<Database, StoreError> {
        let mut builder = Builder::new();
        builder.set_cache_size(1024 * 1024);
        let opened = guarded(|| Ok(builder.create_with_backend(self.backend())?));
        opened.map_err(|error| StoreError::from_redb("open", &self.place(), &error))
    }
}

impl Contents {
    fn power_is_off(&self) -> bool {
        self.power_off_at.is_some_and(|at| self.operations >= at)
    }

    /// Counts an operation, or refuses it.
    fn operate(&mut self) -> io::Result<()> {
        if self.power_is_off() {
            return Err(io::Error::other("the power is off"));
        }
        let number = self.operations;
        self.operations += 1;
        match self.refuse {
            Some((at, Refusal::Once, kind)) if at == number => Err(kind.into()),
            Some((at, Refusal::UntilRepaired, kind)) if at <= number => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

fn apply(file: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => set_length(file, *length as usize),
        Change::Write(offset, bytes) => put(file, *offset as usize, bytes),
    }
}

/// As `resize`, but fast in a build that is not optimised.
fn set_length(file: &mut Vec<u8>, length: usize) {
    file.truncate(length);
    file.extend_from_slice(&vec![0; length - file.len()]);
}

fn put(file: &mut Vec<u8>, start: usize, bytes: &[u8]) {
    let end = start + bytes.len();
    if file.len() < end {
        set_length(file, end);
    }
    file[start..end].copy_from_slice(bytes);
}

/// What a power cut makes of a pending change.
fn tear(file: &mut Vec<u8>, change: Change, rng: &mut Pcg64Mcg) {
    let Change::Write(offset, bytes) = change else {
        if coin(rng) {
            apply(file, &change);
        }
        return;
    };
    match rng.next_u32() % 3 {
        0 => put(file, offset as usize, &bytes),
        1 => {}
        _ if offset < HEADER_BYTES => {
            let places = (offset as usize..).zip(&bytes);
            places.filter(|_| coin(rng)).for_each(|(at, byte)| put(file, at, &[*byte]));
        }
        _ => {
            for (number, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                let at = offset as usize + number * SECTOR_BYTES;
                if rng.next_u32().is_multiple_of(GARBAGE_ONE_IN) {
                    let mut garbage = vec![0; sector.len()];
                    rng.fill_bytes(&mut garbage);
                    put(file, at, &garbage);
                } else if coin(rng) {
                    put(file, at, sector);
                }
            }
        }
    }
}

fn coin(rng: &mut Pcg64Mcg) -> bool {
    rng.next_u32() & 1 == 1
}

impl Disk for SimDisk {
    fn open(&self) -> Result<Option<Database>, StoreError> {
        if !self.lock().exists {
            return Ok(None);
        }
        self.build().map(Some)
    }

    fn create(&self, prepare: &dyn Fn(&Database) -> Result<(), StoreError>) -> Result<Database, StoreError> {
        {
            let mut contents = self.lock();
            contents.seen.clear();
            contents.durable.clear();
            contents.pending.clear();
        }
        let db = self.build()?;
        prepare(&db)?;
        guarded(|| Ok(db.close()?))
            .map_err(|error| StoreError::from_redb("create", &self.place(), &error))?;
        {
            // The file is synced, renamed, and its directory synced.
            let mut contents = self.lock();
            contents
                .operate()
                .map_err(|error| StoreError::from_redb("create", &self.place(), &redb::Error::Io(error)))?;
            contents.durable = contents.seen.clone();
            contents.pending.clear();
            contents.exists = true;
        }
        self.build()
    }

    fn peek(&self, _: &Peek<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn place(&self) -> String {
        "the simulated disk".to_owned()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").field("operations", &self.operations()).finish_non_exhaustive()
    }
}

/// The file as one opening sees it.
#[derive(Debug)]
struct Backend {
    disk: SimDisk,
    boot: u64,
}

impl Backend {
    fn contents(&self) -> io::Result<MutexGuard<'_, Contents>> {
        let contents = self.disk.lock();
        if contents.boots == self.boot { Ok(contents) } else { Err(io::Error::other("the power went off")) }
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut contents = self.contents()?;
        contents.operate()?;
        apply(&mut contents.seen, &change);
        contents.pending.push(change);
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.contents()?.seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let contents = self.contents()?;
        let start = offset as usize;
        let bytes = contents.seen.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut guard = self.contents()?;
        let contents = &mut *guard;
        if let Err(refused) = contents.operate() {
            if !contents.power_is_off() {
                // As Linux does: still seen, but clean, and so never written unless it is changed again.
                contents.pending.clear();
            }
            return Err(refused);
        }
        if !contents.lying {
            for change in contents.pending.drain(..) {
                apply(&mut contents.durable, &change);
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write(offset, data.to_vec()))
    }
}
