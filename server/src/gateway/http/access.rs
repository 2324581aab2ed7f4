//! Who may do what: the key of a request, and the match of a path.

use axum::extract::{FromRequestParts, Path, Request};
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use tickstone_shared::ids::ObjectName;

use super::body;
use super::problem::Problem;
use crate::access::admin::{AdminKey, Role};
use crate::access::doorkeeper::Doorkeeper;
use crate::access::scope::Subject;
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

/// Who asks, once it is known that they may.
#[derive(Debug, Clone, Copy)]
pub(super) enum Caller<'a> {
    /// Anybody on this machine: dev mode.
    Anybody,
    /// Who has a key.
    Key(&'a AdminKey),
}

impl<'a> Caller<'a> {
    /// Whoever may do what `role` may; 401 without a key of ours, 403 with one that may not.
    pub(super) fn with_role(
        doorkeeper: &'a Doorkeeper,
        headers: &HeaderMap,
        role: Role,
    ) -> Result<Self, Problem> {
        if doorkeeper.is_dev() {
            return Ok(Self::Anybody);
        }
        let offered = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let Some(key) = offered.and_then(|offered| doorkeeper.admins().find(offered)) else {
            let detail = "Expected Authorization: Bearer and a key of this server.";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "credential_needed", detail));
        };
        if !key.has(role) {
            tracing::warn!(key = key.name(), role = role.name(), "a key asked for what it may not do");
            let detail = format!("This key does not have the role {}.", role.name());
            return Err(Problem::new(StatusCode::FORBIDDEN, "credential_refused", detail));
        }
        Ok(Self::Key(key))
    }

    /// As [`Caller::with_role`], for a request with a body.
    pub(super) async fn with_body(
        doorkeeper: &'a Doorkeeper,
        request: &mut Request,
        role: Role,
    ) -> Result<Self, Problem> {
        let caller = Self::with_role(doorkeeper, request.headers(), role);
        if caller.is_err() {
            body::discard(request).await;
        }
        caller
    }

    /// May they see matches that are private? In dev mode whoever knows an id.
    pub(super) fn sees_private(&self) -> bool {
        match self {
            Self::Anybody => true,
            Self::Key(key) => key.has(Role::Create),
        }
    }

    /// Are private matches listed for them? In dev mode for nobody.
    pub(super) fn lists_private(&self) -> bool {
        matches!(self, Self::Key(_)) && self.sees_private()
    }

    /// The line of the audit: who did what for whom.
    pub(super) fn note_subject(&self, action: &'static str, subject: &Subject) {
        if let Self::Key(key) = self {
            tracing::info!(target: "tickstone_server::audit", key = key.name(), action, %subject, "asked");
        }
    }

    /// The line of the audit: who did what to which object.
    pub(super) fn note(&self, action: &'static str, name: &ObjectName) {
        if let Self::Key(key) = self {
            tracing::info!(target: "tickstone_server::audit", key = key.name(), action, %name, "asked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::admin::generate;
    use crate::access::doorkeeper::RawAccess;
    use hyper::header::HeaderValue;

    fn status(doorkeeper: &Doorkeeper, header: Option<&str>, role: Role) -> u16 {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        }
        Caller::with_role(doorkeeper, &headers, role)
            .map_or_else(|problem| problem.status().as_u16(), |_| 200)
    }

    #[test]
    fn only_a_key_with_the_role_opens_a_guarded_server() {
        let secret = "s".repeat(32);
        let (text, line) = generate("backend", "create+seat").unwrap();
        let raw = RawAccess { secret: Some(secret.clone()), admin_keys: vec![line], ..RawAccess::default() };
        let guarded = Doorkeeper::new(&raw).unwrap();
        let backend = format!("Bearer {text}");
        for role in Role::ALL {
            assert_eq!(status(&guarded, Some(&format!("Bearer {secret}")), role), 200);
            let may = matches!(role, Role::Create | Role::Seat);
            assert_eq!(status(&guarded, Some(&backend), role), if may { 200 } else { 403 }, "{role:?}");
            for wrong in [None, Some("Bearer "), Some("Bearer guessed"), Some(&backend[..backend.len() - 1])]
            {
                assert_eq!(status(&guarded, wrong, role), 401, "{role:?}");
            }
            assert_eq!(status(&guarded, Some(&format!("Basic {secret}")), role), 401);
            assert_eq!(status(&Doorkeeper::dev(), None, role), 200);
        }
    }
}
