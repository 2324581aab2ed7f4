//! A row told by how it differs from another: which fields, and by how much.
//!
//! The fields that have changed are told by how that differs from the row before, four at a time. A field's
//! difference wraps at its width and comes in one of a few sizes, the shorter ones with the shorter selector: so
//! many ones as it is far down the list, then a zero, which the last one does without.
//!
//! The sizes are the best of those tried on an arena of 8 who run, turn and shoot four times a second, by bases of
//! 1, 4 and 8 ticks before: 47.3, 71.7 and 90.1 bytes a tick. With selectors of equal length ({3, 8}, {3, 6, 9, 16},
//! {4, 6, 10, 32}) and one bit for an equal mask instead of groups: 55.2, 83.9 and 108.4.
//! `cargo bench --bench parts` prints how often each size is needed.

use super::bits::{BitReader, BitWriter};
use super::delta_error::DeltaError;
use super::layout::{FieldLayout, KindLayout, Width};

/// Bits of a difference of 8 bits.
const SIZES_8: [u32; 2] = [6, 8];
/// Bits of a difference of 16 bits.
const SIZES_16: [u32; 4] = [3, 6, 9, 16];
/// Bits of a difference of 32 bits.
const SIZES_32: [u32; 4] = [6, 9, 15, 32];
/// Fields whose change is told together.
const GROUP: usize = 4;

/// Bits that a difference may have.
const fn sizes(width: Width) -> &'static [u32] {
    match width {
        Width::Bit => &[0],
        Width::One => &SIZES_8,
        Width::Two => &SIZES_16,
        Width::Four => &SIZES_32,
    }
}

/// The fields that were last said to have changed, of a kind in a difference: bit `k` for field `k`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mask(u64);

impl Mask {
    fn of(kind: &KindLayout, from: &[u8], to: &[u8]) -> Self {
        let differs = |field: &FieldLayout| u64::from(field.read(from) != field.read(to));
        Self(kind.fields.iter().rev().fold(0, |mask, field| mask << 1 | differs(field)))
    }

    /// Writes this mask after another.
    fn write_after(self, before: &mut Self, fields: usize, bits: &mut BitWriter) {
        let mut differs = self.0 ^ before.0;
        let mut mask = self.0;
        for first in (0..fields).step_by(GROUP) {
            let width = GROUP.min(fields - first) as u32;
            let group = (1 << width) - 1;
            match differs & group {
                0 => bits.push(0, 1),
                _ => bits.push(1 | ((mask & group) as u32) << 1, 1 + width),
            }
            differs >>= GROUP;
            mask >>= GROUP;
        }
        *before = self;
    }

    fn read_after(before: &mut Self, fields: usize, bits: &mut BitReader<'_>) -> Result<Self, DeltaError> {
        for first in (0..fields).step_by(GROUP) {
            if bits.bit()? {
                let width = GROUP.min(fields - first) as u32;
                let group = u64::from(bits.read(width)?);
                before.0 = before.0 & !(((1 << width) - 1) << first) | group << first;
            }
        }
        Ok(*before)
    }
}

/// Appends how the fields of `to` differ from those of `from`.
pub(super) fn write(kind: &KindLayout, from: &[u8], to: &[u8], before: &mut Mask, bits: &mut BitWriter) {
    let mask = Mask::of(kind, from, to);
    mask.write_after(before, kind.fields.len(), bits);
    let mut left = mask.0;
    while left != 0 {
        let field = kind.fields[left.trailing_zeros() as usize];
        left &= left - 1;
        write_difference(field.width, field.read(to).wrapping_sub(field.read(from)), bits);
    }
}

#[inline]
fn write_difference(width: Width, difference: u32, bits: &mut BitWriter) {
    let signed = match width {
        Width::Bit => return,
        Width::One => i32::from(difference as i8),
        Width::Two => i32::from(difference as i16),
        Width::Four => difference as i32,
    };
    let sizes = sizes(width);
    let last = sizes.len() - 1;
    let fits = |size: &u32| signed >> (size - 1) == signed >> 31;
    let ones = sizes[..last].iter().position(fits).unwrap_or(last);
    let size = sizes[ones];
    bits.push((1 << ones) - 1, (ones + 1).min(last) as u32);
    bits.push((u64::from(difference) & ((1 << size) - 1)) as u32, size);
}

