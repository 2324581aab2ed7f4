//! Who asks something of an object. It comes from a key or a token alone, never from the request itself.

use std::sync::Arc;

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
