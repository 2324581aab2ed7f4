//! What the attackers did, as part of the report.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::options::{Attack, AttackKind};
use super::tally::{Answer, Tally};
use crate::series::PhaseReport;

/// One kind of attackers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttackerReport {
    /// Attackers at once.
    pub count: u32,
    /// Attempts they made.
    pub attempts: u64,
    /// Connections they had open at once, at most.
    pub open_max: u64,
    /// Messages, frames, datagrams or requests sent.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How the attempts ended, each with how often it did.
    pub answers: BTreeMap<String, u64>,
    /// Why they could do nothing, if so.
    pub note: Option<String>,
}

impl AttackerReport {
    pub(crate) fn new(attack: Attack, tally: &Tally, note: Option<&str>) -> Self {
        let attempts = tally.attempts.load(Ordering::Relaxed);
        let mut answers = tally.answers();
        // A datagram is an answer but no end. Who had not ended when the attack did was dropped.
        let datagrams = [Answer::Datagram.name(), Answer::Retry.name()];
        let ended = answers.iter().filter(|(answer, _)| !datagrams.contains(answer));
        let dropped = attempts.saturating_sub(ended.map(|(_, count)| count).sum());
        if dropped > 0 {
            *answers.entry(Answer::StillOpen.name()).or_default() += dropped;
        }
        Self {
            count: attack.count,
            attempts,
            open_max: tally.open.max(),
            messages: tally.messages.load(Ordering::Relaxed),
            bytes: tally.bytes.load(Ordering::Relaxed),
            answers,
            note: note.map(ToOwned::to_owned),
        }
    }
}

/// The three phases of a hostile run, as honest bots felt them.
#[derive(Debug, Clone, Serialize)]
pub struct Phases {
    /// Without attackers.
    pub before: PhaseReport,
    /// With them.
    pub during: PhaseReport,
    /// Without them again.
    pub after: PhaseReport,
}

/// A hostile run as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostileReport {
    /// The server's resident memory at the end of the first phase.
    pub rss_before_bytes: Option<u64>,
    /// Its highest during the attack.
    pub rss_during_max_bytes: Option<u64>,
    /// At the end of the last phase.
    pub rss_after_bytes: Option<u64>,
    /// Hostile connections open at once, at most.
    pub connections_max: u64,
    /// What the server's memory grew by for each of them.
    pub bytes_per_connection: Option<f64>,
    /// What stood against the attack.
    pub note: Option<String>,
}

/// What is added to the report of a hostile run.
#[derive(Debug, Clone)]
pub(crate) struct Attacked {
    pub(crate) phases: Phases,
    pub(crate) attackers: BTreeMap<AttackKind, AttackerReport>,
    pub(crate) hostile: HostileReport,
}
