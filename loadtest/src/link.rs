//! A bot's connection: the transport, and the bytes that went over it.

use std::time::Duration;

use serde::Serialize;
use tickstone_shared::client::session::Session;
use tickstone_shared::input::InputBatch;
use tickstone_shared::net::connect_error::{ConnectError, SendError};
use tickstone_shared::net::quic::Transferred;
use tickstone_shared::net::socket::{Address, Socket};
use tickstone_shared::net::websocket::Incoming;

/// How long a server may take to accept a connection, and to answer the hello.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const CLOSE_PATIENCE: Duration = Duration::from_millis(250);

/// What bots connect over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// WebSocket.
    Ws,
    /// QUIC.
    Quic,
    /// Every second bot of a match over QUIC, the others over WebSocket.
    Mix,
}

impl Transport {
    /// What the bot with this number in the match with that one connects over: is it QUIC?
    pub(crate) fn is_quic(self, player: usize, number: usize) -> bool {
        match self {
            Self::Ws => false,
            Self::Quic => true,
            Self::Mix => (player + number).is_multiple_of(2),
        }
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ws => "ws",
            Self::Quic => "quic",
            Self::Mix => "mix",
        })
    }
}

/// A connection of one bot.
#[derive(Debug)]
pub(crate) struct Link {
    socket: Socket,
    counted: Transferred,
}

impl Link {
    pub(crate) async fn connect(address: &Address) -> Result<Self, ConnectError> {
        match tokio::time::timeout(CONNECT_PATIENCE, Socket::connect(address)).await {
            Ok(connected) => connected.map(|socket| Self { socket, counted: Transferred::default() }),
            Err(_) => {
                Err(ConnectError::Unreachable("no answer to the first packet or the upgrade".to_owned()))
            }
        }
    }

    /// Sends a message that must arrive.
    pub(crate) async fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        self.socket.send(message).await
    }

    /// Which inputs to send, now that these were made.
    pub(crate) fn inputs_to_send(&self, session: &Session, made: InputBatch) -> InputBatch {
        self.socket.inputs_to_send(session, made)
    }

    /// Sends inputs, over QUIC in a datagram.
    pub(crate) async fn send_inputs(&mut self, message: &[u8]) -> Result<(), SendError> {
        self.socket.send_inputs(message).await
    }

    /// Says which states came, if no input does.
    pub(crate) async fn acknowledge(&mut self, session: &mut Session) -> Result<(), SendError> {
        self.socket.acknowledge(session).await
    }

    /// The next message or the end. Nothing is lost if the future is dropped.
    pub(crate) async fn receive(&mut self) -> Incoming {
        self.socket.receive().await
    }

    /// Bytes since the last call, with their framing.
    pub(crate) fn take_transferred(&mut self) -> Transferred {
        let now = self.socket.transferred();
        let before = std::mem::replace(&mut self.counted, now);
        Transferred { up: now.up - before.up, down: now.down - before.down }
    }

    /// Says goodbye, without waiting long for an answer.
    pub(crate) async fn close(self) {
        let goodbye = self.socket.close(1000, "the load test is over");
        // Who does not answer a goodbye in time is left without one.
        let _ = tokio::time::timeout(CLOSE_PATIENCE, goodbye).await;
    }
}
