//! The classes of objects: pure state machines on the contract of [`crate::object`].
//!
//! Responsible for: what an object does. Not responsible for: threads, sockets, the disk.

pub mod bundled;
pub mod counter;
pub mod matches;
mod no_sockets;
pub mod rate_limiter;
pub mod wallet;
