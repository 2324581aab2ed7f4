//! `GET /v1/matches/{id}/socket` and `GET /v1/objects/{class}/{name}/socket`: the HTTP request that becomes a WebSocket
//! (RFC 6455, section 4).
//!
//! Responsible for: every check of the request; axum's own upgrade brings another frame reader.
//! Not responsible for: what is said on the socket.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hyper::header::{
    ALLOW, CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::{OnUpgrade, Parts};
use hyper::{HeaderMap, Method, StatusCode};
use hyper_util::rt::TokioIo;
use tickstone_shared::wire::version::Encoding;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::connection::{self, Upgraded};
use super::guard::admission::Permit;
use super::guard::{Stranger, Visitor, is_origin_allowed};
use super::http::problem::Problem;
use super::http::{ClassEntry, MatchPath, ObjectPath, Routes, RoutesRef, bearer_of, caller_of};
use super::objects::{self, Opening};
use super::settings::Settings;
use super::tls::Carrier;
use crate::access::scope::Verb;
use crate::object::id::Identity;
use crate::object::peer::Framing;

/// Characters of a key: 16 bytes in base64 (RFC 6455, 4.1).
const KEY_CHARS: usize = 24;

/// A request that may become a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Accepted {
    accept: String,
    subprotocol: Option<Encoding>,
}

/// Answers 101 and serves the socket of a match, or says why not.
pub(super) async fn socket(
    State(routes): State<RoutesRef>,
    object: Result<MatchPath, Problem>,
    mut request: Request,
) -> Response {
    let begun = match begin(&routes, &mut request, object.map(|object| object.0)) {
        Ok(begun) => begun,
        Err(response) => return *response,
    };
    let Begun { accepted, object, places, upgrade, query_token } = begun;
    let stranger = match places.stranger() {
        Ok(stranger) => stranger,
        Err(problem) => return problem.into_response(),
    };
    let answer = switching_protocols(&accepted);
    tokio::spawn(async move {
        let Some((carrier, read_ahead)) = carrier_of(upgrade).await else { return };
        let (subprotocol, Places { permit, visitor }) = (accepted.subprotocol, places);
        let upgraded =
            Upgraded { carrier, read_ahead, object, subprotocol, query_token, permit, visitor, stranger };
        connection::serve(Arc::clone(&routes.hub), upgraded).await;
    });
    answer
}

/// Answers 101 and serves the socket of an object that is no match, or says why not.
pub(super) async fn object_socket(
    State(routes): State<RoutesRef>,
    path: Result<ObjectPath, Problem>,
    mut request: Request,
) -> Response {
    let (path, class) = match path {
        Ok(ObjectPath { object, class }) => (Ok(object), Some(class)),
        Err(problem) => (Err(problem), None),
    };
    let begun = match begin(&routes, &mut request, path) {
        Ok(begun) => begun,
        Err(response) => return *response,
    };
    let Some(class) = class else { return Problem::no_such_class().into_response() };
    let opening = match opening_of(&routes, &request, &class, &begun) {
        Ok(opening) => opening,
        Err(problem) => return problem.into_response(),
    };
    let Begun { accepted, object, places: Places { permit, visitor }, upgrade, .. } = begun;
    let (object, class) = match routes.place(object, class, opening.caller.as_ref()).await {
        Ok(placed) => placed,
        Err(problem) => return problem.into_response(),
    };
    let answer = switching_protocols(&accepted);
    let hub = Arc::clone(&routes.hub);
    tokio::spawn(async move {
        let Some((carrier, read_ahead)) = carrier_of(upgrade).await else { return };
        let places = (permit, visitor);
        let upgraded = objects::Upgraded { carrier, read_ahead, object, class, opening, places };
        // A task of its own: it keeps no room for what the upgrade needed.
        tokio::spawn(objects::serve(hub, Box::new(upgraded)));
    });
    answer
}

