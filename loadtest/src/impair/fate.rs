//! What becomes of a packet: pure decisions from a seed, the time and the [`Impairment`].
//!
//! Invariant: each packet takes the same number of random draws whatever is asked for, so that one setting
//! changes nothing about the chances of another.

use std::time::Duration;

use super::impairment::Impairment;
use super::random::Random;
use tickstone_shared::time::Moment;

/// The bytes of a stream that travel, and are lost, together: a full TCP segment.
pub const SEGMENT_BYTES: usize = 1_448;
/// A retransmission takes at least so long.
const RETRANSMISSION_MIN: Duration = Duration::from_millis(10);
/// So often the same segment can be lost; then it arrives.
const RETRANSMISSIONS_MAX: u32 = 6;

/// When a datagram arrives, and its copy if there is one. Neither: it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fate {
    /// The datagram itself.
    pub arrives: Option<Moment>,
    /// Once more.
    pub again: Option<Moment>,
}

/// One direction of one flow of datagrams.
#[derive(Debug, Clone)]
pub struct DatagramLane {
    random: Random,
    link_free: Moment,
}

impl DatagramLane {
    /// The lane of this number under a seed.
    pub fn new(seed: u64, lane: u64) -> Self {
        Self { random: Random::new(seed, lane), link_free: Moment(0) }
    }

    /// What becomes of a datagram that is sent now. Each is delayed on its own, so jitter beyond the time
    /// between two of them reorders them, as on a real network.
    pub fn fate(&mut self, now: Moment, bytes: usize, impairment: &Impairment) -> Fate {
        let [lost, delay, duplicated, delay_again, reordered] =
            std::array::from_fn(|_| self.random.fraction());
        if lost < impairment.loss {
            return Fate::default();
        }
        let faults = &impairment.datagrams;
        let leaves = self.leaves(now, bytes, faults.bytes_per_second);
        let held = if reordered < faults.reorder { faults.reorder_by } else { Duration::ZERO };
        let arrives = leaves + varied(impairment, delay) + held;
        let again = (duplicated < faults.duplicate).then(|| leaves + varied(impairment, delay_again));
        Fate { arrives: Some(arrives), again }
    }

    /// When the link has sent it, after everything before it.
    fn leaves(&mut self, now: Moment, bytes: usize, bytes_per_second: Option<u64>) -> Moment {
        let Some(rate) = bytes_per_second else { return now };
        let takes = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        self.link_free = self.link_free.max(now) + takes;
        self.link_free
    }
}

/// One direction of one TCP connection. Bytes arrive in order and all of them; a lost segment arrives when it
/// has been sent again, and what comes behind it waits.
///
/// A retransmission arrives one added round trip and a quarter later (the reordering window of RACK, by which
/// TCP finds a loss in a steady flow), each further loss of the same segment doubles that, six times at most.
#[derive(Debug, Clone)]
pub struct StreamLane {
    random: Random,
    newest_arrival: Moment,
}

impl StreamLane {
    /// The lane of this number under a seed.
    pub fn new(seed: u64, lane: u64) -> Self {
        Self { random: Random::new(seed, lane), newest_arrival: Moment(0) }
    }

    /// When bytes that are sent now have arrived as a whole.
    pub fn arrives(&mut self, now: Moment, bytes: usize, impairment: &Impairment) -> Moment {
        for _ in 0..bytes.div_ceil(SEGMENT_BYTES).max(1) {
            let late = self.retransmissions(impairment);
            let arrives = now + varied(impairment, self.random.fraction()) + late;
            self.newest_arrival = self.newest_arrival.max(arrives);
        }
        self.newest_arrival
    }

    fn retransmissions(&mut self, impairment: &Impairment) -> Duration {
        let round_trip = impairment.delay * 2;
        let mut next = (round_trip + round_trip / 4).max(RETRANSMISSION_MIN);
        let mut late = Duration::ZERO;
        let mut arrived = false;
        for _ in 0..RETRANSMISSIONS_MAX {
            arrived |= self.random.fraction() >= impairment.loss;
            if !arrived {
                late += next;
                next *= 2;
            }
        }
        late
    }
}

