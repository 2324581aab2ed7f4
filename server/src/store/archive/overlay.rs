//! A file that is looked at and never changed: what the database writes while it looks (a repair, its own notes) stays
//! in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// What is changed is kept in pieces of so many bytes.
const PAGE_BYTES: u64 = 4096;

/// See the module.
#[derive(Debug)]
pub(super) struct Overlay {
    file: File,
    /// Bytes of the file.
    file_bytes: u64,
    changed: Mutex<Changed>,
}

#[derive(Debug, Default)]
struct Changed {
    length: u64,
    /// Of the file, only so much is seen: it was cut to this in between.
    seen: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    /// Opens a file to be read.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let changed = Changed { length, seen: length, pages: BTreeMap::new() };
        Ok(Self { file, file_bytes: length, changed: Mutex::new(changed) })
    }

    fn changed(&self) -> MutexGuard<'_, Changed> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page as it is seen, whole; behind the end it is empty.
    fn page(&self, changed: &Changed, number: u64) -> io::Result<Vec<u8>> {
        if let Some(page) = changed.pages.get(&number) {
            return Ok(page.clone());
        }
        let (start, seen) = (number * PAGE_BYTES, changed.seen.min(self.file_bytes));
        let mut page = vec![0; PAGE_BYTES as usize];
        let there = seen.saturating_sub(start).min(PAGE_BYTES) as usize;
        self.file.read_exact_at(&mut page[..there], start)?;
        Ok(page)
    }
}

/// The parts of a range, by page: number, first byte within the page, bytes.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let end = offset + length as u64;
    let mut at = offset;
    std::iter::from_fn(move || {
        let (number, first) = (at / PAGE_BYTES, at % PAGE_BYTES);
        let bytes = (PAGE_BYTES - first).min(end.checked_sub(at).filter(|left| *left > 0)?);
        at += bytes;
        Some((number, first as usize, bytes as usize))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changed().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changed = self.changed();
        if offset + out.len() as u64 > changed.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = out;
        for (number, first, bytes) in parts(offset, rest.len()) {
            let (part, after) = rest.split_at_mut(bytes);
            part.copy_from_slice(&self.page(&changed, number)?[first..first + bytes]);
            rest = after;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut changed = self.changed();
        changed.length = len;
        changed.seen = changed.seen.min(len);
        changed.pages.split_off(&len.div_ceil(PAGE_BYTES));
        if let Some(page) = changed.pages.get_mut(&(len / PAGE_BYTES)) {
            page[(len % PAGE_BYTES) as usize..].fill(0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changed = self.changed();
        let mut rest = data;
        for (number, first, bytes) in parts(offset, data.len()) {
            let mut page = self.page(&changed, number)?;
            let (part, after) = rest.split_at(bytes);
            page[first..first + bytes].copy_from_slice(part);
            changed.pages.insert(number, page);
            rest = after;
        }
        changed.length = changed.length.max(offset + data.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        Write(u64, Vec<u8>),
        Length(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..12_000_u64, prop::collection::vec(any::<u8>(), 1..6_000))
                .prop_map(|(offset, data)| Step::Write(offset, data)),
            (0..20_000_u64).prop_map(Step::Length),
        ]
    }

    proptest! {
        #[test]
        fn it_reads_as_a_file_would_and_the_file_stays(
            begin in prop::collection::vec(any::<u8>(), 0..10_000),
            steps in prop::collection::vec(step(), 0..12),
        ) {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &begin).unwrap();
            let (overlay, mut model) = (Overlay::open(file.path()).unwrap(), begin.clone());
            for step in steps {
                match step {
                    Step::Write(offset, data) => {
                        overlay.write(offset, &data).unwrap();
                        let end = offset as usize + data.len();
                        model.resize(model.len().max(end), 0);
                        model[offset as usize..end].copy_from_slice(&data);
                    }
                    Step::Length(len) => {
                        overlay.set_len(len).unwrap();
                        model.resize(len as usize, 0);
                    }
                }
                prop_assert_eq!(overlay.len().unwrap(), model.len() as u64);
                let mut read = vec![0; model.len()];
                overlay.read(0, &mut read).unwrap();
                prop_assert_eq!(&read, &model);
            }
            prop_assert!(overlay.read(model.len() as u64, &mut [0]).is_err());
            prop_assert_eq!(std::fs::read(file.path()).unwrap(), begin);
        }
    }
}
