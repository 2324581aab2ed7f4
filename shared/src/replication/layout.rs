//! Where the fields of a kind's rows stand: the schema, prepared once for reading and writing differences.

use std::cmp::Ordering;

use super::delta_error::DeltaError;
use crate::ids::NetId;
use crate::limits::{FIELDS_MAX, KINDS_MAX};
use crate::schema::{FieldKind, KindSchema, Schema};

/// Bytes of a view: of what one client sees of a match.
pub const VIEW_BYTES_MAX: usize = 1 << 20;
/// Bits before the fields of a row, at most: what became of it, or an id.
const ROW_HEAD_BITS_MAX: usize = 64;
/// Bits of a field beside its bytes: in the mask with its group's, and its size.
const FIELD_HEAD_BITS_MAX: usize = 2 + 3;
/// Bytes of an id before a row's fields.
pub(super) const ID_BYTES: usize = 4;
/// Bytes of the longest row.
pub(super) const ROW_BYTES_MAX: usize = ID_BYTES + FIELDS_MAX * 4;
/// Bytes of a section before its rows.
pub(super) const SECTION_HEAD_BYTES: usize = 3;

/// A row's place in a body: by kind, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The kind's number.
    pub kind: u8,
    /// The entity.
    pub id: NetId,
}

/// The rows from one place on, up to another and without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub from: Place,
    /// Where it has ended.
    pub until: Place,
}

impl Range {
    /// Bytes of a range before the bits of a part.
    pub const BYTES: usize = 10;
    /// Every row.
    pub const ALL: Self =
        Self { from: Place { kind: 0, id: NetId(0) }, until: Place { kind: u8::MAX, id: NetId(u32::MAX) } };

    /// As it stands before the bits of a part: kind and id of each end, the id little-endian.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (half, place) in bytes.chunks_exact_mut(Self::BYTES / 2).zip([self.from, self.until]) {
            half[0] = place.kind;
            half[1..].copy_from_slice(&place.id.0.to_le_bytes());
        }
        bytes
    }

    /// Takes a range off the front.
    pub fn take(bytes: &mut &[u8]) -> Result<Self, DeltaError> {
        let (range, rest) = bytes.split_first_chunk::<{ Self::BYTES }>().ok_or(DeltaError::Truncated)?;
        *bytes = rest;
        let place = |half: &[u8]| Place { kind: half[0], id: id_of(&half[1..]) };
        let (from, until) = range.split_at(Self::BYTES / 2);
        Ok(Self { from: place(from), until: place(until) })
    }

    /// Is a place within it?
    pub fn contains(self, place: Place) -> bool {
        self.from <= place && place < self.until
    }

    /// Does it reach rows of this kind?
    pub(super) fn reaches(self, kind: usize) -> bool {
        (usize::from(self.from.kind)..=usize::from(self.until.kind)).contains(&kind)
    }

    /// Those rows of a kind that are within it.
    pub(super) fn within(self, kind: usize, rows: &[u8], row_bytes: usize) -> &[u8] {
        let end_of = |place: Place| match usize::from(place.kind).cmp(&kind) {
            Ordering::Less => 0,
            Ordering::Equal => first_from(rows, row_bytes, place.id),
            Ordering::Greater => rows.len(),
        };
        rows.get(end_of(self.from)..end_of(self.until)).unwrap_or_default()
    }
}

/// How the rows of a game are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    kinds: Vec<KindLayout>,
}

/// How the rows of one kind are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KindLayout {
    /// Bytes of a row, its id included.
    pub(super) row_bytes: usize,
    /// Bits of a row's difference, at most.
    pub(super) row_bits_max: usize,
    pub(super) fields: Vec<FieldLayout>,
}

/// A field's place in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldLayout {
    pub(super) at: u16,
    pub(super) width: Width,
}

/// How wide a field is. Differences wrap at it, so its sign is of no matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Bit,
    One,
    Two,
    Four,
}

impl Width {
    fn of(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Bool => Self::Bit,
            FieldKind::U8 | FieldKind::I8 => Self::One,
            FieldKind::U16 | FieldKind::I16 => Self::Two,
            FieldKind::U32 | FieldKind::I32 => Self::Four,
        }
    }
}

impl FieldLayout {
    /// The field as it stands in a row.
    #[inline]
    pub(super) fn read(self, row: &[u8]) -> u32 {
        let field = &row[usize::from(self.at)..];
        match self.width {
            Width::Bit | Width::One => field[0].into(),
            Width::Two => u16::from_le_bytes([field[0], field[1]]).into(),
            Width::Four => u32::from_le_bytes([field[0], field[1], field[2], field[3]]),
        }
    }

