//! What the attackers of one kind did, and what they were answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Different answers counted; more of them count as `other`.
const ANSWERS_MAX: usize = 64;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// HTTP, with this status.
    Status(u16),
    /// A WebSocket close frame with this code; 1005 without one.
    Closed(u16),
    /// The connection ended, and nothing was said.
    Ended,
    /// The connection was reset.
    Reset,
    /// It could not be made.
    NotConnected,
    /// Still open when the attack ended.
    StillOpen,
    /// A datagram came back.
    Datagram,
    /// A datagram came back that asks to be shown where the attacker is (RFC 9000 section 17.2.5).
    Retry,
    /// Nothing more came, and the attacker went.
    LeftAlone,
    /// The attempt ended as its attacker wanted.
    Done,
}

impl Answer {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Status(status) => format!("http {status}"),
            Self::Closed(code) => format!("close {code}"),
            Self::Ended => "ended without a word".to_owned(),
            Self::Reset => "reset".to_owned(),
            Self::NotConnected => "not connected".to_owned(),
            Self::StillOpen => "still open at the end".to_owned(),
            Self::Datagram => "datagram".to_owned(),
            Self::Retry => "retry".to_owned(),
            Self::LeftAlone => "left alone by the attacker".to_owned(),
            Self::Done => "let in and closed by the attacker".to_owned(),
        }
    }
}

/// Connections that are open, and the most there ever were.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    open: AtomicU64,
    max: AtomicU64,
}

impl Gauge {
    pub(crate) fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    fn up(&self) {
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.max.fetch_max(open, Ordering::Relaxed);
    }

    fn down(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One kind's counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) attempts: AtomicU64,
    pub(crate) messages: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) open: Gauge,
    all_open: Arc<Gauge>,
    answers: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    /// Of a kind whose connections also count in `all_open`.
    pub(crate) fn new(all_open: Arc<Gauge>) -> Self {
        Self { all_open, ..Self::default() }
    }

    pub(crate) fn answer(&self, answer: Answer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut name = answer.name();
        if answers.len() >= ANSWERS_MAX && !answers.contains_key(&name) {
            "other".clone_into(&mut name);
        }
        *answers.entry(name).or_default() += 1;
    }

    pub(crate) fn answers(&self) -> BTreeMap<String, u64> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn sent(&self, messages: u64, bytes: u64) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A connection that counts as open until the guard goes.
    pub(crate) fn opened(self: &Arc<Self>) -> OpenGuard {
        self.open.up();
        self.all_open.up();
        OpenGuard(Arc::clone(self))
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct OpenGuard(Arc<Tally>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.open.down();
        self.0.all_open.down();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_kind_and_kinds_are_bounded() {
        let tally = Arc::new(Tally::new(Arc::default()));
        (0..100).for_each(|code| tally.answer(Answer::Closed(code)));
        tally.answer(Answer::Closed(7));
        let answers = tally.answers();
        assert_eq!((answers.len(), answers["close 7"], answers["other"]), (65, 2, 36));
        let guards = [tally.opened(), tally.opened()];
        drop(guards);
        drop(tally.opened());
        assert_eq!((tally.open.max(), tally.all_open.max()), (2, 2));
    }
}
