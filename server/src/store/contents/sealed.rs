//! Small rows with a checksum: xxh3 over the row, seeded with that of its key, so that a row in another's
//! place is found out.

use serde::Serialize;
use serde::de::DeserializeOwned;
use twox_hash::XxHash3_64;

use crate::object::id::ObjectId;
use crate::object::storage::{ReadError, Record};
use crate::store::error::damaged;

pub(in crate::store) fn check_of(key: &[u8], bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(key), bytes)
}

/// A row as it is stored.
pub(in crate::store) fn seal(key: &[u8], content: &impl Serialize) -> Vec<u8> {
    let plain = postcard::to_stdvec(content).expect("a row has nothing that cannot be encoded");
    [check_of(key, &plain).to_le_bytes().as_slice(), &plain].concat()
}

/// Reads a stored row.
pub(in crate::store) fn unseal<T: DeserializeOwned>(
    what: &dyn Fn() -> String,
    key: &[u8],
    row: &[u8],
) -> Result<T, ReadError> {
    let (check, plain) = row.split_first_chunk().ok_or_else(|| damaged(what(), "it is too short"))?;
    if u64::from_le_bytes(*check) != check_of(key, plain) {
        return Err(damaged(what(), "its checksum does not match"));
    }
    postcard::from_bytes(plain).map_err(|error| damaged(what(), error.to_string()))
}

/// A record as it is stored.
pub(in crate::store) fn encode_record(object: &ObjectId, record: &Record) -> Vec<u8> {
    seal(object.as_bytes(), record)
}

/// Reads a stored record.
pub(in crate::store) fn decode_record(object: &ObjectId, row: &[u8]) -> Result<Record, ReadError> {
    unseal(&|| format!("the record of object {object}"), object.as_bytes(), row)
}
