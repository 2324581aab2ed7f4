//! The classes of objects: pure state machines on the contract of [`crate::object`].
//!
//! Responsible for: what an object does. Not responsible for: threads, sockets, the disk.

pub mod bundled;
pub mod chat;
mod children;
pub mod coordinator;
pub mod counter;
pub mod document;
pub mod leaderboard;
pub mod lock;
pub mod matches;
mod no_sockets;
pub mod presence;
pub mod profile;
pub mod rate_limiter;
pub mod session;
pub mod single_flight;
mod user_sockets;
pub mod users;
mod waiting;
pub mod wallet;
