//! The field schema: how packed rows are laid out, told to every client in `welcome` so that a decoder is
//! generic. A row is its fields in order, each little-endian at its kind's width, without padding.

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

/// How a field is stored in a packed row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// 1 byte, unsigned.
    U8,
    /// 2 bytes, unsigned.
    U16,
    /// 4 bytes, unsigned.
    U32,
    /// 1 byte, two's complement.
    I8,
    /// 2 bytes, two's complement.
    I16,
    /// 4 bytes, two's complement.
    I32,
    /// 1 byte, 0 or 1.
    Bool,
}

impl FieldKind {
    /// Bytes in a packed row.
    pub const fn width(self) -> usize {
        match self {
            FieldKind::U8 | FieldKind::I8 | FieldKind::Bool => 1,
            FieldKind::U16 | FieldKind::I16 => 2,
            FieldKind::U32 | FieldKind::I32 => 4,
        }
    }

    /// Appends `value`, clamped to what the kind can hold.
    pub fn write(self, value: i64, row: &mut impl Extend<u8>) {
        let mut bytes = [0; 4];
        self.put(value, &mut bytes[..self.width()]);
        row.extend(bytes.into_iter().take(self.width()));
    }

    /// Fills `place`, which is as wide as the kind, with `value`, clamped to what the kind can hold.
    pub fn put(self, value: i64, place: &mut [u8]) {
        // Constants in each arm: the compiler makes one store of each (a tick packs some 250 fields).
        let within = |lowest, highest| i64::clamp(value, lowest, highest).to_le_bytes();
        match self {
            FieldKind::U8 => place.copy_from_slice(&within(0, 0xff)[..1]),
            FieldKind::U16 => place.copy_from_slice(&within(0, 0xffff)[..2]),
            FieldKind::U32 => place.copy_from_slice(&within(0, 0xffff_ffff)[..4]),
            FieldKind::I8 => place.copy_from_slice(&within(-0x80, 0x7f)[..1]),
            FieldKind::I16 => place.copy_from_slice(&within(-0x8000, 0x7fff)[..2]),
            FieldKind::I32 => place.copy_from_slice(&within(-0x8000_0000, 0x7fff_ffff)[..4]),
            FieldKind::Bool => place.copy_from_slice(&within(0, 1)[..1]),
        }
    }

    /// Reads the field at the front of `row` and moves past it; none if the row is too short.
    pub fn read(self, row: &mut &[u8]) -> Option<i64> {
        let (field, rest) = row.split_at_checked(self.width())?;
        *row = rest;
        Some(match *field {
            [a] if self == FieldKind::I8 => i64::from(a as i8),
            [a] => i64::from(a),
            [a, b] if self == FieldKind::I16 => i64::from(i16::from_le_bytes([a, b])),
            [a, b] => i64::from(u16::from_le_bytes([a, b])),
            [a, b, c, d] if self == FieldKind::I32 => i64::from(i32::from_le_bytes([a, b, c, d])),
            [a, b, c, d] => i64::from(u32::from_le_bytes([a, b, c, d])),
            _ => return None,
        })
    }
}

/// A named field of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Unique in its row.
    pub name: String,
    /// How it is stored.
    pub kind: FieldKind,
    /// Quantisation: how many stored units make one unit of the game. 256: the stored 384 means 1.5.
    pub per_unit: u32,
    /// Told to the entity's owner alone: 0 for everybody else.
    #[serde(default, skip_serializing_if = "is_false")]
    pub private: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A kind of entity as clients see it. Its number is its place in the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSchema {
    /// The kind's name, unique in the game.
    pub name: String,
    /// Its fields, after the entity's id (u32).
    pub fields: Vec<Field>,
}

impl KindSchema {
    /// Bytes of a row: 4 for the id and the widths of its fields.
    pub fn row_bytes(&self) -> usize {
        4 + row_bytes(&self.fields)
    }
}

/// Bytes of a row with these fields.
pub fn row_bytes(fields: &[Field]) -> usize {
    fields.iter().map(|field| field.kind.width()).sum()
}

/// Everything a client needs to read a game's states and write its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The kinds of entities, by number.
    pub kinds: Vec<KindSchema>,
    /// The fields of an input.
    pub input: Vec<Field>,
}

impl Schema {
    /// A number that changes with any name, kind or order: xxh3-64 of the schema's JSON, low 32 bits.
    pub fn hash(&self) -> u32 {
        let text = serde_json::to_vec(self).expect("a schema is plain data");
        (XxHash3_64::oneshot(&text) & 0xffff_ffff) as u32
    }
}
