//! Records and values as they are stored: checked, and large ones in pieces.
//!
//! A row that is a little larger than a page takes two, so a value is split into pieces that fill one. The
//! first piece lies behind a head: length (u32), further pieces (u32), checksum (u64), little-endian. The
//! checksum is xxh3 over the whole value, seeded with that of its key.

use redb::ReadableTable;
use twox_hash::XxHash3_64;

use super::error::damaged;
use super::tables::{Bytes, ID_BYTES, Tables};
use crate::object::id::ObjectId;
use crate::object::storage::{ReadError, Record, VALUE_BYTES_MAX};

/// Bytes of a row with its key: a little less than a page of 16 KiB.
pub(super) const ROW_BYTES_MAX: usize = 16_200;
const HEAD_BYTES: usize = 16;
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
        let sane = length as usize <= VALUE_BYTES_MAX && further <= PIECES_MAX;
        sane.then_some((Self { length, further, check: u64::from_le_bytes(*check) }, piece))
    }

    fn write(&self, row: &mut Vec<u8>) {
        row.extend_from_slice(&self.length.to_le_bytes());
        row.extend_from_slice(&self.further.to_le_bytes());
        row.extend_from_slice(&self.check.to_le_bytes());
    }
}

/// Bytes of a value that fit into one row beside this key.
pub(super) fn piece_bytes(key: &[u8]) -> usize {
    ROW_BYTES_MAX.saturating_sub(ID_BYTES + key.len() + HEAD_BYTES).max(4_000)
}

/// The key of a value's row.
pub(super) fn value_key(object: &ObjectId, key: &[u8]) -> Vec<u8> {
    [object.as_bytes(), key].concat()
}

fn check_of(value_key: &[u8], value: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(value_key), value)
}

/// Reused by every value of a transaction.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    key: Vec<u8>,
    row: Vec<u8>,
}

impl Scratch {
    fn value_key(&mut self, object: &ObjectId, key: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(object.as_bytes());
        self.key.extend_from_slice(key);
    }

    /// Sets a value, instead of the one that is there.
    pub(super) fn put(
        &mut self,
        tables: &mut Tables<'_>,
        object: &ObjectId,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), redb::Error> {
        self.value_key(object, key);
        let piece = piece_bytes(key);
        let (first, rest) = value.split_at(value.len().min(piece));
        let further = rest.len().div_ceil(piece) as u32;
        let head = Head { length: value.len() as u32, further, check: check_of(&self.key, value) };
        self.row.clear();
        head.write(&mut self.row);
        self.row.extend_from_slice(first);
        let old = tables.values()?.insert(self.key.as_slice(), self.row.as_slice())?;
        let old_further = old.and_then(|row| Head::parse(row.value()).map(|(head, _)| head.further));
        let plain_bytes = self.key.len();
        for (number, piece) in (0_u32..).zip(rest.chunks(piece)) {
            self.number(plain_bytes, number);
            tables.chunks()?.insert(self.key.as_slice(), piece)?;
        }
        self.remove_pieces(tables, plain_bytes, further..old_further.unwrap_or(0))
    }

    /// Removes a value.
    pub(super) fn delete(
        &mut self,
        tables: &mut Tables<'_>,
        object: &ObjectId,
        key: &[u8],
    ) -> Result<(), redb::Error> {
        self.value_key(object, key);
        let old = tables.values()?.remove(self.key.as_slice())?;
        let plain_bytes = self.key.len();
        let further = old.and_then(|row| Head::parse(row.value()).map(|(head, _)| head.further));
        self.remove_pieces(tables, plain_bytes, 0..further.unwrap_or(0))
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

/// Reads a value.
pub(super) fn get(
    values: &impl ReadableTable<Bytes, Bytes>,
    chunks: impl FnOnce() -> Result<redb::ReadOnlyTable<Bytes, Bytes>, redb::TableError>,
    object: &ObjectId,
    key: &[u8],
) -> Result<Option<Vec<u8>>, ReadError> {
    let mut row_key = value_key(object, key);
    let Some(row) = values.get(row_key.as_slice())? else { return Ok(None) };
    let what = || format!("value {:?} of object {object}", String::from_utf8_lossy(key));
    let (head, first) = Head::parse(row.value()).ok_or_else(|| damaged(what(), "its head makes no sense"))?;
    let mut value = Vec::with_capacity(head.length as usize);
    value.extend_from_slice(first);
    let plain_bytes = row_key.len();
    if head.further > 0 {
        let chunks = chunks()?;
        for number in 0..head.further {
            row_key.truncate(plain_bytes);
            row_key.extend_from_slice(&number.to_be_bytes());
            let piece = chunks.get(row_key.as_slice())?;
            let piece = piece.ok_or_else(|| damaged(what(), format!("piece {number} is missing")))?;
            value.extend_from_slice(piece.value());
        }
    }
    row_key.truncate(plain_bytes);
    if value.len() != head.length as usize || check_of(&row_key, &value) != head.check {
        return Err(damaged(what(), "its checksum does not match"));
    }
    Ok(Some(value))
}

/// A record as it is stored.
pub(super) fn encode_record(object: &ObjectId, record: &Record) -> Vec<u8> {
    let plain = postcard::to_stdvec(record).expect("a record has nothing that cannot be encoded");
    let check = check_of(object.as_bytes(), &plain);
    [check.to_le_bytes().as_slice(), &plain].concat()
}

/// Reads a stored record.
pub(super) fn decode_record(object: &ObjectId, row: &[u8]) -> Result<Record, ReadError> {
    let what = || format!("the record of object {object}");
    let (check, plain) = row.split_first_chunk().ok_or_else(|| damaged(what(), "it is too short"))?;
    if u64::from_le_bytes(*check) != check_of(object.as_bytes(), plain) {
        return Err(damaged(what(), "its checksum does not match"));
    }
    postcard::from_bytes(plain).map_err(|error| damaged(what(), error.to_string()))
}
