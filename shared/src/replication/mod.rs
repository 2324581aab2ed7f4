//! How a match's state reaches each client.
//!
//! A client's *view* of a tick is a body in the format of [`crate::snapshot`]: all rows, or those they see. Nothing
//! is kept of single entities for a client: what was lost, skipped or hidden is simply not in the view it has.
//!
//! Responsible for: who sees what ([`interest`]), what they are shown of it ([`view`]) and how much may be sent
//! ([`budget`]).
//! Not responsible for: sockets, messages around a view. No clock, no IO.

pub mod budget;
mod grid;
pub mod interest;
pub mod shape;
pub mod view;