/// The delay with its jitter, for a `chance` of at least 0 and less than 1.
fn varied(impairment: &Impairment, chance: f64) -> Duration {
    let earliest = impairment.delay.saturating_sub(impairment.jitter);
    earliest + (impairment.delay + impairment.jitter - earliest).mul_f64(chance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impair::impairment::DatagramFaults;

    const MS: u64 = 1_000_000;

    fn bad() -> Impairment {
        Impairment {
            datagrams: DatagramFaults {
                duplicate: 0.1,
                reorder: 0.05,
                reorder_by: Duration::from_millis(80),
                bytes_per_second: None,
            },
            ..Impairment::round_trip(2.0, Duration::from_millis(100), Duration::from_millis(20))
        }
    }

    /// Ten thousand datagrams of 100 bytes, 1 ms apart.
    fn fates(seed: u64, impairment: &Impairment) -> Vec<Fate> {
        let mut lane = DatagramLane::new(seed, 0);
        (0..10_000).map(|n| lane.fate(Moment(n * MS), 100, impairment)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_network_and_another_another() {
        assert_eq!(fates(7, &bad()), fates(7, &bad()));
        assert_ne!(fates(7, &bad()), fates(8, &bad()));
        let mut other_lane = DatagramLane::new(7, 1);
        assert_ne!(fates(7, &bad())[0], other_lane.fate(Moment(0), 100, &bad()));
    }

    #[test]
    fn datagrams_are_lost_doubled_and_held_back_as_often_as_was_asked() {
        let fates = fates(3, &bad());
        let part = |count: usize| count as f64 / fates.len() as f64;
        let lost = part(fates.iter().filter(|fate| fate.arrives.is_none()).count());
        assert!((0.015..0.025).contains(&lost), "{lost}");
        let doubled = part(fates.iter().filter(|fate| fate.again.is_some()).count());
        assert!((0.08..0.12).contains(&doubled), "{doubled}");
        let took = |(n, fate): (usize, &Fate)| Some(fate.arrives?.since(Moment(n as u64 * MS)).as_millis());
        let times: Vec<_> = fates.iter().enumerate().filter_map(took).collect();
        assert!(times.iter().all(|ms| (40..60).contains(ms) || (120..140).contains(ms)), "half of 100 +- 20");
        let held = part(times.iter().filter(|ms| **ms >= 120).count());
        assert!((0.035..0.065).contains(&held), "{held}");
        assert!(times.contains(&40) && times.contains(&59), "the whole range is used");
    }

    #[test]
    fn one_setting_leaves_the_chances_of_the_others_alone() {
        let (with, without) = (bad(), Impairment { datagrams: DatagramFaults::default(), ..bad() });
        let lost =
            |impairment| fates(5, impairment).iter().map(|fate| fate.arrives.is_none()).collect::<Vec<_>>();
        assert_eq!(lost(&with), lost(&without));
    }

    #[test]
    fn a_slow_link_sends_one_after_the_other() {
        let datagrams = DatagramFaults { bytes_per_second: Some(1_000), ..DatagramFaults::default() };
        let slow = Impairment { datagrams, ..Impairment::default() };
        let mut lane = DatagramLane::new(1, 0);
        let arrivals: Vec<_> =
            (0..3).map(|_| lane.fate(Moment(0), 100, &slow).arrives.unwrap().0 / MS).collect();
        assert_eq!(arrivals, [100, 200, 300]);
        assert_eq!(
            lane.fate(Moment(1_000 * MS), 100, &slow).arrives.unwrap().0 / MS,
            1_100,
            "it is idle again"
        );
    }

    #[test]
    fn a_stream_keeps_its_order_and_a_loss_costs_a_retransmission() {
        let impairment = Impairment::round_trip(2.0, Duration::from_millis(100), Duration::from_millis(20));
        let run = |seed| {
            let mut lane = StreamLane::new(seed, 0);
            (0..5_000).map(|n| lane.arrives(Moment(n * 20 * MS), 100, &impairment)).collect::<Vec<_>>()
        };
        let arrivals = run(1);
        assert_eq!(arrivals, run(1));
        assert!(arrivals.is_sorted(), "no byte overtakes another");
        let late = |(n, at): (usize, &Moment)| at.since(Moment(n as u64 * 20 * MS)).as_millis() >= 125;
        let late = arrivals.iter().enumerate().filter(|found| late(*found)).count();
        // 2 of 100 are lost, and each keeps the next two or three waiting beyond 125 ms.
        assert!((100..500).contains(&late), "{late}");
        let mut dead = StreamLane::new(1, 0);
        let all_lost = Impairment { loss: 1.0, ..impairment };
        let arrives = dead.arrives(Moment(0), 1, &all_lost).0 / MS;
        assert!((7_900..=7_935).contains(&arrives), "125 ms, doubled six times: {arrives}");
    }

    #[test]
    fn a_perfect_network_delays_nothing() {
        let perfect = Impairment::default();
        assert_eq!(DatagramLane::new(1, 0).fate(Moment(5), 9, &perfect).arrives, Some(Moment(5)));
        assert_eq!(StreamLane::new(1, 0).arrives(Moment(5), 100_000, &perfect), Moment(5));
    }
}
