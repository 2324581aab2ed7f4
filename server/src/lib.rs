//! Tickstone: a server where matches live. `ARCHITECTURE.md` has the bird's eye; the floors, highest first:
//!
//! [`app`] builds everything and stops it; [`gateway`] and [`store`] are the edges and never know each
//! other; [`runtime`] has the threads and knows no class; [`classes`] are pure state machines; [`object`] is
//! what a durable object is; [`clock`], [`metrics`], [`mailbox`] and [`config`] know nothing.

pub mod access;
pub mod app;
pub mod classes;
pub mod cli;
pub mod clock;
pub mod config;
pub mod fuzzed;
pub mod gateway;
pub mod mailbox;
pub mod metrics;
pub mod object;
pub mod runtime;
pub mod store;
pub mod testing;
pub mod typed_handle;

pub use app::App;
pub use typed_handle::{Handle, handle};
