//! What objects show without being asked: answers with a tag, which need not be sent to whoever has them.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use hyper::{HeaderMap, StatusCode};

use crate::access::admin::Role;
use crate::gateway::http::access::Caller;
use crate::gateway::http::object_access::ObjectPath;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::routes::{ClassEntry, RoutesRef};
use crate::object::contract::CallError;
use crate::object::values::snapshot::ObjectSnapshot;

/// What everybody may see may be a second old.
const FOR_EVERYBODY: &str = "public, max-age=1";
/// What a key is needed for is asked for again each time.
const FOR_A_KEY: &str = "private, no-cache";

/// Whether whoever asks may see what the objects of a class show, and how long they may keep it.
pub(super) fn keeping(
    routes: &RoutesRef,
    class: &ClassEntry,
    headers: &HeaderMap,
) -> Result<&'static str, Problem> {
    if class.listed {
        return Ok(FOR_EVERYBODY);
    }
    Caller::with_role(&routes.hub.settings.access, headers, Role::Read)?;
    Ok(FOR_A_KEY)
}

/// What an object shows: no event to it, be it awake or not.
pub(in crate::gateway::http) async fn snapshot(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    path: Result<ObjectPath, Problem>,
) -> Result<Response, Problem> {
    let ObjectPath { object, class } = path?;
    let keeping = keeping(&routes, &class, &headers)?;
    let found = match routes.hub.objects.held_snapshot(&object) {
        Some(held) => Some(held),
        None => {
            let objects = routes.hub.objects.clone();
            let read = tokio::task::spawn_blocking(move || objects.snapshot(&object)).await;
            read.map_err(|_| Problem::from(CallError::Reset))?.map_err(CallError::from)?
        }
    };
    let nothing = || Problem::new(StatusCode::NOT_FOUND, "no_snapshot", "The object shows nothing.");
    Ok(tagged(&found.ok_or_else(nothing)?, keeping, &headers))
}

/// An answer that needs not be sent to whoever has it.
pub(super) fn tagged(answer: &ObjectSnapshot, keeping: &'static str, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", answer.tag);
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(str::trim);
    let head = [(ETAG, tag.clone()), (CACHE_CONTROL, keeping.to_owned())];
    if known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag) {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(CONTENT_TYPE, "application/json")], String::from(&*answer.text)).into_response()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn status(known: &str) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_str(known).unwrap());
        let answer = tagged(&ObjectSnapshot::from("{}"), FOR_EVERYBODY, &headers);
        assert_eq!(answer.headers()[CACHE_CONTROL], FOR_EVERYBODY);
        assert!(answer.headers().contains_key(ETAG));
        answer.status().as_u16()
    }

    #[test]
    fn who_has_it_is_told_so_and_nothing_more() {
        let tag = ObjectSnapshot::from("{}").tag;
        assert_ne!(tag, ObjectSnapshot::from("[]").tag);
        for known in [format!("\"{tag}\""), format!("\"a\", W/\"{tag}\""), "*".to_owned()] {
            assert_eq!(status(&known), 304, "{known}");
        }
        for unknown in [String::new(), "\"a\"".to_owned(), tag.to_string()] {
            assert_eq!(status(&unknown), 200, "{unknown}");
        }
    }
}