/// Who connects to an object, where that is known before the hello.
fn opening_of(
    routes: &Routes,
    request: &Request,
    class: &ClassEntry,
    begun: &Begun,
) -> Result<Opening, Problem> {
    let (hub, object) = (&routes.hub, &begun.object);
    let token = bearer_of(request.headers()).map(str::to_owned).or_else(|| begun.query_token.clone());
    let resume = value_of(request.uri().query().unwrap_or_default(), QUERY_RESUME);
    let (caller, stranger, query_token) = match class.sockets.framing {
        Framing::Framed => (None, begun.places.stranger()?, token),
        // The token says who comes, whatever else is offered.
        Framing::Raw if resume.is_some() => (None, None, None),
        Framing::Raw => {
            let (access, now_ms) = (&hub.settings.access, hub.clock.unix_ms());
            let caller = caller_of(access, class, &object.name, Verb::Connect, token.as_deref(), now_ms)?;
            (Some(caller), None, None)
        }
    };
    if hub.groups.is_full(object.id, &class.sockets) {
        let detail = "The object has as many sockets as its class allows.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "object_full", detail));
    }
    let query = request.uri().query().unwrap_or_default();
    let is_ours = |pair: &&str| pair.starts_with(QUERY_TOKEN) || pair.starts_with(QUERY_RESUME);
    let query = query.split('&').filter(|pair| !is_ours(pair)).collect::<Vec<_>>().join("&");
    let subprotocol = begun.accepted.subprotocol;
    Ok(Opening { caller, subprotocol, query_token, resume, query, _stranger: stranger })
}

/// A request that may become a socket of an object.
struct Begun {
    accepted: Accepted,
    object: Identity,
    places: Places,
    upgrade: OnUpgrade,
    query_token: Option<String>,
}

/// A place among the connections, and among those of the address.
struct Places {
    permit: Option<Arc<Permit>>,
    visitor: Option<Arc<Visitor>>,
}

impl Places {
    /// A place among those that have not said hello.
    fn stranger(&self) -> Result<Option<Stranger>, Problem> {
        self.visitor.as_ref().map(Visitor::stranger).transpose().map_err(Problem::crowded)
    }
}

/// Checks the request.
fn begin(
    routes: &Routes,
    request: &mut Request,
    object: Result<Identity, Problem>,
) -> Result<Begun, Box<Response>> {
    // The router takes HEAD for GET; only GET becomes a socket (RFC 6455, 4.1).
    if request.method() != Method::GET {
        let detail = "The header Allow lists the methods.";
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        return Err(problem.with_headers(&[(ALLOW, "GET")]).into());
    }
    let accepted = check(&routes.hub.settings, request.headers())?;
    let object = object.map_err(|problem| problem.into_response())?;
    if routes.hub.is_draining() {
        return Err(Problem::draining().into_response().into());
    }
    let permit = request.extensions_mut().remove::<Arc<Permit>>();
    let visitor = request.extensions_mut().remove::<Arc<Visitor>>();
    let query_token = value_of(request.uri().query().unwrap_or_default(), QUERY_TOKEN);
    let upgrade = hyper::upgrade::on(request);
    Ok(Begun { accepted, object, places: Places { permit, visitor }, upgrade, query_token })
}

/// The connection, and what was read of it beyond the request. A client that left before the answer was written
/// never becomes one.
async fn carrier_of(upgrade: OnUpgrade) -> Option<(Carrier, Vec<u8>)> {
    let Parts { io, read_buf, .. } = upgrade.await.ok()?.downcast::<TokioIo<Carrier>>().ok()?;
    Some((io.into_inner(), read_buf.to_vec()))
}

/// What a token of the query string stands behind.
const QUERY_TOKEN: &str = "token=";

/// What a resume token of the query string stands behind.
const QUERY_RESUME: &str = "resume=";

/// A token of the query string. Its characters need no escape.
fn value_of(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)).map(str::to_owned)
}

fn switching_protocols(accepted: &Accepted) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, &accepted.accept);
    if let Some(encoding) = accepted.subprotocol {
        response = response.header(SEC_WEBSOCKET_PROTOCOL, encoding.subprotocol());
    }
    response.body(Body::empty()).expect("the accept key is base64, which a header may carry")
}

