//! Objects of several classes on one thread, driven from a seed, beside a plain model of each.
//!
//! Responsible for: what objects are asked, what they are in the model, what goes wrong and when, and what must be
//! true of everything that leaves the server and of everything that is read back. Not responsible for: matches
//! (see `sim`), sockets, threads, real files.
//! Must never happen here: a run that is not the same for the same seed.
//!
//! Read [`world`] first: one step of it is one step of everything. What may never be is in [`oracle`].

pub(crate) mod asked;
pub(crate) mod ends;
pub(crate) mod events;
pub(crate) mod known;
pub(crate) mod ledger;
pub(crate) mod machine;
pub(crate) mod model;
pub(crate) mod oracle;
pub(crate) mod tally;
pub(crate) mod wire;
pub(crate) mod world;

pub(crate) use world::{Plan, Stats, run};
