//! Counters: many numbers by key in one object, and one counter over many objects where one is not enough.
//!
//! Responsible for: counting exactly, within bounds, and summing up children. Not responsible for: which child a
//! caller adds to.

mod calls;
mod class;
mod counts;
mod sums;
#[cfg(test)]
mod tests;

pub use calls::{CounterCall, CounterReply, Of, Step, Take};
pub use class::{CHILDREN_MAX, Counter, MESSAGE_BYTES_MAX};
pub use counts::{COUNT_MAX, KEY_BYTES_MAX, KEYS_MAX};
pub use sums::{STALE_MAX, SUMS_MAX};
