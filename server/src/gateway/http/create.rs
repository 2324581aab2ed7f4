//! `POST /v1/matches`.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hyper::header::{HOST, LOCATION};
use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use tickstone_shared::ids::ObjectName;
use tickstone_shared::limits::LABEL_BYTES_MAX;

use super::access::{MATCH_CLASS, check_admin};
use super::body::{self, Field};
use super::problem::Problem;
use super::routes::{Routes, RoutesRef};
use crate::object::contract::CallError;
use crate::object::id::Identity;

/// Random bytes of a generated id: 130 of their bits are kept (interfaces: at least 122).
const ID_CHARS: usize = 26;
/// The longest time a request can name.
const SECONDS_MAX: u64 = u32::MAX as u64;
/// 5 bits each; no vowels that make words, no digits that look like letters.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

pub(super) const FIELDS: [Field; 9] = [
    Field { name: "game", expected: "the name of a game", fits: Value::is_string },
    Field { name: "preset", expected: "the name of a preset", fits: Value::is_string },
    Field { name: "id", expected: "1 to 128 characters of A-Z a-z 0-9 . _ : -", fits: is_name },
    Field { name: "label", expected: "an object of at most 2048 bytes", fits: is_label },
    Field { name: "options", expected: "an object", fits: Value::is_object },
    Field { name: "durability", expected: "sync, async or none", fits: is_durability },
    Field { name: "private", expected: "true or false", fits: Value::is_boolean },
    Field { name: "max_duration_s", expected: "a whole number of seconds, from 1", fits: is_seconds },
    Field { name: "empty_ttl_s", expected: "a whole number of seconds", fits: is_seconds_or_none },
];

fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|text| ObjectName::parse(text).is_ok())
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
pub(super) async fn create(State(routes): State<RoutesRef>, request: Request) -> Result<Response, Problem> {
    check_admin(&routes.hub.settings, request.headers())?;
    if routes.hub.is_draining() {
        return Err(Problem::draining());
    }
    let host = host_of(request.headers());
    let mut body = body::read(request, &FIELDS, routes.hub.settings.body_timeout).await?;
    if !body.contains_key("game") {
        return Err(Problem::field("game", "needed; expected the name of a game"));
    }
    let name = name_of(body.remove("id"))?;
    let object = Identity::named(MATCH_CLASS, name.clone());
    let answer = routes.change(&object, "create", Value::Object(body)).await?;
    answered(&routes, answer, &name, host.as_deref())
}

fn host_of(headers: &HeaderMap) -> Option<String> {
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
    let listen = routes.hub.settings.listen.to_string();
    let ws_url = format!("ws://{}/v1/matches/{name}/socket", host.unwrap_or(&listen));
    entry.entry("match_id").or_insert_with(|| name.as_str().into());
    entry.insert("ws_url".to_owned(), json!(ws_url));
    entry.insert("quic_url".to_owned(), Value::Null);
    if routes.hub.settings.dev {
        entry.insert("join_token".to_owned(), Value::Null);
    }
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
    fn a_host_that_is_none_is_not_repeated() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "a.example:8080".parse().unwrap());
        assert_eq!(host_of(&headers).as_deref(), Some("a.example:8080"));
        headers.insert(HOST, "a\"b".parse().unwrap());
        assert_eq!(host_of(&headers), None);
    }
}
