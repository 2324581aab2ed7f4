//! Sockets of objects that are no matches.
//!
//! Responsible for: what is kept of a socket while its object sleeps (tags, attachment, what is answered for it),
//! reading and writing with next to no memory while nothing comes, telling the object of each once, keeping them for
//! the next process at a drain.
//! Not responsible for: states of matches, which have a task and a fan-out of their own; who may connect.
//!
//! Ways through it: `gateway::upgrade` -> [`mod@serve`] ([`reader`], [`hello`]) -> the runtime; and back: the fan-out ->
//! [`delivery`] -> [`peer`] -> `gateway::outgoing` -> socket. [`mod@sweep`] ends those that are silent.
//!
//! Invariant: a socket on which nothing comes has no buffer, and none of an object that sleeps has a timer.

mod delivery;
mod group;
mod hello;
mod parking;
mod peer;
mod reader;
mod serve;
mod sweep;
#[cfg(test)]
mod tests;

pub(super) use delivery::deliver;
pub(super) use group::Groups;
pub(super) use parking::park;
pub(super) use serve::{Opening, Upgraded, serve};
pub(super) use sweep::{Looked, sweep};
