//! How an activation begins and ends.
//!
//! Responsible for: waking, hibernating, being thrown away after a panic or a lost write, draining, and what
//! stands in for an object that cannot be woken; going back to an earlier moment; clients that come
//! back to sockets of an earlier process. Not responsible for: what happens in between.
//! Must never happen here: an object that is read before what it wrote is durable.

pub mod drain;
pub mod endings;
mod found;
pub mod hibernation;
pub mod removal;
pub mod restoring;
pub mod returning;
pub mod set_aside;
pub mod waking;
