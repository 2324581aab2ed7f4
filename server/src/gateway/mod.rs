//! The gateway: sockets and HTTP on one side, objects on the other.
//!
//! Responsible for: accepting, limits and rates, the handshake, encoding what goes out once for everybody,
//! and what happens to clients that are too slow, too fast, silent or malformed.
//! Not responsible for: what a match is, where it runs, what is stored.
//!
//! Ways through it: [`listener`] -> [`http`] -> [`upgrade`] -> [`connection`] (with [`handshake`],
//! [`guard`], [`shared_stream`]) -> the runtime; and back: the runtime -> [`mod@outlet`] -> [`fanout`] ->
//! [`outgoing`] -> socket. [`sweeper`] ends the silent and the stuck; [`closing`] says the last words.
//!
//! Invariants: nothing here makes a tick thread wait. Every queue is bounded and says at its type what it
//! does when it is full. Bytes from the network never panic and are never repeated in a reason or a log.

mod close_reason;
mod closing;
mod connection;
mod fanout;
mod frames;
mod guard;
mod handshake;
mod http;
mod hub;
mod link;
mod listener;
mod moderation;
mod objects;
mod outgoing;
mod outlet;
mod quic;
mod service;
pub mod settings;
mod shared_stream;
mod states;
mod sweeper;
mod talk;
#[cfg(test)]
mod tests;
mod tls;
mod upgrade;
mod welcome;

pub use connection::frame_reader;
pub use http::fuzzed;
pub use http::{Api, Audit, Backup, ClassEntry, Readiness, ReadinessRef, Stored};
pub use hub::Games;
pub use outlet::{FanoutInbox, GatewayOutlet, outlet};
pub use quic::quic_transport;
pub use service::{Gateway, GatewayError, Served, serve};
pub use settings::Settings;
pub use tls::{CertificateError, TlsFiles};
