//! Who may do what with an object, and the object of a path.

use axum::extract::{FromRequestParts, RawPathParams};
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use tickstone_shared::ids::ObjectName;

use super::access::MATCH_CLASS;
use super::problem::Problem;
use super::routes::{ClassEntry, RoutesRef};
use crate::access::admin::Role;
use crate::access::doorkeeper::Doorkeeper;
use crate::access::scope::{Access, Scope, Subject, Verb};
use crate::access::user_token;
use crate::object::caller::Caller;
use crate::object::id::Identity;

/// Who everybody is on a dev server who says nothing else.
const DEV_SUBJECT: &str = "anonymous";

/// The object that a path names, of a class that is served here and has no routes of its own.
pub(in crate::gateway) struct ObjectPath {
    /// The object.
    pub(in crate::gateway) object: Identity,
    /// Its class.
    pub(in crate::gateway) class: ClassEntry,
}

impl FromRequestParts<RoutesRef> for ObjectPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, routes: &RoutesRef) -> Result<Self, Problem> {
        let path = NamedPath::from_request_parts(parts, routes).await?;
        if path.0.class.name == MATCH_CLASS {
            let detail = "Matches have routes of their own, below /v1/matches.";
            return Err(Problem::new(StatusCode::NOT_FOUND, "own_routes", detail));
        }
        Ok(path.0)
    }
}

/// The object that a path names, of whatever class.
pub(super) struct NamedPath(pub(super) ObjectPath);

impl FromRequestParts<RoutesRef> for NamedPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, routes: &RoutesRef) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, routes).await;
        let params = params.map_err(|_| Problem::invalid_name())?;
        let of = |wanted: &str| params.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value);
        let class =
            routes.hub.classes.get(of("class").unwrap_or_default()).ok_or_else(Problem::no_such_class)?;
        let name = ObjectName::parse(of("name").unwrap_or_default()).map_err(|_| Problem::invalid_name())?;
        let object = Identity::offered(class.name, name).map_err(|error| Problem::invalid_id(&error))?;
        Ok(Self(ObjectPath { object, class: class.clone() }))
    }
}

/// Why somebody may not do what they ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Denied {
    /// They have no token or key of ours, or one that does not hold: one answer for all.
    Unknown,
    /// What they have is not for this.
    NotAllowed,
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown => {
                let detail = "Expected Authorization: Bearer and a user token, or a key of this server.";
                Self::new(StatusCode::UNAUTHORIZED, "credential_needed", detail)
            }
            Denied::NotAllowed => {
                let detail = "This token has no scope for it, or this key no role.";
                Self::new(StatusCode::FORBIDDEN, "credential_refused", detail)
            }
        }
    }
}

/// The token or key of a request's header.
pub(in crate::gateway) fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Who asks, once it is known that they may: by what they offer, and nothing that they claim beside it.
pub(in crate::gateway) fn caller_of(
    access: &Doorkeeper,
    class: &ClassEntry,
    name: &ObjectName,
    verb: Verb,
    offered: Option<&str>,
    now_ms: u64,
) -> Result<Caller, Denied> {
    let caller = match offered {
        Some(token) if user_token::is_user_token(token) => {
            let claims = access.check_user(token, now_ms).map_err(|_| Denied::Unknown)?;
            Caller::User { subject: claims.subject, scopes: claims.scopes }
        }
        _ if access.is_dev() => return Ok(anybody_of_dev()),
        Some(key) => match access.admins().find(key.as_bytes()) {
            Some(key) if key.has(Role::Call) => Caller::Operator,
            Some(_) => return Err(Denied::NotAllowed),
            None => return Err(Denied::Unknown),
        },
        None => Caller::Anonymous,
    };
    let may = match (&caller, class.access.of(verb)) {
        (Caller::Operator, _) | (_, Access::Public) => true,
        (Caller::User { scopes, .. }, Access::Token) => {
            scopes.iter().any(|scope| scope.allows(class.name, name, verb))
        }
        _ => false,
    };
    match (may, caller) {
        (true, caller) => Ok(caller),
        (false, Caller::Anonymous) => Err(Denied::Unknown),
        (false, _) => Err(Denied::NotAllowed),
    }
}

