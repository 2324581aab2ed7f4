//! SyncTest, as GGRS has it: after every tick the match is saved, restored into a fresh world and stepped
//! again; a hash that differs is a bug in the game's determinism, found in the tick that has it.

use super::event::Event;
use super::game::Game;
use super::save::RestoreError;
use super::simulation::Simulation;
use crate::ids::StateHash;
use crate::time::Tick;

/// What two runs of the same tick disagreed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncTestError {
    /// The saved world could not be restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The restored world went another way.
    #[error("tick {}: the running match has {running}, the restored one {restored}", tick.0)]
    Diverged {
        /// The first tick that differs.
        tick: Tick,
        /// Hash of the match that ran on.
        running: StateHash,
        /// Hash of the match that was restored before this tick.
        restored: StateHash,
    },
}

/// Runs one tick both ways and compares. The running match goes on.
pub fn step_both_ways<G: Game>(
    simulation: &mut Simulation<G>,
    rules: &G::Rules,
    events: &[Event],
) -> Result<StateHash, SyncTestError> {
    let mut saved = Vec::new();
    simulation.save(&mut saved);
    let mut twin = Simulation::<G>::restore(rules, &saved)?;
    for event in events {
        let refused = simulation.apply(event).is_err();
        debug_assert_eq!(twin.apply(event).is_err(), refused, "both worlds refuse alike");
    }
    simulation.step();
    twin.step();
    let (running, restored) = (simulation.state_hash(), twin.state_hash());
    if running == restored {
        return Ok(running);
    }
    Err(SyncTestError::Diverged { tick: simulation.tick(), running, restored })
}
