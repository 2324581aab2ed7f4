//! Every message, as a type. The map form `{"t": ..., fields}` is the same in JSON and msgpack.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::close::CloseCode;
use super::state::StateMessage;
use super::version::StateKind;
use crate::ids::{Epoch, Seat};
use crate::schema::Schema;
use crate::time::Tick;

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The first message of a connection.
    Hello(Hello),
    /// Inputs by field name. The packed form is decoded without passing through here.
    Input(InputMessage),
    /// The newest state received, when there is no input to carry it.
    Ack(Ack),
    /// Asks for a `pong`.
    Ping(Ping),
    /// Gives the seat up.
    Leave {},
    /// Data for the game.
    Message(DataMessage),
}

/// Who the client is and what it speaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`super::version::PROTOCOL_VERSION`] of the client.
    pub protocol: u16,
    /// The match to join.
    pub match_id: String,
    /// A join token; not needed in dev mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The resume token of an earlier `welcome`: back to the same seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// The player's name where no token carries one (dev mode).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    /// How states are wanted.
    #[serde(default)]
    pub state: StateKind,
    /// The schema the client was built with: refused with 4426 if the match has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_hash: Option<u32>,
    /// The epoch of the last `welcome`, when the client comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
}

/// Inputs for consecutive ticks, by field name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputMessage {
    /// The epoch of `welcome`.
    pub epoch: Epoch,
    /// The tick of the first input.
    pub tick: Tick,
    /// The number of the first input.
    pub seq: u32,
    /// The newest state received.
    #[serde(default)]
    pub ack: Tick,
    /// Which of the 32 ticks before it were received, too: bit `k` for `ack - 1 - k`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mask: u32,
    /// The inputs, oldest first, at most 10.
    pub inputs: Vec<serde_json::Value>,
}

/// The states a client has received.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ack {
    /// The epoch of those states.
    pub epoch: Epoch,
    /// The tick of the newest.
    pub tick: Tick,
    /// As in [`InputMessage::mask`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mask: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
fn is_zero(mask: &u32) -> bool {
    *mask == 0
}

/// Asks for an answer, to measure the round trip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ping {
    /// Comes back in the `pong`.
    pub nonce: u32,
}

/// Data between a game and its players.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataMessage {
    /// Whatever the game and its clients agree on.
    pub data: serde_json::Value,
}

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The answer to a `hello` that was accepted.
    Welcome(Box<Welcome>),
    /// The state of a tick.
    State(StateMessage),
    /// Something that happened in the match.
    Event(EventMessage),
    /// The answer to a `ping`.
    Pong(Pong),
    /// Data from the game.
    Message(DataMessage),
    /// The last message before a close.
    Bye(Bye),
}

/// Everything a client needs to play.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol version spoken.
    pub protocol: u16,
    /// The match.
    pub match_id: String,
    /// The game's name.
    pub game: String,
    /// The game's version.
    pub game_version: u32,
    /// The activation of the match.
    pub epoch: Epoch,
    /// The match's tick when this was written.
    pub tick: Tick,
    /// Ticks a second.
    pub tick_rate_hz: u32,
    /// The player's name.
    pub player: String,
    /// The player's seat.
    pub seat: Seat,
    /// Brings the player back to this seat within `resume_seconds` after a drop, also after a restart.
    pub resume_token: String,
    /// How long a dropped player's seat is held.
    pub resume_seconds: u32,
    /// `sync`, `async` or `none`.
    pub durability: String,
    /// The highest input number the match has taken from this seat: number on from here.
    pub last_input: u32,
    /// [`Schema::hash`] of `schema`.
    pub schema_hash: u32,
    /// How states and inputs are packed.
    pub schema: Arc<Schema>,
    /// A user token for the match's room in class `chat`, as the player. None: the server has no such class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_token: Option<String>,
}

/// Something that happened in a match: reliable, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventMessage {
    /// The tick it happened in.
    pub tick: Tick,
    /// What happened, in the game's words.
    pub name: String,
    /// More of it.
    pub data: serde_json::Value,
}

/// The answer to a `ping`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pong {
    /// The nonce of the ping.
    pub nonce: u32,
}

/// Why the server closes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bye {
    /// The close code that follows.
    pub code: CloseCode,
    /// A few words for a developer.
    pub reason: String,
    /// When to try again, if it makes sense to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
    /// By which the client comes back to a socket of an object, once the server is there again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}