/// Everybody on this machine may do everything, as somebody whom nobody knows.
fn anybody_of_dev() -> Caller {
    let subject = Subject::parse(DEV_SUBJECT).expect("it is a subject");
    Caller::User { subject, scopes: Scope::parse("*:*:*").into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::admin::generate;
    use crate::access::doorkeeper::RawAccess;
    use crate::access::scope::ClassAccess;

    const NOW: u64 = 1_800_000_000_000;

    fn guarded(admin_keys: Vec<String>) -> Doorkeeper {
        let secret = Some("s".repeat(32));
        Doorkeeper::new(&RawAccess { secret, admin_keys, ..RawAccess::default() }).unwrap()
    }

    fn class(access: Access) -> ClassEntry {
        ClassEntry {
            name: "chat",
            version: 1,
            access: ClassAccess::all(access),
            sockets: Default::default(),
            listed: false,
            parts: None,
        }
    }

    fn token(access: &Doorkeeper, scope: &str) -> String {
        let scopes = [Scope::parse(scope).unwrap()].into();
        access.mint_user(Subject::parse("ann").unwrap(), scopes, NOW, 60_000).0
    }

    fn asked(
        doorkeeper: &Doorkeeper,
        access: Access,
        verb: Verb,
        offered: Option<&str>,
    ) -> Result<Caller, Denied> {
        caller_of(doorkeeper, &class(access), &ObjectName::parse("lobby").unwrap(), verb, offered, NOW)
    }

    #[test]
    fn each_default_access_lets_in_whom_it_names() {
        let access = guarded(Vec::new());
        let (fits, other) = (token(&access, "chat:lobby:call"), token(&access, "chat:other:call"));
        let key = "s".repeat(32);
        for (level, none, fitting, foreign) in [
            (Access::Public, Ok(()), Ok(()), Ok(())),
            (Access::Token, Err(Denied::Unknown), Ok(()), Err(Denied::NotAllowed)),
            (Access::Admin, Err(Denied::Unknown), Err(Denied::NotAllowed), Err(Denied::NotAllowed)),
        ] {
            let ask = |offered| asked(&access, level, Verb::Call, offered).map(drop);
            assert_eq!(ask(None), none, "{level:?}");
            assert_eq!(ask(Some(&fits)), fitting, "{level:?}");
            assert_eq!(ask(Some(&other)), foreign, "{level:?}");
            assert_eq!(ask(Some(&key)), Ok(()), "{level:?}");
            assert_eq!(ask(Some("guessed")), Err(Denied::Unknown), "{level:?}: not taken for nothing");
            assert_eq!(ask(Some("tu1.AAAA")), Err(Denied::Unknown), "{level:?}");
        }
        assert_eq!(asked(&access, Access::Token, Verb::Connect, Some(&fits)), Err(Denied::NotAllowed));
    }

    #[test]
    fn a_subject_comes_from_the_token_alone() {
        let access = guarded(Vec::new());
        let named = asked(&access, Access::Public, Verb::Http, Some(&token(&access, "*:*:*"))).unwrap();
        assert_eq!(named.subject(), Some("ann"));
        assert_eq!(asked(&access, Access::Public, Verb::Http, None).unwrap(), Caller::Anonymous);
        let late = token(&access, "*:*:*");
        let late = caller_of(
            &access,
            &class(Access::Public),
            &ObjectName::parse("a").unwrap(),
            Verb::Call,
            Some(&late),
            NOW + 60_000,
        );
        assert_eq!(late, Err(Denied::Unknown), "an expired token is refused, not ignored");
    }

    #[test]
    fn in_dev_mode_everybody_is_anonymous_unless_a_token_says_more() {
        let dev = Doorkeeper::dev();
        let anybody = asked(&dev, Access::Admin, Verb::Call, None).unwrap();
        assert_eq!(anybody.subject(), Some("anonymous"));
        let ann = token(&dev, "chat:lobby:call");
        assert_eq!(asked(&dev, Access::Token, Verb::Call, Some(&ann)).unwrap().subject(), Some("ann"));
        assert_eq!(asked(&dev, Access::Token, Verb::Http, Some(&ann)), Err(Denied::NotAllowed));
    }

    #[test]
    fn a_key_needs_the_role_to_call() {
        let (reader, line) = generate("reader", "read+seat").unwrap();
        let (caller, other) = generate("backend", "call").unwrap();
        let access = guarded(vec![line, other]);
        assert_eq!(asked(&access, Access::Admin, Verb::Call, Some(&reader)), Err(Denied::NotAllowed));
        assert_eq!(asked(&access, Access::Admin, Verb::Call, Some(&caller)), Ok(Caller::Operator));
    }
}
