//! The whole server on one thread, driven from a seed, with an oracle outside.
//!
//! Responsible for: a clock, a network, a disk, clients and faults that all come from one number; what a
//! server may never do, checked after every recovery. Not responsible for: sockets, threads, real files.
//! Must never happen here: a run that is not the same for the same seed.
//!
//! Read [`world`] first: one step of it is one step of everything.

pub mod class;
pub mod client;
pub mod faults;
pub mod game;
pub mod network;
pub mod oracle;
mod restart;
pub mod rng;
pub mod server;
pub mod store;
pub mod world;

pub use world::{Plan, Stats, run};
