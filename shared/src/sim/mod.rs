//! What a game is, and how its world is stepped, saved, restored and shown.
//!
//! Responsible for: determinism. Same start (or save) and same events give the same bytes, tick by tick.
//! Not responsible for: when a tick is due, who may join, where anything is stored or sent.
//! Must never happen here: a wall clock, a thread, HashMap iteration, an `Entity` that leaves a world.
//!
//! A game is one type that implements [`game::Game`]; [`registered`] erases that type, once, at registration.

pub mod assets;
pub mod builder;
pub mod event;
pub mod game;
pub mod phase;
pub mod registered;
pub mod save;
pub mod shadow;
pub mod simulation;
pub mod sync_test;
pub mod world;
