//! The gateway over real sockets on loopback, before objects that answer what they are told to.

mod encrypted;
mod frames;
mod harness;
mod http;
mod quic;
mod quic_hostile;
mod quic_limits;
mod requests;
mod slow;
mod sockets;
mod strangers;
