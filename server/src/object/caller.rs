//! Who asks something of an object. It comes from a key or a token alone, never from the request itself. And whether
//! they still wait: a class that answers later, and gives something away with the answer, gives it to nobody who is
//! gone.

use std::sync::{Arc, Weak};

use tickstone_shared::ids::ObjectName;

use crate::access::scope::{Scope, Subject};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A key of operators and backends, or this server itself.
    Operator,
    /// Another object.
    Object {
        /// Its class.
        class: &'static str,
        /// Its name.
        name: ObjectName,
    },
    /// Somebody with a user token.
    User {
        /// Who.
        subject: Subject,
        /// What the token lets them do.
        scopes: Arc<[Scope]>,
    },
    /// Somebody without a token.
    Anonymous,
}

impl Caller {
    /// The subject of the token, if there is one.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Caller::User { subject, .. } => Some(subject.as_str()),
            _ => None,
        }
    }
}

/// Kept by whoever waits, for as long as they do.
#[derive(Debug, Clone, Default)]
pub struct Waiting(Arc<()>);

impl Waiting {
    /// What the call has of it.
    pub fn awaited(&self) -> Awaited {
        Awaited(Some(Arc::downgrade(&self.0)))
    }
}

/// Whether the answer is still wanted; always, where nobody said otherwise.
#[derive(Debug, Clone, Default)]
pub struct Awaited(Option<Weak<()>>);

impl Awaited {
    /// Nobody waits any more: a client has hung up.
    pub fn is_gone(&self) -> bool {
        self.0.as_ref().is_some_and(|waiting| waiting.strong_count() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_gone_with_the_last_of_what_they_kept() {
        let waiting = Waiting::default();
        let (awaited, another) = (waiting.awaited(), waiting.clone());
        drop(waiting);
        assert!(!awaited.is_gone());
        drop(another);
        assert!(awaited.is_gone() && !Awaited::default().is_gone());
    }
}
