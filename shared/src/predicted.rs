//! What a game says of how it is shown ahead of the server and between two of its states. Implemented by games,
//! used by the client core, which knows no game.

use crate::entity::EntityView;
use crate::ids::Seat;
use crate::input::InputRow;
use crate::schema::Schema;

/// How a player's own body is foreseen: by the game's own rules, in the numbers that states have.
pub trait Predicted {
    /// What is foreseen. Equal bodies are equal in a state, number by number.
    type Body: Copy + PartialEq + std::fmt::Debug;

    /// What moves between two states.
    const MOVING: &'static [Moving];

    /// A picture that is further from the truth than this, in units of the game, is set rather than moved.
    const SNAP_UNITS: f64;

    /// A connection begins: states will have this schema, and the player this seat.
    fn begin(&mut self, schema: &Schema, seat: Seat);

    /// Looks at a new state: the player's body, and for [`Predicted::step`] whoever stands around it. None where
    /// there is nothing to foresee: the player is dead, or has no body.
    fn look<'a>(&mut self, state: impl Iterator<Item = EntityView<'a>>) -> Option<Self::Body>;

    /// Nobody who was seen in the newest state is near enough to matter.
    fn is_alone(&self) -> bool;

    /// The body after one more tick: the `ahead`-th after the newest state, counted from 1.
    fn step(&self, body: &Self::Body, input: &InputRow, ahead: u64) -> Self::Body;

    /// What the server takes for a tick without an input, `ticks` after the last one.
    fn starved(&self, last: &InputRow, ticks: u32) -> InputRow;

    /// From one state to another, so many ticks later: was the body put there rather than moved?
    fn is_jump(&self, from: &Self::Body, to: &Self::Body, ticks: u64) -> bool;

    /// Where a body is drawn, in units of the game.
    fn place(&self, body: &Self::Body) -> [f64; 2];
}

/// Entities of a kind that move between two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moving {
    /// The kind's name.
    pub kind: &'static str,
    /// The names of the fields that change smoothly.
    pub fields: &'static [&'static str],
    /// The most that one of them changes in a tick, as stored. Beyond it the entity was put somewhere else.
    pub step_max: i64,
}

/// A game of which nothing is foreseen: what is shown is what the states say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unpredicted;

impl Predicted for Unpredicted {
    type Body = ();

    const MOVING: &'static [Moving] = &[];
    const SNAP_UNITS: f64 = 0.0;

    fn begin(&mut self, _schema: &Schema, _seat: Seat) {}

    fn look<'a>(&mut self, _state: impl Iterator<Item = EntityView<'a>>) -> Option<()> {
        None
    }

    fn is_alone(&self) -> bool {
        true
    }

    fn step(&self, _body: &(), _input: &InputRow, _ahead: u64) {}

    fn starved(&self, last: &InputRow, _ticks: u32) -> InputRow {
        *last
    }

    fn is_jump(&self, _from: &(), _to: &(), _ticks: u64) -> bool {
        false
    }

    fn place(&self, _body: &()) -> [f64; 2] {
        [0.0; 2]
    }
}
