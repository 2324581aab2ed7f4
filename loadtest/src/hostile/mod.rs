//! Clients who mean harm, beside bots who play: what the bots notice, and what the server answers.
//!
//! Responsible for: the attackers of a scenario's `hostile` table, and counting their answers. Not responsible
//! for: the bots, or judging the server.
//!
//! Invariant: every kind has a highest number at once, a highest rate of attempts and of messages; everything
//! ends with the phase. Attackers only go to the server of the run.

pub mod limits;
pub mod options;
pub mod report;

mod attack;
mod attempt;
pub(crate) mod frames;
mod squads;
mod tally;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use options::HostileOptions;
pub(crate) use squads::{Squads, Target};
