//! Bots that play against a Tickstone server and measure what players would feel.
//!
//! Responsible for: driving matches from the outside, as the documents of the wire and of HTTP describe them,
//! and saying what was measured. Not responsible for: anything the server does; this crate never sees it.
//!
//! For tests of other packages [`fleet`] is the way in: start a fleet, watch its matches, stop it.

pub mod args;
pub mod board;
pub mod brain;
pub mod chat;
pub mod clock;
pub mod fleet;
pub mod hostile;
pub mod idle;
pub mod impair;
pub mod link;
pub mod page;
pub mod report;
pub mod run;
pub mod scenario;
pub mod series;
pub mod server_metrics;
pub mod slo;

mod bot;
mod http;
mod inputs;
mod meter;
mod prometheus;
mod table;
mod tally;
