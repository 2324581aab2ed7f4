//! The harness of the tests of the whole: real processes, real sockets, real files.
//!
//! Responsible for: building and running the binaries, talking to them, waiting within bounds.
//! Not responsible for: what is right; the tests say so.
//!
//! Invariant: nothing here waits without an end, and no process is ended that was not started here.

pub mod binaries;
pub mod client;
pub mod http;
pub mod raw;
pub mod seeds;
pub mod server;
pub mod turn;
pub mod wait;
