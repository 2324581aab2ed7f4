//! The whole server on one thread, driven from a seed, with an oracle outside.
//!
//! Responsible for: a clock, a network, a disk, clients and faults that all come from one number; what a
//! server may never do, checked after every recovery. Not responsible for: sockets, threads, real files.
//! Must never happen here: a run that is not the same for the same seed.
//!
//! Read [`world`] first: one step of it is one step of everything.

pub(crate) mod class;
pub(crate) mod client;
pub(crate) mod faults;
pub(crate) mod game;
pub(crate) mod network;
pub(crate) mod oracle;
mod restart;
pub(crate) mod rng;
pub(crate) mod server;
pub(crate) mod store;
pub(crate) mod world;

pub(crate) use world::{Plan, Stats, run};
