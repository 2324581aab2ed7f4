//! `POST /v1/matches`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hyper::header::{HOST, LOCATION};
use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use tickstone_shared::ids::{ObjectName, PlayerName};
use tickstone_shared::limits::LABEL_BYTES_MAX;

use super::access::{Caller, MATCH_CLASS};
use super::body::{self, Field};
use super::problem::Problem;
use super::routes::{Routes, RoutesRef};
use crate::access::admin::{Creating, Role};
use crate::access::join_token::LIFE_MS_MAX;
use crate::object::contract::CallError;
use crate::object::effects::Listing;
use crate::object::id::Identity;
use crate::runtime::handle::Objects;

mod by_name;

/// Random bytes of a generated id: 130 of their bits are kept (interfaces: at least 122).
const ID_CHARS: usize = 26;
/// Random characters of a guest's name.
const GUEST_CHARS: usize = 6;
/// When a key with too many open matches may ask again.
const RETRY_SECONDS: u64 = 10;
/// The longest time a request can name.
const SECONDS_MAX: u64 = u32::MAX as u64;
/// 5 bits each; no vowels that make words, no digits that look like letters.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

pub(super) const FIELDS: [Field; 11] = [
    Field { name: "game", expected: "the name of a game", fits: Value::is_string },
    Field { name: "preset", expected: "the name of a preset", fits: Value::is_string },
    Field { name: "id", expected: "1 to 128 characters of A-Z a-z 0-9 . _ : -", fits: is_name },
    Field { name: "name", expected: "1 to 128 characters of A-Z a-z 0-9 . _ : -", fits: is_name },
    Field { name: "label", expected: "an object of at most 2048 bytes", fits: is_label },
    Field { name: "options", expected: "an object", fits: Value::is_object },
    Field { name: "durability", expected: "sync, async or none", fits: is_durability },
    Field { name: "private", expected: "true or false", fits: Value::is_boolean },
    Field { name: "board", expected: "the name of a leaderboard, true or false", fits: is_board },
    Field { name: "max_duration_s", expected: "a whole number of seconds, from 1", fits: is_seconds },
    Field { name: "empty_ttl_s", expected: "a whole number of seconds", fits: is_seconds_or_none },
];

fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|text| ObjectName::parse(text).is_ok())
}

fn is_board(value: &Value) -> bool {
    value.is_boolean() || is_name(value)
}

fn is_label(value: &Value) -> bool {
    value.is_object() && value.to_string().len() <= LABEL_BYTES_MAX
}

fn is_durability(value: &Value) -> bool {
    matches!(value.as_str(), Some("sync" | "async" | "none"))
}

fn is_seconds(value: &Value) -> bool {
    value.as_u64().is_some_and(|seconds| (1..=SECONDS_MAX).contains(&seconds))
}

fn is_seconds_or_none(value: &Value) -> bool {
    value.as_u64().is_some_and(|seconds| seconds <= SECONDS_MAX)
}

/// Creates a match, or finds it if the same was asked before.
pub(super) async fn create(
    State(routes): State<RoutesRef>,
    mut request: Request,
) -> Result<Response, Problem> {
    let caller = Caller::with_body(&routes.hub.settings.access, &mut request, Role::Create).await?;
    let host = host_of(request.headers());
    let body = body::read(request, &FIELDS, routes.hub.settings.body_timeout).await;
    // One that is there already is not created: who asks by name is counted later.
    let by_name = body.as_ref().is_ok_and(|body| body.contains_key("name"));
    if !by_name {
        check_rate(&routes, caller)?;
    }
    if routes.hub.is_draining() {
        return Err(Problem::draining());
    }
    let mut body = body?;
    if !body.contains_key("game") {
        return Err(Problem::field("game", "needed; expected the name of a game"));
    }
    if let Some(key) = caller.key_name() {
        body.insert("creator".to_owned(), key.into());
    }
    if by_name {
        let (id, answer) = by_name::join_or_create(&routes, caller, body).await?;
        return answered(&routes, answer, &id, host.as_deref());
    }
    let name = name_of(body.remove("id"))?;
    caller.note("create", &name);
    let object = Identity::named(MATCH_CLASS, name.clone());
    let _creating = check_open(&routes, caller, &object).await?;
    let answer = routes.change(&object, "create", Value::Object(body)).await?;
    answered(&routes, answer, &name, host.as_deref())
}

/// A key creates no faster than its rate; in dev mode there is none.
fn check_rate(routes: &Routes, caller: Caller<'_>) -> Result<(), Problem> {
    let Caller::Key(key) = caller else { return Ok(()) };
    let taken = routes.hub.settings.access.admins().may_create(key, routes.hub.clock.now());
    let detail = "This key creates too many matches; 10 a second may be kept up.";
    taken.map_err(|seconds| Problem::too_many("too_many_matches", detail, seconds))
}

/// A key has no more open matches than it may; one that is there already is no new one.
async fn check_open<'a>(
    routes: &'a Routes,
    caller: Caller<'a>,
    object: &Identity,
) -> Result<Option<Creating<'a>>, Problem> {
    let Caller::Key(key) = caller else { return Ok(None) };
    let hub = &routes.hub;
    let creating = hub.settings.access.admins().begin(key);
    if hub.objects.listing(object).is_some() {
        return Ok(creating);
    }
    let (objects, name) = (Arc::clone(&hub.objects), key.name().to_owned());
    let counted = tokio::task::spawn_blocking(move || open_matches(&*objects, &name));
    let open = counted.await.map_err(|_| Problem::from(CallError::Reset))?;
    if open + creating.as_ref().map_or(1, Creating::number) > hub.settings.matches_per_key {
        let detail = "This key has as many open matches as it may: end one, or wait for one to end.";
        return Err(Problem::too_many("too_many_open_matches", detail, RETRY_SECONDS));
    }
    Ok(creating)
}

