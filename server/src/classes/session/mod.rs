//! Sessions: that somebody has logged in, until they have not been seen for half an hour.
//!
//! Responsible for: tokens nobody can guess, and when they end. Not responsible for: who somebody is; whoever makes
//! a session has checked that.

mod calls;
mod class;
#[cfg(test)]
mod tests;
mod token;

pub use calls::{Create, DATA_BYTES_MAX, Of, SessionCall, SessionReply};
pub use class::{IDLE, SESSIONS_MAX, SLACK, SessionClass, Sessions};
pub use token::{Secrets, TOKEN_PREFIX};
