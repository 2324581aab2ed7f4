//! States on their way to clients.
//!
//! Responsible for: encoding a state once for each form and base that a receiver needs; views of single clients,
//! and how much each may be sent.
//! Not responsible for: whom a state goes to ([`super::fanout`]), what a client does not take
//! ([`super::outgoing`]).

mod encodings;
mod own;

pub(super) use encodings::Encodings;
pub(super) use own::{Own, Room, Shows};