    /// Puts a field's lowest bytes into a row.
    #[inline]
    pub(super) fn write(self, value: u32, row: &mut [u8]) {
        let field = &mut row[usize::from(self.at)..];
        let bytes = value.to_le_bytes();
        match self.width {
            Width::Bit | Width::One => field[0] = bytes[0],
            Width::Two => field[..2].copy_from_slice(&bytes[..2]),
            Width::Four => field[..4].copy_from_slice(&bytes),
        }
    }
}

impl KindLayout {
    fn new(kind: &KindSchema) -> Result<Self, DeltaError> {
        if kind.fields.len() > FIELDS_MAX {
            return Err(DeltaError::Schema);
        }
        let mut at = ID_BYTES as u16;
        let place = |field: &crate::schema::Field| {
            let place = FieldLayout { at, width: Width::of(field.kind) };
            at += field.kind.width() as u16;
            place
        };
        let fields: Vec<FieldLayout> = kind.fields.iter().map(place).collect();
        let row_bytes = kind.row_bytes();
        let row_bits_max = ROW_HEAD_BITS_MAX + fields.len() * FIELD_HEAD_BITS_MAX + row_bytes * 8;
        Ok(Self { row_bytes, row_bits_max, fields })
    }

    /// Do rows come by ascending ids, with nothing but 0 and 1 where a difference has but a bit?
    fn is_in_order(&self, rows: &[u8]) -> bool {
        let mut bits = self.fields.iter().filter(|field| field.width == Width::Bit);
        let rows = rows.chunks_exact(self.row_bytes);
        rows.clone().map(id_of).is_sorted_by(|before, after| before < after)
            && bits.all(|bit| rows.clone().all(|row| bit.read(row) <= 1))
    }
}

impl Layout {
    /// The layout of a schema, if it has no more kinds and fields than a difference can tell apart.
    pub fn new(schema: &Schema) -> Result<Self, DeltaError> {
        if schema.kinds.len() > KINDS_MAX {
            return Err(DeltaError::Schema);
        }
        Ok(Self { kinds: schema.kinds.iter().map(KindLayout::new).collect::<Result<_, _>>()? })
    }

    /// The kinds, by number.
    pub(super) fn kinds(&self) -> &[KindLayout] {
        &self.kinds
    }

    /// The rows of a kind, in a body that begins with its section or one of a later kind.
    #[inline]
    pub(super) fn take_rows<'a>(&self, kind: usize, rest: &mut &'a [u8]) -> Result<&'a [u8], DeltaError> {
        let Some((&[number, low, high], after)) = rest.split_first_chunk::<SECTION_HEAD_BYTES>() else {
            return if rest.is_empty() { Ok(&[]) } else { Err(DeltaError::Body) };
        };
        if usize::from(number) != kind {
            return Ok(&[]);
        }
        let length = usize::from(u16::from_le_bytes([low, high])) * self.kinds[kind].row_bytes;
        let (rows, after) = after.split_at_checked(length).ok_or(DeltaError::Body)?;
        *rest = after;
        Ok(rows)
    }

    /// Is this a view: sections of ascending kinds, in each rows of ascending ids, switches of 0 or 1, of a bounded
    /// size?
    pub fn check(&self, body: &[u8]) -> Result<(), DeltaError> {
        if body.len() > VIEW_BYTES_MAX {
            return Err(DeltaError::Size);
        }
        let mut rest = body;
        for (number, kind) in self.kinds.iter().enumerate() {
            let rows = self.take_rows(number, &mut rest)?;
            if !kind.is_in_order(rows) {
                return Err(DeltaError::Body);
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(DeltaError::Body) }
    }

    /// Does a body have a row of this kind and id?
    pub fn has_row(&self, body: &[u8], kind: usize, id: NetId) -> bool {
        let (mut rest, mut rows) = (body, body);
        for number in 0..=kind {
            let Ok(found) = self.take_rows(number, &mut rest) else { return false };
            rows = found;
        }
        let at = first_from(rows, self.kinds[kind].row_bytes, id);
        at < rows.len() && id_of(&rows[at..]) == id
    }
}

/// Where the first row begins whose id is not below this one.
fn first_from(rows: &[u8], row_bytes: usize, id: NetId) -> usize {
    let (mut low, mut high) = (0, rows.len() / row_bytes);
    while low < high {
        let middle = (low + high) / 2;
        if id_of(&rows[middle * row_bytes..]) < id { low = middle + 1 } else { high = middle }
    }
    low * row_bytes
}

/// The id at the front of a row.
#[inline]
pub(super) fn id_of(row: &[u8]) -> NetId {
    NetId(row.first_chunk().map_or(0, |id| u32::from_le_bytes(*id)))
}
