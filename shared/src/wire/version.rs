//! What is spoken: the protocol's number and the names clients choose encodings by.

use serde::{Deserialize, Serialize};

/// The version of the messages. A hello with another one is answered with close code 4426.
pub const PROTOCOL_VERSION: u16 = 1;

/// What a native client asks for in its QUIC handshake (ALPN).
pub const QUIC_ALPN: &[u8] = b"tickstone/1";

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// MessagePack in binary frames.
    Msgpack,
    /// JSON in text frames.
    Json,
}

impl Encoding {
    /// The WebSocket subprotocol that chooses this encoding.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Encoding::Msgpack => "tickstone.v1.msgpack",
            Encoding::Json => "tickstone.v1.json",
        }
    }

    /// The encoding a subprotocol's name chooses.
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        [Encoding::Msgpack, Encoding::Json].into_iter().find(|encoding| encoding.subprotocol() == name)
    }
}

/// How a client wants the state of each tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateKind {
    /// Packed rows, read with the field schema of `welcome`: for play.
    #[default]
    Delta,
    /// Every entity with its field names: for tools and first experiments.
    Plain,
}
