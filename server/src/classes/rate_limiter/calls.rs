//! What a rate limiter can be asked.

use serde::{Deserialize, Serialize};

use crate::object::contract::CallError;
use crate::object::typed::Methods;

/// What may be taken in a window.
pub const LIMIT_MAX: u64 = 1_000_000;
/// The same of a sliding log, which remembers each.
pub const LOG_LIMIT_MAX: u64 = 1000;
/// The longest window: 30 days.
pub const WINDOW_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;

/// The methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateCall {
    /// Takes, if that is not too many.
    Take(Take),
    /// Whether it would be; takes nothing.
    Peek(Take),
    /// Forgets what was taken.
    Reset,
}

impl Methods for RateCall {
    type Reply = Option<Verdict>;
}

/// How it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// `limit` at once, and evenly again over the window.
    #[default]
    TokenBucket,
    /// `limit` in each window; windows begin at multiples of their length since 1970.
    FixedWindow,
    /// `limit` in any stretch of time as long as the window.
    SlidingLog,
}

/// What a crash may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Nothing: it is answered once it is stored.
    #[default]
    Strict,
    /// The last few milliseconds: it is answered at once, and stored soon.
    Durable,
    /// All of it: it is stored only when the object hibernates or the server drains.
    Memory,
}

/// What is taken, and how much there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// So much in a window.
    pub limit: u64,
    /// The window.
    pub window_ms: u64,
    /// So much is taken.
    #[serde(default = "one")]
    pub cost: u64,
    /// How it is counted.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// What a crash may take.
    #[serde(default)]
    pub durability: Durability,
}

fn one() -> u64 {
    1
}

impl Take {
    /// Is everything within its bounds?
    pub(super) fn check(&self) -> Result<(), CallError> {
        let limit_max = if self.algorithm == Algorithm::SlidingLog { LOG_LIMIT_MAX } else { LIMIT_MAX };
        let within = |field: &str, value: u64, max: u64| {
            let problem = || CallError::Invalid(format!("{field}: expected 1 to {max}"));
            if (1..=max).contains(&value) { Ok(()) } else { Err(problem()) }
        };
        within("limit", self.limit, limit_max)?;
        within("window_ms", self.window_ms, WINDOW_MS_MAX)?;
        within("cost", self.cost, self.limit)
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// It was taken, or might be.
    pub allowed: bool,
    /// What may be taken in a window.
    pub limit: u64,
    /// What is left now.
    pub remaining: u64,
    /// In so long it would be allowed, if nobody else came; 0: now.
    pub retry_after_ms: u64,
    /// In so long everything is there again, if nobody came.
    pub full_after_ms: u64,
}
