//! What is looked at of every request before a route sees it (reliability 4.1).

use hyper::header::{ACCEPT, HOST};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Request, StatusCode, Version};
use tickstone_shared::time::Moment;

use super::addresses::Visitor;
use crate::gateway::http::problem::Problem;

/// Bytes of a request's target.
const TARGET_BYTES_MAX: usize = 8 * 1024;

/// May this request be answered by a route?
pub(in crate::gateway) fn check<B>(
    request: &Request<B>,
    visitor: &Visitor,
    now: Moment,
) -> Result<(), Problem> {
    visitor.request(now).map_err(Problem::crowded)?;
    check_target(request)?;
    check_host(request)?;
    if answers_json(request.uri().path()) && !is_json_accepted(request.headers()) {
        let detail = "Answers are JSON: expected Accept to allow application/json.";
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail));
    }
    Ok(())
}

/// What an object answers to `/v1/objects/{class}/{name}/http/...` is its own affair.
fn answers_json(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    let is_object = parts.next() == Some("v1") && parts.next() == Some("objects");
    path.starts_with("/v1/") && !(is_object && parts.nth(2) == Some("http"))
}

fn check_target<B>(request: &Request<B>) -> Result<(), Problem> {
    let uri = request.uri();
    let length = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if length > TARGET_BYTES_MAX {
        let detail = "A request's target is at most 8 KiB.";
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail));
    }
    // `GET http://elsewhere/` is for proxies, which this is not.
    if uri.authority().is_some() {
        let detail = "Expected a target that begins with a slash.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_target", detail));
    }
    Ok(())
}

/// RFC 9112, 3.2: exactly one, and well-formed.
fn check_host<B>(request: &Request<B>) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let fits = match (hosts.next(), hosts.next()) {
        (None, None) => request.version() < Version::HTTP_11,
        (Some(host), None) => host.to_str().is_ok_and(is_host),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(Problem::new(StatusCode::BAD_REQUEST, "bad_host", "Expected one Host header, a name and a port."))
}

fn is_host(text: &str) -> bool {
    !text.contains('@') && text.parse::<Authority>().is_ok()
}

fn is_json_accepted(headers: &HeaderMap) -> bool {
    let mut accepts = headers.get_all(ACCEPT).iter().peekable();
    accepts.peek().is_none() || accepts.any(|value| value.to_str().is_ok_and(allows_json))
}

fn allows_json(value: &str) -> bool {
    value.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let fits =
            matches!(&*kind, "*/*" | "application/*" | "application/json" | "application/problem+json");
        fits && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_accept_may_say() {
        let accepted = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, value.parse().unwrap());
            is_json_accepted(&headers)
        };
        assert!(is_json_accepted(&HeaderMap::new()));
        for value in [
            "*/*",
            "text/html, */*;q=0.8",
            "Application/JSON",
            "application/*;q=0.1",
            "application/problem+json",
        ] {
            assert!(accepted(value), "{value}");
        }
        for value in ["text/html", "application/xml, text/*", "application/json;q=0", ""] {
            assert!(!accepted(value), "{value}");
        }
    }

    #[test]
    fn json_is_answered_below_v1_but_for_what_objects_answer() {
        assert!(
            ["/v1/matches", "/v1/objects/a/http", "/v1/objects/a/b/call/http"].into_iter().all(answers_json)
        );
        assert!(
            !["/", "/metrics", "/v1/objects/a/b/http", "/v1/objects/a/b/http/c"]
                .into_iter()
                .any(answers_json)
        );
    }

    #[test]
    fn hosts_by_their_form() {
        assert!(["a", "a.example:80", "127.0.0.1:1", "[::1]:8080", "localhost"].into_iter().all(is_host));
        assert!(!["", "a b", "a/b", "user@a", "[::1", "a:b:c"].into_iter().any(is_host));
    }
}
