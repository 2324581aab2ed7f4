//! One user of a space, and when what they are ends by itself.

use serde::{Deserialize, Serialize};

use super::rules::{SpaceRules, TYPING_MS};
use super::words::{Beat, Seen, Status};

/// What is stored of a user who is not offline, or whose going offline has not been told yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What they are.
    pub(super) status: Status,
    /// They go offline then, in ms since 1970.
    pub(super) until_ms: u64,
    /// They type until then; 0: they do not.
    pub(super) typing_until_ms: u64,
    /// The number of the change that made them so.
    pub(super) change: u64,
}

/// A time at least `span_ms` ahead: the one there is if it is, so that most heartbeats write nothing; else one that
/// is a quarter further.
fn extended(until_ms: u64, now_ms: u64, span_ms: u64) -> u64 {
    if until_ms < now_ms + span_ms { now_ms + span_ms + span_ms / 4 } else { until_ms }
}

impl Entry {
    /// Somebody of whom nothing is known.
    pub(super) fn offline() -> Self {
        Self { status: Status::Offline, until_ms: 0, typing_until_ms: 0, change: 0 }
    }

    /// What they are now, whether or not the alarm has come to it.
    pub(super) fn now(mut self, now_ms: u64) -> Self {
        if self.until_ms <= now_ms {
            self.status = Status::Offline;
        }
        if self.status == Status::Offline || self.typing_until_ms <= now_ms {
            self.typing_until_ms = 0;
        }
        self
    }

    /// After a heartbeat.
    pub(super) fn beaten(mut self, beat: Beat, rules: &SpaceRules, now_ms: u64) -> Self {
        let before = if self.status == Status::Offline { Status::Online } else { self.status };
        self.status = beat.status.unwrap_or(before);
        if self.status == Status::Offline {
            return Self { until_ms: now_ms, typing_until_ms: 0, ..self };
        }
        self.until_ms = extended(self.until_ms, now_ms, rules.expiry_ms);
        match beat.typing {
            Some(true) => self.typing_until_ms = extended(self.typing_until_ms, now_ms, TYPING_MS),
            Some(false) => self.typing_until_ms = 0,
            None => {}
        }
        self
    }

    /// After their last socket closed.
    pub(super) fn left(mut self, rules: &SpaceRules, now_ms: u64) -> Self {
        self.until_ms = self.until_ms.min(now_ms + rules.grace_ms);
        self.typing_until_ms = 0;
        self
    }

    /// When something of them ends by itself; none: they are offline.
    pub(super) fn next_ms(&self) -> Option<u64> {
        let ends = [self.until_ms, self.typing_until_ms].into_iter().filter(|ends_ms| *ends_ms > 0).min();
        ends.filter(|_| self.status != Status::Offline)
    }

    /// What others see.
    pub(super) fn seen(&self, user: &str) -> Seen {
        Seen { user: user.to_owned(), status: self.status, typing: self.typing_until_ms > 0 }
    }

    /// Whether others see the same.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        self.status == other.status && (self.typing_until_ms > 0) == (other.typing_until_ms > 0)
    }
}
