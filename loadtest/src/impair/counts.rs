//! What a proxy has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a proxy has done so far, both ways together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams and chunks of streams that came in.
    pub received: u64,
    /// Datagrams and chunks that were delivered; copies count.
    pub delivered: u64,
    /// Datagrams that were lost by chance.
    pub lost: u64,
    /// Datagrams that were delivered twice.
    pub duplicated: u64,
    /// Datagrams that fell into a blackhole.
    pub swallowed: u64,
    /// Datagrams for which a queue had no room, or there was no flow left.
    pub refused: u64,
    /// Connections and flows of datagrams that were begun.
    pub flows: u64,
}

/// The same while the proxy runs.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) received: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) duplicated: AtomicU64,
    pub(crate) swallowed: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) flows: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            received: of(&self.received),
            delivered: of(&self.delivered),
            lost: of(&self.lost),
            duplicated: of(&self.duplicated),
            swallowed: of(&self.swallowed),
            refused: of(&self.refused),
            flows: of(&self.flows),
        }
    }
}

/// Counts so many more; the number of the first of them.
pub(crate) fn count(counter: &AtomicU64, more: u64) -> u64 {
    counter.fetch_add(more, Ordering::Relaxed)
}
