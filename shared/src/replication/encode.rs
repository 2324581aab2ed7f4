//! Writes what makes one view of another.
//!
//! Responsible for: the bits of a difference, whole or cut into parts that are each read by themselves.
//! Not responsible for: which view a receiver has ([`super::stream_base`], [`super::datagram_bases`]).
//!
//! Invariant: nothing is allocated once the buffers have grown.

use super::bits::BitWriter;
use super::fields::{self, Mask};
use super::layout::{KindLayout, Layout, Place, ROW_BYTES_MAX, Range, id_of};
use crate::ids::NetId;

/// The order of the numbers that say how many rows are new.
pub(super) const COUNT_ORDER: u32 = 0;
/// Bits of one that says 65,535.
const COUNT_BITS_MAX: usize = 33;
/// The order of the numbers that say how far the ids of new rows are apart.
pub(super) const ID_ORDER: u32 = 2;
/// Bits of a row of the base that stays as it is, that has changed, that is there no more: value and number.
pub(super) const SAME: (u32, u32) = (0b0, 1);
pub(super) const CHANGED: (u32, u32) = (0b01, 2);
pub(super) const ABSENT: (u32, u32) = (0b11, 2);

/// What the first new row of a kind is told by, where the base has none.
pub(super) const NO_ROW: [u8; ROW_BYTES_MAX] = [0; ROW_BYTES_MAX];

/// Why a server's own bodies can be read.
const OWN: &str = "the simulation packs by its own schema";

/// Two views of a match.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// How their rows are laid out.
    pub layout: &'a Layout,
    /// The view that the receiver has.
    pub base: &'a [u8],
    /// The view it is to have.
    pub view: &'a [u8],
}

/// Writes differences. Its buffers are reused.
#[derive(Debug, Default)]
pub struct Encoder {
    bits: BitWriter,
    fresh: BitWriter,
}

/// The parts of a difference, one after another. Its buffers are reused.
#[derive(Debug, Default)]
pub struct Parts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Parts {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Each of them: the only one covers every row, of several each begins with its [`Range`].
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let skipped = if self.count() == 1 { Range::BYTES } else { 0 };
        let start = |part: usize| part.checked_sub(1).map_or(0, |before| self.ends[before]);
        (0..self.count()).map(move |part| &self.bytes[start(part) + skipped..self.ends[part]])
    }
}

impl Encoder {
    /// Appends the difference to `out`. Of rows that only the base has, `has_left` says which are still there but
    /// out of view.
    ///
    /// # Panics
    /// If a view is none of the layout.
    pub fn whole(&mut self, pair: Pair<'_>, has_left: impl Fn(usize, NetId) -> bool, out: &mut Vec<u8>) {
        let mut walk = Walk::new(self, pair, has_left, usize::MAX);
        walk.run(|_, _| unreachable!("there is room for everything"));
        self.bits.copy_to(out);
    }

    /// Cuts the difference between rows into parts of at most `bytes_max`, ranges included; a row must fit.
    ///
    /// # Panics
    /// If a view is none of the layout.
    pub fn parts(
        &mut self,
        pair: Pair<'_>,
        has_left: impl Fn(usize, NetId) -> bool,
        bytes_max: usize,
        parts: &mut Parts,
    ) {
        parts.bytes.clear();
        parts.ends.clear();
        let mut add = |range: Range, bits: &BitWriter| {
            parts.bytes.extend_from_slice(&range.to_bytes());
            bits.copy_to(&mut parts.bytes);
            parts.ends.push(parts.bytes.len());
        };
        // What may follow the last row that fits: the number of new rows, of each later kind that there are
        // none, the last byte's zeros.
        let end_bits = COUNT_BITS_MAX + pair.layout.kinds().len() + 8;
        let room = (bytes_max - Range::BYTES) * 8 - end_bits;
        let mut walk = Walk::new(self, pair, has_left, room);
        walk.run(&mut add);
        let last = Range { from: walk.from, until: Range::ALL.until };
        add(last, &self.bits);
    }
}

