//! The client's transports (feature `net`): the one place in this crate that does IO.
//!
//! Responsible for: bytes of whole messages to and from a server. Not responsible for: what they mean, when
//! to connect again, or TLS. No clock is read here: whoever wants a time-out puts it around a call.

pub mod websocket;
