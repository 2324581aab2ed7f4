//! Reads a difference: the view it makes of another.
//!
//! Invariant: whatever the bytes, no panic, and no more memory than the base and [`VIEW_BYTES_MAX`] together.

use super::bits::BitReader;
use super::delta_error::DeltaError;
use super::encode::{COUNT_ORDER, ID_ORDER, NO_ROW};
use super::fields::{self, Mask};
use super::layout::{ID_BYTES, KindLayout, Layout, Place, Range, SECTION_HEAD_BYTES, VIEW_BYTES_MAX, id_of};
use crate::ids::NetId;
use crate::snapshot::ROWS_PER_KIND_MAX;

/// Reads differences. Its buffers are reused.
#[derive(Debug, Default)]
pub struct Decoder {
    left: Vec<NetId>,
    merging: Vec<u8>,
}

impl Decoder {
    /// Appends to `out` the view that a difference makes of `base`, which was checked. After an error what was
    /// appended means nothing.
    pub fn whole(
        &mut self,
        layout: &Layout,
        base: &[u8],
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DeltaError> {
        self.left.clear();
        self.rows(layout, base, Range::ALL, bytes, out)
    }

    /// The same of one part of several: the rows within its range, and the range.
    pub fn part(
        &mut self,
        layout: &Layout,
        base: &[u8],
        mut bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Range, DeltaError> {
        self.left.clear();
        let range = Range::take(&mut bytes)?;
        self.rows(layout, base, range, bytes, out)?;
        Ok(range)
    }

    /// What the last difference took out of view although it is still there.
    pub fn left_view(&self) -> &[NetId] {
        &self.left
    }

    fn rows(
        &mut self,
        layout: &Layout,
        mut base: &[u8],
        range: Range,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DeltaError> {
        let mut bits = BitReader::new(bytes);
        for (number, kind) in layout.kinds().iter().enumerate() {
            let rows = layout.take_rows(number, &mut base)?;
            if range.reaches(number) {
                let mut section = Section { number: number as u8, kind, range, rows, start: out.len() };
                section.read(self, &mut bits, out)?;
            }
        }
        if !base.is_empty() {
            return Err(DeltaError::Body);
        }
        bits.finish()
    }
}

/// The rows of one kind that are being read.
struct Section<'a> {
    number: u8,
    kind: &'a KindLayout,
    range: Range,
    /// Those of the base.
    rows: &'a [u8],
    /// Where it begins in what is made.
    start: usize,
}

impl Section<'_> {
    fn read(
        &mut self,
        decoder: &mut Decoder,
        bits: &mut BitReader<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), DeltaError> {
        out.extend_from_slice(&[self.number, 0, 0]);
        self.kept(&mut decoder.left, bits, out)?;
        let fresh = out.len();
        self.fresh(bits, out)?;
        let first = self.start + SECTION_HEAD_BYTES;
        if first < fresh && fresh < out.len() {
            merge(self.kind.row_bytes, first, fresh, &mut decoder.merging, out)?;
        }
        let count = (out.len() - first) / self.kind.row_bytes;
        match u16::try_from(count).map_err(|_| DeltaError::Rows)? {
            0 => out.truncate(self.start),
            count => out[self.start + 1..first].copy_from_slice(&count.to_le_bytes()),
        }
        Ok(())
    }

    /// The rows of the base that stay.
    fn kept(
        &self,
        left: &mut Vec<NetId>,
        bits: &mut BitReader<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), DeltaError> {
        let Self { kind, rows, .. } = *self;
        let mut mask = Mask::default();
        let within = self.range.within(self.number.into(), rows, kind.row_bytes);
        for row in within.chunks_exact(kind.row_bytes) {
            if !bits.bit()? {
                out.extend_from_slice(row);
            } else if !bits.bit()? {
                let at = out.len();
                out.extend_from_slice(row);
                fields::apply(kind, &mut out[at..], &mut mask, bits)?;
            } else if bits.bit()? {
                left.push(id_of(row));
            }
        }
        Ok(())
    }

    /// The rows that the base has not, each told by the one before.
    fn fresh(&self, bits: &mut BitReader<'_>, out: &mut Vec<u8>) -> Result<(), DeltaError> {
        let Self { number, kind, range, rows, .. } = *self;
        let count = bits.number(COUNT_ORDER)?;
        if count as usize > ROWS_PER_KIND_MAX {
            return Err(DeltaError::Rows);
        }
        let mut mask = Mask::default();
        for index in 0..count {
            let at = out.len();
            if index == 0 {
                let last = rows.rchunks_exact(kind.row_bytes).next();
                out.extend_from_slice(last.unwrap_or(&NO_ROW[..kind.row_bytes]));
            } else {
                out.extend_from_within(at - kind.row_bytes..);
            }
            let row = &mut out[at..];
            let last = id_of(row).0;
            let id = match index {
                0 => last.wrapping_add(bits.signed(ID_ORDER)? as u32),
                _ => bits
                    .number(ID_ORDER)?
                    .checked_add(1)
                    .and_then(|more| last.checked_add(more))
                    .ok_or(DeltaError::Place)?,
            };
            if !range.contains(Place { kind: number, id: NetId(id) }) {
                return Err(DeltaError::Place);
            }
            row[..ID_BYTES].copy_from_slice(&id.to_le_bytes());
            fields::apply(kind, row, &mut mask, bits)?;
            if out.len() > VIEW_BYTES_MAX {
                return Err(DeltaError::Size);
            }
        }
        Ok(())
    }
}

/// Puts the rows from `fresh` on among those from `first` on, by id.
fn merge(
    row_bytes: usize,
    first: usize,
    fresh: usize,
    merging: &mut Vec<u8>,
    out: &mut [u8],
) -> Result<(), DeltaError> {
    if id_of(&out[fresh - row_bytes..]) < id_of(&out[fresh..]) {
        return Ok(());
    }
    merging.clear();
    let (kept, fresh) = out[first..].split_at(fresh - first);
    let (mut kept, mut fresh) =
        (kept.chunks_exact(row_bytes).peekable(), fresh.chunks_exact(row_bytes).peekable());
    loop {
        let next = match (kept.peek(), fresh.peek()) {
            (Some(old), Some(new)) if id_of(old) == id_of(new) => return Err(DeltaError::Place),
            (Some(old), Some(new)) if id_of(old) > id_of(new) => fresh.next(),
            (Some(_), _) => kept.next(),
            (None, _) => fresh.next(),
        };
        match next {
            Some(row) => merging.extend_from_slice(row),
            None => break,
        }
    }
    out[first..].copy_from_slice(merging);
    Ok(())
}
