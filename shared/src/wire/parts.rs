//! A state as datagrams: cut between rows into parts that are each read by themselves.
//!
//! A part is `["state", epoch, tick, base, hash, part, parts, body, last_input, lead, starved]`, the packed form
//! of a state with its own number and the number of parts before the body. Its body is a whole body: sections
//! with the rows that follow those of the part before, in the order of kind and id.

use super::decode::{self, DecodeError};
use super::encode::VEC;
use super::state::{STATE_TAG, StateHead, msgpack_head};
use crate::ids::{Epoch, StateHash};
use crate::limits::{STATE_DATAGRAM_BYTES_MAX, STATE_PARTS_MAX};
use crate::snapshot::sections;
use crate::time::Tick;

/// Elements of a part's array; a state that is whole has fewer.
pub const PART_ELEMENTS: u32 = 11;
/// Bytes of everything but the body, at most: the array's head, the tag, u32, u64, u64, 16 digits, two u16, the
/// body's length; then u32, i32 and u16 of the receiver's own.
const HEAD_BYTES_MAX: usize = 1 + 6 + 5 + 9 + 9 + 17 + 3 + 3 + 3 + OWN_BYTES_MAX;
/// Bytes of the receiver's own end, at most.
pub const OWN_BYTES_MAX: usize = 5 + 5 + 3;
/// Bytes of a part's body.
const BODY_BYTES_MAX: usize = STATE_DATAGRAM_BYTES_MAX - HEAD_BYTES_MAX;
/// Bytes of a section before its rows.
const SECTION_HEAD_BYTES: usize = 3;

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

/// The parts of one state without their receivers' own ends. The buffers are reused.
#[derive(Debug, Default)]
pub struct StateParts {
    bodies: Vec<u8>,
    body_ends: Vec<usize>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl StateParts {
    /// Cuts a state. One with more rows than [`STATE_PARTS_MAX`] parts hold has no parts at all.
    pub fn encode(&mut self, head: &StateHead<'_>) {
        self.cut(head);
        self.bytes.clear();
        self.ends.clear();
        let Ok(parts) = u16::try_from(self.body_ends.len()) else { return };
        if parts > STATE_PARTS_MAX {
            return;
        }
        let mut start = 0;
        for (part, end) in (0..parts).zip(&self.body_ends) {
            write_part(head, (part, parts), &self.bodies[start..*end], &mut self.bytes);
            self.ends.push(self.bytes.len());
            start = *end;
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

    fn cut(&mut self, head: &StateHead<'_>) {
        self.bodies.clear();
        self.body_ends.clear();
        let sections =
            sections(&head.snapshot.body, head.schema).expect("the simulation packs by its own schema");
        let mut part_start = 0;
        for section in sections {
            let mut rows = section.rows;
            while !rows.is_empty() {
                let room = BODY_BYTES_MAX - (self.bodies.len() - part_start);
                let fit = room.saturating_sub(SECTION_HEAD_BYTES) / section.row_bytes;
                if fit == 0 {
                    part_start = self.bodies.len();
                    self.body_ends.push(part_start);
                    continue;
                }
                let (now, later) = rows.split_at(rows.len().min(fit * section.row_bytes));
                let count = now.len() / section.row_bytes;
                self.bodies.push(section.kind as u8);
                self.bodies.extend_from_slice(&(count as u16).to_le_bytes());
                self.bodies.extend_from_slice(now);
                rows = later;
            }
        }
        self.body_ends.push(self.bodies.len());
    }
}

fn write_part(head: &StateHead<'_>, (part, parts): (u16, u16), body: &[u8], out: &mut Vec<u8>) {
    rmp::encode::write_array_len(out, PART_ELEMENTS).expect(VEC);
    msgpack_head(head, None, out);
    rmp::encode::write_uint(out, part.into()).expect(VEC);
    rmp::encode::write_uint(out, parts.into()).expect(VEC);
    rmp::encode::write_bin(out, body).expect(VEC);
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
