//! What can be asked.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tickstone_shared::ids::{ObjectName, changes_the_line};

use crate::object::contract::CallError;
use crate::object::typed::Methods;

/// Bytes of a key.
pub(super) const KEY_BYTES_MAX: usize = 128;
/// Seconds of a lease.
pub const LEASE_SECONDS_MAX: u64 = 3600;
/// Seconds of waiting: a call must be answered within 30.
pub const WAIT_SECONDS_MAX: u64 = 25;
/// Seconds that something is kept; so many are for good.
pub(super) const KEEP_SECONDS_MAX: u64 = u32::MAX as u64;
/// Bytes of a result, of an error and of the body of a call, each as JSON.
pub const OUTCOME_BYTES_MAX: usize = 16 * 1024;
/// Bytes of the names of a class and of a method.
const WORD_BYTES_MAX: usize = 64;
/// Seconds that a result is kept unless said otherwise.
const KEEP_SECONDS_DEFAULT: u64 = 60;

/// The methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SingleFlightCall {
    /// To do the work, or to be told what it came to.
    Begin(Begin),
    /// What it came to.
    Finish(Finish),
    /// To have another object asked, once for all who want the same. The object asks in its own name, which other
    /// classes trust: so for keys, other objects, and who may call everything.
    Do(Do),
    /// What is kept.
    Get(Get),
    /// To keep it no longer.
    Forget(Forget),
}

/// Somebody wants the work of a key done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// Which work.
    pub key: String,
    /// How long they may take, if they are to do it.
    #[serde(default = "default_lease")]
    pub lease_seconds: u64,
    /// How long to wait for somebody else.
    #[serde(default = "default_wait")]
    pub wait_seconds: u64,
}

/// Somebody has done it. Either a result or an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// Which work.
    pub key: String,
    /// The number by which they were told to do it.
    pub lead: u64,
    /// What it came to; null is a result, too.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it came to nothing.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// How long that is kept for those who ask later; an error is not kept unless this says so.
    #[serde(default)]
    pub keep_seconds: Option<u64>,
}

/// A call that the object is to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Do {
    /// For whom it is the same.
    pub key: String,
    /// The class of the object that is asked.
    pub class: String,
    /// Its name.
    pub name: ObjectName,
    /// What is asked.
    pub method: String,
    /// With what.
    #[serde(default)]
    pub body: Value,
    /// How long the reply is kept. An error is not.
    #[serde(default = "default_keep")]
    pub keep_seconds: u64,
    /// How long to wait for it.
    #[serde(default = "default_wait")]
    pub wait_seconds: u64,
}

/// Who does the work of a key: keys of one kind are not those of the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Whoever begins.
    #[default]
    Begin,
    /// The object itself.
    Do,
}

/// What is kept of a key is wanted, and nothing done for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Get {
    /// The key.
    pub key: String,
    /// Of which kind.
    pub of: Kind,
    /// How long to wait for a call that the object makes just now.
    pub wait_seconds: u64,
}

/// What is kept of a key is good no more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Forget {
    /// The key.
    pub key: String,
    /// Of which kind.
    pub of: Kind,
    /// Only if what is kept has this number.
    pub number: Option<u64>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SingleFlightReply {
    /// The caller does the work.
    Lead {
        /// The number to finish by; greater than every one before.
        lead: u64,
        /// Until then, in ms since 1970.
        until_unix_ms: u64,
    },
    /// It is done.
    Result {
        /// What it came to.
        result: Value,
        /// The number of who did it.
        number: u64,
        /// Somebody else had it done.
        shared: bool,
    },
    /// It could not be done.
    Error {
        /// Why, in the words of who did it.
        error: Value,
        /// Their number.
        number: u64,
        /// True.
        shared: bool,
    },
    /// What came of it is known.
    Finished {
        /// To how many who waited it was told.
        told: usize,
    },
    /// Nothing is kept.
    Forgotten {
        /// Something was.
        forgotten: bool,
    },
}

impl Methods for SingleFlightCall {
    type Reply = SingleFlightReply;
}

const fn default_lease() -> u64 {
    30
}

const fn default_wait() -> u64 {
    WAIT_SECONDS_MAX
}

const fn default_keep() -> u64 {
    KEEP_SECONDS_DEFAULT
}

/// Null that is said is another thing than nothing said.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What work came to, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    Result(String),
    Error(String),
}

fn within(name: &str, seconds: u64, (least, most): (u64, u64)) -> Result<(), CallError> {
    if (least..=most).contains(&seconds) {
        return Ok(());
    }
    Err(CallError::Invalid(format!("{name} is {seconds}; expected {least} to {most}")))
}

pub(super) fn check_key(key: &str) -> Result<(), CallError> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.contains(changes_the_line) {
        return Ok(());
    }
    Err(CallError::Invalid(format!("key: expected 1 to {KEY_BYTES_MAX} bytes, none of them a control")))
}

/// A value as JSON, if it is not too long.
pub(super) fn text_of(name: &str, value: &Value) -> Result<String, CallError> {
    let text = value.to_string();
    if text.len() <= OUTCOME_BYTES_MAX {
        return Ok(text);
    }
    let got = text.len();
    Err(CallError::Invalid(format!("{name} has {got} bytes as JSON; at most {OUTCOME_BYTES_MAX}")))
}

impl Begin {
    pub(super) fn check(&self) -> Result<(), CallError> {
        check_key(&self.key)?;
        within("lease_seconds", self.lease_seconds, (1, LEASE_SECONDS_MAX))?;
        within("wait_seconds", self.wait_seconds, (0, WAIT_SECONDS_MAX))
    }
}

impl Finish {
    /// What it came to, and for how many seconds that is kept.
    pub(super) fn outcome(&self) -> Result<(Outcome, u64), CallError> {
        check_key(&self.key)?;
        let (outcome, default) = match (&self.result, &self.error) {
            (Some(result), None) => (Outcome::Result(text_of("result", result)?), KEEP_SECONDS_DEFAULT),
            (None, Some(error)) => (Outcome::Error(text_of("error", error)?), 0),
            _ => return Err(CallError::Invalid("expected either result or error".to_owned())),
        };
        let keep_seconds = self.keep_seconds.unwrap_or(default);
        within("keep_seconds", keep_seconds, (0, KEEP_SECONDS_MAX))?;
        Ok((outcome, keep_seconds))
    }
}

impl Get {
    pub(super) fn check(&self) -> Result<(), CallError> {
        check_key(&self.key)?;
        // Who waits for a caller may be the next to do it.
        let wait_seconds_max = if self.of == Kind::Do { WAIT_SECONDS_MAX } else { 0 };
        within("wait_seconds", self.wait_seconds, (0, wait_seconds_max))
    }
}

impl Do {
    pub(super) fn check(&self) -> Result<(), CallError> {
        check_key(&self.key)?;
        for (name, word) in [("class", &self.class), ("method", &self.method)] {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            if !(1..=WORD_BYTES_MAX).contains(&word.len()) || !word.bytes().all(is_word) {
                let expected = format!("{name}: expected 1 to {WORD_BYTES_MAX} of A-Z a-z 0-9 _ - .");
                return Err(CallError::Invalid(expected));
            }
        }
        within("keep_seconds", self.keep_seconds, (0, KEEP_SECONDS_MAX))?;
        within("wait_seconds", self.wait_seconds, (0, WAIT_SECONDS_MAX))
    }
}
