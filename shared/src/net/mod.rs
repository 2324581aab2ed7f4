//! The client's transports (feature `net`): the one place in this crate that does IO.
//!
//! Responsible for: bytes of whole messages to and from a server, encrypted where the URL says so. Not
//! responsible for: what they mean, when to connect again. No clock is read here: whoever wants a time-out puts
//! it around a call.

pub mod connect_error;
pub mod quic;
pub mod socket;
pub mod trust;
pub mod websocket;
