//! A correction as the player sees it: what is foreseen is right at once, and its picture glides there.
//!
//! The picture's error halves every 200 ms. Beyond a distance that the game says, the picture is set instead.

use std::time::Duration;

use super::prediction::length;
use crate::time::Moment;

/// The picture's error halves in this time (netcode: Client core).
pub const HALF_LIFE: Duration = Duration::from_millis(200);

/// How far the picture is from what is foreseen.
#[derive(Debug, Clone, Copy)]
pub struct Smoothing {
    snap: f64,
    error: [f64; 2],
    at: Moment,
}

impl Smoothing {
    /// A picture that is right; one that is further off than `snap` will be set.
    pub fn new(snap: f64) -> Self {
        Self { snap, error: [0.0; 2], at: Moment(0) }
    }

    /// What is foreseen was moved; the picture is where it was.
    pub fn on_correction(&mut self, moved: [f64; 2], now: Moment) {
        let offset = self.offset(now);
        self.error = [offset[0] - moved[0], offset[1] - moved[1]];
        self.at = now;
        if length(self.error) > self.snap {
            self.set();
        }
    }

    /// The picture is right from now on.
    pub fn set(&mut self) {
        self.error = [0.0; 2];
    }

    /// From what is foreseen to its picture.
    pub fn offset(&self, now: Moment) -> [f64; 2] {
        let left = (-now.since(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2();
        self.error.map(|error| error * left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_error_of_the_picture_halves_every_200_ms() {
        let mut smoothing = Smoothing::new(2.0);
        smoothing.on_correction([0.8, -0.4], Moment(SECOND));
        assert_eq!(smoothing.offset(Moment(SECOND)), [-0.8, 0.4], "the picture has not moved");
        let later = |ms: u64| smoothing.offset(Moment(SECOND + ms * 1_000_000));
        for (ms, share) in [(200, 0.5), (400, 0.25), (1_000, 1.0 / 32.0)] {
            assert!((later(ms)[0] + 0.8 * share).abs() < 1e-9, "{ms} ms: {:?}", later(ms));
        }
    }

    #[test]
    fn corrections_add_up_and_a_far_one_is_set() {
        let mut smoothing = Smoothing::new(1.0);
        smoothing.on_correction([0.4, 0.0], Moment(SECOND));
        smoothing.on_correction([0.4, 0.0], Moment(SECOND + 200_000_000));
        let offset = smoothing.offset(Moment(SECOND + 200_000_000));
        assert!((offset[0] + 0.6).abs() < 1e-9, "{offset:?}");
        smoothing.on_correction([0.0, 0.9], Moment(SECOND + 200_000_000));
        assert_eq!(smoothing.offset(Moment(SECOND + 200_000_000)), [0.0, 0.0]);
    }
}
