//! What is known of one object: the versions it has had, which of them somebody has seen, what it was asked.

use std::collections::BTreeMap;

use tickstone_server::object::alarm::AlarmFired;
use tickstone_server::object::contract::WakeReason;
use tickstone_server::object::socket::SocketId;
use tickstone_shared::time::Moment;

use super::asked::Sender;
use super::model::{State, agree};

/// What an object was after a handler that wrote.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// Of all versions of all objects of a run: never used twice.
    pub(crate) number: u64,
    pub(crate) state: State,
}

/// Whether somebody wants it gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    NotAsked,
    Asked,
    /// Asked, and the answer was an error, or will never come: the next wake tells.
    Unknown,
}

/// How somebody comes to see a version. What leaves by one way leaves in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Answers,
    Sockets,
    /// By another object, which runs when it runs.
    Objects,
}

/// A run of an alarm that failed.
#[derive(Debug, Clone, Copy)]
struct Failed {
    runs: u32,
    not_before_ms: u64,
}

/// The versions that were kept with a socket, oldest first.
#[derive(Debug, Default)]
struct Attached {
    versions: Vec<u64>,
    /// The object was reset since: what it had let the gateway keep last may have been held, and be lost.
    in_doubt: bool,
}

/// See the module.
pub(crate) struct Known {
    /// Every version that may still be what is stored, oldest first; the last is what the object is.
    pub(crate) versions: Vec<Version>,
    /// The newest that was reported durable.
    pub(crate) durable: u64,
    /// The newest that somebody outside has seen.
    seen: u64,
    /// The newest that left by each way.
    left: BTreeMap<Way, u64>,
    /// It is known to be the newest version: it has been read since the last crash.
    pub(crate) sure: bool,
    deletion: Deletion,
    /// By alarm and by what it was set to: a crash may bring an earlier one back.
    failed: BTreeMap<(String, u64), Failed>,
    panicked: Option<Moment>,
    begun: BTreeMap<Sender, u64>,
    attached: BTreeMap<SocketId, Attached>,
}

impl Known {
    pub(crate) fn new() -> Self {
        let nothing = Version { number: 0, state: State::default() };
        Self {
            versions: vec![nothing],
            durable: 0,
            seen: 0,
            left: BTreeMap::new(),
            sure: true,
            deletion: Deletion::NotAsked,
            failed: BTreeMap::new(),
            panicked: None,
            begun: BTreeMap::new(),
            attached: BTreeMap::new(),
        }
    }

    /// What the object is.
    pub(crate) fn newest(&self) -> &Version {
        self.versions.last().expect("there is always one")
    }

    /// A handler has made it this.
    pub(crate) fn became(&mut self, version: Version) {
        self.versions.push(version);
        // What is older than what was seen can never be again.
        let seen = self.versions.partition_point(|version| version.number < self.seen);
        self.versions.drain(..seen.min(self.versions.len() - 1));
    }

    /// A handler of a request begins: once, and in its sender's order.
    pub(crate) fn begins(&mut self, sender: Sender, id: u64) -> Result<(), String> {
        match self.begun.insert(sender, id) {
            Some(before) if before >= id => Err(format!("{sender:?} asked {before} after {id}")),
            _ => Ok(()),
        }
    }

    /// Somebody sees a version.
    pub(crate) fn sees(&mut self, number: u64, way: Way) -> Result<(), String> {
        if number > self.durable {
            return Err(format!("version {number} left, and only {} is durable", self.durable));
        }
        if !self.versions.iter().any(|version| version.number == number) && number > self.seen {
            return Err(format!("version {number} left, and has been taken back"));
        }
        let left = self.left.entry(way).or_default();
        if way != Way::Objects && number < *left {
            return Err(format!("version {number} left after {left} by {way:?}"));
        }
        *left = number;
        self.seen = self.seen.max(number);
        Ok(())
    }

