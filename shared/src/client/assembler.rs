//! Whole states from what comes: states that are told by their difference to another, parts that come as
//! datagrams.
//!
//! Responsible for: the views that differences are relative to; putting parts together, whatever their order;
//! what becomes of a state of which a part is lost; which states were received whole. Not responsible for: which
//! states are too old for a session.
//!
//! A state is given out once all its parts are there. If a part of a newer tick comes first, it is given out
//! as it is: in the place of a missing part stand the rows of the state before. So an entity that was in a lost
//! part is seen one tick late, and one that went away in it stays until the next tick. Such a state is not said
//! to be received, and nothing is relative to it.

use crate::ids::{Epoch, NetId};
use crate::input::Acknowledged;
use crate::replication::delta_error::DeltaError;
use crate::replication::history::History;
use crate::replication::layout::{Layout, Place, Range, VIEW_BYTES_MAX};
use crate::schema::Schema;
use crate::snapshot::{ROWS_PER_KIND_MAX, sections};
use crate::time::Tick;
use crate::wire::parts::StatePart;
use crate::wire::state::StateMessage;

/// The states of one welcome.
#[derive(Debug)]
pub struct Assembler {
    epoch: Epoch,
    schema: Schema,
    /// None: the schema is beyond what a difference can tell apart.
    history: Option<History>,
    received: Acknowledged,
    collecting: Option<Collecting>,
    /// The newest state that was given out, and its rows if it was not whole.
    given: Option<(Tick, Option<Vec<u8>>)>,
}

/// The parts of one state.
#[derive(Debug)]
struct Collecting {
    /// Without its body.
    state: StateMessage,
    /// The rows of each part, and what they cover.
    parts: Vec<Option<(Range, Vec<u8>)>>,
    missing: usize,
    bytes: usize,
}

impl Assembler {
    /// Nothing has come.
    pub fn new(epoch: Epoch, schema: &Schema) -> Self {
        Self {
            epoch,
            schema: schema.clone(),
            history: Layout::new(schema).ok().map(History::new),
            received: Acknowledged::default(),
            collecting: None,
            given: None,
        }
    }

    /// Which states were received whole.
    pub fn received(&self) -> Acknowledged {
        self.received
    }

    /// A state was received of which nothing but its tick is of interest.
    pub fn skip(&mut self, tick: Tick) {
        self.received.add(tick);
    }

    /// What the last difference took out of view although it is still there.
    pub fn left_view(&self) -> &[NetId] {
        self.history.as_ref().map_or(&[], History::left_view)
    }

    /// Takes a state as it came in one piece; none if it is no newer than what was given out, or of another epoch.
    /// It comes out whole.
    pub fn take_state(&mut self, mut state: StateMessage) -> Result<Option<StateMessage>, DeltaError> {
        if !self.is_new(state.epoch, state.tick) {
            return Ok(None);
        }
        let (tick, base) = (state.tick, state.base.take());
        if let Some(body) = &mut state.body {
            let history = self.history.as_mut().ok_or(DeltaError::Schema)?;
            match base {
                None => drop(history.take_whole(tick, body)?),
                Some(base) => {
                    let view = history.take_difference(tick, base, body)?;
                    body.clear();
                    body.extend_from_slice(view);
                }
            }
        }
        self.received.add(tick);
        self.given = Some((tick, None));
        self.collecting.take_if(|collecting| collecting.state.tick <= tick);
        Ok(Some(state))
    }

    /// Takes a part; a state, where the part makes one ready. Parts that are no newer than what was given out
    /// are dropped, as are those that are relative to a state that is not there.
    pub fn take_part(&mut self, part: &StatePart<'_>) -> Result<Option<StateMessage>, DeltaError> {
        if !self.is_new(part.epoch, part.tick) {
            return Ok(None);
        }
        if part.parts == 1 {
            let state = StateMessage { body: Some(part.body.to_vec()), ..header(part) };
            return self.take_state(state).or_else(dropped_without_base);
        }
        let newest = self.collecting.as_ref().map(|collecting| collecting.state.tick);
        if newest.is_some_and(|newest| part.tick < newest) {
            return Ok(None);
        }
        let read = match self.read(part) {
            Err(DeltaError::Base) => return Ok(None),
            read => read?,
        };
        let is_same = newest == Some(part.tick);
        let before = if is_same { None } else { self.collecting.replace(Collecting::begin(part)) };
        let Some(collecting) = &mut self.collecting else { return Ok(None) };
        if !collecting.add(part, read)? {
            return Ok(None);
        }
        if collecting.missing > 0 {
            return Ok(before.map(|before| self.give_partial(before)));
        }
        self.collecting.take().map(|whole| self.give_whole(whole)).transpose()
    }

    fn is_new(&self, epoch: Epoch, tick: Tick) -> bool {
        epoch == self.epoch && self.given.as_ref().is_none_or(|(given, _)| *given < tick)
    }

