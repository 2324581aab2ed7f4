//! When a client that lost its connection tries again: 100 ms to 5 s, doubling, with jitter, 15 times.
//!
//! The jitter comes from a seed, so that a fleet of bots does not come back in one instant and a test can
//! repeat what it saw.

use std::time::Duration;

/// The shortest wait.
pub const DELAY_MIN: Duration = Duration::from_millis(100);
/// The longest wait, unless the server asked for a longer one.
pub const DELAY_MAX: Duration = Duration::from_secs(5);
/// Tries before giving up (landscape: conventions).
pub const TRIES_MAX: u32 = 15;

/// The waits of one client.
#[derive(Debug, Clone)]
pub struct Backoff {
    tries: u32,
    random: u64,
}

impl Backoff {
    /// A back-off that has not been used. Clients with different seeds wait differently.
    pub fn new(seed: u64) -> Self {
        Self { tries: 0, random: seed }
    }

    /// How long to wait before the next try, at least as long as the server asked for; none after
    /// [`TRIES_MAX`] tries. A wait is drawn from the upper half of a ceiling that doubles with each try.
    pub fn next_delay(&mut self, asked_for: Duration) -> Option<Duration> {
        if self.tries >= TRIES_MAX {
            return None;
        }
        let ceiling = (DELAY_MIN * 2).saturating_mul(1 << self.tries.min(16)).min(DELAY_MAX);
        self.tries += 1;
        let jittered = ceiling / 2 + (ceiling / 2).mul_f64(self.random_fraction());
        let asked_and_jitter = asked_for + (asked_for / 4).mul_f64(self.random_fraction());
        Some(jittered.max(asked_and_jitter))
    }

    /// Starts over: the connection holds again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// Tries since the last [`Backoff::reset`].
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// SplitMix64 (Steele, Lea and Flood 2014), as a fraction in [0, 1).
    fn random_fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(seed: u64) -> Vec<Duration> {
        let mut backoff = Backoff::new(seed);
        std::iter::from_fn(|| backoff.next_delay(Duration::ZERO)).collect()
    }

    #[test]
    fn fifteen_tries_between_a_tenth_of_a_second_and_five() {
        for seed in 0..100 {
            let delays = delays(seed);
            assert_eq!(delays.len(), 15);
            assert!(delays.iter().all(|delay| (DELAY_MIN..=DELAY_MAX).contains(delay)), "{delays:?}");
            assert!(delays[0] <= Duration::from_millis(200));
            assert!(delays[14] >= Duration::from_millis(2500));
        }
    }

    #[test]
    fn the_seed_decides_the_jitter() {
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));
    }

    #[test]
    fn a_reset_starts_over_and_the_server_can_ask_for_more() {
        let mut backoff = Backoff::new(1);
        while backoff.next_delay(Duration::ZERO).is_some() {}
        backoff.reset();
        let asked = Duration::from_secs(30);
        let delay = backoff.next_delay(asked).unwrap();
        assert!(delay >= asked && delay <= asked * 5 / 4, "{delay:?}");
    }
}
