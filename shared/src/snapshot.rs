//! What is sent to players: the packed, quantised state of one tick. Never what is saved.
//!
//! Layout of the body: for each kind that has entities, in order of kind number: kind `u8`, number of rows
//! `u16` little-endian, then the rows in ascending order of id. A row is the id `u32` and the kind's fields.

use crate::ids::{NetId, Seat};
use crate::schema::Schema;
use crate::time::Tick;

/// Entities of one kind that a snapshot can hold.
pub const ROWS_PER_KIND_MAX: usize = u16::MAX as usize;

/// The packed state of one tick. Its buffer is reused tick after tick.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The tick whose state this is.
    pub tick: Tick,
    /// The packed rows, as they go on the wire.
    pub body: Vec<u8>,
    /// Where each row's entity is and whose it is, in the order of the rows; empty where everybody sees
    /// everything.
    pub places: Vec<Whereabouts>,
}

/// A point of a game's map, in its stored units.
pub type Point = (i32, i32);

/// What decides who sees an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whereabouts {
    /// The kind's number in the schema.
    pub kind: u8,
    /// The entity.
    pub id: NetId,
    /// Where it is; none: of concern to everybody.
    pub place: Option<Point>,
    /// Whose it is.
    pub owner: Option<Seat>,
}

/// How far players see, in the stored units of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// What comes so near is seen ...
    pub enter: i32,
    /// ... until it is further away than this, which is not less.
    pub leave: i32,
    /// What stands in the way hides.
    pub is_blocked: bool,
}

/// Bytes that are no snapshot of the schema they were read with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A section names a kind the schema does not have.
    #[error("byte {at}: kind {kind} is not in the schema")]
    UnknownKind {
        /// Offset of the section.
        at: usize,
        /// What stood there.
        kind: u8,
    },
    /// The body ends inside a section.
    #[error("byte {at}: the body ends inside a section")]
    Truncated {
        /// Offset of the section.
        at: usize,
    },
    /// Its rows are relative to those of another tick: this build reads whole rows.
    #[error("a state relative to tick {}; this build reads whole states", .0.0)]
    Relative(Tick),
}

/// The rows of one kind in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'a> {
    /// The kind's number in the schema.
    pub kind: usize,
    /// Bytes of each row.
    pub row_bytes: usize,
    /// The rows, one after another.
    pub rows: &'a [u8],
}

impl<'a> Section<'a> {
    /// Each entity's id and packed fields.
    pub fn entities(&self) -> impl Iterator<Item = (NetId, &'a [u8])> + use<'a> {
        self.rows.chunks_exact(self.row_bytes).map(|row| {
            let (id, fields) = row.split_at(4);
            (NetId(u32::from_le_bytes([id[0], id[1], id[2], id[3]])), fields)
        })
    }
}

/// Splits a body into its sections, checking every length before use.
pub fn sections<'a>(body: &'a [u8], schema: &Schema) -> Result<Vec<Section<'a>>, SnapshotError> {
    each_section(body, schema).collect()
}

/// The same one by one, without memory of its own; nothing follows an error.
pub fn each_section<'a, 's>(
    body: &'a [u8],
    schema: &'s Schema,
) -> impl Iterator<Item = Result<Section<'a>, SnapshotError>> + use<'a, 's> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = body.len() - rest.len();
        match first_section(rest, at, schema) {
            Ok((section, after)) => {
                rest = after;
                Some(Ok(section))
            }
            Err(error) => {
                rest = &[];
                Some(Err(error))
            }
        }
    })
}

/// The section that `bytes` begin with, and what follows it; `at` is where they stand in their body.
fn first_section<'a>(
    bytes: &'a [u8],
    at: usize,
    schema: &Schema,
) -> Result<(Section<'a>, &'a [u8]), SnapshotError> {
    let truncated = || SnapshotError::Truncated { at };
    let (&[kind, low, high], after) = bytes.split_first_chunk::<3>().ok_or_else(truncated)?;
    let Some(kind_schema) = schema.kinds.get(usize::from(kind)) else {
        return Err(SnapshotError::UnknownKind { at, kind });
    };
    let row_bytes = kind_schema.row_bytes();
    let length = usize::from(u16::from_le_bytes([low, high])) * row_bytes;
    let (rows, after) = after.split_at_checked(length).ok_or_else(truncated)?;
    Ok((Section { kind: usize::from(kind), row_bytes, rows }, after))
}
