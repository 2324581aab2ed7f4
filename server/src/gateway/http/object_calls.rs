//! `POST /v1/objects/{class}/{name}/call/{method}` and `ANY .../http/{path}`: what is asked of objects.

use axum::Json;
use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use super::RoutesRef;
use super::body;
use super::object_access::{ObjectPath, bearer_of, caller_of};
use super::problem::Problem;
use super::routes::Routes;
use crate::access::scope::Verb;
use crate::object::caller::Caller;
use crate::object::request::{HTTP_METHOD, ObjectRequest, ObjectResponse};

/// Characters of a method's name.
const METHOD_CHARS_MAX: usize = 64;
/// Bytes of an object's response.
const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Headers that are about the connection, not about what is asked or answered.
const OF_THE_CONNECTION: [HeaderName; 6] =
    [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Calls a method with the body as its argument.
pub(super) async fn call(
    State(routes): State<RoutesRef>,
    path: Result<ObjectPath, Problem>,
    params: RawPathParams,
    mut request: Request,
) -> Result<Json<Value>, Problem> {
    let (ObjectPath { object, class }, caller) = admitted(&routes, path, Verb::Call, &mut request).await?;
    let method = param(&params, "method");
    let is_method = (1..=METHOD_CHARS_MAX).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if !is_method {
        body::discard(&mut request).await;
        let detail = "A method has 1 to 64 characters of A-Z a-z 0-9 _ - .";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_method", detail));
    }
    let argument = body::read_value(request, routes.hub.settings.body_timeout).await?;
    tracing::debug!(class = class.name, name = %object.name, method, "called");
    routes.ask(caller, &object, method, argument).await.map(Json)
}

/// Hands the request to the object, and its response back.
pub(super) async fn http(
    State(routes): State<RoutesRef>,
    path: Result<ObjectPath, Problem>,
    params: RawPathParams,
    mut request: Request,
) -> Result<Response, Problem> {
    let (ObjectPath { object, .. }, caller) = admitted(&routes, path, Verb::Http, &mut request).await?;
    let asked = ObjectRequest {
        method: request.method().as_str().to_owned(),
        path: param(&params, "path").to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: headers_of(request.headers()),
        body: Vec::new(),
    };
    let body = body::read_bytes(request, routes.hub.settings.body_timeout).await?;
    let asked = ObjectRequest { body: body.to_vec(), ..asked };
    let carried = serde_json::to_value(asked).expect("a request is plain data");
    let answer = routes.ask(caller, &object, HTTP_METHOD, carried).await?;
    let answer = serde_json::from_value(answer).map_err(|_| bad_response("none was given"))?;
    response_of(answer)
}

/// The object and who asks, if they may. A body that nobody will read is thrown away first.
async fn admitted(
    routes: &Routes,
    path: Result<ObjectPath, Problem>,
    verb: Verb,
    request: &mut Request,
) -> Result<(ObjectPath, Caller), Problem> {
    let admitted = path.and_then(|path| {
        let (access, now_ms) = (&routes.hub.settings.access, routes.hub.clock.unix_ms());
        let offered = bearer_of(request.headers());
        let caller = caller_of(access, &path.class, &path.object.name, verb, offered, now_ms)?;
        if routes.hub.is_draining() { Err(Problem::draining()) } else { Ok((path, caller)) }
    });
    if admitted.is_err() {
        body::discard(request).await;
    }
    admitted
}

fn param<'a>(params: &'a RawPathParams, wanted: &str) -> &'a str {
    params.iter().find(|(key, _)| *key == wanted).map_or("", |(_, value)| value)
}

/// Without what says who asks: that is the caller.
fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| {
        !OF_THE_CONNECTION.contains(*name) && **name != AUTHORIZATION && **name != PROXY_AUTHORIZATION
    });
    let texts = kept.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    texts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn bad_response(what: &str) -> Problem {
    let detail = format!("The object's response is none: {what}.");
    Problem::new(StatusCode::BAD_GATEWAY, "bad_response", detail)
}

fn response_of(answer: ObjectResponse) -> Result<Response, Problem> {
    if answer.body.len() > RESPONSE_BYTES_MAX {
        return Err(bad_response("it has more than 4 MiB"));
    }
    let status =
        StatusCode::from_u16(answer.status).ok().filter(|status| (200..600).contains(&status.as_u16()));
    let status = status.ok_or_else(|| bad_response("its status is not of 200 to 599"))?;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    for (name, value) in answer.headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            return Err(bad_response("a header is malformed"));
        };
        if !OF_THE_CONNECTION.contains(&name) {
            response.headers_mut().append(name, value);
        }
    }
    // A page of an object is none of the server's: it gets no access to what else is at this origin.
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Result<Response, Problem> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        response_of(ObjectResponse { status, headers, body: b"x".to_vec() })
    }

    #[test]
    fn a_response_keeps_its_headers_but_for_those_of_the_connection() {
        let response =
            answer(203, &[("x-a", "1"), ("x-a", "2"), ("connection", "close"), ("content-length", "99")]);
        let response = response.unwrap();
        assert_eq!(response.status(), 203);
        assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
        assert!(!response.headers().contains_key("connection"));
        assert!(!response.headers().contains_key("content-length"));
        assert_eq!(response.headers()["content-security-policy"], "sandbox");
    }

    #[test]
    fn what_is_no_response_is_502() {
        for (status, headers) in [(199, vec![]), (101, vec![]), (600, vec![]), (200, vec![("a b", "c")])] {
            assert_eq!(answer(status, &headers).unwrap_err().status(), 502);
        }
        let long = ObjectResponse { status: 200, headers: vec![], body: vec![0; RESPONSE_BYTES_MAX + 1] };
        assert_eq!(response_of(long).unwrap_err().status(), 502);
    }

    #[test]
    fn who_asks_is_not_told_in_headers() {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "proxy-authorization", "upgrade", "x-mine"] {
            headers.insert(name, HeaderValue::from_static("v"));
        }
        assert_eq!(headers_of(&headers), [("x-mine".to_owned(), "v".to_owned())]);
    }
}
