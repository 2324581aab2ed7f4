//! Who is at a document and where, as Yjs has it: *awareness* states, a few of each socket. They lie with the sockets,
//! so that they are there when the document has slept, and go with them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::messages;
use super::wire::{Malformed, NUMBER_MAX, Reader, put_buffer, put_number};
use crate::object::context::Context;
use crate::object::socket::SocketId;

/// Bytes of a state, which is JSON; a larger one is not shown to others.
pub const STATE_BYTES_MAX: usize = 2_048;
/// States of a socket; one more is not shown to others.
pub const STATES_PER_SOCKET_MAX: usize = 4;
/// States in a message.
pub const STATES_PER_MESSAGE_MAX: u64 = 1_024;
/// Bytes of states that a client is told at once: what is beyond comes when it is renewed, every 15 s.
pub const GREETING_BYTES_MAX: usize = 128 * 1024;
/// A state that was not renewed for so long is over; Yjs has the same number.
pub const OVER_AFTER_MS: u64 = 30_000;

const NOBODY: &str = "null";

/// A state of an editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    client: u64,
    clock: u64,
    json: String,
    heard_ms: u64,
}

/// What is kept with a socket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Seat {
    /// Its user.
    pub(super) user: String,
    /// They may edit.
    pub(super) may_edit: bool,
    /// The map that they see; none: they speak y-websocket.
    pub(super) map: Option<String>,
    states: Vec<State>,
}

impl Seat {
    /// Somebody of whom nothing is known yet.
    pub(super) fn new(user: String, may_edit: bool, map: Option<String>) -> Self {
        Self { user, may_edit, map, states: Vec::new() }
    }

    /// As it was kept; nobody, if nothing was.
    pub(super) fn read(attachment: &[u8]) -> Self {
        postcard::from_bytes(attachment).unwrap_or_default()
    }

    /// Keeps it.
    pub(super) fn keep(&self, ctx: &mut Context<'_>, socket: SocketId) {
        let bytes = postcard::to_stdvec(self).expect("it is plain data");
        ctx.peers().attach(socket, bytes).expect("four states of 2,048 bytes fit an attachment");
    }
}

/// Those who are at a document.
#[derive(Debug, Default)]
pub(super) struct Presence(BTreeMap<SocketId, Seat>);

/// A state that comes.
pub(super) struct Coming<'a> {
    client: u64,
    clock: u64,
    json: &'a str,
}

/// The states of a message.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Coming<'_>>, Malformed> {
    let mut reader = Reader::new(bytes);
    let count = reader.number()?;
    if count > STATES_PER_MESSAGE_MAX {
        return Err(Malformed("too many states in a message"));
    }
    let mut states = Vec::new();
    for _ in 0..count {
        let coming = Coming { client: reader.number()?, clock: reader.number()?, json: reader.text()? };
        if serde_json::from_str::<serde::de::IgnoredAny>(coming.json).is_err() {
            return Err(Malformed("a state is no JSON"));
        }
        states.push(coming);
    }
    reader.end()?;
    Ok(states)
}

fn encoded<'s>(states: impl ExactSizeIterator<Item = (u64, u64, &'s str)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_number(&mut bytes, states.len() as u64);
    for (client, clock, json) in states {
        put_number(&mut bytes, client);
        put_number(&mut bytes, clock.min(NUMBER_MAX));
        put_buffer(&mut bytes, json.as_bytes());
    }
    messages::awareness(&bytes)
}

impl Presence {
    /// From what is kept with the sockets.
    pub(super) fn load(ctx: &mut Context<'_>) -> Self {
        let peers = ctx.peers();
        let seats = peers
            .list(None)
            .into_iter()
            .filter_map(|socket| Some((socket, Seat::read(peers.attachment(socket)?.bytes()))));
        Self(seats.collect())
    }

    /// Who is on a socket.
    pub(super) fn seat(&self, socket: SocketId) -> Option<&Seat> {
        self.0.get(&socket)
    }

    /// The maps that somebody sees.
    pub(super) fn maps(&self) -> BTreeSet<String> {
        self.0.values().filter_map(|seat| seat.map.clone()).collect()
    }

