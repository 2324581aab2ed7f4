//! A match: an object that owns a simulation and is stepped 60 times a second.
//!
//! Responsible for: who sits where, which input belongs to which tick, the journal that makes a match a pure
//! function of its last checkpoint, and coming back from it. Not responsible for: the rules of a game.
//! Must never happen here: a change to the world that is not in the journal.
//!
//! The way of a tick, top to bottom: [`durable_match`] -> [`input_buffer`] -> the simulation -> [`journal`]
//! -> [`broadcast`] -> [`checkpoint`] -> [`lifecycle`].

pub mod admissions;
pub mod audit;
pub mod broadcast;
pub mod calls;
pub mod checkpoint;
pub mod class;
pub mod cool_down;
pub mod doorway;
pub mod durable_match;
pub mod header;
pub mod input_buffer;
pub mod journal;
pub mod lifecycle;
pub mod posting;
pub mod recovery;
pub mod roster;
pub mod running;
pub mod store_keys;
pub mod turns;

#[cfg(test)]
mod tests;
