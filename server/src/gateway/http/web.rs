//! The page at `/`: what this is, until the browser client is there.

use axum::response::{Html, IntoResponse};
use hyper::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};

const PAGE: &str = r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tickstone</title>
<style>body{font:16px/1.5 system-ui;max-width:46em;margin:3em auto;padding:0 1em}code{background:#eee}</style>
<h1>Tickstone</h1>
<p>A multiplayer game server: durable matches at 60 ticks a second. It runs.</p>
<table>
<tr><td><code>POST /v1/matches</code><td>create a match: <code>{"game":"arena"}</code>
<tr><td><code>GET /v1/matches?query=&amp;limit=</code><td>list matches
<tr><td><code>GET /v1/matches/{id}</code><td>one match
<tr><td><code>DELETE /v1/matches/{id}</code><td>end it
<tr><td><code>POST /v1/matches/{id}/kick</code><td>kick a player
<tr><td><code>GET /v1/matches/{id}/verify</code><td>replay what is stored of it and compare
<tr><td><code>GET /v1/matches/{id}/socket</code><td>the WebSocket into it
<tr><td><code>GET /v1/classes</code><td>classes of objects
<tr><td><code>GET <a href="/healthz">/healthz</a> <a href="/readyz">/readyz</a>
<a href="/metrics">/metrics</a></code><td>how it does
</table>
</html>
"#;

/// The page.
pub(super) async fn index() -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(CONTENT_SECURITY_POLICY, policy), (X_CONTENT_TYPE_OPTIONS, "nosniff")], Html(PAGE))
}
