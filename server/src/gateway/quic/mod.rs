//! QUIC: one UDP port for native clients (ALPN `tickstone/1`).
//!
//! Responsible for: handshakes and their limits, the stream of reliable messages, datagrams of inputs and
//! states. Not responsible for: what a message means ([`super::connection`] says it for every transport), whom
//! a state goes to ([`super::fanout`]).
//!
//! Invariants: every buffer and window is set here, none is the library's default. A tick thread sends no
//! datagram: the library encrypts and sends under a connection's lock.

mod accept;
mod congestion;
mod connection;
mod datagrams;
mod endpoint;
mod messages;
mod port_key;
mod recent;
mod sink;

pub(super) use accept::run;
pub(super) use datagrams::{Datagrams, QuicCounters};
pub(super) use endpoint::bind;
pub use endpoint::transport as quic_transport;
pub(super) use messages::framed;
pub(super) use sink::StreamSink;
