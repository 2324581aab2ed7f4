//! Sockets of users, on which messages are JSON texts: who may have one, what came on it, why that was not taken.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::object::caller::Caller;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::peer::Payload;
use crate::object::socket::SocketId;

/// What a socket of nobody is closed with.
const NOBODY: u16 = 4401;
/// What a socket is closed with that is one too many.
const FULL: u16 = 4423;

/// What is sent where a message was not taken.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename = "error")]
struct Refusal {
    code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        let (code, retry_after_ms) = match &error {
            CallError::TooFast { retry_after_ms } => ("too_fast", Some(*retry_after_ms)),
            CallError::Forbidden(_) => ("not_allowed", None),
            CallError::Invalid(_) => ("invalid", None),
            CallError::Conflict { code, .. } | CallError::Missing { code, .. } => (*code, None),
            _ => ("failed", None),
        };
        Self { code, detail: error.to_string(), retry_after_ms }
    }
}

/// Who wants a socket; that of nobody is closed.
pub(super) fn who<'a>(ctx: &mut Context<'_>, socket: SocketId, caller: &'a Caller) -> Option<&'a str> {
    let user = caller.subject();
    if user.is_none() {
        ctx.peers().close(socket, NOBODY, "a token says who you are");
    }
    user
}

/// Closes a socket that is one too many.
pub(super) fn turn_away(ctx: &mut Context<'_>, socket: SocketId, reason: &'static str) {
    ctx.peers().close(socket, FULL, reason);
}

/// What came, if it is what the class expects. Nothing of it is repeated, so it is not said in serde's words.
pub(super) fn heard<T: DeserializeOwned>(payload: &Payload, expected: &str) -> Result<T, CallError> {
    let read = match payload {
        Payload::Text(text) => serde_json::from_str(text).ok(),
        Payload::Bytes(_) => None,
    };
    read.ok_or_else(|| CallError::Invalid(format!("expected a text: {expected}")))
}

/// Tells who sent a message why it was not taken.
pub(super) fn answer(ctx: &mut Context<'_>, socket: SocketId, done: Result<(), CallError>) {
    if let Err(error) = done {
        let refusal = serde_json::to_string(&Refusal::from(error)).expect("it is plain data");
        ctx.peers().send(socket, refusal);
    }
}
