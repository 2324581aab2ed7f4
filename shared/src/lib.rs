//! What a Tickstone server and everything that talks to one have in common.
//!
//! Floors, lowest first: the words ([`ids`], [`time`], [`limits`], [`input`], [`schema`], [`snapshot`], [`entity`],
//! [`predicted`]) know nothing; [`wire`] and [`sim`] know only words and not each other; [`games`] stands on [`sim`],
//! [`replication`] on the wire, [`client`] on both of the latter. `net` (behind the feature `net`) is the one place
//! that does IO.
//!
//! Invariant: without `net` nothing here reads a clock, starts a thread or touches a file.

pub mod client;
pub mod entity;
pub mod games;
pub mod ids;
pub mod input;
pub mod limits;
#[cfg(feature = "net")]
pub mod net;
pub mod predicted;
pub mod replication;
pub mod schema;
pub mod sim;
pub mod snapshot;
pub mod time;
pub mod wire;
