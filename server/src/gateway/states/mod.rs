//! States on their way to clients.
//!
//! Responsible for: what clients have of the states before; encoding a state once for each form and base that a
//! receiver needs; what single clients see, and what of it they are told.
//! Not responsible for: whom a state goes to ([`super::fanout`]), what a client does not take
//! ([`super::outgoing`]).

mod bases;
mod cuts;
mod encodings;
mod share;
mod views;

pub(super) use bases::Bases;
pub(super) use cuts::Cuts;
pub(super) use encodings::Encodings;
pub(super) use share::{Room, Share};
pub(super) use views::Views;
