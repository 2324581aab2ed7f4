//! The games that come with the server: one file or folder each.
//!
//! Responsible for: rules. Nothing outside a game's file or folder knows them.
//! Not responsible for: sockets, storage, when a tick is due.
//!
//! Read [`pong`] first: it is the tutorial. [`arena`] is the game the load tests play, [`duel`] the one without
//! ticks.

#[expect(clippy::needless_pass_by_value, reason = "a system takes its parameters by value")]
pub mod arena;
pub mod duel;
#[expect(clippy::needless_pass_by_value, reason = "a system takes its parameters by value")]
pub mod pong;
