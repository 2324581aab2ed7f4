//! How a match's state reaches each client in as few bytes as it takes.
//!
//! A client's *view* of a tick is a body in the format of [`crate::snapshot`]: all rows, or those they see. A
//! *difference* makes one view of another that the client has. Nothing is kept of single entities for a client: what
//! was lost, skipped or hidden is simply not in the view they have.
//!
//! Responsible for: who sees what ([`interest`]), what they are shown of it ([`view`]) and how much may be sent
//! ([`budget`]); the bits of differences ([`encode`], [`decode`]), the views that they are relative to ([`history`] at
//! the client; [`stream_base`], [`datagram_bases`] at the server).
//! Not responsible for: sockets, messages around a view. No clock, no IO.

pub mod bits;
pub mod budget;
pub mod datagram_bases;
pub mod decode;
pub mod delta_error;
pub mod encode;
mod fields;
mod grid;
pub mod history;
pub mod interest;
pub mod layout;
pub mod shape;
pub mod stream_base;
pub mod view;

#[cfg(test)]
mod tests;
