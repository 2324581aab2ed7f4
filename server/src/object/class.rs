//! What holds for every object of a class.

use std::time::Duration;

use super::peer::SocketRules;
use crate::access::scope::ClassAccess;

/// Without events for so long, an object hibernates (contract: SOCKET 5).
pub const HIBERNATES_AFTER: Duration = Duration::from_secs(10);

/// What a class says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRules {
    /// The version of what its objects store; an older object migrates when it wakes.
    pub version: u32,
    /// It keeps a history, so that an object can be taken back to an earlier moment.
    pub history: bool,
    /// Without events for so long, an object hibernates, unless it ticks or has jobs.
    pub hibernates_after: Duration,
    /// Its sockets.
    pub sockets: SocketRules,
    /// Who may do what, unless a token says more.
    pub access: ClassAccess,
    /// Everybody may see what its objects publish ([`Context::publish`](super::context::Context::publish));
    /// otherwise keys with the role *read*.
    pub listed: bool,
    /// A class of objects that have some of the sockets. Before somebody connects to an object it is asked to `place`
    /// `{"user"}`, and answers `{"part"}`: the name of one of these, or null for itself.
    pub parts: Option<&'static str>,
}

impl Default for ClassRules {
    fn default() -> Self {
        Self {
            version: 1,
            history: false,
            hibernates_after: HIBERNATES_AFTER,
            sockets: SocketRules::default(),
            access: ClassAccess::default(),
            listed: false,
            parts: None,
        }
    }
}