    /// Sockets of a user.
    pub(super) fn sockets_of(&self, user: &str) -> usize {
        self.0.values().filter(|seat| seat.user == user).count()
    }

    /// Somebody has come.
    pub(super) fn enter(&mut self, ctx: &mut Context<'_>, socket: SocketId, seat: Seat) {
        seat.keep(ctx, socket);
        self.0.insert(socket, seat);
    }

    /// Somebody is gone: the message that says so of their states; none, if they had none.
    pub(super) fn leave(&mut self, socket: SocketId, kept: &[u8]) -> Option<Vec<u8>> {
        let seat = self.0.remove(&socket).unwrap_or_else(|| Seat::read(kept));
        let is_elsewhere = |state: &&State| self.owner(state.client).is_some();
        let gone: Vec<State> = seat.states.iter().filter(|state| !is_elsewhere(state)).cloned().collect();
        let told = gone.iter().map(|state| (state.client, state.clock, NOBODY));
        (!gone.is_empty()).then(|| encoded(told))
    }

    /// States came: the message for everybody of those that are news; none, if none is.
    pub(super) fn hear(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        bytes: &[u8],
    ) -> Result<Option<Vec<u8>>, Malformed> {
        let states = read(bytes)?;
        let now_ms = ctx.unix_ms();
        let mut changed = BTreeSet::from([socket]);
        let is_news = |coming: &&Coming<'_>| self.take(socket, coming, now_ms, &mut changed);
        let news: Vec<&Coming<'_>> = states.iter().filter(is_news).collect();
        if !news.is_empty() {
            let seats = changed.iter().filter_map(|socket| Some((*socket, self.0.get(socket)?)));
            seats.for_each(|(socket, seat)| seat.keep(ctx, socket));
        }
        let told = news.iter().map(|coming| (coming.client, coming.clock, coming.json));
        Ok((!news.is_empty()).then(|| encoded(told)))
    }

    /// Takes one state; whether it is news. Clients repeat what they hear of others: what is not newer is none.
    fn take(
        &mut self,
        socket: SocketId,
        coming: &Coming<'_>,
        now_ms: u64,
        changed: &mut BTreeSet<SocketId>,
    ) -> bool {
        let is_over = coming.json == NOBODY;
        let fits = coming.json.len() <= STATE_BYTES_MAX;
        let Some(user) = self.0.get(&socket).map(|seat| seat.user.clone()) else { return false };
        let owner = self.owner(coming.client);
        if let Some((owner, known)) = owner {
            let is_newer = coming.clock > known || (coming.clock == known && is_over && owner == socket);
            let seat = self.0.get_mut(&owner).expect("it is the owner");
            if !is_newer || !fits || seat.user != user {
                return false;
            }
            seat.states.retain(|state| state.client != coming.client);
            changed.insert(owner);
        }
        let seat = self.0.get_mut(&socket).expect("it was there just now");
        if is_over {
            return owner.is_some();
        }
        if !fits || seat.states.len() >= STATES_PER_SOCKET_MAX {
            return false;
        }
        let (client, clock, json) = (coming.client, coming.clock, coming.json.to_owned());
        seat.states.push(State { client, clock, json, heard_ms: now_ms });
        true
    }

    /// On whose socket a state came, and its clock.
    fn owner(&self, client: u64) -> Option<(SocketId, u64)> {
        self.0.iter().find_map(|(socket, seat)| {
            let state = seat.states.iter().find(|state| state.client == client)?;
            Some((*socket, state.clock))
        })
    }

    /// The message for somebody who has come: everybody's states, as many as may wait for a client.
    pub(super) fn greeting(&self, now_ms: u64) -> Option<Vec<u8>> {
        let states = self.0.values().flat_map(|seat| &seat.states);
        let mut bytes = 0;
        let shown: Vec<&State> = states
            .filter(|state| now_ms < state.heard_ms + OVER_AFTER_MS)
            .take_while(|state| {
                bytes += state.json.len() + 20;
                bytes <= GREETING_BYTES_MAX
            })
            .collect();
        let told = shown.iter().map(|state| (state.client, state.clock, &*state.json));
        (!shown.is_empty()).then(|| encoded(told))
    }
}