/// What became of a row.
enum Step<'a> {
    /// Both views have it.
    Both(&'a [u8], &'a [u8]),
    /// Only the base has it.
    Absent(&'a [u8]),
    /// Only the new view has it.
    Fresh(&'a [u8]),
}

impl<'a> Step<'a> {
    /// The next row of either.
    #[inline]
    fn next(before: &mut &'a [u8], after: &mut &'a [u8], row_bytes: usize) -> Option<Self> {
        let (old, new) = (before.split_at_checked(row_bytes), after.split_at_checked(row_bytes));
        let order = match (old, new) {
            (None, None) => return None,
            (Some((old, _)), Some((new, _))) => id_of(old).cmp(&id_of(new)),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
        };
        let (old, before_left) = old.unwrap_or_default();
        let (new, after_left) = new.unwrap_or_default();
        if order.is_le() {
            *before = before_left;
        }
        if order.is_ge() {
            *after = after_left;
        }
        Some(match order {
            std::cmp::Ordering::Less => Self::Absent(old),
            std::cmp::Ordering::Equal => Self::Both(old, new),
            std::cmp::Ordering::Greater => Self::Fresh(new),
        })
    }

    fn id(&self) -> NetId {
        match self {
            Self::Both(row, _) | Self::Absent(row) | Self::Fresh(row) => id_of(row),
        }
    }
}

/// What the rows of one kind in one part were told by so far.
struct Told<'a> {
    changed: Mask,
    fresh: Mask,
    /// New rows, and the one that the next is told by.
    count: u32,
    last: &'a [u8],
}

impl<'a> Told<'a> {
    /// Nothing yet: the first new row is told by the last one of the base, if it has any.
    fn nothing(base: &'a [u8], kind: &KindLayout) -> Self {
        let last = base.rchunks_exact(kind.row_bytes).next().unwrap_or_default();
        Self { changed: Mask::default(), fresh: Mask::default(), count: 0, last }
    }
}

struct Walk<'w, 'a, L> {
    pair: Pair<'a>,
    has_left: L,
    /// Bits of a part.
    room: usize,
    /// Where the part begins that is being written.
    from: Place,
    bits: &'w mut BitWriter,
    /// Of the kind at hand: new rows come after those of the base.
    fresh: &'w mut BitWriter,
}

impl<'w, 'a, L: Fn(usize, NetId) -> bool> Walk<'w, 'a, L> {
    fn new(encoder: &'w mut Encoder, pair: Pair<'a>, has_left: L, room: usize) -> Self {
        let Encoder { bits, fresh } = encoder;
        bits.clear();
        Self { pair, has_left, room, from: Range::ALL.from, bits, fresh }
    }

    /// Writes everything; every part but the last goes to `part`.
    fn run(&mut self, mut part: impl FnMut(Range, &BitWriter)) {
        let Pair { layout, mut base, mut view } = self.pair;
        for (number, kind) in layout.kinds().iter().enumerate() {
            let mut before = layout.take_rows(number, &mut base).expect(OWN);
            let mut after = layout.take_rows(number, &mut view).expect(OWN);
            let rows = before;
            let mut told = Told::nothing(rows, kind);
            self.fresh.clear();
            while let Some(step) = Step::next(&mut before, &mut after, kind.row_bytes) {
                let used = self.bits.bits() + self.fresh.bits();
                if used.saturating_add(kind.row_bits_max) > self.room {
                    self.end_kind(&told);
                    let until = Place { kind: number as u8, id: step.id() };
                    part(Range { from: self.from, until }, self.bits);
                    self.from = until;
                    self.bits.clear();
                    told = Told::nothing(rows, kind);
                }
                self.row((number, kind), &step, &mut told);
            }
            self.end_kind(&told);
        }
        assert!(base.is_empty() && view.is_empty(), "{OWN}");
    }

    #[inline]
    fn row(&mut self, (number, kind): (usize, &KindLayout), step: &Step<'a>, told: &mut Told<'a>) {
        match *step {
            Step::Both(old, new) if old == new => self.bits.push(SAME.0, SAME.1),
            Step::Both(old, new) => {
                self.bits.push(CHANGED.0, CHANGED.1);
                fields::write(kind, old, new, &mut told.changed, self.bits);
            }
            Step::Absent(old) => {
                self.bits.push(ABSENT.0, ABSENT.1);
                self.bits.push((self.has_left)(number, id_of(old)).into(), 1);
            }
            Step::Fresh(new) => {
                let (id, last) = (id_of(new).0, id_of(told.last).0);
                match told.count {
                    0 => self.fresh.push_signed(id.wrapping_sub(last) as i32, ID_ORDER),
                    _ => self.fresh.push_number(id - last - 1, ID_ORDER),
                }
                let from = if told.last.is_empty() { &NO_ROW[..kind.row_bytes] } else { told.last };
                fields::write(kind, from, new, &mut told.fresh, self.fresh);
                told.last = new;
                told.count += 1;
            }
        }
    }

    /// Writes the new rows of a kind behind those of the base.
    fn end_kind(&mut self, told: &Told<'_>) {
        self.bits.push_number(told.count, COUNT_ORDER);
        self.bits.append(self.fresh);
        self.fresh.clear();
    }
}
