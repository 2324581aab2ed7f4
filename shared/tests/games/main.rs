//! Tests of the bundled games through the same doors the server uses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod arena_bounds;
mod arena_rules;
mod determinism;
mod duel;
mod maps;
mod pong;
mod prediction;
mod support;
