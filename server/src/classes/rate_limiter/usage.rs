//! What was taken, and what is left of it. Pure: the time is an argument, in ms since 1970.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::calls::{Algorithm, Take, Verdict};

/// What was taken by one way of counting, in windows of one length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Usage {
    window_ms: u64,
    /// A clock that is set back stands still here.
    at_ms: u64,
    taken: Taken,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Taken {
    /// What is missing of a full bucket, in tokens times the window; each ms brings as much as the limit. So a token
    /// comes after exactly its part of the window, without a rounding.
    Bucket { missing: u64, limit: u64 },
    /// What was taken in the window that began then.
    Window { began_ms: u64, taken: u64 },
    /// When how much was taken.
    Log(VecDeque<(u64, u64)>),
}

impl Usage {
    /// Nothing yet.
    fn new(asked: &Take, now_ms: u64) -> Self {
        let taken = match asked.algorithm {
            Algorithm::TokenBucket => Taken::Bucket { missing: 0, limit: asked.limit },
            Algorithm::FixedWindow => Taken::Window { began_ms: 0, taken: 0 },
            Algorithm::SlidingLog => Taken::Log(VecDeque::new()),
        };
        Self { window_ms: asked.window_ms, at_ms: now_ms, taken }
    }

    /// What there was, as it is now for whoever asks: another way of counting, or another window, begins anew.
    pub(super) fn now(before: Option<&Self>, asked: &Take, now_ms: u64) -> Self {
        let of_this_kind = |usage: &&Self| {
            let algorithm = match usage.taken {
                Taken::Bucket { .. } => Algorithm::TokenBucket,
                Taken::Window { .. } => Algorithm::FixedWindow,
                Taken::Log(_) => Algorithm::SlidingLog,
            };
            algorithm == asked.algorithm && usage.window_ms == asked.window_ms
        };
        let mut usage = before.filter(of_this_kind).cloned().unwrap_or_else(|| Self::new(asked, now_ms));
        usage.advance(now_ms);
        if let Taken::Bucket { limit, .. } = &mut usage.taken {
            *limit = asked.limit;
        }
        usage
    }

    fn advance(&mut self, now_ms: u64) {
        let now = now_ms.max(self.at_ms);
        match &mut self.taken {
            Taken::Bucket { missing, limit } => {
                *missing = missing.saturating_sub((now - self.at_ms).saturating_mul(*limit));
            }
            Taken::Window { began_ms, taken } => {
                let began = now - now % self.window_ms;
                if began != *began_ms {
                    (*began_ms, *taken) = (began, 0);
                }
            }
            Taken::Log(log) => {
                while log.front().is_some_and(|(at, _)| at + self.window_ms <= now) {
                    log.pop_front();
                }
            }
        }
        self.at_ms = now;
    }

    /// What is said of it.
    pub(super) fn judge(&self, asked: &Take) -> Verdict {
        let remaining = match &self.taken {
            Taken::Bucket { missing, .. } => {
                (asked.limit * self.window_ms).saturating_sub(*missing) / self.window_ms
            }
            Taken::Window { taken, .. } => asked.limit.saturating_sub(*taken),
            Taken::Log(log) => asked.limit.saturating_sub(log.iter().map(|(_, cost)| cost).sum()),
        };
        let allowed = remaining >= asked.cost;
        let retry_after_ms = if allowed { 0 } else { self.retry_after_ms(asked) };
        Verdict {
            allowed,
            limit: asked.limit,
            remaining,
            retry_after_ms,
            full_after_ms: self.full_after_ms(),
        }
    }

    fn retry_after_ms(&self, asked: &Take) -> u64 {
        match &self.taken {
            Taken::Bucket { missing, limit } => {
                let room = (asked.limit - asked.cost) * self.window_ms;
                missing.saturating_sub(room).div_ceil(*limit)
            }
            Taken::Window { began_ms, .. } => began_ms + self.window_ms - self.at_ms,
            Taken::Log(log) => {
                let mut left: u64 = log.iter().map(|(_, cost)| cost).sum();
                let gone = log.iter().find(|(_, cost)| {
                    left -= cost;
                    left + asked.cost <= asked.limit
                });
                gone.map_or(0, |(at, _)| at + self.window_ms - self.at_ms)
            }
        }
    }

    /// How long until nothing of it matters any more.
    pub(super) fn full_after_ms(&self) -> u64 {
        match &self.taken {
            Taken::Bucket { missing, limit } => missing.div_ceil(*limit),
            Taken::Window { taken: 0, .. } => 0,
            Taken::Window { began_ms, .. } => began_ms + self.window_ms - self.at_ms,
            Taken::Log(log) => log.back().map_or(0, |(at, _)| at + self.window_ms - self.at_ms),
        }
    }

    /// When that is, in ms since 1970.
    pub(super) fn full_at_ms(&self) -> u64 {
        self.at_ms + self.full_after_ms()
    }

    /// Takes what is allowed.
    pub(super) fn take(&mut self, cost: u64) {
        match &mut self.taken {
            Taken::Bucket { missing, .. } => *missing += cost * self.window_ms,
            Taken::Window { taken, .. } => *taken += cost,
            Taken::Log(log) => log.push_back((self.at_ms, cost)),
        }
    }
}
