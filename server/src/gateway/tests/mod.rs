//! The gateway over real sockets on loopback, before objects that answer what they are told to.

mod encrypted;
mod harness;
mod http;
mod quic;
mod quic_hostile;
mod slow;
mod sockets;
