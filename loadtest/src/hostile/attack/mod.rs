//! One file for each kind of attacker.
//!
//! Invariant: an attempt ends by itself or is dropped at the end of the attack; it sends no faster than its
//! rhythm.

mod choice;
mod datagram_junk;
mod empty_fragments;
mod garbage_frames;
mod garbage_http;
mod half_open;
mod handshake_flood;
mod input_flood;
mod ping_flood;
mod quic_half_open;
mod quic_input_flood;
mod quic_moves;
mod quic_streams;
mod slow_reader;

pub(crate) use choice::run;