    /// The rows of a part, and what they cover.
    fn read(&mut self, part: &StatePart<'_>) -> Result<(Range, Vec<u8>), DeltaError> {
        let history = self.history.as_mut().ok_or(DeltaError::Schema)?;
        match part.base {
            Some(base) => {
                let mut rows = Vec::new();
                let range = history.read_part(base, part.body, &mut rows)?;
                Ok((range, rows))
            }
            None => Ok((range_of(part.body, &self.schema)?, part.body.to_vec())),
        }
    }

    /// The state of which every part is there.
    fn give_whole(&mut self, whole: Collecting) -> Result<StateMessage, DeltaError> {
        let mut body = Joined::default();
        for (_, rows) in whole.parts.iter().flatten() {
            body.append(rows, &self.schema, Range::ALL);
        }
        self.take_state(StateMessage { base: None, body: Some(body.bytes), ..whole.state })?
            .ok_or(DeltaError::Place)
    }

    /// The state with what there is of it.
    fn give_partial(&mut self, partial: Collecting) -> StateMessage {
        let Collecting { mut state, parts, .. } = partial;
        let known = match &self.given {
            Some((_, Some(rows))) => rows.as_slice(),
            Some((tick, None)) => {
                self.history.as_ref().and_then(|history| history.view(*tick).ok()).unwrap_or_default()
            }
            None => &[],
        };
        let (mut body, mut from) = (Joined::default(), Range::ALL.from);
        for (range, rows) in parts.iter().flatten() {
            body.append(known, &self.schema, Range { from, until: range.from });
            body.append(rows, &self.schema, Range::ALL);
            from = range.until;
        }
        body.append(known, &self.schema, Range { from, until: Range::ALL.until });
        self.given = Some((state.tick, Some(body.bytes.clone())));
        (state.base, state.body) = (None, Some(body.bytes));
        state
    }
}

fn dropped_without_base(error: DeltaError) -> Result<Option<StateMessage>, DeltaError> {
    if error == DeltaError::Base { Ok(None) } else { Err(error) }
}

/// Everything of a part but its body.
fn header(part: &StatePart<'_>) -> StateMessage {
    let &StatePart { epoch, tick, base, hash, last_input, lead, starved, .. } = part;
    StateMessage { epoch, tick, base, hash, body: None, entities: None, last_input, lead, starved }
}

impl Collecting {
    fn begin(part: &StatePart<'_>) -> Self {
        let parts = usize::from(part.parts);
        Self { state: header(part), parts: vec![None; parts], missing: parts, bytes: 0 }
    }

    /// False for a part that does not belong, or was there.
    fn add(&mut self, part: &StatePart<'_>, (range, rows): (Range, Vec<u8>)) -> Result<bool, DeltaError> {
        if usize::from(part.parts) != self.parts.len() || part.base != self.state.base {
            return Ok(false);
        }
        let (before, after) = self.parts.split_at_mut(usize::from(part.part));
        let Some((place @ None, after)) = after.split_first_mut() else { return Ok(false) };
        let before = before.iter().rev().flatten().next();
        let after = after.iter().flatten().next();
        let is_between = range.from <= range.until
            && before.is_none_or(|(before, _)| before.until <= range.from)
            && after.is_none_or(|(after, _)| range.until <= after.from);
        if !is_between {
            return Err(DeltaError::Place);
        }
        self.bytes += rows.len();
        if self.bytes > VIEW_BYTES_MAX {
            return Err(DeltaError::Size);
        }
        *place = Some((range, rows));
        self.missing -= 1;
        Ok(true)
    }
}

/// What the rows of a whole part cover: from the first of them to the last.
fn range_of(body: &[u8], schema: &Schema) -> Result<Range, DeltaError> {
    let sections = sections(body, schema).map_err(|_| DeltaError::Body)?;
    let place = |kind: usize| move |(id, _)| Place { kind: kind as u8, id };
    let first = sections.first().and_then(|section| section.entities().next().map(place(section.kind)));
    let last = sections.last().and_then(|section| section.entities().last().map(place(section.kind)));
    let (from, last) = first.zip(last).ok_or(DeltaError::Body)?;
    Ok(Range { from, until: Place { id: NetId(last.id.0.saturating_add(1)), ..last } })
}

/// A body that grows; rows of the kind it ends with join its last section.
#[derive(Debug, Default)]
struct Joined {
    bytes: Vec<u8>,
    /// Kind, place of the count, and count of the last section.
    last: Option<(usize, usize, usize)>,
}

impl Joined {
    /// Adds those rows of a body, which was checked, that are within the range.
    fn append(&mut self, body: &[u8], schema: &Schema, range: Range) {
        for section in sections(body, schema).unwrap_or_default() {
            for row in section.rows.chunks_exact(section.row_bytes) {
                let id = NetId(u32::from_le_bytes([row[0], row[1], row[2], row[3]]));
                if range.contains(Place { kind: section.kind as u8, id }) {
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