    /// What was read when it woke must be a version that may be: the newest if it must be `exact`.
    pub(crate) fn wakes(&mut self, stored: &State, exact: bool, reason: &WakeReason) -> Result<u64, String> {
        let number = stored.version();
        let is_it = |version: &Version| match stored.is_empty() {
            true => version.state.is_empty() && version.number >= self.seen,
            false => version.number == number,
        };
        let deletion = self.deletion;
        if deletion == Deletion::Unknown {
            self.deletion = Deletion::NotAsked;
        }
        let Some(place) = self.versions.iter().rposition(is_it) else {
            if stored.is_empty() && deletion != Deletion::NotAsked {
                self.is_gone(self.newest().number);
                return Ok(self.newest().number);
            }
            return Err(format!("it woke by {reason:?} as version {number}, which it never was"));
        };
        let found = &self.versions[place];
        agree("what is stored of it", stored, &found.state)?;
        let (number, newest) = (found.number, self.newest().number);
        if number < self.seen {
            return Err(format!("it woke by {reason:?} as version {number}, and {} was seen", self.seen));
        }
        if exact && number != newest && deletion == Deletion::NotAsked {
            return Err(format!("it woke by {reason:?} as version {number}, and was {newest}"));
        }
        self.versions.truncate(place + 1);
        self.sure = true;
        self.durable = self.durable.max(number);
        let was_reset = matches!(reason, WakeReason::Crash { .. });
        for attached in self.attached.values_mut() {
            attached.versions.retain(|attached| *attached <= number);
            attached.in_doubt |= was_reset;
        }
        Ok(number)
    }

    /// Somebody wants it gone.
    pub(crate) fn is_to_go(&mut self) {
        self.deletion = Deletion::Asked;
    }

    /// Nobody will ever know by an answer whether it went.
    pub(crate) fn may_have_gone(&mut self) {
        if self.deletion == Deletion::Asked {
            self.deletion = Deletion::Unknown;
        }
    }

    /// It has gone: nothing is stored, whatever it was.
    pub(crate) fn is_gone(&mut self, number: u64) {
        self.deletion = Deletion::NotAsked;
        self.versions = vec![Version { number, state: State::default() }];
        self.seen = number;
        self.sure = true;
        self.durable = self.durable.max(number);
        self.failed.clear();
        self.attached.clear();
    }

    /// An alarm runs: one that is set, and not early.
    pub(crate) fn fires(&self, fired: &AlarmFired, now_ms: u64) -> Result<(), String> {
        let Some(alarm) = self.newest().state.alarms.get(&fired.name) else {
            return Err(format!("alarm {:?} fired, and is not set", fired.name));
        };
        agree("the time of an alarm", &fired.scheduled_ms, &alarm.scheduled_ms)?;
        let skipped = alarm.next(now_ms).map_or(0, |(_, skipped)| skipped);
        agree("what an alarm skipped", &fired.skipped, &skipped)?;
        agree("whether it is a retry", &fired.is_retry, &(fired.retry_count > 0))?;
        let retry = self.failed.get(&(fired.name.clone(), fired.scheduled_ms));
        let due_ms = match retry {
            Some(failed) if failed.runs == fired.retry_count => failed.not_before_ms,
            _ if fired.retry_count > 0 && retry.is_none() => {
                return Err("a retry of what never failed".to_owned());
            }
            _ => alarm.scheduled_ms,
        };
        if now_ms < due_ms {
            return Err(format!("alarm {:?} fired {} ms early", fired.name, due_ms - now_ms));
        }
        Ok(())
    }

    /// The run of an alarm fails.
    pub(crate) fn fails(&mut self, fired: &AlarmFired, now_ms: u64) {
        let runs = fired.retry_count + 1;
        let failed = Failed { runs, not_before_ms: now_ms + (1_000 << runs) };
        self.failed.insert((fired.name.clone(), fired.scheduled_ms), failed);
    }

    /// May it panic now? Three within a minute would set it aside.
    pub(crate) fn may_panic(&mut self, now: Moment) -> bool {
        let may = self.panicked.is_none_or(|before| now.since(before).as_secs() > 60);
        if may {
            self.panicked = Some(now);
        }
        may
    }

    /// A version is kept with a socket.
    pub(crate) fn attaches(&mut self, socket: SocketId, number: u64) {
        self.attached.entry(socket).or_default().versions.push(number);
    }

    /// This version is kept with a socket, or none: is it what should be?
    pub(crate) fn is_kept(&mut self, socket: SocketId, kept: Option<u64>) -> Result<(), String> {
        let attached = self.attached.entry(socket).or_default();
        if attached.in_doubt {
            attached.in_doubt = false;
            attached.versions.retain(|version| kept.is_some_and(|kept| *version <= kept));
        }
        agree("the version that is kept with a socket", &kept, &attached.versions.last().copied())
    }

    /// The process has gone, and its sockets with it.
    pub(crate) fn loses_its_sockets(&mut self) {
        self.attached.clear();
    }

    /// An alarm that should have fired long ago.
    pub(crate) fn overdue(&self, before_ms: u64) -> Option<&String> {
        let alarms = &self.newest().state.alarms;
        alarms.iter().find(|(_, alarm)| alarm.scheduled_ms < before_ms).map(|(name, _)| name)
    }
}
