//! Request bodies: JSON objects with known fields.
//!
//! Responsible for: size, time, syntax (400), media type (415), unknown and ill-typed fields (422, by name).

use axum::extract::Request;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::{Map, Value};
use std::time::Duration;

use super::problem::Problem;
use super::strict_json;
use crate::gateway::settings::BODY_BYTES_MAX;

/// A field that a body may have.
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is expected to be, in words.
    pub(super) expected: &'static str,
    /// Whether a value is that.
    pub(super) fits: fn(&Value) -> bool,
}

/// Characters of an unknown field's name that are told.
const SHOWN_NAME_CHARS_MAX: usize = 32;
/// How long what is left of a refused request's body is waited for.
const DISCARD_TIMEOUT: Duration = Duration::from_millis(500);

/// Reads the body. Fields that are null count as absent.
pub(super) async fn read(
    request: Request,
    fields: &[Field],
    timeout: Duration,
) -> Result<Map<String, Value>, Problem> {
    check_type(&request)?;
    parse(&read_bytes(request, timeout).await?, fields)
}

/// Reads the body as JSON of any kind; an empty one is null.
pub(super) async fn read_value(request: Request, timeout: Duration) -> Result<Value, Problem> {
    let checked = check_type(&request);
    let bytes = read_bytes(request, timeout).await?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    checked?;
    strict_json::parse(&bytes).map_err(|_| malformed())
}

/// Reads the body, whatever it is.
pub(super) async fn read_bytes(request: Request, timeout: Duration) -> Result<Bytes, Problem> {
    tokio::time::timeout(timeout, collect(request)).await.map_err(|_| too_slow())?
}

fn malformed() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", "The body is not JSON.")
}

/// A body's bytes as its fields.
pub(super) fn parse(bytes: &[u8], fields: &[Field]) -> Result<Map<String, Value>, Problem> {
    let value = strict_json::parse(bytes).map_err(|_| malformed())?;
    let Value::Object(mut body) = value else {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_body",
            "Expected a JSON object.",
        ));
    };
    body.retain(|_, value| !value.is_null());
    check(&body, fields)?;
    Ok(body)
}

/// Reads what is left of a body of a request that is refused, within bounds: an answer that goes out before
/// the body has come in is lost when the connection closes.
pub(super) async fn discard(request: &mut Request) {
    let rest = std::mem::take(request.body_mut());
    // However it ends, the request is refused.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, Limited::new(rest, BODY_BYTES_MAX).collect()).await;
}

fn check_type(request: &Request) -> Result<(), Problem> {
    let header = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = header.and_then(|value| value.split(';').next()).map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let detail = "Expected Content-Type: application/json.";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail))
}

async fn collect(request: Request) -> Result<Bytes, Problem> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|bytes: u64| bytes > BODY_BYTES_MAX as u64) {
        return Err(too_big());
    }
    match Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_big()),
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "broken_body", "The body ended early.")),
    }
}

fn too_big() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_big", "A body is at most 64 KiB.")
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "The body took too long to arrive.")
}

fn check(body: &Map<String, Value>, fields: &[Field]) -> Result<(), Problem> {
    for (name, value) in body {
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            let known: Vec<_> = fields.iter().map(|field| field.name).collect();
            return Err(Problem::field(
                &shown(name),
                &format!("unknown; expected one of {}", known.join(", ")),
            ));
        };
        if !(field.fits)(value) {
            return Err(Problem::field(field.name, &format!("expected {}", field.expected)));
        }
    }
    Ok(())
}

/// An unknown name, as far as it is one.
fn shown(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(SHOWN_NAME_CHARS_MAX).collect()
}