/// Matches of a key that are running.
fn open_matches(objects: &dyn Objects, key: &str) -> usize {
    let open = AtomicUsize::new(0);
    let count = |listing: &Listing| {
        if listing.state == "running" && listing.entry["creator"].as_str() == Some(key) {
            open.fetch_add(1, Ordering::Relaxed);
        }
        false
    };
    // None is kept, so the limit is never met.
    objects.listings(MATCH_CLASS, None, 1, &count);
    open.into_inner()
}

pub(super) fn host_of(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    (!host.is_empty() && host.chars().all(allowed)).then(|| host.to_owned())
}

fn name_of(id: Option<Value>) -> Result<ObjectName, Problem> {
    let text = match id {
        Some(Value::String(id)) => id,
        _ => generated_id()?,
    };
    ObjectName::parse(&text).map_err(|_| Problem::field("id", FIELDS[2].expected))
}

fn generated_id() -> Result<String, Problem> {
    let mut random = [0; ID_CHARS];
    // Without randomness there are no ids that cannot be guessed.
    getrandom::fill(&mut random).map_err(|_| Problem::from(CallError::Overloaded))?;
    Ok(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

fn answered(
    routes: &Routes,
    answer: Value,
    name: &ObjectName,
    host: Option<&str>,
) -> Result<Response, Problem> {
    let Value::Object(mut entry) = answer else { return Err(CallError::Reset.into()) };
    let created = entry.remove("created") == Some(Value::Bool(true));
    complete(&mut entry, routes, name, host);
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(LOCATION, format!("/v1/matches/{name}"))], Json(Value::Object(entry))).into_response())
}

fn complete(entry: &mut Map<String, Value>, routes: &Routes, name: &ObjectName, host: Option<&str>) {
    let ws_url = ws_url(routes, name, host);
    entry.entry("match_id").or_insert_with(|| name.as_str().into());
    entry.insert("ws_url".to_owned(), json!(ws_url));
    add_quic(entry, routes, host);
    if routes.hub.settings.access.is_dev() {
        entry.insert("join_token".to_owned(), guest_token(routes, name).into());
    }
}

/// Where QUIC is spoken, and by which certificate where that is the server's own: both null if it is not.
pub(super) fn add_quic(entry: &mut Map<String, Value>, routes: &Routes, host: Option<&str>) {
    let hub = &routes.hub;
    let url = hub.settings.quic.map(|quic| format!("quic://{}", quic_authority(quic, host)));
    let pin = url.as_ref().and_then(|_| hub.certificates.as_ref()?.pin());
    entry.insert("quic_url".to_owned(), json!(url));
    entry.insert("quic_certificate_sha256".to_owned(), json!(pin));
}

/// The address itself, or the name by which the client knows a server that listens on all of its addresses.
fn quic_authority(quic: SocketAddr, host: Option<&str>) -> String {
    let without_port = |host: &str| match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name.to_owned(),
        _ => host.to_owned(),
    };
    match host.filter(|_| quic.ip().is_unspecified()) {
        Some(host) => format!("{}:{}", without_port(host), quic.port()),
        None => quic.to_string(),
    }
}

/// Where the match's socket is, as the client sees this server.
pub(super) fn ws_url(routes: &Routes, name: &ObjectName, host: Option<&str>) -> String {
    let listen = routes.hub.settings.listen.to_string();
    let scheme = if routes.hub.settings.tls.is_some() { "wss" } else { "ws" };
    format!("{scheme}://{}/v1/matches/{name}/socket", host.unwrap_or(&listen))
}

/// In dev mode whoever creates a match can join it at once, by a name that nobody chose.
fn guest_token(routes: &Routes, name: &ObjectName) -> Option<String> {
    let player = PlayerName::parse(&format!("guest-{}", &generated_id().ok()?[..GUEST_CHARS])).ok()?;
    let now_ms = routes.hub.clock.unix_ms();
    Some(routes.hub.settings.access.mint(name, &player, None, now_ms, LIFE_MS_MAX).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_are_names_of_130_bits_and_differ() {
        let (one, two) = (generated_id().unwrap(), generated_id().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 26);
        assert!(ObjectName::parse(&one).is_ok());
        assert!(ALPHABET.iter().collect::<std::collections::BTreeSet<_>>().len() == 32);
    }

    #[test]
    fn quic_is_where_the_client_reaches_the_server() {
        let [all, one] = ["0.0.0.0:8443", "[::1]:8443"].map(|address| address.parse().unwrap());
        assert_eq!(quic_authority(all, Some("play.example")), "play.example:8443");
        assert_eq!(quic_authority(all, Some("[2001:db8::1]:80")), "[2001:db8::1]:8443");
        assert_eq!(quic_authority(one, Some("localhost:8080")), "[::1]:8443");
        assert_eq!(quic_authority(all, None), "0.0.0.0:8443");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "a.example:8080".parse().unwrap());
        assert_eq!(host_of(&headers).as_deref(), Some("a.example:8080"));
        headers.insert(HOST, "a\"b".parse().unwrap());
        assert_eq!(host_of(&headers), None);
    }
}
