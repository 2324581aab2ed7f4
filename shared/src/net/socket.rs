//! A connection to a match over either transport, as a session uses it.

use super::connect_error::{ConnectError, SendError};
use super::quic::{Quic, Transferred};
use super::trust::Trust;
use super::websocket::{Buffers, Incoming, MASK_BYTES, WebSocket, header_bytes};
use crate::client::pace::{LEAD_DATAGRAM_TICKS, LEAD_WEBSOCKET_TICKS};
use crate::client::session::Session;
use crate::input::InputBatch;
use crate::wire::encode::client_message;
use crate::wire::message::ClientMessage;
use crate::wire::version::Encoding;

/// Where a match is, and over what.
#[derive(Debug, Clone)]
pub enum Address {
    /// `ws://` or `wss://host[:port]/path`.
    WebSocket {
        /// The URL.
        url: String,
        /// How messages are written.
        encoding: Encoding,
        /// Sizes.
        buffers: Buffers,
        /// By what the server is known; needed for `wss://`.
        trust: Option<Trust>,
    },
    /// `quic://host:port`; messages are msgpack.
    Quic {
        /// The URL.
        url: String,
        /// By what the server is known.
        trust: Trust,
    },
}

impl Address {
    /// How many ticks early inputs should arrive over this transport.
    pub fn lead_ticks(&self) -> f64 {
        match self {
            Self::WebSocket { .. } => LEAD_WEBSOCKET_TICKS,
            Self::Quic { .. } => LEAD_DATAGRAM_TICKS,
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Socket {
    /// Everything in one order.
    WebSocket(Box<WebSocket>, Transferred),
    /// A stream, and datagrams.
    Quic(Box<Quic>),
}

impl Socket {
    /// Connects.
    pub async fn connect(address: &Address) -> Result<Self, ConnectError> {
        match address {
            Address::WebSocket { url, encoding, buffers, trust } => {
                let connecting = WebSocket::connect_trusting(url, *encoding, *buffers, trust.as_ref());
                Ok(Self::WebSocket(Box::new(connecting.await?), Transferred::default()))
            }
            Address::Quic { url, trust } => Ok(Self::Quic(Box::new(Quic::connect(url, trust).await?))),
        }
    }

    /// Which inputs a message is to carry: over datagrams all that no state has, else those just made.
    pub fn inputs_to_send(&self, session: &Session, made: InputBatch) -> InputBatch {
        match self {
            Self::WebSocket(..) => made,
            Self::Quic(_) => session.unacknowledged().unwrap_or(made),
        }
    }

    /// Sends a message that must arrive.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        match self {
            Self::WebSocket(socket, transferred) => {
                socket.send(message).await?;
                transferred.up += (message.len() + header_bytes(message.len()) + MASK_BYTES) as u64;
                Ok(())
            }
            Self::Quic(quic) => quic.send(message).await,
        }
    }

    /// Sends inputs: over QUIC in a datagram, which takes the packed form alone.
    pub async fn send_inputs(&mut self, message: &[u8]) -> Result<(), SendError> {
        match self {
            Self::Quic(quic) => quic.send_datagram(message),
            Self::WebSocket(..) => self.send(message).await,
        }
    }

    /// Says which states came, if no input does. Over a stream the server knows.
    pub async fn acknowledge(&mut self, session: &mut Session) -> Result<(), SendError> {
        let Self::Quic(quic) = self else { return Ok(()) };
        let Some(ack) = session.acknowledgement() else { return Ok(()) };
        quic.send(&client_message(&ClientMessage::Ack(ack), Encoding::Msgpack)).await
    }

    /// The next message, a part of a state among them, or the end. Nothing is lost if the future is dropped.
    pub async fn receive(&mut self) -> Incoming {
        match self {
            Self::WebSocket(socket, transferred) => {
                let came = socket.receive().await;
                if let Incoming::Message(message) = &came {
                    transferred.down += (message.len() + header_bytes(message.len())) as u64;
                }
                came
            }
            Self::Quic(quic) => quic.receive().await,
        }
    }

    /// Bytes so far: payload and framing of WebSocket or QUIC, without TCP, UDP and IP.
    pub fn transferred(&self) -> Transferred {
        match self {
            Self::WebSocket(_, transferred) => *transferred,
            Self::Quic(quic) => quic.transferred(),
        }
    }

    /// Says goodbye with this code.
    pub async fn close(self, code: u16, reason: &str) {
        match self {
            Self::WebSocket(socket, _) => socket.close(code, reason).await,
            Self::Quic(quic) => quic.close(code, reason).await,
        }
    }
}
