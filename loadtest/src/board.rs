//! What the bots of one match have seen, for whoever watches a fleet from outside.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tickstone_shared::client::view::{StateHeader, View};
use tickstone_shared::ids::{Epoch, StateHash};
use tickstone_shared::time::Tick;

/// Hashes kept for a match: 18 hours of one a second. Later ones are not kept.
pub const HASHES_MAX: usize = 65_536;
/// States of an observer that are kept for bots to compare with: two seconds.
const TRUTHS_MAX: usize = 128;

/// A state hash that the bots of a match received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenHash {
    /// The tick it belongs to.
    pub tick: Tick,
    /// The activation that sent it.
    pub epoch: Epoch,
    /// The hash.
    pub hash: StateHash,
}

/// What the bots of one match have seen so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchSeen {
    /// The match.
    pub match_id: String,
    /// The newest activation a bot was welcomed to.
    pub epoch: Epoch,
    /// The highest tick whose state any bot has received.
    pub highest_tick: Tick,
    /// Every hash received, by tick and then epoch.
    pub hashes: Vec<SeenHash>,
    /// Hashes that differed from another bot's for the same tick and epoch: above 0 the server is wrong.
    pub hash_conflicts: u64,
    /// Bots that should play.
    pub players: usize,
    /// Bots that have a connection and have received a state on it.
    pub in_play: usize,
    /// Connections that were taken back after a drop, by resume token or by joining again.
    pub reconnects: u64,
    /// Bots that have given up.
    pub given_up: usize,
}

/// Where the bots of one match write what they see.
#[derive(Debug)]
pub(crate) struct MatchBoard {
    match_id: String,
    players: usize,
    epoch: AtomicU32,
    highest_tick: AtomicU64,
    in_play: AtomicUsize,
    reconnects: AtomicU64,
    given_up: AtomicUsize,
    conflicts: AtomicU64,
    hashes: Mutex<BTreeMap<(Tick, Epoch), StateHash>>,
    is_observed: AtomicBool,
    truths: Mutex<BTreeMap<(Epoch, Tick), View>>,
}

impl MatchBoard {
    pub(crate) fn new(match_id: String, players: usize) -> Self {
        Self {
            match_id,
            players,
            epoch: AtomicU32::new(0),
            highest_tick: AtomicU64::new(0),
            in_play: AtomicUsize::new(0),
            reconnects: AtomicU64::new(0),
            given_up: AtomicUsize::new(0),
            conflicts: AtomicU64::new(0),
            hashes: Mutex::new(BTreeMap::new()),
            is_observed: AtomicBool::new(false),
            truths: Mutex::new(BTreeMap::new()),
        }
    }

    /// The whole state of a tick, as an observer got it.
    pub(crate) fn tell_truth(&self, epoch: Epoch, tick: Tick, view: View) {
        let mut truths = self.truths.lock().unwrap_or_else(PoisonError::into_inner);
        if truths.len() == TRUTHS_MAX {
            truths.pop_first();
        }
        truths.insert((epoch, tick), view);
        self.is_observed.store(true, Ordering::Relaxed);
    }

    /// Shows the observed states of these ticks, ascending.
    pub(crate) fn truths(
        &self,
        epoch: Epoch,
        ticks: RangeInclusive<Tick>,
        mut visit: impl FnMut(Tick, &View),
    ) {
        if !self.is_observed.load(Ordering::Relaxed) || ticks.is_empty() {
            return;
        }
        let truths = self.truths.lock().unwrap_or_else(PoisonError::into_inner);
        let range = (epoch, *ticks.start())..=(epoch, *ticks.end());
        truths.range(range).for_each(|((_, tick), view)| visit(*tick, view));
    }

    pub(crate) fn match_id(&self) -> &str {
        &self.match_id
    }

    pub(crate) fn saw(&self, header: &StateHeader) {
        self.highest_tick.fetch_max(header.tick.0, Ordering::Relaxed);
        if let Some(hash) = header.hash {
            let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
            if hashes.len() < HASHES_MAX {
                let first = *hashes.entry((header.tick, header.epoch)).or_insert(hash);
                self.conflicts.fetch_add(u64::from(first != hash), Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn welcomed(&self, epoch: Epoch, again: usize) {
        self.epoch.fetch_max(epoch.0, Ordering::Relaxed);
        self.reconnects.fetch_add(again as u64, Ordering::Relaxed);
    }

    pub(crate) fn entered_play(&self) {
        self.in_play.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn left_play(&self) {
        self.in_play.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn gave_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn all_in_play(&self) -> bool {
        self.in_play.load(Ordering::Relaxed) >= self.players
    }

    pub(crate) fn seen(&self) -> MatchSeen {
        let hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        MatchSeen {
            match_id: self.match_id.clone(),
            epoch: Epoch(self.epoch.load(Ordering::Relaxed)),
            highest_tick: Tick(self.highest_tick.load(Ordering::Relaxed)),
            hashes: hashes.iter().map(|(&(tick, epoch), &hash)| SeenHash { tick, epoch, hash }).collect(),
            hash_conflicts: self.conflicts.load(Ordering::Relaxed),
            players: self.players,
            in_play: self.in_play.load(Ordering::Relaxed),
            reconnects: self.reconnects.load(Ordering::Relaxed),
            given_up: self.given_up.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_two_bots_agree_or_conflict() {
        let board = MatchBoard::new("m".into(), 2);
        let header = |tick, hash| StateHeader {
            epoch: Epoch(1),
            tick: Tick(tick),
            hash: Some(StateHash(hash)),
            last_input: 0,
            lead: 0,
            starved: 0,
            parts: 1,
        };
        board.saw(&header(60, 5));
        board.saw(&header(60, 5));
        assert_eq!(board.seen().hash_conflicts, 0);
        board.saw(&header(120, 6));
        board.saw(&header(60, 7));
        let seen = board.seen();
        assert_eq!((seen.hash_conflicts, seen.hashes.len(), seen.highest_tick), (1, 2, Tick(120)));
    }
}
