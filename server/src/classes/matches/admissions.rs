//! What lets players in: seats that are held for somebody, and join tokens that have been used.
//!
//! Reservations live in memory alone: a crash forgets them, and their tokens then take the seat if it is still
//! free. Uses are in the journal and in every checkpoint: a token that was used before a crash stays used.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::time::Tick;

use super::roster::TokenHash;

/// How long a seat is held for who has not come yet (reliability P60).
pub const RESERVATION: Duration = Duration::from_secs(15);
/// How long a use is remembered: until the token has expired by any clock that is within the skew, with as much
/// again to spare. Counted in ticks, which are never ahead of the clock.
pub const USE_REMEMBERED: Duration = Duration::from_secs(90);
/// Uses that are remembered; beyond them nobody comes in by a token until one is forgotten.
pub const USES_MAX: usize = 4096;

/// Names a join token.
pub type Nonce = [u8; 16];

/// What of this is stored with a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionRecord {
    /// Tokens that were used, and in which tick, oldest first.
    pub used: Vec<(Nonce, Tick)>,
    /// Resume tokens whose successor has not been seen to arrive.
    pub tokens_before: Vec<(Seat, TokenHash)>,
}

/// Join tokens that have been used, oldest first.
#[derive(Debug, Default)]
pub struct UsedTokens(VecDeque<(Nonce, Tick)>);

impl UsedTokens {
    /// As stored.
    pub fn of(stored: &[(Nonce, Tick)]) -> Self {
        Self(stored.iter().copied().collect())
    }

    /// To be stored.
    pub fn to_vec(&self) -> Vec<(Nonce, Tick)> {
        self.0.iter().copied().collect()
    }

    /// Was it used?
    pub fn contains(&self, nonce: &Nonce) -> bool {
        self.0.iter().any(|(used, _)| used == nonce)
    }

    /// Is there no room for another?
    pub fn is_full(&self) -> bool {
        self.0.len() >= USES_MAX
    }

    /// It is used now.
    pub fn insert(&mut self, nonce: Nonce, tick: Tick) {
        self.0.push_back((nonce, tick));
    }

    /// Forgets what was used before `tick`.
    pub fn forget_before(&mut self, tick: Tick) {
        while self.0.front().is_some_and(|(_, used)| *used < tick) {
            self.0.pop_front();
        }
    }
}

/// A seat that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reservation {
    player: PlayerName,
    /// The last tick in which it holds.
    until: Tick,
}

/// Seats that are held for somebody, at most one for each player.
#[derive(Debug, Default)]
pub struct Reservations(BTreeMap<Seat, Reservation>);

impl Reservations {
    /// Holds a seat; one that is held for the player already is held anew.
    pub fn hold(&mut self, seat: Seat, player: PlayerName, until: Tick) {
        self.0.insert(seat, Reservation { player, until });
    }

    /// Held, for whomever?
    pub fn holds(&self, seat: Seat) -> bool {
        self.0.contains_key(&seat)
    }

    /// Held for somebody else?
    pub fn keeps_out(&self, seat: Seat, player: &PlayerName) -> bool {
        self.0.get(&seat).is_some_and(|held| held.player != *player)
    }

    /// The seat held for a player.
    pub fn of(&self, player: &PlayerName) -> Option<Seat> {
        self.0.iter().find(|(_, held)| held.player == *player).map(|(seat, _)| *seat)
    }

    /// The player has come.
    pub fn release(&mut self, player: &PlayerName) {
        self.0.retain(|_, held| held.player != *player);
    }

    /// Those who have not come by this tick lose their seat.
    pub fn expire(&mut self, tick: Tick) {
        self.0.retain(|_, held| tick <= held.until);
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is none held?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_forgotten_when_it_is_old_and_not_before() {
        let mut used = UsedTokens::default();
        used.insert([1; 16], Tick(5));
        used.insert([2; 16], Tick(6));
        used.forget_before(Tick(6));
        assert!(!used.contains(&[1; 16]) && used.contains(&[2; 16]));
        assert_eq!(UsedTokens::of(&used.to_vec()).to_vec(), [([2; 16], Tick(6))]);
        (0..USES_MAX).for_each(|_| used.insert([3; 16], Tick(7)));
        assert!(used.is_full());
    }

    #[test]
    fn a_reservation_keeps_everybody_else_out_until_its_tick() {
        let (ann, bob) = (PlayerName::parse("ann").unwrap(), PlayerName::parse("bob").unwrap());
        let mut held = Reservations::default();
        held.hold(Seat(1), ann.clone(), Tick(10));
        assert!(held.keeps_out(Seat(1), &bob) && !held.keeps_out(Seat(1), &ann) && held.holds(Seat(1)));
        held.expire(Tick(10));
        assert_eq!(held.of(&ann), Some(Seat(1)));
        held.expire(Tick(11));
        assert!(held.is_empty() && !held.keeps_out(Seat(1), &bob));
        held.hold(Seat(0), ann.clone(), Tick(20));
        held.release(&ann);
        assert_eq!(held.len(), 0);
    }
}
