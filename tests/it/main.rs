//! The whole over real sockets: one binary.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]
#![expect(clippy::print_stdout, reason = "a test says what it measured and what it skipped")]

mod access;
mod arena_loadtest;
mod attack;
mod chat_load;
mod classes;
mod commands;
mod conformance;
mod damage;
mod disk;
mod drain;
mod duel;
mod edges;
mod guide;
mod hostile;
mod idle;
mod kill;
mod life;
mod native;
mod objects_kill;
mod outside;
mod quic;
mod script;
mod talker;
mod web;
