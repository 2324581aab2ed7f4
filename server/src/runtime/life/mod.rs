//! How an activation begins and ends.
//!
//! Responsible for: waking, hibernating, being thrown away after a panic or a lost write, draining, and what
//! stands in for an object that cannot be woken. Not responsible for: what happens in between.
//! Must never happen here: an object that is read before what it wrote is durable.

pub mod drain;
pub mod endings;
pub mod hibernation;
pub mod set_aside;
pub mod waking;
