//! What holds in a room, within which bounds, and what may be said.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::changes_the_line;

use super::parts::PARTS_MAX;
use crate::object::contract::CallError;

/// Messages that a room may keep.
pub const HISTORY_MESSAGES: RangeInclusive<u32> = 0..=1_000;
/// Bytes that a room may let a message have.
pub const TEXT_BYTES: RangeInclusive<u32> = 1..=2_000;
/// Users that a room may let in.
pub const MEMBERS: RangeInclusive<u32> = 1..=10_000;
/// Parts over which a room may be split.
pub const PARTS: RangeInclusive<u32> = 0..=PARTS_MAX;
/// Messages that a room may let somebody say at once, after a rest.
pub const BURST: RangeInclusive<u32> = 1..=100;
/// Milliseconds that a room may want between two messages of somebody who keeps talking.
pub const INTERVAL_MS: RangeInclusive<u32> = 1..=60_000;

/// What holds in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRules {
    /// The newest messages that are kept.
    pub history_messages: u32,
    /// Bytes of a message.
    pub text_bytes_max: u32,
    /// Users at the same time, before more of them are in parts; and in each of these.
    pub members_max: u32,
    /// Parts of the room at most.
    pub parts_max: u32,
    /// Messages that somebody may say at once, after a rest.
    pub burst: u32,
    /// Milliseconds until one more may be said.
    pub interval_ms: u32,
    /// The room is shown in the listing.
    pub listed: bool,
}

impl Default for RoomRules {
    fn default() -> Self {
        Self {
            history_messages: 100,
            text_bytes_max: 500,
            members_max: 1_000,
            parts_max: PARTS_MAX,
            burst: 5,
            interval_ms: 1_000,
            listed: true,
        }
    }
}

/// What is to hold from now on; what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesChange {
    /// See [`RoomRules`].
    pub history_messages: Option<u32>,
    /// See [`RoomRules`].
    pub text_bytes_max: Option<u32>,
    /// See [`RoomRules`].
    pub members_max: Option<u32>,
    /// See [`RoomRules`].
    pub parts_max: Option<u32>,
    /// See [`RoomRules`].
    pub burst: Option<u32>,
    /// See [`RoomRules`].
    pub interval_ms: Option<u32>,
    /// See [`RoomRules`].
    pub listed: Option<bool>,
}

/// A number of a change, or the one that holds.
fn within(
    name: &str,
    wanted: Option<u32>,
    bounds: &RangeInclusive<u32>,
    holds: u32,
) -> Result<u32, CallError> {
    match wanted {
        Some(number) if !bounds.contains(&number) => Err(CallError::Invalid(format!(
            "{name} is {number}; expected {} to {}",
            bounds.start(),
            bounds.end()
        ))),
        wanted => Ok(wanted.unwrap_or(holds)),
    }
}

impl RoomRules {
    /// These rules with a change, if it is within the bounds.
    pub fn changed(&self, change: &RulesChange) -> Result<Self, CallError> {
        let history =
            within("history_messages", change.history_messages, &HISTORY_MESSAGES, self.history_messages)?;
        Ok(Self {
            history_messages: history,
            text_bytes_max: within(
                "text_bytes_max",
                change.text_bytes_max,
                &TEXT_BYTES,
                self.text_bytes_max,
            )?,
            members_max: within("members_max", change.members_max, &MEMBERS, self.members_max)?,
            parts_max: within("parts_max", change.parts_max, &PARTS, self.parts_max)?,
            burst: within("burst", change.burst, &BURST, self.burst)?,
            interval_ms: within("interval_ms", change.interval_ms, &INTERVAL_MS, self.interval_ms)?,
            listed: change.listed.unwrap_or(self.listed),
        })
    }

    /// Whether a text may be said.
    pub fn check_text(&self, text: &str) -> Result<(), CallError> {
        let (bytes, bytes_max) = (text.len(), self.text_bytes_max);
        if bytes > bytes_max as usize {
            return Err(CallError::Invalid(format!("the text has {bytes} bytes; at most {bytes_max}")));
        }
        if text.trim().is_empty() {
            return Err(CallError::Invalid("the text is blank".to_owned()));
        }
        if text.contains(is_refused) {
            let reason = "the text has a control other than a line feed, or one that turns the line around";
            return Err(CallError::Invalid(reason.to_owned()));
        }
        Ok(())
    }
}

/// Joiners are part of words and of pictures.
fn is_refused(c: char) -> bool {
    changes_the_line(c) && !matches!(c, '\n' | '\u{200C}' | '\u{200D}')
}
