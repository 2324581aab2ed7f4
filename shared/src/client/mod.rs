//! The core of a client: what it says, what it has heard, and which tick each of its inputs is for.
//!
//! Responsible for: the session with a match across drops ([`session`]), the clock inputs are aimed by
//! ([`pace`]), when to try again ([`backoff`]) and reading states by the schema ([`view`]). Not responsible
//! for: sockets, threads or clocks; the moment is always an argument.

pub mod assembler;
pub mod backoff;
pub mod pace;
pub mod session;
pub mod view;
