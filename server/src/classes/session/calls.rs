//! What sessions can be asked.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::contract::CallError;
use crate::object::typed::Methods;

/// Bytes of what is kept with a session, as JSON.
pub const DATA_BYTES_MAX: usize = 2048;

/// The methods. No `Debug`: a token is a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionCall {
    /// Begins a session; answers its token, which nobody is told again.
    Create(Option<Create>),
    /// What is kept with a session, which goes on.
    Get(Of),
    /// Ends a session.
    Invalidate(Of),
    /// Ends every session of this object.
    InvalidateAll,
}

/// A session that is to begin.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Create {
    /// What is kept with it.
    pub data: Value,
}

/// Which session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    /// Its token.
    pub token: String,
}

/// What they answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SessionReply {
    /// To [`SessionCall::Create`].
    Created {
        /// The secret of its client.
        token: String,
        /// Not before this it ends by itself, in ms since 1970.
        expires_unix_ms: u64,
    },
    /// To [`SessionCall::Get`].
    Session {
        /// What is kept with it.
        data: Value,
        /// When it began, in ms since 1970.
        created_unix_ms: u64,
        /// When it ends if nobody asks for it again.
        expires_unix_ms: u64,
    },
    /// How many have ended.
    Ended {
        /// So many.
        ended: usize,
    },
}

impl Methods for SessionCall {
    type Reply = SessionReply;
}

impl Create {
    /// What is kept, as text.
    pub(super) fn checked(&self) -> Result<String, CallError> {
        let data = self.data.to_string();
        if data.len() > DATA_BYTES_MAX {
            let reason = format!("data: {} bytes of JSON; expected at most {DATA_BYTES_MAX}", data.len());
            return Err(CallError::Invalid(reason));
        }
        Ok(data)
    }
}
