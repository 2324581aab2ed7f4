//! Who may do what: the secret of creation and admin routes, and the match of a path.

use axum::extract::{FromRequestParts, Path};
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use tickstone_shared::ids::ObjectName;

use super::problem::Problem;
use crate::gateway::settings::Settings;
use crate::object::id::Identity;

/// The class of matches.
pub(in crate::gateway) const MATCH_CLASS: &str = "match";

/// The match a path names. A malformed id answers as an unknown match does.
pub(in crate::gateway) struct MatchPath(pub(in crate::gateway) Identity);

impl<S: Send + Sync> FromRequestParts<S> for MatchPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Path<String> =
            Path::from_request_parts(parts, state).await.map_err(|_| Problem::no_such_match())?;
        let name = ObjectName::parse(&path.0).map_err(|_| Problem::no_such_match())?;
        Ok(Self(Identity::named(MATCH_CLASS, name)))
    }
}

/// May this request create, change or audit?
pub(super) fn check_admin(settings: &Settings, headers: &HeaderMap) -> Result<(), Problem> {
    if settings.dev {
        return Ok(());
    }
    let offered = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let Some(offered) = offered else {
        let detail = "Expected Authorization: Bearer and the server's secret.";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "credential_needed", detail));
    };
    let expected = settings.admin_secret.as_deref().filter(|secret| !secret.is_empty());
    if expected.is_some_and(|secret| is_same(secret.as_bytes(), offered)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "credential_refused", "This secret does not allow it."))
}

/// Compares hashes, in a time that says nothing of the contents ([`blake3::Hash`]).
fn is_same(expected: &[u8], offered: &[u8]) -> bool {
    blake3::hash(expected) == blake3::hash(offered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(settings: &Settings, header: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        check_admin(settings, &headers).is_ok()
    }

    #[test]
    fn only_the_secret_opens_a_guarded_server() {
        let listen = "127.0.0.1:0".parse().unwrap();
        let guarded = Settings::guarded(listen, "correct horse".to_owned());
        assert!(status(&guarded, Some("Bearer correct horse")));
        assert!(!status(&guarded, Some("Bearer correct hors")));
        assert!(!status(&guarded, Some("Basic correct horse")));
        assert!(!status(&guarded, None));
        assert!(!status(&Settings::guarded(listen, String::new()), Some("Bearer ")));
        assert!(status(&Settings::dev(listen), None));
    }
}
