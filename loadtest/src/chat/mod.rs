//! Chat rooms: what many small ones cost, asleep and awake, and what a large one does beside bare sockets that are
//! sent the same bytes.
//!
//! Responsible for: filling rooms, speaking at a steady rate, timing what everybody hears, and what by the slopes a
//! number of rooms needs. Not responsible for: what a room does.
//!
//! A message carries the time at which it was said: members and speakers are one process.

mod bare;
mod crowd;
mod figures;
mod members;
mod needs;
mod options;
mod outcome;
mod rooms;

pub use figures::{CrowdReport, RoomsReport};
pub use needs::{Cost, Machine, Needs};
pub use options::{ChatArguments, ChatOptions};
pub use outcome::{Outcome, run};
