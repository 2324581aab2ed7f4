//! What a document is asked over HTTP, and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::maps::Set;
use super::versions::{Version, Which};
use crate::object::contract::CallError;
use crate::object::typed::Methods;

/// What is looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// An older version; none: as it is now.
    pub version: Option<u64>,
}

/// What it is to become: one of the two.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// This version.
    pub version: Option<u64>,
    /// The newest version that was there at this time, in ms since 1970.
    pub at_unix_ms: Option<u64>,
}

impl Wanted {
    /// Checks that it is one of the two.
    pub(super) fn which(&self) -> Result<Which, CallError> {
        match (self.version, self.at_unix_ms) {
            (Some(version), None) => Ok(Which::Number(version)),
            (None, Some(unix_ms)) => Ok(Which::At(unix_ms)),
            _ => Err(CallError::Invalid("expected either version or at_unix_ms".to_owned())),
        }
    }
}

/// What a document can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DocumentCall {
    /// What is in it.
    Get(Option<Look>),
    /// Which versions are kept.
    Versions,
    /// Editors: to keep a version now.
    Keep,
    /// Editors: to make it what it was.
    Restore(Wanted),
    /// Editors: to change entries of a map.
    Set(Set),
}

/// What a document answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DocumentReply {
    /// The version that was kept.
    Kept(Version),
    /// Those that are kept, oldest first.
    Versions {
        /// At most 32.
        versions: Vec<Version>,
    },
    /// What is in it.
    Content {
        /// Its shared types, by name.
        content: Value,
        /// Its bytes as Yjs encodes it.
        bytes: usize,
    },
    /// Entries were changed.
    Set {
        /// How many were not so before.
        changed: usize,
    },
    /// It is what it was.
    Restored {
        /// At this version.
        restored: Version,
        /// What it had been until now.
        before: Version,
    },
}

impl Methods for DocumentCall {
    type Reply = DocumentReply;
}
