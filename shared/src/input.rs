//! A player's input for one tick, packed by the game's input schema: opaque to everything but the game.

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, Seat};
use crate::limits::{INPUT_BYTES_MAX, INPUTS_PER_MESSAGE_MAX};
use crate::time::Tick;

/// One input, packed: at most 16 bytes, copied without allocating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Packed", into = "Packed")]
pub struct InputRow {
    length: u8,
    bytes: [u8; INPUT_BYTES_MAX],
}

impl InputRow {
    /// The row with these bytes, or none if they are more than [`INPUT_BYTES_MAX`].
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut row = Self::default();
        row.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        row.length = u8::try_from(bytes.len()).ok()?;
        Some(row)
    }

    /// The packed bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

type Packed = ArrayVec<u8, INPUT_BYTES_MAX>;

impl From<Packed> for InputRow {
    fn from(packed: Packed) -> Self {
        InputRow::new(&packed).expect("a packed row's capacity is the row's limit")
    }
}

impl From<InputRow> for Packed {
    fn from(row: InputRow) -> Packed {
        row.as_slice().iter().copied().collect()
    }
}

/// The inputs of one message: row `k` is for tick `first_tick + k` and has number `first_seq + k`.
#[derive(Debug, Clone, PartialEq)]
pub struct InputBatch {
    /// The activation the client believes it plays in; inputs for another are dropped.
    pub epoch: Epoch,
    /// The tick that consumes the first row.
    pub first_tick: Tick,
    /// The number of the first row; numbers grow by one per input for as long as a seat is held.
    pub first_seq: u32,
    /// The states the client has received.
    pub acknowledged: Acknowledged,
    /// The rows, oldest first.
    pub rows: ArrayVec<InputRow, INPUTS_PER_MESSAGE_MAX>,
}

/// Which states a client has received whole. Tick 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Acknowledged {
    /// The newest.
    pub tick: Tick,
    /// Bit `k`: that of tick `tick - 1 - k`, too.
    pub mask: u32,
}

impl Acknowledged {
    /// This one and no other.
    pub fn only(tick: Tick) -> Self {
        Self { tick, mask: 0 }
    }

    /// One more was received.
    pub fn add(&mut self, tick: Tick) {
        self.merge(Self::only(tick));
    }

    /// What either says.
    pub fn merge(&mut self, other: Self) {
        let (newer, older) = if self.tick >= other.tick { (*self, other) } else { (other, *self) };
        *self = newer;
        if older.tick != Tick(0) && older.tick != newer.tick {
            let behind = newer.tick.0 - older.tick.0 - 1;
            self.mask |= shifted(1, behind) | shifted(older.mask, behind + 1);
        }
        if older.tick == newer.tick {
            self.mask |= older.mask;
        }
    }

    /// Was the state of this tick received, as far as it says?
    pub fn has(self, tick: Tick) -> bool {
        match self.tick.0.checked_sub(tick.0) {
            _ if tick == Tick(0) => false,
            None => false,
            Some(0) => true,
            Some(behind) => shifted(1, behind - 1) & self.mask != 0,
        }
    }
}

/// `mask << by`, and nothing of it beyond its end.
fn shifted(mask: u32, by: u64) -> u32 {
    u32::try_from(by).ok().and_then(|by| mask.checked_shl(by)).unwrap_or(0)
}

/// What the server tells one player about their inputs in every state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InputFeedback {
    /// The highest input number that has been applied; 0 before the first.
    pub last_input: u32,
    /// How early inputs arrive, in 1/256 tick, moving average 7/8.
    pub lead: i32,
    /// Ticks for which no input had come, modulo 2^16.
    pub starved: u16,
}

/// The seat an input belongs to beside its row: what a tick consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatInput {
    /// Whose it is.
    pub seat: Seat,
    /// What they want.
    pub row: InputRow,
}

/// Why an input was refused. Shown to a developer, never echoing what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The packed row has another length than the schema's.
    #[error("an input row has {got} bytes; the schema has {expected}")]
    Length {
        /// Bytes received.
        got: usize,
        /// Bytes of the schema's row.
        expected: usize,
    },
    /// The input's fields are not those of the schema.
    #[error("an input does not fit the schema: {0}")]
    Fields(String),
}

/// How one game's inputs are read; implemented by the simulation, used by the wire, which knows no game.
pub trait InputCodec: Send + Sync {
    /// Bytes of a packed row.
    fn row_bytes(&self) -> usize;
    /// Checks a packed row and puts it in canonical form (clamped as the game says).
    fn packed(&self, bytes: &[u8]) -> Result<InputRow, InputError>;
    /// Packs an input given by field names.
    fn by_name(&self, value: serde_json::Value) -> Result<InputRow, InputError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_received_is_known_for_33_ticks_whatever_the_order() {
        let mut received = Acknowledged::default();
        assert!(!received.has(Tick(0)), "tick 0 stands for none");
        for tick in [40, 42, 41, 10, 9, 43] {
            received.add(Tick(tick));
        }
        let known = (0..60).filter(|tick| received.has(Tick(*tick)));
        assert_eq!(
            known.collect::<Vec<_>>(),
            [40, 41, 42, 43],
            "10 was 32 ticks before 42, but is 33 before 43"
        );
        let mut older = Acknowledged { tick: Tick(39), mask: 0b101 };
        older.merge(received);
        let known = (0..60).filter(|tick| older.has(Tick(*tick)));
        assert_eq!(known.collect::<Vec<_>>(), [36, 38, 39, 40, 41, 42, 43]);
        older.merge(Acknowledged { tick: Tick(43), mask: 1 << 31 });
        assert!(older.has(Tick(11)) && older.has(Tick(36)));
        older.add(Tick(u64::MAX));
        assert_eq!(older, Acknowledged::only(Tick(u64::MAX)));
    }
}
