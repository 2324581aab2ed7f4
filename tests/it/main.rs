//! The whole over real sockets: one binary.

mod arena_loadtest;
mod commands;
mod damage;
mod disk;
mod drain;
mod edges;
mod kill;
mod life;
mod outside;
