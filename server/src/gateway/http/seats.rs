//! `POST /v1/matches/{id}/seats` and `/signal`: what a backend does for players before they come.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use serde_json::{Value, json};
use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::limits::MESSAGE_DATA_BYTES_MAX;

use super::RoutesRef;
use super::access::{Caller, MatchPath};
use super::body::{self, Field};
use super::create::{add_quic, host_of, ws_url};
use super::problem::Problem;
use crate::access::admin::Role;
use crate::object::contract::CallError;

/// How long a token holds unless asked otherwise: as long as its seat is reserved.
const TTL_SECONDS_DEFAULT: u64 = 15;
/// How long a token may hold.
const TTL_SECONDS_MAX: u64 = 30;

const SEAT_FIELDS: [Field; 2] = [
    Field {
        name: "player",
        expected: "a player's name, 1 to 32 characters, none of them a control",
        fits: is_player,
    },
    Field { name: "ttl_seconds", expected: "1 to 30", fits: is_ttl },
];

const SIGNAL_FIELDS: [Field; 2] = [
    Field { name: "name", expected: "the name of a signal of the game, 1 to 64 characters", fits: is_signal },
    Field { name: "data", expected: "at most 2048 bytes of JSON", fits: is_data },
];

fn is_player(value: &Value) -> bool {
    value.as_str().is_some_and(|name| PlayerName::parse(name).is_ok())
}

fn is_ttl(value: &Value) -> bool {
    value.as_u64().is_some_and(|seconds| (1..=TTL_SECONDS_MAX).contains(&seconds))
}

fn is_signal(value: &Value) -> bool {
    value.as_str().is_some_and(|name| (1..=64).contains(&name.len()))
}

fn is_data(value: &Value) -> bool {
    value.to_string().len() <= MESSAGE_DATA_BYTES_MAX
}

/// Reserves a seat, and signs the token that takes it.
pub(super) async fn reserve(
    State(routes): State<RoutesRef>,
    object: Result<MatchPath, Problem>,
    mut request: Request,
) -> Result<Response, Problem> {
    let access = &routes.hub.settings.access;
    let caller = Caller::with_body(access, &mut request, Role::Seat).await?;
    let host = host_of(request.headers());
    let body = body::read(request, &SEAT_FIELDS, routes.hub.settings.body_timeout).await?;
    let object = object?.0;
    caller.note("seat", &object.name);
    if routes.hub.is_draining() {
        return Err(Problem::draining());
    }
    let player = body.get("player").and_then(Value::as_str).and_then(|name| PlayerName::parse(name).ok());
    let Some(player) = player else {
        return Err(Problem::field("player", "needed; expected a player's name"));
    };
    let ttl = body.get("ttl_seconds").and_then(Value::as_u64).unwrap_or(TTL_SECONDS_DEFAULT);
    let reserved = routes.change(&object, "reserve", json!({ "player": player.as_str() })).await?;
    let seat = reserved["seat"].as_u64().and_then(|seat| u16::try_from(seat).ok()).map(Seat);
    let seat = seat.ok_or(CallError::Reset)?;
    let (token, claims) =
        access.mint(&object.name, &player, Some(seat), routes.hub.clock.unix_ms(), ttl * 1000);
    let mut answer = json!({
        "match_id": object.name.as_str(),
        "player": player.as_str(),
        "seat": seat,
        "join_token": token,
        "expires_unix_ms": claims.expires_ms,
        "expires_in_seconds": ttl,
        "reserved_seconds": reserved["reserved_seconds"],
        "ws_url": ws_url(&routes, &object.name, host.as_deref()),
    });
    if let Value::Object(entry) = &mut answer {
        add_quic(entry, &routes, host.as_deref());
    }
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Asks the game of a running match something.
pub(super) async fn signal(
    State(routes): State<RoutesRef>,
    object: Result<MatchPath, Problem>,
    mut request: Request,
) -> Result<Json<Value>, Problem> {
    let caller = Caller::with_body(&routes.hub.settings.access, &mut request, Role::Signal).await?;
    let body = body::read(request, &SIGNAL_FIELDS, routes.hub.settings.body_timeout).await?;
    let object = object?.0;
    caller.note("signal", &object.name);
    if !body.contains_key("name") {
        return Err(Problem::field("name", "needed; expected the name of a signal of the game"));
    }
    routes.change(&object, "signal", Value::Object(body)).await.map(Json)
}
