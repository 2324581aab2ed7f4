//! What the gateway adds to a match's welcome: a user token by which the player talks in the match's room.
//!
//! A match has no keys, and does not know whether there are rooms. The token is the player's alone and for that room
//! alone; each welcome has another one, so that who comes back a day later has one that holds.

use tickstone_shared::wire::message::{ServerMessage, Welcome};

use super::hub::Hub;
use crate::access::scope::{Scope, Subject, Verb};
use crate::access::user_token::USER_LIFE_MS_MAX;

/// The class of rooms; the room of a match has the match's id.
const CHAT_CLASS: &str = "chat";
/// What a player may do there.
const VERBS: [Verb; 2] = [Verb::Connect, Verb::Call];

/// The welcome with a token for the match's room, where rooms are served.
pub(super) fn with_chat(hub: &Hub, welcome: &Welcome) -> ServerMessage {
    let mut whole = welcome.clone();
    whole.chat_token = hub.classes.contains_key(CHAT_CLASS).then(|| token(hub, welcome)).flatten();
    ServerMessage::Welcome(Box::new(whole))
}

fn token(hub: &Hub, welcome: &Welcome) -> Option<String> {
    let player = Subject::parse(&welcome.player).ok()?;
    let scope = |verb: Verb| Scope::parse(&format!("{CHAT_CLASS}:{}:{}", welcome.match_id, verb.name())).ok();
    let scopes = VERBS.into_iter().map(scope).collect::<Option<_>>()?;
    let access = &hub.settings.access;
    Some(access.mint_user(player, scopes, hub.clock.unix_ms(), USER_LIFE_MS_MAX).0)
}
