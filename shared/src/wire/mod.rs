//! The messages between a server and its clients, and their two encodings.
//!
//! Responsible for: what stands on the wire, as `shared/PROTOCOL.md` describes it. Not responsible for: what
//! a message causes, or how it travels. Bytes from the network never panic here.

pub mod close;
pub mod decode;
pub mod encode;
pub mod message;
pub mod nesting;
pub mod parts;
pub mod state;
pub mod version;
