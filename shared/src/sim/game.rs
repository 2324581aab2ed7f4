//! What a game implements: one type, usually in one file.

use arrayvec::ArrayVec;
use bevy_ecs::world::World;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::assets::Assets;
use super::builder::Builder;
use super::event::LeaveReason;
use crate::ids::{PlayerName, Seat};
use crate::limits::INPUT_BYTES_MAX;
use crate::schema::{Field, FieldKind};
use crate::snapshot::{Point, Sight};
use crate::time::TICK_RATE_HZ;

/// The rules of a match. Everything here is called on one thread, for one world at a time, and must depend
/// on nothing but its arguments: no clock, no global, no randomness but [`super::world::Step::random`].
pub trait Game: Sized + Send + Sync + 'static {
    /// The name matches are created by.
    const NAME: &'static str;
    /// Grows with every change that makes old journals mean something else.
    const VERSION: u32;
    /// Steps a second. 0: a game without ticks, on general workers: what reaches its world is one step, and
    /// nothing happens in between, so that a match may sleep between two moves.
    const TICK_RATE_HZ: u32 = TICK_RATE_HZ;
    /// Where its matches run.
    const WORKERS: WorkerGroup = WorkerGroup::Tick;
    /// The leaderboard that a match's scores go to, unless its creator names another.
    const BOARD: Option<&'static str> = None;
    /// A world holds what not everybody may know: no player is shown its hash, which depends on all of it.
    const SECRETS: bool = false;

    /// What a player wants in one tick.
    type Input: Input;
    /// What the creator of a match may choose.
    type Options: DeserializeOwned + Serialize + Default;
    /// What the options came to, data files included: stored with the match, part of determinism.
    type Rules: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Options by the name of a preset, as JSON; the request's own options are laid over it.
    fn preset(_name: &str) -> Option<serde_json::Value> {
        None
    }
    /// Checks the options and reads what data files they name.
    fn rules(options: Self::Options, assets: &Assets) -> Result<Self::Rules, RulesError>;
    /// Seats of a match with these rules, at most [`crate::limits::SEATS_MAX`].
    fn seats(rules: &Self::Rules) -> u16;
    /// Registers components, resources, kinds of entities and systems. Runs once for every world.
    fn build(game: &mut Builder<'_>);
    /// Puts what follows from the rules alone into a world: at the start and after every restore.
    fn load(_world: &mut World, _rules: &Self::Rules) {}
    /// Fills a new world: entities, saved resources.
    fn start(world: &mut World, rules: &Self::Rules);
    /// A player takes a seat: give them a body, or refuse and leave the world as it was.
    fn join(world: &mut World, seat: Seat, player: &PlayerName) -> Result<(), JoinRefused>;
    /// A seat becomes free: take the body away.
    fn leave(world: &mut World, seat: Seat, reason: LeaveReason);
    /// A player's connection is gone; they keep their body for a while.
    fn dropped(_world: &mut World, _seat: Seat) {}
    /// A dropped player is back.
    fn returned(_world: &mut World, _seat: Seat) {}
    /// How far players see; none: everything. Each player sees from where the entity is that they own
    /// ([`KindBuilder::owned_by`](super::builder::KindBuilder::owned_by)), and what they own.
    fn sight(_rules: &Self::Rules) -> Option<Sight> {
        None
    }
    /// Whether something stands between two places that are near enough to see each other. Asked where
    /// [`Sight::is_blocked`]: for each pair, so at most some 10,000 times a tick.
    fn is_hidden(_world: &World, _from: Point, _to: Point) -> bool {
        false
    }
    /// Data from a player, as JSON.
    fn message(_world: &mut World, _seat: Seat, _data: &serde_json::Value) {}
    /// Something from outside that is no player, such as a backend: look at the world, answer, and say what is
    /// to change. Nothing changes here: a change is journaled, and then [`Game::signalled`] carries it out.
    fn signal(_world: &World, _name: &str, _data: &serde_json::Value) -> Result<SignalAnswer, SignalRefused> {
        Err(SignalRefused("the game knows no signals"))
    }
    /// Carries out the change of a signal, in the match and in every re-run of it.
    fn signalled(_world: &mut World, _change: &serde_json::Value) {}
    /// Of a game without ticks: what it waits for, and how long at most. Asked after every step.
    fn deadline(_world: &World) -> Option<Deadline> {
        None
    }
    /// What it waited for has not come in time.
    fn overdue(_world: &mut World) {}
    /// What listings show and search, a JSON object of at most 2,048 bytes.
    fn label(_world: &World) -> serde_json::Value {
        serde_json::Value::Null
    }
    /// What players have come to, asked once when the match is over, however it ended: posted to a leaderboard, once,
    /// under the match's id. Nothing of it comes back into the world.
    fn scores(_world: &World) -> Vec<(PlayerName, i64)> {
        Vec::new()
    }
    /// Something once the match is over: its result.
    fn outcome(_world: &World) -> Option<serde_json::Value> {
        None
    }
}

/// The options, or the rules, of a game that leaves nothing to choose: an empty JSON object. (`()` would be
/// `null`, which is not what a request's options are.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// The input of a game whose players send messages alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NoInput {}

impl Input for NoInput {
    const FIELDS: &'static [InputField] = &[];

    fn from_fields(_fields: &[i64]) -> Self {
        Self {}
    }

    fn to_fields(self, _fields: &mut Fields) {}
}

/// What a game without ticks waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Another for everything it waits for: its time runs from the step that gave it this number.
    pub number: u32,
    /// How long at most.
    pub seconds: u32,
}

/// Which threads run a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkerGroup {
    /// For what ticks; its handlers touch memory only.
    Tick,
    /// For the rest; its handlers may read the disk.
    General,
}

/// The fields of one input: at most as many as a packed row has bytes.
pub type Fields = ArrayVec<i64, INPUT_BYTES_MAX>;

/// A player's input. Small, copied, and the same bytes on every machine.
pub trait Input: Copy + Default + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// How it is packed, field by field: at most [`crate::limits::INPUT_BYTES_MAX`] bytes.
    const FIELDS: &'static [InputField];

    /// From the packed fields, in the order of `FIELDS`; clamp here what a cheat would send.
    fn from_fields(fields: &[i64]) -> Self;

    /// To the packed fields, in the order of `FIELDS`.
    fn to_fields(self, fields: &mut Fields);

    /// The input of a tick for which none came: `ticks` ago was the last. The default repeats it.
    #[must_use]
    fn starved(self, _ticks: u32) -> Self {
        self
    }
}

/// A field of an input.
#[derive(Debug, Clone, Copy)]
pub struct InputField {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its place in a packed row.
    pub kind: FieldKind,
    /// Stored units in one unit of the game.
    pub per_unit: u32,
}

impl InputField {
    /// A field without quantisation.
    pub const fn new(name: &'static str, kind: FieldKind) -> Self {
        Self { name, kind, per_unit: 1 }
    }

    pub(super) fn to_field(self) -> Field {
        Field { name: self.name.to_owned(), kind: self.kind, per_unit: self.per_unit, private: false }
    }
}

/// What a game says to a signal.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalAnswer {
    /// For whoever asked.
    pub reply: serde_json::Value,
    /// What is to change, for [`Game::signalled`]; none: nothing.
    pub change: Option<serde_json::Value>,
}

/// Why a game does not take a signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignalRefused(pub &'static str);

/// Why options make no match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("option {option}: {problem}")]
pub struct RulesError {
    /// The option's name.
    pub option: &'static str,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// Why a player may not join.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JoinRefused(pub &'static str);
