//! Who has what only one may have, and who waits for it, in the order they came.
//!
//! Who waits is in memory alone: while somebody waits for an answer the object does not hibernate, and whoever waited
//! when it was lost is told so.

use std::collections::VecDeque;

use tickstone_shared::time::Moment;

use crate::object::caller::{Awaited, Caller};
use crate::object::contract::{CallError, CallId};

/// Somebody who waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) call: CallId,
    pub(super) awaited: Awaited,
    pub(super) holder: String,
    /// The length of the lease they want.
    pub(super) seconds: u64,
    /// For so long at most.
    pub(super) until: Moment,
}

/// Everybody who waits, the first first.
#[derive(Debug, Default)]
pub(super) struct Queue(VecDeque<Waiter>);

impl Queue {
    /// One more, at the end. Whoever calls this knows that there is room.
    pub(super) fn push(&mut self, waiter: Waiter) {
        self.leave_gone();
        self.0.push_back(waiter);
    }

    /// The first who is still there and has time.
    pub(super) fn next(&mut self, now: Moment) -> Option<Waiter> {
        self.leave_gone();
        let place = self.0.iter().position(|waiter| waiter.until > now)?;
        self.0.remove(place)
    }

    /// Those who have waited long enough.
    pub(super) fn over(&mut self, now: Moment) -> Vec<Waiter> {
        self.leave_gone();
        let (over, wait) = self.0.drain(..).partition(|waiter| waiter.until <= now);
        self.0 = wait;
        Vec::from(over)
    }

    /// Everybody who is still there; nobody waits any more.
    pub(super) fn take_all(&mut self) -> Vec<Waiter> {
        self.leave_gone();
        self.0.drain(..).collect()
    }

    fn leave_gone(&mut self) {
        self.0.retain(|waiter| !waiter.awaited.is_gone());
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.0.iter().filter(|waiter| !waiter.awaited.is_gone()).count()
    }

    /// Nobody does.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Who asks, as it is shown: no two of them are the same.
pub(super) fn holder_of(caller: &Caller) -> Result<String, CallError> {
    match caller {
        Caller::Operator => Ok("operator".to_owned()),
        Caller::Object { class, name } => Ok(format!("object:{class}/{name}")),
        Caller::User { subject, .. } => Ok(format!("user:{subject}")),
        Caller::Anonymous => Err(CallError::Forbidden("expected a token that says who asks".to_owned())),
    }
}
