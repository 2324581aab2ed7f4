//! `POST /v1/tokens`: a user token for somebody whom a backend knows.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::RoutesRef;
use super::access::Caller;
use super::body::{self, Field};
use super::problem::Problem;
use crate::access::admin::Role;
use crate::access::scope::{Scope, Subject};
use crate::access::user_token::{SCOPES_MAX, USER_LIFE_MS_MAX};

/// How long a token holds unless asked otherwise.
const TTL_SECONDS_DEFAULT: u64 = 3600;
/// How long a token may hold.
const TTL_SECONDS_MAX: u64 = USER_LIFE_MS_MAX / 1000;

const FIELDS: [Field; 3] = [
    Field { name: "subject", expected: "1 to 128 bytes, none of them a control", fits: is_subject },
    Field {
        name: "scopes",
        expected: "1 to 16 texts CLASS:NAME:VERB, the verb connect, call or http; each part may be *, a name may end with *",
        fits: are_scopes,
    },
    Field { name: "ttl_seconds", expected: "1 to 86400", fits: is_ttl },
];

fn is_subject(value: &Value) -> bool {
    value.as_str().is_some_and(|text| Subject::parse(text).is_ok())
}

fn are_scopes(value: &Value) -> bool {
    scopes_of(value).is_some_and(|scopes| (1..=SCOPES_MAX).contains(&scopes.len()))
}

fn scopes_of(value: &Value) -> Option<Arc<[Scope]>> {
    value.as_array()?.iter().map(|scope| Scope::parse(scope.as_str()?).ok()).collect()
}

fn is_ttl(value: &Value) -> bool {
    value.as_u64().is_some_and(|seconds| (1..=TTL_SECONDS_MAX).contains(&seconds))
}

/// Signs a token.
pub(super) async fn mint(State(routes): State<RoutesRef>, mut request: Request) -> Result<Response, Problem> {
    let access = &routes.hub.settings.access;
    let caller = Caller::with_body(access, &mut request, Role::Token).await?;
    let body = body::read(request, &FIELDS, routes.hub.settings.body_timeout).await?;
    let needed = |name: &'static str| body.get(name).ok_or_else(|| Problem::field(name, "needed"));
    let subject = needed("subject")?.as_str().and_then(|text| Subject::parse(text).ok());
    let scopes = scopes_of(needed("scopes")?);
    let (Some(subject), Some(scopes)) = (subject, scopes) else {
        return Err(Problem::field("subject", "needed"));
    };
    let ttl = body.get("ttl_seconds").and_then(Value::as_u64).unwrap_or(TTL_SECONDS_DEFAULT);
    caller.note_subject("mint", &subject);
    let (token, claims) = access.mint_user(subject, scopes, routes.hub.clock.unix_ms(), ttl * 1000);
    let answer = json!({
        "token": token,
        "subject": claims.subject.as_str(),
        "scopes": claims.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "node": claims.node,
        "expires_unix_ms": claims.expires_ms,
        "expires_in_seconds": ttl,
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
