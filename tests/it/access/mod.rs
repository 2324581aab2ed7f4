//! Who may do what, over real sockets: keys, tokens, seats, coming back.

mod bots;
mod command_line;
mod joining;
pub(crate) mod keys;
mod resuming;
mod routes;
mod secrets;
mod signals;
