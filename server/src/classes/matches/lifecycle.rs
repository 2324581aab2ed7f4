//! The states of a match, and when one follows another.

use tickstone_shared::time::{Moment, Tick};

use super::header::Header;
use super::running::Running;

/// A match that has ended, kept for its journal's retention.
pub struct Ended {
    /// What it was created as.
    pub header: Header,
    /// How it ended.
    pub result: EndRecord,
    /// Stored checkpoints, to be forgotten.
    pub checkpoints: Vec<Tick>,
    /// Stored segments, to be forgotten.
    pub segments: Vec<Tick>,
    /// When its journal is forgotten.
    pub forget_at: Moment,
}

/// How a match ended: stored for good.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EndRecord {
    /// The last tick.
    pub tick: Tick,
    /// Why: `outcome`, `max_duration`, `empty`, `ended`.
    pub reason: String,
    /// What the game says of it.
    pub outcome: Option<serde_json::Value>,
}

/// Where a match is in its life.
pub enum Life {
    /// Nothing is stored under this id: only a `create` brings it about.
    Nothing,
    /// It is played, or could be.
    Running(Box<Running>),
    /// It is over.
    Ended(Box<Ended>),
}

/// Every this many ticks a match asks whether it is over: games answer with a query of their world.
const END_INTERVAL_TICKS: u64 = 30;

/// Why a running match must end now, if it must.
pub fn due_end(running: &Running) -> Option<&'static str> {
    if !running.tick().0.is_multiple_of(END_INTERVAL_TICKS) {
        return None;
    }
    let seconds = |ticks: u64| ticks / u64::from(running.game.tick_rate_hz());
    if running.simulation.outcome().is_some() {
        return Some("outcome");
    }
    let request = &running.header.request;
    if request.max_duration_s.is_some_and(|max| seconds(running.tick().0) >= u64::from(max)) {
        return Some("max_duration");
    }
    let empty_for = running.empty_since.map_or(0, |since| running.tick().0.saturating_sub(since.0));
    let empty_ttl = request.empty_ttl_s.map_or(running.settings.empty_ttl.as_secs(), u64::from);
    (running.empty_since.is_some() && seconds(empty_for) >= empty_ttl).then_some("empty")
}
