//! Values as they are stored: checked, and large ones in pieces.
//!
//! A row that is a little larger than a page takes two, so a value is split into pieces that fill one. The
//! first piece lies behind a head: length (u32), further pieces (u32), checksum (u64), little-endian. The
//! checksum is xxh3 over the whole value, seeded with that of its key.

use super::keys::{PREFIX_BYTES, Space, within};
use super::sealed::check_of;
use crate::object::id::ObjectId;
use crate::object::storage::{ReadError, VALUE_BYTES_MAX};
use crate::store::error::damaged;
use crate::store::tables::Tables;

/// Bytes of a row with its key: a little less than a page of 16 KiB.
const ROW_BYTES_MAX: usize = 16_200;
const HEAD_BYTES: usize = 16;
/// The largest value with what the history puts before it.
const LENGTH_MAX: usize = VALUE_BYTES_MAX + 64;
/// More pieces than any value within its limit can have.
const PIECES_MAX: u32 = (VALUE_BYTES_MAX / 8_192) as u32;

#[derive(Debug, PartialEq, Eq)]
struct Head {
    length: u32,
    further: u32,
    check: u64,
}

impl Head {
    fn parse(row: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = row.split_first_chunk()?;
        let (further, rest) = rest.split_first_chunk()?;
        let (check, piece) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        let further = u32::from_le_bytes(*further);
        let sane = length as usize <= LENGTH_MAX && further <= PIECES_MAX;
        sane.then_some((Self { length, further, check: u64::from_le_bytes(*check) }, piece))
    }

    fn write(&self, row: &mut Vec<u8>) {
        row.extend_from_slice(&self.length.to_le_bytes());
        row.extend_from_slice(&self.further.to_le_bytes());
        row.extend_from_slice(&self.check.to_le_bytes());
    }
}

/// Bytes of a value that fit into one row beside this key.
pub(in crate::store) fn piece_bytes(key: &[u8]) -> usize {
    ROW_BYTES_MAX.saturating_sub(PREFIX_BYTES + key.len() + HEAD_BYTES).max(4_000)
}

/// Bytes of the value of a row. None: that cannot be told from it.
pub(in crate::store) fn value_bytes(row: &[u8]) -> Option<u64> {
    Head::parse(row).map(|(head, _)| u64::from(head.length))
}

/// Reused by every value of a transaction.
#[derive(Debug, Default)]
pub(in crate::store) struct Scratch {
    key: Vec<u8>,
    row: Vec<u8>,
}

impl Scratch {
    fn row_key(&mut self, object: &ObjectId, space: Space, key: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(object.as_bytes());
        self.key.push(space as u8);
        self.key.extend_from_slice(key);
    }

    /// Sets a value, instead of the one that is there. Returns how many bytes that one had.
    pub(in crate::store) fn put(
        &mut self,
        tables: &mut Tables<'_>,
        (object, space): (&ObjectId, Space),
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<u64>, redb::Error> {
        self.row_key(object, space, key);
        let piece = piece_bytes(key);
        let (first, rest) = value.split_at(value.len().min(piece));
        let further = rest.len().div_ceil(piece) as u32;
        let head = Head { length: value.len() as u32, further, check: check_of(&self.key, value) };
        self.row.clear();
        head.write(&mut self.row);
        self.row.extend_from_slice(first);
        let old = tables.values()?.insert(self.key.as_slice(), self.row.as_slice())?;
        let old = old.map(|row| old_head(row.value()));
        let plain_bytes = self.key.len();
        for (number, piece) in (0_u32..).zip(rest.chunks(piece)) {
            self.number(plain_bytes, number);
            tables.chunks()?.insert(self.key.as_slice(), piece)?;
        }
        self.remove_pieces(tables, plain_bytes, further..old.map_or(0, |(_, further)| further))?;
        Ok(old.map(|(bytes, _)| bytes))
    }

    /// Removes a value. Returns how many bytes it had.
    pub(in crate::store) fn delete(
        &mut self,
        tables: &mut Tables<'_>,
        (object, space): (&ObjectId, Space),
        key: &[u8],
    ) -> Result<Option<u64>, redb::Error> {
        self.row_key(object, space, key);
        let old = tables.values()?.remove(self.key.as_slice())?.map(|row| old_head(row.value()));
        let plain_bytes = self.key.len();
        self.remove_pieces(tables, plain_bytes, 0..old.map_or(0, |(_, further)| further))?;
        Ok(old.map(|(bytes, _)| bytes))
    }

    fn remove_pieces(
        &mut self,
        tables: &mut Tables<'_>,
        plain_bytes: usize,
        numbers: std::ops::Range<u32>,
    ) -> Result<(), redb::Error> {
        for number in numbers {
            self.number(plain_bytes, number);
            tables.chunks()?.remove(self.key.as_slice())?;
        }
        Ok(())
    }

    /// Makes the key that of a piece: behind the value's key its number.
    fn number(&mut self, plain_bytes: usize, number: u32) {
        self.key.truncate(plain_bytes);
        self.key.extend_from_slice(&number.to_be_bytes());
    }
}

/// The bytes and further pieces of a value that is replaced. Damaged: none, the new one stands for it.
fn old_head(row: &[u8]) -> (u64, u32) {
    Head::parse(row).map_or((0, 0), |(head, _)| (u64::from(head.length), head.further))
}

/// Reads a further piece of a value.
pub(in crate::store) type Piece<'a> = dyn FnMut(&[u8]) -> Result<Option<Vec<u8>>, ReadError> + 'a;

/// A value, of its row and its further pieces.
pub(in crate::store) fn assemble(
    row_key: &[u8],
    row: &[u8],
    piece: &mut Piece<'_>,
) -> Result<Vec<u8>, ReadError> {
    let what = || what(row_key);
    let (head, first) = Head::parse(row).ok_or_else(|| damaged(what(), "its head makes no sense"))?;
    let mut value = Vec::with_capacity(head.length as usize);
    value.extend_from_slice(first);
    for number in 0..head.further {
        let further = piece(&[row_key, &number.to_be_bytes()].concat())?;
        let missing = || damaged(what(), format!("piece {number} is missing"));
        value.extend_from_slice(&further.ok_or_else(missing)?);
    }
    if value.len() != head.length as usize || check_of(row_key, &value) != head.check {
        return Err(damaged(what(), "its checksum does not match"));
    }
    Ok(value)
}

fn what(row_key: &[u8]) -> String {
    let key = String::from_utf8_lossy(within(row_key));
    match row_key.first_chunk() {
        Some(id) => format!("value {key:?} of object {}", ObjectId::from_stored(*id)),
        None => "a value".to_owned(),
    }
}
