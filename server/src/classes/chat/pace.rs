//! How fast users may speak: for each of them, when they will have rested from what they said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rules::RoomRules;
use crate::object::contract::CallError;

/// Users whose pace a room remembers: those who have not rested yet.
pub const SPEAKERS_MAX: usize = 1_024;

/// When each user will have rested, in ms since 1970.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Pace(BTreeMap<String, u64>);

impl Pace {
    /// When the user will have rested once they have said one message more; an error if that is too fast.
    pub(super) fn after_one_more(
        &self,
        user: &str,
        rules: &RoomRules,
        now_ms: u64,
    ) -> Result<u64, CallError> {
        let interval_ms = u64::from(rules.interval_ms);
        let rested_ms = self.0.get(user).copied().unwrap_or(0).max(now_ms);
        let ahead_ms = interval_ms * u64::from(rules.burst - 1);
        let wait_ms = (rested_ms - now_ms).saturating_sub(ahead_ms);
        if wait_ms > 0 {
            return Err(CallError::TooFast { retry_after_ms: wait_ms });
        }
        let is_full = self.0.len() >= SPEAKERS_MAX && !self.0.contains_key(user);
        if is_full && self.0.values().all(|rested_ms| *rested_ms > now_ms) {
            return Err(CallError::TooFast { retry_after_ms: interval_ms });
        }
        Ok(rested_ms + interval_ms)
    }

    /// Remembers that, and forgets who has rested.
    pub(super) fn note(&mut self, user: &str, rested_ms: u64, now_ms: u64) {
        self.0.retain(|_, rested_ms| *rested_ms > now_ms);
        self.0.insert(user.to_owned(), rested_ms);
    }
}
