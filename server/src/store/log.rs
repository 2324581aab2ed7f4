//! The codec of a row of journal entries, of the log and of the tails.
//!
//! An entry: object id (32), epoch (u32), length with the top bit set for a cut (u32), check of these (u32),
//! bytes, checksum (u64). Integers are little-endian. The checks are xxh3 seeded with the row's key, so
//! that a row in another's place is found out. The check of the head tells a damaged entry, whose owner is
//! certain, from a damaged head, after which nothing of the row can be attributed.

use std::ops::Range;

use twox_hash::XxHash3_64;

use super::tables::ID_BYTES;
use crate::object::id::ObjectId;
use tickstone_shared::ids::Epoch;

/// A row ends before it would grow beyond this: a little less than a page of 8 KiB. A larger entry has a row
/// to itself.
pub(super) const ROW_BYTES_MAX: usize = 8_100;

const HEAD_BYTES: usize = ID_BYTES + 12;
const TAIL_BYTES: usize = 8;
const CUT: u32 = 1 << 31;

/// Packs entries into rows with ascending keys. Reused, so that packing does not allocate.
#[derive(Debug, Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    rows: Vec<Range<usize>>,
    first_key: u64,
}

impl Rows {
    /// Forgets everything; the next row gets this key.
    pub(super) fn restart(&mut self, first_key: u64) {
        self.bytes.clear();
        self.rows.clear();
        self.first_key = first_key;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a journal entry and says in which row it is.
    pub(super) fn entry(&mut self, object: &ObjectId, epoch: Epoch, entry: &[u8]) -> u64 {
        debug_assert!(entry.len() < CUT as usize, "an entry is bounded by VALUE_BYTES_MAX");
        self.add(object, epoch, entry.len() as u32, entry)
    }

    /// Adds a cut: what the object has in the journal before it is forgotten.
    pub(super) fn cut(&mut self, object: &ObjectId, epoch: Epoch) -> u64 {
        self.add(object, epoch, CUT, &[])
    }

    fn add(&mut self, object: &ObjectId, epoch: Epoch, length: u32, entry: &[u8]) -> u64 {
        let key = self.row_for(HEAD_BYTES + entry.len() + TAIL_BYTES);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(object.as_bytes());
        self.bytes.extend_from_slice(&epoch.0.to_le_bytes());
        self.bytes.extend_from_slice(&length.to_le_bytes());
        let check = head_check(key, &self.bytes[start..]);
        self.bytes.extend_from_slice(&check.to_le_bytes());
        self.bytes.extend_from_slice(entry);
        self.bytes.extend_from_slice(&entry_check(key, check, entry).to_le_bytes());
        let end = self.bytes.len();
        self.rows.last_mut().expect("row_for has made sure of one").end = end;
        key
    }

    /// The key of the row that takes `size` more bytes.
    fn row_for(&mut self, size: usize) -> u64 {
        let fits = self.rows.last().is_some_and(|row| row.len() + size <= ROW_BYTES_MAX);
        if !fits {
            let end = self.bytes.len();
            self.rows.push(end..end);
        }
        self.first_key + (self.rows.len() - 1) as u64
    }

    /// The rows with their keys, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let keys = self.first_key..;
        keys.zip(self.rows.iter().map(|row| &self.bytes[row.clone()]))
    }
}

/// One thing in a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A journal entry.
    Entry(ObjectId, Epoch, &'a [u8]),
    /// What the object has before it is forgotten.
    Cut(ObjectId),
    /// A journal entry of this object that cannot be read.
    DamagedEntry(ObjectId),
    /// Nothing more of this row can be read, nor whose it was.
    DamagedRest,
}

/// What is in a row. Ends after the first [`Item::DamagedRest`].
pub(super) fn items(key: u64, row: &[u8]) -> Items<'_> {
    Items { key, rest: row }
}

/// Iterates over a row.
pub(super) struct Items<'a> {
    key: u64,
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.parse();
        if item.is_none() {
            self.rest = &[];
        }
        Some(item.unwrap_or(Item::DamagedRest))
    }
}

impl<'a> Items<'a> {
    fn parse(&mut self) -> Option<Item<'a>> {
        let (head, rest) = self.rest.split_at_checked(HEAD_BYTES)?;
        let (plain, check) = head.split_last_chunk::<4>()?;
        let check = u32::from_le_bytes(*check);
        if check != head_check(self.key, plain) {
            return None;
        }
        let (id, numbers) = plain.split_first_chunk::<ID_BYTES>()?;
        let (epoch, length) = numbers.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length.first_chunk::<4>()?);
        let (entry, rest) = rest.split_at_checked((length & !CUT) as usize)?;
        let (stored, rest) = rest.split_first_chunk::<TAIL_BYTES>()?;
        self.rest = rest;
        let object = ObjectId::from_stored(*id);
        if u64::from_le_bytes(*stored) != entry_check(self.key, check, entry) {
            return Some(Item::DamagedEntry(object));
        }
        if length & CUT != 0 {
            return Some(Item::Cut(object));
        }
        Some(Item::Entry(object, Epoch(u32::from_le_bytes(*epoch)), entry))
    }
}

/// The lower half of the hash.
fn head_check(key: u64, head: &[u8]) -> u32 {
    XxHash3_64::oneshot_with_seed(key, head) as u32
}

fn entry_check(key: u64, head_check: u32, entry: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(key ^ u64::from(head_check) << 32, entry)
}
