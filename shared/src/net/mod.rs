//! The client's side of the network (feature `net`): the one place in this crate that does IO.
//!
//! Responsible for: bytes of whole messages to and from a server, encrypted where the URL says so; a player for
//! programs that are not the page ([`client`]), and what it asks before it joins ([`lookup`]). Not responsible
//! for: what messages mean, which is [`crate::client`]'s. Only [`client`] waits for a time; whoever wants a time-out
//! for a transport puts it around a call.

pub mod client;
pub mod clock;
pub mod connect_error;
pub mod happening;
pub mod lookup;
pub mod quic;
pub mod socket;
pub mod trust;
pub mod websocket;
