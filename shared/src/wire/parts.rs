//! A state as datagrams: parts that are each read by themselves.
//!
//! A part is `["state", epoch, tick, base, hash, part, parts, body, last_input, lead, starved]`, the packed form
//! of a state with its own number and the number of parts before the body. The body of an only part is that of
//! the state. Of several each is a difference to the base that covers a range of rows, named before its bits: a
//! whole state has one part or none.

use super::decode::{self, DecodeError};
use super::encode::VEC;
use super::state::{STATE_TAG, StateHead, msgpack_head};
use crate::ids::{Epoch, StateHash};
use crate::limits::{STATE_DATAGRAM_BYTES_MAX, STATE_PARTS_MAX};
use crate::time::Tick;

/// Elements of a part's array; a state that is whole has fewer.
pub const PART_ELEMENTS: u32 = 11;
/// Bytes of everything but the body, at most: the array's head, the tag, u32, u64, u64, 16 digits, two u16, the
/// body's length; then u32, i32 and u16 of the receiver's own.
const HEAD_BYTES_MAX: usize = 1 + 6 + 5 + 9 + 9 + 17 + 3 + 3 + 3 + OWN_BYTES_MAX;
/// Bytes of the receiver's own end, at most.
pub const OWN_BYTES_MAX: usize = 5 + 5 + 3;
/// Bytes of a part's body.
pub const PART_BODY_BYTES_MAX: usize = STATE_DATAGRAM_BYTES_MAX - HEAD_BYTES_MAX;

/// One part of a state, as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePart<'a> {
    /// The activation it belongs to.
    pub epoch: Epoch,
    /// The tick.
    pub tick: Tick,
    /// The tick whose state this one is relative to; none: rows are whole.
    pub base: Option<Tick>,
    /// The match's state hash, on ticks where it is taken.
    pub hash: Option<StateHash>,
    /// Its number, from 0.
    pub part: u16,
    /// How many there are, at least 1.
    pub parts: u16,
    /// Its rows.
    pub body: &'a [u8],
    /// The number of the receiver's last input that was applied.
    pub last_input: u32,
    /// How early the receiver's inputs arrive, in 1/256 tick.
    pub lead: i32,
    /// Ticks without an input from the receiver, modulo 2^16.
    pub starved: u16,
}

/// The parts of one state without their receivers' own ends. The buffer is reused.
#[derive(Debug, Default)]
pub struct StateParts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl StateParts {
    /// Writes the parts with these bodies, each of at most [`PART_BODY_BYTES_MAX`], told by their differences to the
    /// state of `base` if there is one. More than [`STATE_PARTS_MAX`] are none at all.
    pub fn encode<'b>(
        &mut self,
        head: &StateHead<'_>,
        base: Option<Tick>,
        bodies: impl ExactSizeIterator<Item = &'b [u8]>,
    ) {
        self.bytes.clear();
        self.ends.clear();
        let Ok(parts) = u16::try_from(bodies.len()) else { return };
        if parts > STATE_PARTS_MAX {
            return;
        }
        for (part, body) in (0..parts).zip(bodies) {
            rmp::encode::write_array_len(&mut self.bytes, PART_ELEMENTS).expect(VEC);
            msgpack_head(head, base, &mut self.bytes);
            rmp::encode::write_uint(&mut self.bytes, part.into()).expect(VEC);
            rmp::encode::write_uint(&mut self.bytes, parts.into()).expect(VEC);
            rmp::encode::write_bin(&mut self.bytes, body).expect(VEC);
            self.ends.push(self.bytes.len());
        }
    }

    /// Each part without its end; with what [`super::state::encode_own`] appends it is a datagram.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// Bytes of all parts, without ends.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }
}

/// Is this datagram an array of a part's length? Anything else is no part.
pub fn is_part(bytes: &[u8]) -> bool {
    bytes.first() == Some(&(0x90 | PART_ELEMENTS as u8))
}

/// Reads a part.
pub fn state_part(bytes: &[u8]) -> Result<StatePart<'_>, DecodeError> {
    let mut rest = bytes;
    decode::expect_array(&mut rest, PART_ELEMENTS, STATE_TAG)?;
    let epoch = Epoch(decode::integer(&mut rest)?);
    let tick = Tick(decode::integer(&mut rest)?);
    let base = if decode::nil(&mut rest) { None } else { Some(Tick(decode::integer(&mut rest)?)) };
    let hash = if decode::nil(&mut rest) { None } else { Some(decode::state_hash(&mut rest)?) };
    let part = decode::integer(&mut rest)?;
    let parts = decode::integer(&mut rest)?;
    if part >= parts || parts > STATE_PARTS_MAX {
        return Err(DecodeError::Malformed("a part beyond the last one".to_owned()));
    }
    if parts > 1 && base.is_none() {
        return Err(DecodeError::Malformed("a whole state in several parts".to_owned()));
    }
    let body = decode::binary(&mut rest)?;
    let last_input = decode::integer(&mut rest)?;
    let lead = decode::integer(&mut rest)?;
    let starved = decode::integer(&mut rest)?;
    if !rest.is_empty() {
        return Err(DecodeError::Malformed("bytes after the part".to_owned()));
    }
    Ok(StatePart { epoch, tick, base, hash, part, parts, body, last_input, lead, starved })
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
