//! The routes of matches that are there.

use axum::Json;
use axum::extract::{Query as UrlQuery, Request, State};
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

use super::RoutesRef;
use super::access::{Caller, MATCH_CLASS, MatchPath};
use super::body::{self, Field};
use super::create::{add_quic, host_of};
use super::problem::Problem;
use super::query::Query;
use crate::access::admin::Role;
use crate::object::contract::CallError;
use crate::object::effects::Listing;

/// Entries of a listing unless asked otherwise.
const LIMIT_DEFAULT: usize = 100;
/// Entries of a listing at most.
const LIMIT_MAX: usize = 1000;

const KICK_FIELDS: [Field; 2] = [
    Field { name: "player", expected: "a player's name", fits: Value::is_string },
    Field { name: "seat", expected: "a seat's number", fits: Value::is_u64 },
];

/// What follows the `?` of a listing.
#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    query: Option<String>,
    limit: Option<String>,
}

/// The matches that a query keeps, of those the caller may see.
pub(super) async fn list(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    url: Result<UrlQuery<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let caller = Caller::with_role(&routes.hub.settings.access, &headers, Role::Read)?;
    let lists_private = caller.lists_private();
    let url = url.map_err(|_| Problem::field("query", "expected percent-encoded text"))?.0;
    let limit = limit_of(url.limit.as_deref())?;
    let query = Query::parse(url.query.as_deref().unwrap_or(""))
        .map_err(|error| Problem::field("query", &error.to_string()))?;
    let objects = Arc::clone(&routes.hub.objects);
    let found = tokio::task::spawn_blocking(move || {
        let keeps = |listing: &Listing| {
            (lists_private || listing.entry["private"] != Value::Bool(true)) && query.keeps(&listing.entry)
        };
        objects.listings(MATCH_CLASS, None, limit, &keeps)
    });
    let found = found.await.map_err(|_| Problem::from(CallError::Reset))?;
    let matches: Vec<Value> = found.into_iter().map(|listing| listing.entry).collect();
    Ok(Json(json!({ "matches": matches })))
}

fn limit_of(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(LIMIT_DEFAULT) };
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| Problem::field("limit", "expected 1 to 1000"))
}

/// One match.
pub(super) async fn inspect(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    object: Result<MatchPath, Problem>,
) -> Result<Json<Value>, Problem> {
    let caller = Caller::with_role(&routes.hub.settings.access, &headers, Role::Read)?;
    let mut entry = routes.call(&object?.0, "inspect", json!({})).await?;
    if entry["private"] == Value::Bool(true) && !caller.sees_private() {
        return Err(Problem::no_such_match());
    }
    if let Value::Object(entry) = &mut entry {
        add_quic(entry, &routes, host_of(&headers).as_deref());
    }
    Ok(Json(entry))
}

/// Ends a match.
pub(super) async fn end(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    object: Result<MatchPath, Problem>,
) -> Result<Json<Value>, Problem> {
    let caller = Caller::with_role(&routes.hub.settings.access, &headers, Role::Create)?;
    let object = object?.0;
    caller.note("end", &object.name);
    routes.change(&object, "end", json!({})).await.map(Json)
}

/// Takes a player's seat away.
pub(super) async fn kick(
    State(routes): State<RoutesRef>,
    object: Result<MatchPath, Problem>,
    mut request: Request,
) -> Result<Json<Value>, Problem> {
    let caller = Caller::with_body(&routes.hub.settings.access, &mut request, Role::Kick).await?;
    let body = body::read(request, &KICK_FIELDS, routes.hub.settings.body_timeout).await?;
    let object = object?.0;
    caller.note("kick", &object.name);
    if body.len() != 1 {
        return Err(Problem::field("player", "expected either player or seat"));
    }
    routes.change(&object, "kick", Value::Object(body)).await.map(Json)
}

/// Replays what is stored of a match and compares.
pub(super) async fn verify(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    object: Result<MatchPath, Problem>,
) -> Result<Json<Value>, Problem> {
    let caller = Caller::with_role(&routes.hub.settings.access, &headers, Role::Admin)?;
    let object = object?.0;
    caller.note("verify", &object.name);
    let busy = |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "audits_busy", "Two audits run already.");
    let permit = Arc::clone(&routes.audits).try_acquire_owned().map_err(busy)?;
    let audit = Arc::clone(&routes.api.audit);
    let done = tokio::task::spawn_blocking(move || {
        let verdict = audit(object);
        drop(permit);
        verdict
    });
    Ok(Json(done.await.map_err(|_| Problem::from(CallError::Reset))??))
}
