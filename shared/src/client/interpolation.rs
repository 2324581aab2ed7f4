//! Others between two states: what is shown is a little in the past, where there is a state on either side.
//!
//! Responsible for: the last states, where things that move are between two of them, and for a while beyond the
//! last. Not responsible for: which tick is shown ([`super::playout`]), what is foreseen.

use std::collections::VecDeque;

use super::view::View;
use crate::entity::{EntityView, kind_number};
use crate::ids::NetId;
use crate::predicted::Moving;
use crate::schema::Schema;
use crate::time::Tick;

/// States that are kept: half a second at 60 Hz.
pub const STATES_MAX: usize = 32;
/// What moves is taken to move on for so long after the newest state, and then stands (netcode: Client core).
pub const BEYOND_TICKS_MAX: f64 = 20.0;

/// The last states of a connection, and what of them moves.
#[derive(Debug, Default)]
pub struct Interpolation {
    /// Ascending.
    states: VecDeque<(Tick, View)>,
    kinds: Vec<Kind>,
}

/// How the entities of a kind are shown.
#[derive(Debug)]
struct Kind {
    per_unit: Vec<f64>,
    moving: Vec<usize>,
    step_max: i64,
}

/// What is shown: every entity with its fields in units of the game. Its buffers are used again and again.
#[derive(Debug, Default)]
pub struct Picture {
    entities: Vec<(NetId, usize, usize)>,
    values: Vec<f64>,
    /// How many ticks beyond the newest state it is; 0 between two.
    beyond: f64,
}

/// One entity of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown<'a> {
    /// Its identity.
    pub id: NetId,
    /// Its kind's number in the schema.
    pub kind: usize,
    /// Its kind's fields in the schema's order, in units of the game.
    pub values: &'a [f64],
}

impl Picture {
    /// Every entity, by kind and then id.
    pub fn entities(&self) -> impl Iterator<Item = Shown<'_>> {
        self.entities.iter().enumerate().map(|(index, &(id, kind, first))| {
            let end = self.entities.get(index + 1).map_or(self.values.len(), |next| next.2);
            Shown { id, kind, values: &self.values[first..end] }
        })
    }

    /// How many ticks beyond the newest state it is, because nothing newer has come; 0 where nothing was lacking.
    pub fn beyond_ticks(&self) -> f64 {
        self.beyond
    }
}

impl Interpolation {
    /// A connection begins: states will have this schema, and of their entities these will move.
    pub fn begin(&mut self, schema: &Schema, moving: &[Moving]) {
        self.states.clear();
        self.kinds = schema
            .kinds
            .iter()
            .enumerate()
            .map(|(number, kind)| {
                let moves = moving.iter().find(|moves| kind_number(schema, moves.kind) == Some(number));
                let place = |name: &&str| kind.fields.iter().position(|field| field.name == **name);
                Kind {
                    per_unit: kind.fields.iter().map(|field| f64::from(field.per_unit.max(1))).collect(),
                    moving: moves.iter().flat_map(|moves| moves.fields).filter_map(place).collect(),
                    step_max: moves.map_or(0, |moves| moves.step_max),
                }
            })
            .collect();
    }

    /// Keeps the state of a tick, newer than every one before.
    pub fn on_state(&mut self, tick: Tick, view: &View) {
        let mut kept = if self.states.len() == STATES_MAX {
            self.states.pop_front().map_or_else(View::default, |(_, view)| view)
        } else {
            View::default()
        };
        kept.clone_from(view);
        self.states.push_back((tick, kept));
    }

    /// The state of a tick, if it is kept.
    pub fn state(&self, tick: Tick) -> Option<&View> {
        self.states.iter().find(|(of, _)| *of == tick).map(|(_, view)| view)
    }

    /// Replaces the picture by that of a tick with its fraction. Before the first state it is the first's.
    pub fn show(&self, tick: f64, picture: &mut Picture) {
        picture.entities.clear();
        picture.values.clear();
        picture.beyond = 0.0;
        let after = self.states.partition_point(|(of, _)| of.0 as f64 <= tick);
        let Some((from_tick, from)) = self.states.get(after.max(1) - 1) else { return };
        let span = match self.states.get(after) {
            Some((to_tick, to)) if after > 0 => {
                let share = (tick - from_tick.0 as f64) / (to_tick.0 - from_tick.0) as f64;
                Span { other: Some(to), ticks: to_tick.0 - from_tick.0, share }
            }
            Some(_) => Span { other: None, ticks: 0, share: 0.0 },
            None => {
                picture.beyond = tick - from_tick.0 as f64;
                self.beyond(*from_tick, picture.beyond)
            }
        };
        let mut others = span.other.into_iter().flat_map(View::entities).peekable();
        for entity in from.entities() {
            let place = |of: &EntityView<'_>| (of.kind, of.id);
            while others.next_if(|other| place(other) < place(&entity)).is_some() {}
            let other = others.next_if(|other| place(other) == place(&entity));
            picture.entities.push((entity.id, entity.kind, picture.values.len()));
            self.add(entity, other, &span, &mut picture.values);
        }
    }

    /// Beyond the newest state things move on as they did between the last two: the share is below zero, as the
    /// other state is the older one.
    fn beyond(&self, newest: Tick, beyond: f64) -> Span<'_> {
        let Some((before, view)) = self.states.len().checked_sub(2).and_then(|index| self.states.get(index))
        else {
            return Span { other: None, ticks: 0, share: 0.0 };
        };
        let ticks = newest.0 - before.0;
        Span { other: Some(view), ticks, share: -beyond.min(BEYOND_TICKS_MAX) / ticks as f64 }
    }

    fn add(&self, from: EntityView<'_>, to: Option<EntityView<'_>>, span: &Span<'_>, values: &mut Vec<f64>) {
        let kind = &self.kinds[from.kind];
        let first = values.len();
        values
            .extend(from.values.iter().zip(&kind.per_unit).map(|(value, per_unit)| *value as f64 / per_unit));
        let Some(to) = to else { return };
        let most = kind.step_max.saturating_mul(i64::try_from(span.ticks).unwrap_or(i64::MAX));
        let way = |field: usize| to.values[field] - from.values[field];
        if kind.moving.iter().any(|field| way(*field).abs() > most) {
            return;
        }
        for field in &kind.moving {
            values[first + field] += way(*field) as f64 * span.share / kind.per_unit[*field];
        }
    }
}

/// From one state to another, or away from it.
struct Span<'a> {
    other: Option<&'a View>,
    /// How many ticks they are apart.
    ticks: u64,
    /// How much of the way is shown.
    share: f64,
}

#[cfg(test)]
#[path = "interpolation_tests.rs"]
mod tests;
