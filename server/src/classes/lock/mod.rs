//! Locks: one holder at a time, by a lease that ends, with a number that grows for whatever the lock guards.
//!
//! Responsible for: who holds it, until when, and who is next. Not responsible for: what the lock guards; that
//! compares numbers.

mod calls;
mod class;
#[cfg(test)]
mod tests;

pub use calls::{Acquire, LockCall, LockReply, Release, Renew, SECONDS_MAX, WAIT_SECONDS_MAX};
pub use class::{Lock, WAITERS_MAX};
