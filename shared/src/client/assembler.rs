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
    /// The newest state that was skipped, and how many of its parts came.
    skipped: (Tick, u16),
    /// What that one took out of view although it is still there.
    left: Vec<NetId>,
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
    left: Vec<NetId>,
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
            skipped: (Tick(0), 0),
            left: Vec::new(),
        }
    }

    /// Which states were received whole.
    pub fn received(&self) -> Acknowledged {
        self.received
    }

    /// A state, or one of its `parts`, came of which nothing else is of interest: it is received with the last of them.
    pub fn skip(&mut self, tick: Tick, parts: u16) {
        if tick > self.skipped.0 {
            self.skipped = (tick, 0);
        }
        if tick == self.skipped.0 {
            self.skipped.1 = self.skipped.1.saturating_add(1);
            if self.skipped.1 == parts {
                self.received.add(tick);
            }
        }
    }

    /// What the newest state took out of view although it is still there.
    pub fn left_view(&self) -> &[NetId] {
        &self.left
    }

    /// Takes a state as it came in one piece; none if it is no newer than what was given out, or of another epoch.
    /// It comes out whole.
    pub fn take_state(&mut self, mut state: StateMessage) -> Result<Option<StateMessage>, DeltaError> {
        if !self.is_new(state.epoch, state.tick) {
            return Ok(None);
        }
        let (tick, base) = (state.tick, state.base.take());
        self.left.clear();
        if let Some(body) = &mut state.body {
            let history = self.history.as_mut().ok_or(DeltaError::Schema)?;
            match base {
                None => drop(history.take_whole(tick, body)?),
                Some(base) => {
                    let view = history.take_difference(tick, base, body)?;
                    body.clear();
                    body.extend_from_slice(view);
                    self.left.extend_from_slice(history.left_view());
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
        let (Some(collecting), Some(history)) = (&mut self.collecting, &self.history) else {
            return Ok(None);
        };
        if !collecting.add(part, read)? {
            return Ok(None);
        }
        collecting.left.extend_from_slice(history.left_view());
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
        let base = part.base.ok_or(DeltaError::Place)?;
        let mut rows = Vec::new();
        let range = history.read_part(base, part.body, &mut rows)?;
        Ok((range, rows))
    }

    /// The state of which every part is there.
    fn give_whole(&mut self, whole: Collecting) -> Result<StateMessage, DeltaError> {
        let mut body = Joined::default();
        for (_, rows) in whole.parts.iter().flatten() {
            body.append(rows, &self.schema, Range::ALL);
        }
        let state = StateMessage { base: None, body: Some(body.bytes), ..whole.state };
        let state = self.take_state(state)?.ok_or(DeltaError::Place)?;
        self.left = whole.left;
        Ok(state)
    }

    /// The state with what there is of it.
    fn give_partial(&mut self, partial: Collecting) -> StateMessage {
        let Collecting { mut state, parts, left, .. } = partial;
        self.left = left;
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
        Self { state: header(part), parts: vec![None; parts], missing: parts, bytes: 0, left: Vec::new() }
    }

    /// False for a part that does not belong, or was there.
    fn add(&mut self, part: &StatePart<'_>, (range, rows): (Range, Vec<u8>)) -> Result<bool, DeltaError> {
        if usize::from(part.parts) != self.parts.len() || part.base != self.state.base {
            return Ok(false);
        }
        let place = usize::from(part.part);
        if !matches!(self.parts.get(place), Some(None)) {
            return Ok(false);
        }
        if !self.joins_up(place, range) {
            return Err(DeltaError::Place);
        }
        self.bytes += rows.len();
        if self.bytes > VIEW_BYTES_MAX {
            return Err(DeltaError::Size);
        }
        self.parts[place] = Some((range, rows));
        self.missing -= 1;
        Ok(true)
    }

    /// Does a part begin where the one before it ends and end where the one after it begins, as far as these are
    /// there, and no part leave anything out?
    fn joins_up(&self, place: usize, range: Range) -> bool {
        let known = |place: usize| self.parts.get(place)?.as_ref().map(|(range, _)| *range);
        let from = place.checked_sub(1).map_or(Some(Range::ALL.from), |before| Some(known(before)?.until));
        let is_last = place + 1 == self.parts.len();
        let until = if is_last { Some(Range::ALL.until) } else { known(place + 1).map(|next| next.from) };
        range.from <= range.until
            && from.is_none_or(|from| from == range.from)
            && until.is_none_or(|until| until == range.until)
    }
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
