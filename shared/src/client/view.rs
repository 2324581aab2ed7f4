//! States as a client reads them: all of one by the schema, or only its header.
//!
//! Responsible for: entities by kind and field from the rows of a state, for any game; the light path that
//! leaves the rows alone and allocates nothing. Not responsible for: what the fields mean.

use serde::Deserialize;

pub use crate::entity::{EntityView, FieldPlace, kind_number};
use crate::ids::{Epoch, NetId, StateHash};
use crate::schema::Schema;
use crate::snapshot::{SnapshotError, sections};
use crate::time::Tick;
use crate::wire::decode::DecodeError;
use crate::wire::parts::PART_ELEMENTS;
use crate::wire::state::{STATE_ELEMENTS, STATE_TAG, StateMessage};
use crate::wire::version::Encoding;

/// Everything of a state but its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateHeader {
    /// The activation it belongs to.
    pub epoch: Epoch,
    /// The tick.
    pub tick: Tick,
    /// The match's state hash, on ticks where it is taken.
    pub hash: Option<StateHash>,
    /// The number of the receiver's last input that was applied.
    pub last_input: u32,
    /// How early the receiver's inputs arrive, in 1/256 tick.
    pub lead: i32,
    /// Ticks without an input from the receiver, modulo 2^16.
    pub starved: u16,
    /// In how many parts the state comes.
    pub parts: u16,
}

impl StateHeader {
    /// The header of a decoded state.
    pub fn of(state: &StateMessage) -> Self {
        let &StateMessage { epoch, tick, hash, last_input, lead, starved, .. } = state;
        Self { epoch, tick, hash, last_input, lead, starved, parts: 1 }
    }

    /// Reads the header of a message; none if the message is no state. A part of a state has the header of its
    /// state. A packed state's rows are stepped
    /// over and nothing is allocated; the other forms are parsed, their entities dropped.
    pub fn read(bytes: &[u8], encoding: Encoding) -> Result<Option<Self>, DecodeError> {
        match encoding {
            Encoding::Msgpack if bytes.first().is_some_and(|first| first & 0xf0 == 0x90) => {
                packed(bytes).map(Some).ok_or_else(|| malformed(&"not a packed state"))
            }
            Encoding::Msgpack => {
                let header: MapHeader<'_> =
                    rmp_serde::from_slice(bytes).map_err(|error| malformed(&error))?;
                header.finish()
            }
            Encoding::Json => {
                let header: MapHeader<'_> =
                    serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
                header.finish()
            }
        }
    }
}

fn malformed(error: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::Malformed(error.to_string())
}

fn packed(bytes: &[u8]) -> Option<StateHeader> {
    let mut rest = bytes;
    let elements = rmp::decode::read_array_len(&mut rest).ok()?;
    let (tag, mut rest) = rmp::decode::read_str_from_slice(rest).ok()?;
    if !matches!(elements, STATE_ELEMENTS | PART_ELEMENTS) || tag != STATE_TAG {
        return None;
    }
    let epoch = Epoch(rmp::decode::read_int(&mut rest).ok()?);
    let tick = Tick(rmp::decode::read_int(&mut rest).ok()?);
    if !skip_nil(&mut rest) {
        let _base: u64 = rmp::decode::read_int(&mut rest).ok()?;
    }
    let mut hash = None;
    if !skip_nil(&mut rest) {
        let (text, after) = rmp::decode::read_str_from_slice(rest).ok()?;
        hash = Some(StateHash(u64::from_str_radix(text, 16).ok()?));
        rest = after;
    }
    let mut parts = 1;
    if elements == PART_ELEMENTS {
        let _part: u16 = rmp::decode::read_int(&mut rest).ok()?;
        parts = rmp::decode::read_int(&mut rest).ok()?;
    }
    let body_bytes = rmp::decode::read_bin_len(&mut rest).ok()? as usize;
    rest = rest.get(body_bytes..)?;
    let last_input = rmp::decode::read_int(&mut rest).ok()?;
    let lead = rmp::decode::read_int(&mut rest).ok()?;
    let starved = rmp::decode::read_int(&mut rest).ok()?;
    rest.is_empty().then_some(StateHeader { epoch, tick, hash, last_input, lead, starved, parts })
}

fn skip_nil(rest: &mut &[u8]) -> bool {
    let is_nil = rest.first() == Some(&0xc0);
    if is_nil {
        *rest = &rest[1..];
    }
    is_nil
}

