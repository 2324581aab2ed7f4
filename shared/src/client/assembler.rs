//! Whole states from the parts that come as datagrams.
//!
//! Responsible for: putting parts together, whatever their order; what becomes of a state of which a part is
//! lost. Not responsible for: which states are too old for a session.
//!
//! A state is given out once all its parts are there. If a part of a newer tick comes first, it is given out
//! as it is: where a part is missing stand the rows of the state before, those whose kind and id lie between
//! the rows of the parts around it. So an entity that was in a lost part is seen one tick late, and one that
//! went away in it stays until the next tick.

use crate::ids::Epoch;
use crate::schema::Schema;
use crate::snapshot::{ROWS_PER_KIND_MAX, SnapshotError, sections};
use crate::time::Tick;
use crate::wire::parts::StatePart;
use crate::wire::state::StateMessage;

/// A row's place in a body: kind, then id.
type Place = (usize, u32);

/// The parts of the newest tick, and the rows of the state before.
#[derive(Debug, Default)]
pub struct Assembler {
    collecting: Option<Collecting>,
    /// Epoch and tick of the newest state that was given out.
    given: Option<(Epoch, Tick)>,
    /// Its rows.
    known: Vec<u8>,
}

#[derive(Debug)]
struct Collecting {
    /// Without its body.
    state: StateMessage,
    bodies: Vec<Option<Vec<u8>>>,
    missing: usize,
}

impl Assembler {
    /// Takes a part; a state, where the part makes one ready. Parts that are no newer than what was given out
    /// are dropped, those with relative rows refused: they could not stand in for whole ones.
    pub fn take(
        &mut self,
        part: &StatePart<'_>,
        schema: &Schema,
    ) -> Result<Option<StateMessage>, SnapshotError> {
        if let Some(base) = part.base {
            return Err(SnapshotError::Relative(base));
        }
        sections(part.body, schema)?;
        if self.given.is_some_and(|(epoch, tick)| epoch == part.epoch && part.tick <= tick) {
            return Ok(None);
        }
        let collecting = self.collecting.as_ref().map(|collecting| &collecting.state);
        let is_same = collecting.is_some_and(|state| (state.epoch, state.tick) == (part.epoch, part.tick));
        let is_older = collecting.is_some_and(|state| state.epoch == part.epoch && part.tick < state.tick);
        if is_older {
            return Ok(None);
        }
        let before = if is_same { None } else { self.collecting.replace(Collecting::begin(part)) };
        let Some(collecting) = &mut self.collecting else { return Ok(None) };
        if !collecting.add(part) {
            return Ok(None);
        }
        if collecting.missing > 0 {
            return Ok(before.map(|before| self.give(before, schema)));
        }
        let whole = self.collecting.take();
        Ok(whole.map(|whole| self.give(whole, schema)))
    }

    /// The state with what there is of it.
    fn give(&mut self, collecting: Collecting, schema: &Schema) -> StateMessage {
        let Collecting { mut state, bodies, missing } = collecting;
        let same_epoch = self.given.is_some_and(|(epoch, _)| epoch == state.epoch);
        let known = if same_epoch && missing > 0 { std::mem::take(&mut self.known) } else { Vec::new() };
        let mut body = Joined::default();
        let mut from: Option<Place> = None;
        for (index, part) in bodies.iter().enumerate() {
            if let Some(part) = part {
                body.append(part, schema, |_| true);
                from = ends(part, schema).map(|(_, last)| last).or(from);
                continue;
            }
            let next = bodies[index + 1..].iter().flatten().find_map(|part| ends(part, schema));
            let until = next.map(|(first, _)| first);
            let is_between = |place: Place| {
                from.is_none_or(|from| place > from) && until.is_none_or(|until| place < until)
            };
            // Of parts that are missing side by side the first brings the rows of all.
            if index == 0 || bodies[index - 1].is_some() {
                body.append(&known, schema, is_between);
            }
        }
        self.given = Some((state.epoch, state.tick));
        self.known.clone_from(&body.bytes);
        state.body = Some(body.bytes);
        state
    }
}

impl Collecting {
    fn begin(part: &StatePart<'_>) -> Self {
        let &StatePart { epoch, tick, base, hash, last_input, lead, starved, .. } = part;
        let state =
            StateMessage { epoch, tick, base, hash, body: None, entities: None, last_input, lead, starved };
        Self { state, bodies: vec![None; part.parts.into()], missing: part.parts.into() }
    }

    /// False for a part that does not belong, or was there.
    fn add(&mut self, part: &StatePart<'_>) -> bool {
        if usize::from(part.parts) != self.bodies.len() {
            return false;
        }
        let place = &mut self.bodies[usize::from(part.part)];
        if place.is_some() {
            return false;
        }
        *place = Some(part.body.to_vec());
        self.missing -= 1;
        true
    }
}

/// The places of a part's first and last row.
fn ends(body: &[u8], schema: &Schema) -> Option<(Place, Place)> {
    let sections = sections(body, schema).ok()?;
    let place = |section: Option<&crate::snapshot::Section<'_>>, last: bool| {
        let section = section?;
        let (id, _) = if last { section.entities().last()? } else { section.entities().next()? };
        Some((section.kind, id.0))
    };
    Some((place(sections.first(), false)?, place(sections.last(), true)?))
}

/// A body that grows; rows of the kind it ends with join its last section.
#[derive(Debug, Default)]
struct Joined {
    bytes: Vec<u8>,
    /// Kind, place of the count, and count of the last section.
    last: Option<(usize, usize, usize)>,
}

impl Joined {
    fn append(&mut self, body: &[u8], schema: &Schema, keep: impl Fn(Place) -> bool) {
        // Every part was checked when it came.
        for section in sections(body, schema).unwrap_or_default() {
            for row in section.rows.chunks_exact(section.row_bytes) {
                let id = u32::from_le_bytes([row[0], row[1], row[2], row[3]]);
                if keep((section.kind, id)) {
                    self.row(section.kind, row);
                }
            }
        }
    }

    fn row(&mut self, kind: usize, row: &[u8]) {
        let fits = self.last.filter(|(last, _, count)| *last == kind && *count < ROWS_PER_KIND_MAX);
        let (at, count) = match fits {
            Some((_, at, count)) => (at, count + 1),
            None => {
                self.bytes.extend_from_slice(&[kind as u8, 0, 0]);
                (self.bytes.len() - 2, 1)
            }
        };
        self.bytes[at..at + 2].copy_from_slice(&(count as u16).to_le_bytes());
        self.bytes.extend_from_slice(row);
        self.last = Some((kind, at, count));
    }
}

#[cfg(test)]
#[path = "assembler_tests.rs"]
mod tests;
