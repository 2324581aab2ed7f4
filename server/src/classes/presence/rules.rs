//! What holds in a space, within which bounds.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::object::contract::CallError;

/// Milliseconds without a heartbeat that a space may allow.
pub const EXPIRY_MS: RangeInclusive<u64> = 5_000..=3_600_000;
/// Milliseconds that a space may wait for somebody whose last socket closed.
pub const GRACE_MS: RangeInclusive<u64> = 0..=60_000;
/// Milliseconds that somebody types without saying so again.
pub const TYPING_MS: u64 = 5_000;
/// Milliseconds in which changes are gathered before they are told.
pub const BATCH_MS: u64 = 100;
/// Users of a space who are not offline.
pub const USERS_MAX: u32 = 1_000;
/// Sockets of one user in a space.
pub const SOCKETS_PER_USER_MAX: usize = 8;
/// Users that one socket watches, or that one call asks for.
pub const WATCHED_MAX: usize = 1_000;

/// What holds in a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRules {
    /// Without a heartbeat for so long, a user goes offline: then, or up to a quarter of it later.
    pub expiry_ms: u64,
    /// A user whose last socket closed goes offline after so long, unless they come back.
    pub grace_ms: u64,
}

impl Default for SpaceRules {
    fn default() -> Self {
        Self { expiry_ms: 60_000, grace_ms: 5_000 }
    }
}

/// What is to hold from now on; what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesChange {
    /// See [`SpaceRules`].
    pub expiry_ms: Option<u64>,
    /// See [`SpaceRules`].
    pub grace_ms: Option<u64>,
}

impl SpaceRules {
    /// These rules with a change, if it is within the bounds.
    pub fn changed(&self, change: &RulesChange) -> Result<Self, CallError> {
        Ok(Self {
            expiry_ms: within("expiry_ms", change.expiry_ms.unwrap_or(self.expiry_ms), &EXPIRY_MS)?,
            grace_ms: within("grace_ms", change.grace_ms.unwrap_or(self.grace_ms), &GRACE_MS)?,
        })
    }
}

fn within(name: &str, number: u64, bounds: &RangeInclusive<u64>) -> Result<u64, CallError> {
    if bounds.contains(&number) {
        return Ok(number);
    }
    let (low, high) = (bounds.start(), bounds.end());
    Err(CallError::Invalid(format!("{name} is {number}; expected {low} to {high}")))
}