fn check(settings: &Settings, headers: &HeaderMap) -> Result<Accepted, Box<Response>> {
    if !has_token(headers, CONNECTION, "upgrade") || !has_token(headers, UPGRADE, "websocket") {
        let problem =
            Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "This route is a WebSocket.");
        return Err(problem.with_headers(&[(UPGRADE, "websocket"), (CONNECTION, "upgrade")]).into());
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let detail = "Expected Sec-WebSocket-Version: 13.";
        let problem = Problem::new(StatusCode::UPGRADE_REQUIRED, "websocket_version", detail);
        return Err(problem.with_headers(&[(SEC_WEBSOCKET_VERSION, "13")]).into());
    }
    if !is_origin_allowed(settings, headers) {
        let problem =
            Problem::new(StatusCode::FORBIDDEN, "foreign_origin", "Pages of this origin may not connect.");
        return Err(Box::new(problem.into_response()));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(|key| key.as_bytes()).filter(|key| is_key(key));
    let Some(key) = key else {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "websocket_key", "Expected a Sec-WebSocket-Key.");
        return Err(Box::new(problem.into_response()));
    };
    Ok(Accepted { accept: derive_accept_key(key), subprotocol: subprotocol_of(headers) })
}

fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|offered| offered.eq_ignore_ascii_case(token))
}

fn is_key(key: &[u8]) -> bool {
    let is_digit = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    key.len() == KEY_CHARS && key[..KEY_CHARS - 2].iter().all(is_digit) && key.ends_with(b"==")
}

/// The first of the client's that is spoken here.
fn subprotocol_of(headers: &HeaderMap) -> Option<Encoding> {
    tokens(headers, SEC_WEBSOCKET_PROTOCOL).find_map(Encoding::from_subprotocol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HOST, ORIGIN};

    fn request(change: impl FnOnce(&mut HeaderMap)) -> Result<Accepted, u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (CONNECTION, "keep-alive, Upgrade"),
            (UPGRADE, "WebSocket"),
            (SEC_WEBSOCKET_VERSION, "13"),
            (SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
            (HOST, "game.example:8080"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        change(&mut headers);
        let mut settings = Settings::guarded("127.0.0.1:0".parse().unwrap(), "s".repeat(32)).unwrap();
        settings.origins.push("https://play.example".to_owned());
        check(&settings, &headers).map_err(|response| response.status().as_u16())
    }

    #[test]
    fn the_sample_of_the_rfc_is_accepted() {
        assert_eq!(request(|_| {}).unwrap().accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_header_is_checked() {
        assert_eq!(request(|h| drop(h.remove(UPGRADE))), Err(426));
        assert_eq!(request(|h| drop(h.insert(CONNECTION, "close".parse().unwrap()))), Err(426));
        assert_eq!(request(|h| drop(h.insert(SEC_WEBSOCKET_VERSION, "8".parse().unwrap()))), Err(426));
        assert_eq!(request(|h| drop(h.insert(SEC_WEBSOCKET_KEY, "short".parse().unwrap()))), Err(400));
        assert_eq!(request(|h| drop(h.insert(ORIGIN, "https://evil.example".parse().unwrap()))), Err(403));
        assert_eq!(request(|h| drop(h.insert(ORIGIN, "null".parse().unwrap()))), Err(403));
        assert_eq!(request(|h| drop(h.insert(ORIGIN, "http://localhost:3000".parse().unwrap()))), Err(403));
        assert!(request(|h| drop(h.insert(ORIGIN, "https://play.example".parse().unwrap()))).is_ok());
        assert!(request(|h| drop(h.insert(ORIGIN, "http://game.example:8080".parse().unwrap()))).is_ok());
    }

    #[test]
    fn the_first_known_subprotocol_is_chosen() {
        let chosen = |offer: &str| {
            request(|h| drop(h.insert(SEC_WEBSOCKET_PROTOCOL, offer.parse().unwrap()))).unwrap().subprotocol
        };
        assert_eq!(chosen("chat, tickstone.v1.json, tickstone.v1.msgpack"), Some(Encoding::Json));
        assert_eq!(chosen("tickstone.v2.msgpack"), None);
    }
}
