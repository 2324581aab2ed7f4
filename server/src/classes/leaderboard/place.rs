//! Where a score stands: a key that sorts the better before the worse, and who came first before who came later.

use super::rules::Sorted;

/// The highest score, and without its sign the lowest: what every JSON reader holds exactly.
pub const SCORE_MAX: i64 = 9_007_199_254_740_991;

/// Turns the order of signed numbers into that of their bytes.
const SIGN: u64 = 1 << 63;

/// Bytes of a place.
pub(super) const PLACE_BYTES: usize = 16;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(pub(super) [u8; PLACE_BYTES]);

impl Place {
    /// Before every other.
    pub(super) const FIRST: Self = Self([0; PLACE_BYTES]);

    /// Of a score that was the `number`th to be reached.
    pub(super) fn new(score: i64, sorted: Sorted, number: u64) -> Self {
        let mut bytes = [0; PLACE_BYTES];
        let (high, low) = bytes.split_at_mut(PLACE_BYTES / 2);
        high.copy_from_slice(&turned(score as u64 ^ SIGN, sorted).to_be_bytes());
        low.copy_from_slice(&number.to_be_bytes());
        Self(bytes)
    }

    /// The score that stands here.
    pub(super) fn score(self, sorted: Sorted) -> i64 {
        let high = self.0.first_chunk().expect("16 bytes hold 8");
        (turned(u64::from_be_bytes(*high), sorted) ^ SIGN) as i64
    }

    /// From the end of a key.
    pub(super) fn at_end_of(key: &[u8]) -> Option<Self> {
        key.last_chunk().copied().map(Self)
    }
}

fn turned(score: u64, sorted: Sorted) -> u64 {
    match sorted {
        Sorted::Descending => !score,
        Sorted::Ascending => score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_stands_before_the_worse_and_who_came_first_before_who_came_later() {
        let scores = [-SCORE_MAX, -2, -1, 0, 1, 2, SCORE_MAX];
        for sorted in [Sorted::Descending, Sorted::Ascending] {
            let mut places: Vec<Place> = scores.map(|score| Place::new(score, sorted, 7)).to_vec();
            places.sort_unstable();
            let mut expected = scores.to_vec();
            if sorted == Sorted::Descending {
                expected.reverse();
            }
            assert_eq!(places.iter().map(|place| place.score(sorted)).collect::<Vec<_>>(), expected);
            assert!(Place::new(5, sorted, 1) < Place::new(5, sorted, 2));
            assert!(Place::FIRST < places[0]);
        }
    }
}
