//! The order of a tick, on one screen.

/// The phases of a tick, run top to bottom; within a phase, systems run in the order they were added.
/// There is no other order and no parallelism, so two systems can never be ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Inputs become intentions: steering, aiming, pulling triggers.
    Input,
    /// Whatever thinks for itself decides.
    Think,
    /// Things move.
    Move,
    /// Things that moved into one another are moved apart, or hit.
    Collide,
    /// What hits caused: damage, death, pickups, score.
    Resolve,
    /// The rules of the round: clock, phases, respawn, victory.
    Rules,
    /// What has ended is removed.
    Cleanup,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 7] = [
        Phase::Input,
        Phase::Think,
        Phase::Move,
        Phase::Collide,
        Phase::Resolve,
        Phase::Rules,
        Phase::Cleanup,
    ];
}
