//! What one client is shown: a body with the rows they see, without what is not for their eyes, and as new as
//! their share of the network allows.
//!
//! Responsible for: leaving rows out, fields of others that are private, which rows are told now and which later.
//! Not responsible for: who sees what ([`super::interest`]), how much may be sent ([`super::budget`]).
//!
//! A row that has to wait stays as the client has it, or is left out if they have none. It is told in one of the
//! next states: what waits longest, is nearest and no longer moves comes first.

use std::cmp::Reverse;

use super::interest::{NEAREST, Seen};
use crate::ids::{NetId, Seat};
use crate::schema::{Field, Schema};
use crate::snapshot::{Snapshot, each_section, sections};
use twox_hash::XxHash3_64;

/// How rows of a game are cut for one client. Made once from a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    kinds: Vec<KindCut>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct KindCut {
    row_bytes: usize,
    /// Bytes of a row that are for its owner alone.
    private: Vec<std::ops::Range<usize>>,
    /// Bytes that a new row takes on the wire, about: half of its fields' and what says that it is new.
    new_bytes: usize,
}

/// Bytes that a row that has changed takes on the wire, about (arena: 3.9).
const CHANGED_BYTES: usize = 4;
/// How much faster what no longer moves comes to its turn: it would stay in the wrong place.
const RESTING_WEIGHT: u32 = 4;

impl Cut {
    /// For the views of one game.
    pub fn new(schema: &Schema) -> Self {
        let kinds = schema.kinds.iter().map(|kind| KindCut {
            row_bytes: kind.row_bytes(),
            private: private(&kind.fields),
            new_bytes: kind.row_bytes() / 2 + 1,
        });
        Self { kinds: kinds.collect() }
    }

    /// Does nobody see other than everybody, where everybody sees every row?
    pub fn is_same_for_all(&self) -> bool {
        self.kinds.iter().all(|kind| kind.private.is_empty())
    }

    /// Appends what the player in `seat` sees of a snapshot.
    ///
    /// # Panics
    /// If the snapshot is none of the schema or `seen` none of the snapshot.
    pub fn view(
        &self,
        snapshot: &Snapshot,
        schema: &Schema,
        seen: Option<&[Seen]>,
        seat: Seat,
        view: &mut Vec<u8>,
    ) {
        let mut seen = seen.map(|seen| seen.iter().peekable());
        let mut out = BodyOut::new(view);
        let mut first = 0;
        for section in each_section(&snapshot.body, schema) {
            let section = section.expect(OWN);
            let kind = &self.kinds[section.kind];
            let rows = section.rows.len() / kind.row_bytes;
            let mut take = |row: usize| {
                let bytes = &section.rows[row * kind.row_bytes..][..kind.row_bytes];
                let is_own = snapshot.places.get(first + row).is_some_and(|at| at.owner == Some(seat));
                out.push(section.kind as u8, bytes, if is_own { &[] } else { &kind.private });
            };
            match &mut seen {
                None => (0..rows).for_each(&mut take),
                Some(seen) => {
                    while let Some(seen) = seen.next_if(|seen| (seen.row as usize) < first + rows) {
                        take(seen.row as usize - first);
                    }
                }
            }
            first += rows;
        }
        out.end();
    }
}

/// The ranges of bytes of a row that are private, those side by side as one.
fn private(fields: &[Field]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    let mut at = ID_BYTES;
    for field in fields {
        let end = at + field.kind.width();
        match ranges.last_mut() {
            Some(last) if field.private && last.end == at => last.end = end,
            _ if field.private => ranges.push(at..end),
            _ => {}
        }
        at = end;
    }
    ranges
}

/// Why a server's own bodies can be read.
const OWN: &str = "the simulation packs by its own schema";
const ID_BYTES: usize = 4;
const SECTION_HEAD_BYTES: usize = 3;

/// A body that is being written, row by row in order.
struct BodyOut<'a> {
    view: &'a mut Vec<u8>,
    /// Kind, head and rows of the section that is open.
    section: Option<(u8, usize, u16)>,
}

impl<'a> BodyOut<'a> {
    fn new(view: &'a mut Vec<u8>) -> Self {
        Self { view, section: None }
    }

    fn push(&mut self, kind: u8, row: &[u8], without: &[std::ops::Range<usize>]) {
        if self.section.is_none_or(|(open, ..)| open != kind) {
            self.end();
            self.section = Some((kind, self.view.len(), 0));
            self.view.extend_from_slice(&[kind, 0, 0]);
        }
        let at = self.view.len();
        self.view.extend_from_slice(row);
        for range in without {
            self.view[at..][range.clone()].fill(0);
        }
        if let Some((.., rows)) = &mut self.section {
            *rows += 1;
        }
    }

    /// Ends the section that is open.
    fn end(&mut self) {
        if let Some((_, head, rows)) = self.section.take() {
            self.view[head + 1..head + SECTION_HEAD_BYTES].copy_from_slice(&rows.to_le_bytes());
        }
    }
}

/// What a client has and what it is to have.
#[derive(Debug, Clone, Copy)]
pub struct Views<'a> {
    /// Of the game.
    pub cut: &'a Cut,
    /// Of the game.
    pub schema: &'a Schema,
    /// The view the client has; empty: none.
    pub base: &'a [u8],
    /// The view that says everything.
    pub fresh: &'a [u8],
}

