//! The whole over real sockets: one binary.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]
#![expect(clippy::print_stdout, reason = "a test says what it measured and what it skipped")]

mod arena_loadtest;
mod commands;
mod damage;
mod disk;
mod drain;
mod edges;
mod kill;
mod life;
mod outside;
mod web;