/// Changes a row by what [`write()`] appended.
pub(super) fn apply(
    kind: &KindLayout,
    row: &mut [u8],
    before: &mut Mask,
    bits: &mut BitReader<'_>,
) -> Result<(), DeltaError> {
    let mut left = Mask::read_after(before, kind.fields.len(), bits)?.0;
    while left != 0 {
        let field = kind.fields[left.trailing_zeros() as usize];
        left &= left - 1;
        let value = match field.width {
            Width::Bit => field.read(row) ^ 1,
            width => field.read(row).wrapping_add(read_difference(width, bits)?),
        };
        field.write(value, row);
    }
    Ok(())
}

fn read_difference(width: Width, bits: &mut BitReader<'_>) -> Result<u32, DeltaError> {
    let sizes = sizes(width);
    let mut ones = 0;
    while ones + 1 < sizes.len() && bits.bit()? {
        ones += 1;
    }
    let size = sizes[ones];
    let unused = 32 - size;
    Ok(((bits.read(size)? << unused) as i32 >> unused) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::layout::Layout;
    use crate::schema::{Field, FieldKind, KindSchema, Schema};

    fn layout(kinds: &[FieldKind]) -> Layout {
        let field = |(at, kind): (usize, &FieldKind)| Field {
            name: format!("f{at}"),
            kind: *kind,
            per_unit: 1,
            private: false,
        };
        let fields = kinds.iter().enumerate().map(field).collect();
        let kinds = vec![KindSchema { name: "thing".to_owned(), fields }];
        Layout::new(&Schema { kinds, input: Vec::new() }).unwrap()
    }

    fn row(kinds: &[FieldKind], value: i64) -> Vec<u8> {
        let mut row = vec![0; 4];
        kinds.iter().for_each(|kind| kind.write(value, &mut row));
        row
    }

    #[test]
    fn differences_at_the_limits_of_each_size_come_back() {
        use FieldKind::{Bool, I8, I16, I32, U8, U16, U32};
        let kinds = [U8, U16, U32, I8, I16, I32, Bool];
        let layout = layout(&kinds);
        let kind = &layout.kinds()[0];
        let edges = (0..32).flat_map(|bit| [(1_i64 << bit) - 1, 1 << bit, -(1 << bit), -(1 << bit) - 1]);
        let values: Vec<i64> = edges.chain([i64::from(u32::MAX), 0]).collect();
        for from in [0, -1, 1, i64::from(i32::MIN), i64::from(u32::MAX)] {
            for to in &values {
                let (from, to) = (row(&kinds, from), row(&kinds, *to));
                let (mut bits, mut bytes) = (BitWriter::default(), Vec::new());
                write(kind, &from, &to, &mut Mask::default(), &mut bits);
                bits.copy_to(&mut bytes);
                let (mut got, mut reader) = (from.clone(), BitReader::new(&bytes));
                apply(kind, &mut got, &mut Mask::default(), &mut reader).unwrap();
                assert_eq!((got, reader.finish()), (to, Ok(())), "from {from:?}");
                assert!(bits.bits() <= kind.row_bits_max);
            }
        }
    }

    #[test]
    fn a_small_difference_takes_few_bits() {
        let kinds = [FieldKind::I32, FieldKind::I32];
        let layout = layout(&kinds);
        let kind = &layout.kinds()[0];
        let (mut bits, mut mask) = (BitWriter::default(), Mask::default());
        write(kind, &row(&kinds, 0), &row(&kinds, 31), &mut mask, &mut bits);
        assert_eq!(bits.bits(), 1 + 2 + 2 * (1 + 6), "a mask, then two differences");
        write(kind, &row(&kinds, 0), &row(&kinds, -32), &mut mask, &mut bits);
        assert_eq!(bits.bits(), 17 + 1 + 2 * (1 + 6), "the same mask again");
        write(kind, &row(&kinds, 0), &row(&kinds, 32), &mut mask, &mut bits);
        assert_eq!(bits.bits(), 32 + 1 + 2 * (2 + 9), "one more takes the next size");
    }

    #[test]
    fn every_field_of_the_most_there_are_is_told() {
        let kinds = [FieldKind::U8; crate::limits::FIELDS_MAX];
        let layout = layout(&kinds);
        let kind = &layout.kinds()[0];
        for changed in 0..kinds.len() {
            let (from, mut to) = (row(&kinds, 0), row(&kinds, 0));
            to[4 + changed] = 200;
            let (mut bits, mut bytes, mut got) = (BitWriter::default(), Vec::new(), from.clone());
            write(kind, &from, &to, &mut Mask::default(), &mut bits);
            bits.copy_to(&mut bytes);
            apply(kind, &mut got, &mut Mask::default(), &mut BitReader::new(&bytes)).unwrap();
            assert_eq!(got, to);
        }
    }
}