impl<'a> Views<'a> {
    /// Visits the rows of the fresh view, each beside the same entity's row of the base.
    fn each(self, mut visit: impl FnMut(u8, NetId, &'a [u8], Option<&'a [u8]>)) {
        let base = sections(self.base, self.schema).expect(OWN);
        for section in sections(self.fresh, self.schema).expect(OWN) {
            let known = base.iter().find(|known| known.kind == section.kind);
            let known = known.map_or(&[][..], |known| known.rows);
            let mut known = known.chunks_exact(section.row_bytes).peekable();
            for row in section.rows.chunks_exact(section.row_bytes) {
                let id = id_of(row);
                while known.next_if(|known| id_of(known) < id).is_some() {}
                visit(section.kind as u8, id, row, known.next_if(|known| id_of(known) == id));
            }
        }
    }
}

fn id_of(row: &[u8]) -> NetId {
    NetId(row.first_chunk().map_or(0, |id| u32::from_le_bytes(*id)))
}

fn print_of(row: &[u8]) -> u32 {
    (XxHash3_64::oneshot(row) & 0xffff_ffff) as u32
}

/// What a view says and leaves to be said, in bytes as they are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// All of it.
    pub wanted: usize,
    /// What is told.
    pub told: usize,
}

/// What waits to be told to one client who may not be told everything at once.
#[derive(Debug, Default)]
pub struct Waiting {
    /// In the order of rows.
    rows: Vec<Waits>,
    next: Vec<Waits>,
}

#[derive(Debug, Clone, Copy)]
struct Waits {
    kind: u8,
    id: NetId,
    weight: u32,
    /// The row, in 32 bits: does it still change?
    print: u32,
    bytes: usize,
    /// It is told now.
    is_told: bool,
}

impl Waiting {
    /// Does nothing wait?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Appends to `view` what of `fresh` can be told in `bytes`; all else is as in `base`, the view that the
    /// client has. `nearness` of each row of `fresh`, in its order. Answers what
    /// that comes to.
    pub fn hold_back(&mut self, views: Views<'_>, nearness: &[u8], bytes: usize, view: &mut Vec<u8>) -> Told {
        let wanted = self.weigh(views, nearness);
        if wanted <= bytes {
            self.rows.clear();
            view.extend_from_slice(views.fresh);
            return Told { wanted, told: wanted };
        }
        let told = self.choose(bytes);
        self.compose(views, view);
        self.rows.retain(|waits| !waits.is_told);
        Told { wanted, told }
    }

    /// Notes what differs from the base and how much it matters by now; answers the bytes that all of it takes.
    fn weigh(&mut self, views: Views<'_>, nearness: &[u8]) -> usize {
        let Self { rows, next, .. } = self;
        next.clear();
        let mut before = rows.iter().peekable();
        let mut wanted = 0;
        let mut number = 0;
        views.each(|kind, id, fresh, base| {
            let near = nearness.get(number).copied().unwrap_or(NEAREST);
            number += 1;
            if base == Some(fresh) {
                return;
            }
            while before.next_if(|waits| (waits.kind, waits.id) < (kind, id)).is_some() {}
            let waited = before.next_if(|waits| (waits.kind, waits.id) == (kind, id));
            let print = print_of(fresh);
            let is_resting = waited.is_some_and(|waits| waits.print == print) && base.is_some();
            let by = (1 + u32::from(near)) * if is_resting { RESTING_WEIGHT } else { 1 };
            let weight = waited.map_or(0, |waits| waits.weight).saturating_add(by);
            let bytes =
                if base.is_some() { CHANGED_BYTES } else { views.cut.kinds[usize::from(kind)].new_bytes };
            wanted += bytes;
            next.push(Waits { kind, id, weight, print, bytes, is_told: false });
        });
        std::mem::swap(rows, next);
        wanted
    }

    /// The weightiest rows that fit; answers their bytes. What does not fit is passed over, it does not stop the others.
    fn choose(&mut self, bytes: usize) -> usize {
        let Self { rows, next, .. } = self;
        next.clone_from(rows);
        next.sort_unstable_by_key(|waits| (Reverse(waits.weight), waits.kind, waits.id));
        let mut left = bytes;
        for waits in next.iter() {
            let Some(rest) = left.checked_sub(waits.bytes) else { continue };
            left = rest;
            let place = rows.binary_search_by_key(&(waits.kind, waits.id), |row| (row.kind, row.id));
            rows[place.expect("it is one of them")].is_told = true;
        }
        bytes - left
    }

    fn compose(&self, views: Views<'_>, view: &mut Vec<u8>) {
        let mut waiting = self.rows.iter().peekable();
        let mut out = BodyOut::new(view);
        views.each(|kind, id, fresh, base| {
            while waiting.next_if(|waits| (waits.kind, waits.id) < (kind, id)).is_some() {}
            let waits = waiting.next_if(|waits| (waits.kind, waits.id) == (kind, id));
            let row = if waits.is_some_and(|waits| !waits.is_told) { base } else { Some(fresh) };
            if let Some(row) = row {
                out.push(kind, row, &[]);
            }
        });
        out.end();
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
