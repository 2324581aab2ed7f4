//! The gateway over real sockets on loopback, before objects that answer what they are told to.

mod frames;
mod harness;
mod http;
mod requests;
mod slow;
mod sockets;
mod strangers;
