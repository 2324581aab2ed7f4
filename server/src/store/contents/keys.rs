//! Where the rows of an object lie in `values` and `chunks`: behind its id a byte for the space, then the key
//! within it. What is written together lies together: a commit of one small value touches one page.

use crate::object::id::ObjectId;
use crate::store::tables::ID_BYTES;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Space {
    /// How much the object has.
    Account = 0,
    /// A value, by its key.
    Value = 1,
    /// An alarm, by its name.
    Alarm = 2,
    /// What a value or an alarm was before a group.
    History = 3,
}

/// Bytes before a key.
pub(in crate::store) const PREFIX_BYTES: usize = ID_BYTES + 1;

/// The key of a row.
pub(in crate::store) fn row_key(object: &ObjectId, space: Space, key: &[u8]) -> Vec<u8> {
    [object.as_bytes().as_slice(), &[space as u8], key].concat()
}

/// The first key behind a space.
pub(in crate::store) fn space_end(object: &ObjectId, space: Space) -> Vec<u8> {
    [object.as_bytes().as_slice(), &[space as u8 + 1]].concat()
}

/// The key within its space.
pub(in crate::store) fn within(row_key: &[u8]) -> &[u8] {
    row_key.get(PREFIX_BYTES..).unwrap_or_default()
}
