//! Who has just left: not let in again for a second (reliability 4.4).
//!
//! Why: joining and leaving are events of the world and of the journal, and told to everybody. In memory
//! alone: a refused join never reaches the world, so a re-run does not need it.
//!
//! Full-policy: when so many have left within a second, nobody new is let in until some are forgotten.

use std::collections::VecDeque;

use tickstone_shared::ids::PlayerName;
use tickstone_shared::time::Tick;

/// For how long who left stays out.
const SECONDS: u64 = 1;
/// Leavers that are remembered.
const LEAVERS_MAX: usize = 64;

/// The players that left within the last second, oldest first.
#[derive(Debug, Default)]
pub struct CoolDown {
    left: VecDeque<(Tick, PlayerName)>,
}

impl CoolDown {
    /// A player gives the seat up.
    pub fn note(&mut self, player: PlayerName, now: Tick) {
        if self.left.len() == LEAVERS_MAX {
            self.left.pop_front();
        }
        self.left.push_back((now, player));
    }

    /// Is it too early for this player to come?
    pub fn is_on(&mut self, player: &PlayerName, now: Tick, tick_rate_hz: u32) -> bool {
        let ticks = SECONDS * u64::from(tick_rate_hz);
        while self.left.front().is_some_and(|(left, _)| now.0.saturating_sub(left.0) >= ticks) {
            self.left.pop_front();
        }
        self.left.len() == LEAVERS_MAX || self.left.iter().any(|(_, leaver)| leaver == player)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(name: &str) -> PlayerName {
        PlayerName::parse(name).unwrap()
    }

    #[test]
    fn who_left_stays_out_for_a_second() {
        let mut cool_down = CoolDown::default();
        cool_down.note(player("ann"), Tick(100));
        assert!(cool_down.is_on(&player("ann"), Tick(159), 60));
        assert!(!cool_down.is_on(&player("bob"), Tick(159), 60));
        assert!(!cool_down.is_on(&player("ann"), Tick(160), 60));
    }

    #[test]
    fn a_crowd_that_comes_and_goes_keeps_everybody_new_out() {
        let mut cool_down = CoolDown::default();
        (0..64).for_each(|n| cool_down.note(player(&format!("p{n}")), Tick(100 + n)));
        assert!(cool_down.is_on(&player("ann"), Tick(159), 60));
        assert!(!cool_down.is_on(&player("ann"), Tick(160), 60), "the first is forgotten");
        (0..1_000).for_each(|n| cool_down.note(player("bob"), Tick(160 + n)));
        assert_eq!(cool_down.left.len(), LEAVERS_MAX);
    }
}