/// The map form with everything but the header left out.
#[derive(Deserialize)]
struct MapHeader<'a> {
    #[serde(borrow)]
    t: std::borrow::Cow<'a, str>,
    epoch: Option<Epoch>,
    tick: Option<Tick>,
    #[serde(default)]
    hash: Option<StateHash>,
    last_input: Option<u32>,
    lead: Option<i32>,
    starved: Option<u16>,
}

impl MapHeader<'_> {
    fn finish(self) -> Result<Option<StateHeader>, DecodeError> {
        if self.t != STATE_TAG {
            return Ok(None);
        }
        let header = || {
            Some(StateHeader {
                epoch: self.epoch?,
                tick: self.tick?,
                hash: self.hash,
                last_input: self.last_input?,
                lead: self.lead?,
                starved: self.starved?,
                parts: 1,
            })
        };
        header().map(Some).ok_or_else(|| malformed(&"a state without its header"))
    }
}

/// Why a state cannot be viewed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// The rows do not fit the schema.
    #[error(transparent)]
    Rows(#[from] SnapshotError),
    /// An entity by field name lacks its id or a known kind.
    #[error("an entity without an id or a kind of the schema")]
    Entity,
}

/// The entities of one state. Its buffers are reused state after state.
#[derive(Debug, Default)]
pub struct View {
    entities: Vec<(NetId, usize, usize)>,
    values: Vec<i64>,
}

impl Clone for View {
    fn clone(&self) -> Self {
        Self { entities: self.entities.clone(), values: self.values.clone() }
    }

    /// In the buffers that are there.
    fn clone_from(&mut self, other: &Self) {
        self.entities.clone_from(&other.entities);
        self.values.clone_from(&other.values);
    }
}

impl View {
    /// Nothing is in view.
    pub fn clear(&mut self) {
        self.entities.clear();
        self.values.clear();
    }

    /// Replaces what is in view by the entities of `state`, packed or by name. After an error it is empty.
    pub fn replace(&mut self, state: &StateMessage, schema: &Schema) -> Result<(), ViewError> {
        self.clear();
        if let Some(base) = state.base {
            return Err(SnapshotError::Relative(base).into());
        }
        let done = match (&state.body, &state.entities) {
            (Some(body), _) => self.add_rows(body, schema),
            (None, Some(entities)) => entities.iter().try_for_each(|entity| self.add_named(entity, schema)),
            (None, None) => Ok(()),
        };
        if done.is_err() {
            self.entities.clear();
        }
        done
    }

    /// Every entity, by kind and then id.
    pub fn entities(&self) -> impl Iterator<Item = EntityView<'_>> {
        self.entities.iter().enumerate().map(|(index, &(id, kind, first))| {
            let end = self.entities.get(index + 1).map_or(self.values.len(), |next| next.2);
            EntityView { id, kind, values: &self.values[first..end] }
        })
    }

    /// Every entity of one kind.
    pub fn of_kind(&self, kind: usize) -> impl Iterator<Item = EntityView<'_>> {
        self.entities().filter(move |entity| entity.kind == kind)
    }

    fn add_rows(&mut self, body: &[u8], schema: &Schema) -> Result<(), ViewError> {
        for section in sections(body, schema)? {
            let fields = &schema.kinds[section.kind].fields;
            for (id, mut row) in section.entities() {
                self.entities.push((id, section.kind, self.values.len()));
                self.values.extend(fields.iter().filter_map(|field| field.kind.read(&mut row)));
            }
        }
        Ok(())
    }

    fn add_named(
        &mut self,
        entity: &serde_json::Map<String, serde_json::Value>,
        schema: &Schema,
    ) -> Result<(), ViewError> {
        let id = entity.get("id").and_then(serde_json::Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let name = entity.get("kind").and_then(serde_json::Value::as_str).ok_or(ViewError::Entity)?;
        let kind = kind_number(schema, name).ok_or(ViewError::Entity)?;
        self.entities.push((NetId(id.ok_or(ViewError::Entity)?), kind, self.values.len()));
        for field in &schema.kinds[kind].fields {
            let value = entity.get(&field.name);
            let number = value.and_then(|value| value.as_i64().or_else(|| value.as_bool().map(i64::from)));
            self.values.push(number.unwrap_or(0));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
