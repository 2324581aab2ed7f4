//! States on their way to clients.
//!
//! Responsible for: encoding a state once for each form and base that a receiver needs, what single clients see.
//! Not responsible for: whom a state goes to ([`super::fanout`]), what a client does not take
//! ([`super::outgoing`]).

mod encodings;
mod views;

pub(super) use encodings::Encodings;
pub(super) use views::Views;
