//! How a match comes into being.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tickstone_shared::limits::CLIENT_MESSAGE_BYTES_MAX;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::registered::AnyGame;

use super::durable_match::DurableMatch;
use super::input_buffer::InputCounters;
use crate::metrics::{MATCH_CLASS, MetricsRef};
use crate::object::class::{ClassRules, HIBERNATES_AFTER};
use crate::object::contract::{Class, DurableObject};
use crate::object::id::Identity;
use crate::object::peer::{Framing, SocketRules};

/// The games a server has, by name.
pub type Games = BTreeMap<&'static str, Arc<dyn AnyGame>>;

/// Gives 16 random bytes: the edge's randomness, or a simulator's.
pub type Entropy = Arc<dyn Fn() -> [u8; 16] + Send + Sync>;

/// What every match of a server shares.
#[derive(Clone)]
pub struct Shelf {
    /// The games.
    pub games: Arc<Games>,
    /// Data files a new match may read.
    pub assets: Arc<Assets>,
    /// Seeds and tokens.
    pub entropy: Entropy,
    /// Counts.
    pub metrics: MetricsRef,
    /// What becomes of inputs.
    pub inputs: InputCounters,
    /// Tunable numbers.
    pub settings: MatchSettings,
}

/// Tunable numbers of matches: none of them is part of determinism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchSettings {
    /// Between two checkpoints.
    pub checkpoint_interval: Duration,
    /// How long journal behind checkpoints is kept.
    pub journal_retention: Duration,
    /// How long a dropped player's seat is held.
    pub resume_window: Duration,
    /// How long a match without players goes on, unless its creator says otherwise.
    pub empty_ttl: Duration,
    /// How long it ticks without players before it sleeps.
    pub rests_after: Duration,
}

impl Default for MatchSettings {
    fn default() -> Self {
        Self {
            checkpoint_interval: Duration::from_secs(5),
            journal_retention: Duration::from_secs(15 * 60),
            resume_window: Duration::from_secs(30),
            empty_ttl: Duration::from_secs(3600),
            rests_after: HIBERNATES_AFTER,
        }
    }
}

/// The class of matches.
pub struct MatchClass {
    shelf: Arc<Shelf>,
}

impl MatchClass {
    /// Matches of these games.
    pub fn new(shelf: Shelf) -> Self {
        Self { shelf: Arc::new(shelf) }
    }
}

impl Class for MatchClass {
    fn name(&self) -> &'static str {
        MATCH_CLASS
    }

    fn rules(&self) -> ClassRules {
        let sockets = SocketRules {
            framing: Framing::Framed,
            message_bytes_max: CLIENT_MESSAGE_BYTES_MAX,
            ..SocketRules::default()
        };
        ClassRules { sockets, ..ClassRules::default() }
    }

    fn instantiate(&self, _: &Identity) -> Box<dyn DurableObject> {
        Box::new(DurableMatch::new(Arc::clone(&self.shelf)))
    }
}
