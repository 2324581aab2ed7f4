//! The states of a match, and when one follows another. Deadlines are alarms: they hold while it sleeps, and
//! over a restart.

use std::time::Duration;

use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Tick;

use super::header::Header;
use super::posting::Posting;
use super::running::Running;
use crate::object::context::Context;

/// A match that has ended, kept for its journal's retention.
pub struct Ended {
    /// What it was created as.
    pub header: Header,
    /// How it ended.
    pub result: EndRecord,
    /// What goes to a leaderboard, if anything.
    pub(super) posting: Option<Posting>,
    /// Stored checkpoints, to be forgotten.
    pub checkpoints: Vec<Tick>,
    /// Stored segments, to be forgotten.
    pub segments: Vec<Tick>,
}

/// The alarm of a match's longest time.
pub const MAX_DURATION: &str = "max_duration";
/// The alarm of a match in which nobody has a seat.
pub const EMPTY: &str = "empty";
/// The alarm that forgets the journal of a match that is over.
pub const FORGET: &str = "forget";

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

/// The game says that it is over.
pub fn has_outcome(running: &Running) -> bool {
    running.tick().0.is_multiple_of(END_INTERVAL_TICKS) && running.simulation.outcome().is_some()
}

impl Running {
    /// Keeps the alarm of an empty match: set when the last seat becomes free, gone when somebody sits.
    pub(super) fn mind_emptiness(&mut self, ctx: &mut Context<'_>) {
        let is_empty = self.empty_since.is_some();
        if is_empty == self.end_is_set {
            return;
        }
        self.end_is_set = is_empty;
        if is_empty {
            let ttl = self.header.request.empty_ttl_s.map(|seconds| Duration::from_secs(seconds.into()));
            set_alarm(ctx, EMPTY, ttl.unwrap_or(self.settings.empty_ttl));
        } else {
            ctx.cancel_alarm(EMPTY);
        }
    }

    /// Nobody has been there for a while, and nothing waits for a tick: it may sleep.
    pub(super) fn may_rest(&self) -> bool {
        let patience = self.ticks_in(self.settings.rests_after);
        let nobody = self.empty_since.is_some_and(|since| self.tick().0 >= since.0 + patience);
        nobody && !self.is_wanted()
    }

    /// Somebody is there, is expected, or waits for the next tick.
    pub(super) fn is_wanted(&self) -> bool {
        let waits = !self.record.events.is_empty() || !self.answers.is_empty() || !self.held.is_empty();
        waits || self.roster.taken() > 0 || !self.roster.reservations.is_empty()
    }

    /// Ticks from here on, if its game has any.
    pub(super) fn start_ticks(&mut self, ctx: &mut Context<'_>) {
        ctx.place(self.game.workers());
        self.is_ticking = self.game.has_ticks();
        if self.is_ticking {
            ctx.start_ticks(self.game.tick_rate_hz(), self.tick());
        }
    }

    /// No ticks until somebody comes; the memory goes.
    pub(super) fn rest(&mut self, ctx: &mut Context<'_>) {
        ctx.stop_ticks();
        ctx.place(WorkerGroup::General);
        ctx.hibernate();
        self.is_ticking = false;
    }
}

/// Sets an alarm to so long from now.
pub(super) fn set_alarm(ctx: &mut Context<'_>, name: &str, after: Duration) {
    let at_ms = ctx.unix_ms().saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
    ctx.set_alarm(name, at_ms).expect("a match has few alarms, of short names");
}
