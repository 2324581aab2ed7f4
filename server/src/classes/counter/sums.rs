//! Sums over children: who waits for one, which answers are still to come, and the newest sums for a second.
//!
//! In memory alone: an object that forgets it asks again, and whoever waits keeps it from hibernating.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tickstone_shared::time::Moment;

use super::counts::KEYS_MAX;
use crate::object::contract::{CallError, CallId};
use crate::object::job::JobId;
use crate::object::socket::SocketId;

/// No part of a sum was read longer ago than this when it was asked for.
pub const STALE_MAX: Duration = Duration::from_secs(1);
/// Sums that are on their way at once; one more is refused as overload. Each takes a job for every child.
pub const SUMS_MAX: usize = 8;
/// Who may wait for one sum.
const WAITING_MAX: usize = 1024;

/// Who asks, and is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// A call.
    Call(CallId),
    /// A client on a socket.
    Socket(SocketId),
}

/// What the children are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Their counts.
    Part,
    /// Their counts, which then begin again at 0.
    Reset,
}

/// A sum on its way.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) key: String,
    pub(super) what: What,
    pub(super) waiting: Vec<Asker>,
    /// What this object's own count adds to a reset; that of a look is added when it is answered.
    pub(super) own: i64,
    /// What the children come to, or the first of their errors.
    pub(super) result: Result<i64, CallError>,
    began: Moment,
    missing: BTreeSet<JobId>,
}

/// Every sum on its way, and the newest of the children by key.
#[derive(Debug, Default)]
pub(super) struct Sums {
    running: Vec<Sum>,
    newest: BTreeMap<String, (i64, Moment)>,
}

fn is_fresh(read: Moment, now: Moment) -> bool {
    now.since(read) <= STALE_MAX
}

impl Sums {
    /// The children's sum, where it was read just now.
    pub(super) fn newest(&self, key: &str, now: Moment) -> Option<i64> {
        self.newest.get(key).filter(|(_, read)| is_fresh(*read, now)).map(|(sum, _)| *sum)
    }

    /// There are other children now.
    pub(super) fn forget(&mut self) {
        self.newest.clear();
    }

    /// Waits for a sum that has just begun; false: there is none.
    pub(super) fn join(&mut self, key: &str, asker: Asker, now: Moment) -> Result<bool, CallError> {
        let fits = |sum: &&mut Sum| sum.key == key && sum.what == What::Part && is_fresh(sum.began, now);
        let Some(sum) = self.running.iter_mut().find(fits) else { return Ok(false) };
        if sum.waiting.len() >= WAITING_MAX {
            return Err(CallError::Overloaded);
        }
        sum.waiting.push(asker);
        Ok(true)
    }

    /// Is there room for one more?
    pub(super) fn is_full(&self) -> bool {
        self.running.len() >= SUMS_MAX
    }

    /// One more has begun: the children are asked by these jobs.
    pub(super) fn begin(
        &mut self,
        (key, what): (&str, What),
        (asker, own): (Asker, i64),
        missing: BTreeSet<JobId>,
        now: Moment,
    ) {
        if what == What::Reset {
            self.newest.remove(key);
        }
        let (key, waiting) = (key.to_owned(), vec![asker]);
        self.running.push(Sum { key, what, waiting, own, result: Ok(0), began: now, missing });
    }

    /// A child has answered; the sum, if it was the last.
    pub(super) fn done(&mut self, job: JobId, part: Result<i64, CallError>, now: Moment) -> Option<Sum> {
        let place = self.running.iter().position(|sum| sum.missing.contains(&job))?;
        let sum = &mut self.running[place];
        sum.missing.remove(&job);
        sum.result = match (std::mem::replace(&mut sum.result, Ok(0)), part) {
            (Ok(sum), Ok(part)) => Ok(sum.saturating_add(part)),
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        if !sum.missing.is_empty() {
            return None;
        }
        let sum = self.running.swap_remove(place);
        self.keep(&sum, now);
        Some(sum)
    }

    fn keep(&mut self, sum: &Sum, now: Moment) {
        self.newest.retain(|_, (_, read)| is_fresh(*read, now));
        // What was read while the children were set back may be from before.
        let is_reset = |other: &Sum| other.key == sum.key && other.what == What::Reset;
        if let (Ok(parts), What::Part, false) = (&sum.result, sum.what, self.running.iter().any(is_reset))
            && self.newest.len() < KEYS_MAX
        {
            self.newest.insert(sum.key.clone(), (*parts, sum.began));
        }
    }
}
