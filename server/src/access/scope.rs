//! Who somebody is, and what they may ask of objects.

use std::fmt;
use std::sync::Arc;

use tickstone_shared::ids::{ObjectName, changes_the_line};

/// Bytes of a subject.
pub const SUBJECT_BYTES_MAX: usize = 128;
/// Bytes of a scope.
pub const SCOPE_BYTES_MAX: usize = 224;
/// Bytes of the name of a class.
const CLASS_BYTES_MAX: usize = 64;
/// Matches everything, or everything that begins with what stands before it.
const WILDCARD: char = '*';

/// What is asked of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A socket.
    Connect,
    /// A call of a method.
    Call,
    /// An HTTP request, as it is.
    Http,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Verb; 3] = [Verb::Connect, Verb::Call, Verb::Http];

    /// As a scope has it.
    pub const fn name(self) -> &'static str {
        match self {
            Verb::Connect => "connect",
            Verb::Call => "call",
            Verb::Http => "http",
        }
    }
}

/// Whom a class lets do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody; a token still says who they are.
    Public,
    /// Who has a token with a scope for it.
    Token,
    /// Who has a key of operators and backends.
    Admin,
}

impl Access {
    /// As it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Access::Public => "public",
            Access::Token => "token",
            Access::Admin => "admin",
        }
    }
}

/// Whom a class lets do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassAccess {
    /// Sockets.
    pub connect: Access,
    /// Calls.
    pub call: Access,
    /// HTTP requests.
    pub http: Access,
}

impl ClassAccess {
    /// The same for every verb.
    pub const fn all(access: Access) -> Self {
        Self { connect: access, call: access, http: access }
    }

    /// Whom the class lets do this.
    pub const fn of(&self, verb: Verb) -> Access {
        match verb {
            Verb::Connect => self.connect,
            Verb::Call => self.call,
            Verb::Http => self.http,
        }
    }
}

/// What a class that says nothing else wants: a token for everything.
impl Default for ClassAccess {
    fn default() -> Self {
        Self::all(Access::Token)
    }
}

/// A text that is no subject or scope. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Of a subject.
    #[error("a subject has 1 to {SUBJECT_BYTES_MAX} bytes, none of them a control")]
    Subject,
    /// Of a scope.
    #[error(
        "a scope is CLASS:NAME:VERB, the verb connect, call or http; each part may be *, and a name may end with *"
    )]
    Scope,
}

/// Who somebody is, as a token says it: 1 to 128 bytes, none of them a control.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Arc<str>);

impl Subject {
    /// Checks length and characters.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let fits = (1..=SUBJECT_BYTES_MAX).contains(&text.len()) && !text.contains(changes_the_line);
        if fits { Ok(Self(text.into())) } else { Err(ScopeError::Subject) }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `class:name:verb`. A name may have colons: the first and the last of a scope are those that part it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(Arc<str>);

impl Scope {
    /// Checks each part.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let scope = Self(text.into());
        let (class, name, verb) = scope.parts().ok_or(ScopeError::Scope)?;
        let is_class = class == "*" || (class.len() <= CLASS_BYTES_MAX && ObjectName::parse(class).is_ok());
        let bare = name.strip_suffix(WILDCARD);
        let is_name = bare == Some("") || ObjectName::parse(bare.unwrap_or(name)).is_ok();
        let is_verb = verb == "*" || Verb::ALL.into_iter().any(|known| known.name() == verb);
        let fits = text.len() <= SCOPE_BYTES_MAX && is_class && is_name && is_verb;
        if fits { Ok(scope) } else { Err(ScopeError::Scope) }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> Option<(&str, &str, &str)> {
        let (class, rest) = self.0.split_once(':')?;
        let (name, verb) = rest.rsplit_once(':')?;
        Some((class, name, verb))
    }

    /// Does it allow this?
    pub fn allows(&self, class: &str, name: &ObjectName, verb: Verb) -> bool {
        let Some((its_class, its_name, its_verb)) = self.parts() else { return false };
        let fits_name = match its_name.strip_suffix(WILDCARD) {
            Some(beginning) => name.as_str().starts_with(beginning),
            None => name.as_str() == its_name,
        };
        fits_name && (its_class == "*" || its_class == class) && (its_verb == "*" || its_verb == verb.name())
    }

    /// Does it allow this of every object of the class?
    pub fn allows_all(&self, class: &str, verb: Verb) -> bool {
        let Some((its_class, its_name, its_verb)) = self.parts() else { return false };
        let fits = |its: &str, wanted: &str| its == "*" || its == wanted;
        its_name == "*" && fits(its_class, class) && fits(its_verb, verb.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(scope: &str, class: &str, name: &str, verb: Verb) -> bool {
        Scope::parse(scope).unwrap().allows(class, &ObjectName::parse(name).unwrap(), verb)
    }

    #[test]
    fn a_scope_allows_what_it_names_and_no_more() {
        assert!(allows("chat:lobby:connect", "chat", "lobby", Verb::Connect));
        assert!(!allows("chat:lobby:connect", "chat", "lobby", Verb::Call));
        assert!(!allows("chat:lobby:connect", "chat", "lobby2", Verb::Connect));
        assert!(!allows("chat:lobby:connect", "chats", "lobby", Verb::Connect));
        assert!(allows("*:*:*", "chat", "lobby", Verb::Http));
        assert!(allows("chat:room-*:call", "chat", "room-7", Verb::Call));
        assert!(!allows("chat:room-*:call", "chat", "roo", Verb::Call));
        assert!(allows("chat:eu:room-*:call", "chat", "eu:room-7", Verb::Call), "names may have colons");
        assert!(!allows("chat:eu:room-*:call", "chat", "us:room-7", Verb::Call));
        assert!(!allows("chat:connect:connect", "chat", "lobby", Verb::Connect));
    }

    #[test]
    fn a_scope_for_every_object_has_no_name() {
        let all = |scope: &str| Scope::parse(scope).unwrap().allows_all("chat", Verb::Call);
        assert!(all("chat:*:call") && all("*:*:*"));
        assert!(!all("chat:a*:call") && !all("chat:lobby:call") && !all("chat:*:connect"));
        assert!(!all("chats:*:call"));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in [
            "",
            "chat",
            "chat:lobby",
            "chat:lobby:write",
            ":lobby:call",
            "chat::call",
            "chat:a*b:call",
            "ch*:lobby:call",
            "chat:a b:call",
            "chat:lobby:call*",
            "chat:**:call",
        ] {
            assert_eq!(Scope::parse(text), Err(ScopeError::Scope), "{text}");
        }
        let longest = format!("{}:{}:connect", "c".repeat(64), "n".repeat(128));
        assert!(Scope::parse(&longest).is_ok() && longest.len() <= SCOPE_BYTES_MAX);
        assert!(Scope::parse(&format!("c{longest}")).is_err());
    }

    #[test]
    fn subjects_at_their_limits() {
        assert!(Subject::parse(&"a".repeat(128)).is_ok() && Subject::parse("ann@example.com").is_ok());
        for text in ["", "a\nb", "a\u{202e}b", &"a".repeat(129)] {
            assert_eq!(Subject::parse(text), Err(ScopeError::Subject));
        }
    }
}
