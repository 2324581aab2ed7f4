//! What is on its way, in the order of arrival.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tickstone_shared::time::Moment;

/// Packets on their way in one direction of one flow.
pub const PACKETS_MAX: usize = 4_096;
/// Their bytes: more than 100 ms of a state of 43 KB at 60 Hz, twice.
pub const BYTES_MAX: usize = 1024 * 1024;

/// A bounded queue ordered by time; what is due at once comes out as it went in.
#[derive(Debug, Default)]
pub struct Schedule {
    heap: BinaryHeap<Reverse<Packet>>,
    bytes: usize,
    pushed: u64,
}

/// Ordered by when it is due, then by when it was pushed; the number is never the same twice.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due: Moment,
    number: u64,
    bytes: Vec<u8>,
}

impl Schedule {
    /// Is there room for so many bytes? A packet larger than the whole queue fits an empty one.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.heap.is_empty() || (self.heap.len() < PACKETS_MAX && self.bytes + bytes <= BYTES_MAX)
    }

    /// Puts a packet on its way. Full: it is refused, and lost if the caller cannot wait.
    pub fn push(&mut self, due: Moment, bytes: Vec<u8>) -> bool {
        if !self.has_room(bytes.len()) {
            return false;
        }
        self.bytes += bytes.len();
        self.pushed += 1;
        self.heap.push(Reverse(Packet { due, number: self.pushed, bytes }));
        true
    }

    /// When the next arrives.
    pub fn next_due(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse(packet)| packet.due)
    }

    /// The next that has arrived by now.
    pub fn pop(&mut self, now: Moment) -> Option<Vec<u8>> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(packet) = self.heap.pop()?;
        self.bytes -= packet.bytes.len();
        Some(packet.bytes)
    }

    /// Is nothing on its way?
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Forgets everything; how many packets.
    pub fn clear(&mut self) -> usize {
        let count = self.heap.len();
        self.heap.clear();
        self.bytes = 0;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_arrive_by_time_and_then_in_order() {
        let mut schedule = Schedule::default();
        for (due, byte) in [(5, 1), (3, 2), (5, 3), (9, 4)] {
            assert!(schedule.push(Moment(due), vec![byte]));
        }
        let arrived: Vec<_> = std::iter::from_fn(|| schedule.pop(Moment(5))).flatten().collect();
        assert_eq!(arrived, [2, 1, 3]);
        assert_eq!((schedule.next_due(), schedule.pop(Moment(8))), (Some(Moment(9)), None));
        assert_eq!((schedule.clear(), schedule.is_empty()), (1, true));
    }

    #[test]
    fn the_queue_is_full_exactly_at_its_limits() {
        let mut schedule = Schedule::default();
        assert!((0..PACKETS_MAX).all(|_| schedule.push(Moment(0), vec![0])));
        assert!(!schedule.push(Moment(0), vec![0]));
        schedule.clear();
        assert!(schedule.push(Moment(0), vec![0; BYTES_MAX - 1]));
        assert!(schedule.push(Moment(0), vec![0]) && !schedule.push(Moment(0), vec![0]));
        schedule.clear();
        assert!(schedule.push(Moment(0), vec![0; BYTES_MAX + 1]), "or it could never be sent");
    }
}
