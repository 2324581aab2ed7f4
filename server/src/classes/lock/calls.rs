//! What a lock can be asked.

use serde::{Deserialize, Serialize};

use crate::object::contract::CallError;
use crate::object::typed::Methods;

/// Seconds of a lease.
pub const SECONDS_MAX: u64 = 3600;
/// Seconds of waiting: a call must be answered within 30.
pub const WAIT_SECONDS_MAX: u64 = 25;

/// The methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockCall {
    /// Takes the lock, now or once it is free.
    Acquire(Option<Acquire>),
    /// Has the lease end later, or earlier.
    Renew(Renew),
    /// Gives the lock up; who is next has it.
    Release(Release),
    /// Looks at it.
    Get,
}

/// How it is to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acquire {
    /// How long the lease is, from when it begins.
    pub seconds: u64,
    /// How long to wait for it at most.
    pub wait_seconds: u64,
}

impl Default for Acquire {
    fn default() -> Self {
        Self { seconds: default_seconds(), wait_seconds: 0 }
    }
}

const fn default_seconds() -> u64 {
    30
}

/// A lease that is to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// Its number.
    pub token: u64,
    /// How long it is from now.
    #[serde(default = "default_seconds")]
    pub seconds: u64,
}

/// A lease that is to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its number.
    pub token: u64,
}

/// How the lock is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockReply {
    /// Who has it.
    pub holder: Option<String>,
    /// The number of the newest lease there was; each has a greater one than those before it.
    pub token: u64,
    /// When the lease ends, in ms since 1970.
    pub expires_unix_ms: Option<u64>,
    /// How many wait for it.
    pub waiting: usize,
}

impl Methods for LockCall {
    type Reply = LockReply;
}

/// The length of a lease that is one.
pub(super) fn check_seconds(seconds: u64) -> Result<(), CallError> {
    if (1..=SECONDS_MAX).contains(&seconds) {
        Ok(())
    } else {
        Err(CallError::Invalid(format!("seconds: expected 1 to {SECONDS_MAX}")))
    }
}

impl Acquire {
    /// Checks both times.
    pub(super) fn check(&self) -> Result<(), CallError> {
        if self.wait_seconds > WAIT_SECONDS_MAX {
            return Err(CallError::Invalid(format!("wait_seconds: expected 0 to {WAIT_SECONDS_MAX}")));
        }
        check_seconds(self.seconds)
    }
}
