//! The core of a client: what it says, what it has heard, which tick each of its inputs is for, and what it shows.
//!
//! Responsible for: the session with a match across drops ([`session`]), the clock inputs are aimed by
//! ([`pace`]), when to try again ([`backoff`]), reading states by the schema ([`view`]); and what is shown
//! ([`scene`]): the player's own body ahead of the server ([`prediction`], [`smoothing`]), others between two
//! states ([`playout`], [`interpolation`]). Not responsible for: sockets, threads or clocks; the moment is always
//! an argument. It knows no game: what it needs of one is a [`crate::predicted::Predicted`].

pub mod assembler;
pub mod backoff;
pub mod heard;
pub mod interpolation;
pub mod pace;
pub mod playout;
pub mod prediction;
pub mod scene;
pub mod session;
pub mod smoothing;
pub mod view;
