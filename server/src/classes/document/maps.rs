//! Entries of a map of a document, for clients that know nothing of Yjs: over HTTP, and on sockets as JSON. Who is on such a
//! socket hears every change of the map, their own ones too, in the one order in which the server took them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::update::VALUE_DEPTH_MAX;
use crate::object::contract::CallError;

/// Entries that are changed at once.
pub const CHANGES_MAX: usize = 1_000;
/// Bytes of a map's name.
pub const MAP_BYTES_MAX: usize = 64;
/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 128;
/// Bytes of a value, as JSON.
pub const VALUE_BYTES_MAX: usize = 1_024;

/// Changes of a map.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Which map: a shared type of the document itself.
    pub map: String,
    /// Values by key; null removes one.
    pub changes: Map<String, Value>,
}

impl Set {
    /// The changes, if they are within the limits.
    pub(super) fn checked(&self) -> Result<&Map<String, Value>, CallError> {
        check_map(&self.map)?;
        let count = self.changes.len();
        if !(1..=CHANGES_MAX).contains(&count) {
            return Err(invalid(format!("{count} changes; expected 1 to {CHANGES_MAX}")));
        }
        for (key, value) in &self.changes {
            if key.len() > KEY_BYTES_MAX || key.chars().any(char::is_control) {
                return Err(invalid(format!("a key has at most {KEY_BYTES_MAX} bytes and no controls")));
            }
            if value.to_string().len() > VALUE_BYTES_MAX || !fits(value, VALUE_DEPTH_MAX) {
                let expected = format!("{VALUE_BYTES_MAX} bytes, {VALUE_DEPTH_MAX} deep");
                return Err(invalid(format!(
                    "a value has at most {expected}, and numbers of 64 bits with a sign"
                )));
            }
        }
        Ok(&self.changes)
    }
}

fn invalid(reason: String) -> CallError {
    CallError::Invalid(reason)
}

fn check_map(name: &str) -> Result<(), CallError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=MAP_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(invalid(format!("the name of a map has 1 to {MAP_BYTES_MAX} characters of A-Z a-z 0-9 . _ -")))
}

/// Whether a value is one that a document can hold: not too deep, and each number within 64 bits with a sign.
fn fits(value: &Value, depth: u32) -> bool {
    let inner_fits = |inner: &Value| depth.checked_sub(1).is_some_and(|depth| fits(inner, depth));
    match value {
        Value::Number(number) => number.as_i64().is_some() || number.is_f64(),
        Value::Array(values) => values.iter().all(inner_fits),
        Value::Object(values) => values.values().all(inner_fits),
        _ => true,
    }
}

/// The map that a socket is for, by its query; none: it speaks y-websocket.
pub(super) fn map_of(query: &str) -> Result<Option<String>, CallError> {
    let Some(map) = query.split('&').find_map(|field| field.strip_prefix("map=")) else { return Ok(None) };
    check_map(map)?;
    Ok(Some(map.to_owned()))
}

/// The tag of the sockets of a map, or of those that speak y-websocket. No user is called so.
pub(super) fn tag(map: Option<&str>) -> String {
    map.map_or_else(|| "\u{1}yjs".to_owned(), |map| format!("\u{1}map {map}"))
}

/// What comes on a socket of a map.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Said {
    /// Some entries are to change.
    Set {
        /// Values by key; null removes one.
        changes: Map<String, Value>,
    },
}

/// What is sent on a socket of a map.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    /// The first message: all of it.
    Map { map: &'a str, entries: Map<String, Value>, may_edit: bool },
    /// Entries that have changed, or null where they are gone.
    Set { changes: Map<String, Value> },
}

impl Told<'_> {
    /// As it is sent.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("it is plain data")
    }
}
