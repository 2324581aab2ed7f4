//! The pages at `/`, `/chat`, `/leaderboard` and `/presence`, their files below `/web/`, and the data of the games below `/assets/`.
//!
//! Responsible for: what a browser may load from here, and what it may do with it.
//! Not responsible for: what the page does; it plays through the API as everybody else.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::RoutesRef;
use super::problem::Problem;
use super::web_files::{self, PAGES, WebFile};

/// The page is its own files and speaks to its own server: no inline script or style, no frame, no other host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Asked for again each time, and answered with 304 while it is the same: a page never mixes two versions.
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // A link to a match may carry a token.
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-cache"),
];

/// A route for each page.
pub(super) fn pages<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    PAGES.iter().fold(router, |router, (route, page)| {
        router.route(route, get(async |headers: HeaderMap| answer(*page, &headers)))
    })
}

/// A file of the pages.
pub(super) async fn file(path: Result<Path<String>, PathRefused>, headers: HeaderMap) -> Response {
    match path.ok().and_then(|path| web_files::named(&path.0)) {
        Some(file) => answer(file, &headers),
        None => nothing().into_response(),
    }
}

/// The names of the games' data: what a player may choose from.
pub(super) async fn assets(State(routes): State<RoutesRef>) -> Json<Value> {
    let names: Vec<&str> = routes.api.assets.names("", "").collect();
    Json(json!({ "assets": names }))
}

/// One of them, a map say.
pub(super) async fn asset(
    State(routes): State<RoutesRef>,
    path: Result<Path<String>, PathRefused>,
) -> Result<Response, Problem> {
    let path = path.map_err(|_| nothing())?.0;
    let text = routes.api.assets.text(&path).filter(|_| path.ends_with(".json")).ok_or_else(nothing)?;
    let headers = [(CONTENT_TYPE, "application/json"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, [(CACHE_CONTROL, "no-cache")], text.to_owned()).into_response())
}

type PathRefused = axum::extract::rejection::PathRejection;

fn nothing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", "There is nothing at this path.")
}

fn answer(file: WebFile, headers: &HeaderMap) -> Response {
    let tag = web_files::tag();
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, HEADERS, [(ETAG, tag)]).into_response();
    }
    (HEADERS, [(ETAG, tag), (CONTENT_TYPE, file.media_type())], file.bytes).into_response()
}
