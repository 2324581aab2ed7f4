//! The journal: what every tick consumed, in order, and every 60 ticks the state it came to.
//!
//! An entry is one tick: epoch, tick, events and hash in postcard, and 4 bytes of checksum, so that a reader
//! trusts no layer below it. A segment is entries, each behind its length as `u32` little-endian.

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::{Epoch, Seat, StateHash};
use tickstone_shared::sim::event::Event;
use tickstone_shared::time::Tick;
use twox_hash::XxHash3_64;

use super::admissions::Nonce;
use super::roster::TokenHash;

/// Something a tick consumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JournalEvent {
    /// It reached the world.
    World(Event),
    /// A seat's resume token: for the roster alone.
    Token {
        /// The seat.
        seat: Seat,
        /// The token's hash.
        hash: TokenHash,
    },
    /// A join token was used: for the roster alone, before the event that gives the seat.
    Used {
        /// Names the token.
        nonce: Nonce,
    },
    /// A seat's resume token in the place of one that was offered: for the roster alone.
    Rotated {
        /// The seat.
        seat: Seat,
        /// The new token's hash.
        hash: TokenHash,
        /// The hash of the one that was offered.
        before: TokenHash,
    },
    /// The number of a seat's last input, where it is not what was to be expected: one more in every tick while
    /// it grows, the same otherwise. For the roster alone.
    Applied {
        /// The seat.
        seat: Seat,
        /// The number.
        last_input: u32,
    },
    /// The newest resume token of a seat has arrived, the one before is void: for the roster alone.
    Arrived {
        /// The seat.
        seat: Seat,
    },
}

/// What one tick consumed, and the hash it came to on ticks where it is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TickRecord {
    /// The activation that computed it.
    pub epoch: Epoch,
    /// The tick.
    pub tick: Tick,
    /// What it consumed, in order, before its step.
    pub events: Vec<JournalEvent>,
    /// The state hash after its step, as its number.
    pub hash: Option<u64>,
}

impl TickRecord {
    /// The state hash after the step, if it was taken.
    pub fn state_hash(&self) -> Option<StateHash> {
        self.hash.map(StateHash)
    }

    /// Appends the entry.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let at = out.len();
        postcard::to_io(self, &mut *out).expect("writing plain data to a Vec cannot fail");
        let sum = checksum(&out[at..]);
        out.extend_from_slice(&sum.to_le_bytes());
    }

    /// Reads an entry; none if it is damaged.
    pub fn decode(entry: &[u8]) -> Option<Self> {
        let (content, sum) = entry.split_last_chunk::<4>()?;
        if checksum(content) != u32::from_le_bytes(*sum) {
            return None;
        }
        postcard::from_bytes(content).ok()
    }
}

fn checksum(content: &[u8]) -> u32 {
    (XxHash3_64::oneshot(content) & 0xffff_ffff) as u32
}

/// Entries since the last checkpoint, kept to be stored together.
#[derive(Debug, Default)]
pub struct Segment {
    first: Option<Tick>,
    bytes: Vec<u8>,
}

/// Bytes after which a segment is stored without waiting for a checkpoint.
pub const SEGMENT_BYTES_MAX: usize = 512 * 1024;

impl Segment {
    /// Adds a tick's entry.
    pub fn push(&mut self, tick: Tick, entry: &[u8]) {
        self.first.get_or_insert(tick);
        let length = u32::try_from(entry.len()).expect("an entry is limited");
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(entry);
    }

    /// It should be stored now.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= SEGMENT_BYTES_MAX
    }

    /// Takes what is to be stored: the tick of its first entry and its bytes.
    pub fn take(&mut self) -> Option<(Tick, Vec<u8>)> {
        let first = self.first.take()?;
        Some((first, std::mem::take(&mut self.bytes)))
    }
}

/// The entries of a stored segment; none in place of what follows a damaged one.
pub fn entries(segment: &[u8]) -> impl Iterator<Item = Option<TickRecord>> {
    let mut rest = segment;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = rest.split_first_chunk::<4>().and_then(|(length, after)| {
            let (entry, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            TickRecord::decode(entry)
        });
        if entry.is_none() {
            rest = &[];
        }
        Some(entry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(tick: u64) -> TickRecord {
        let event = JournalEvent::Token { seat: Seat(3), hash: [7; 32] };
        TickRecord { epoch: Epoch(2), tick: Tick(tick), events: vec![event], hash: Some(9) }
    }

    #[test]
    fn every_flipped_bit_of_an_entry_is_found() {
        let mut entry = Vec::new();
        record(5).encode(&mut entry);
        assert_eq!(TickRecord::decode(&entry), Some(record(5)));
        for bit in 0..entry.len() * 8 {
            let mut flipped = entry.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(TickRecord::decode(&flipped), None, "bit {bit}");
        }
        for length in 0..entry.len() {
            assert_eq!(TickRecord::decode(&entry[..length]), None);
        }
    }

    #[test]
    fn a_segment_gives_its_entries_back_up_to_the_damage() {
        let mut segment = Segment::default();
        for tick in 1..=3 {
            let mut entry = Vec::new();
            record(tick).encode(&mut entry);
            segment.push(Tick(tick), &entry);
        }
        let (first, mut bytes) = segment.take().unwrap();
        assert_eq!(first, Tick(1));
        assert_eq!(entries(&bytes).flatten().count(), 3);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let read: Vec<_> = entries(&bytes).collect();
        assert_eq!(read.len(), 3);
        assert_eq!(read[2], None);
        assert!(segment.take().is_none());
    }
}
