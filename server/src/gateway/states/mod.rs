//! States on their way to clients.
//!
//! Responsible for: encoding a state once for each form and base that a receiver needs.
//! Not responsible for: whom a state goes to ([`super::fanout`]), what a client does not take
//! ([`super::outgoing`]).

mod encodings;

pub(super) use encodings::Encodings;
