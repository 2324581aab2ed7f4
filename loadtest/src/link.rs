//! A bot's connection: the transport, and the bytes that went over it.

use std::time::Duration;

use tickstone_shared::net::websocket::{
    Buffers, ConnectError, Incoming, MASK_BYTES, SendError, WebSocket, header_bytes,
};
use tickstone_shared::wire::version::Encoding;

/// How long a server may take to accept a connection, and to answer the hello.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const CLOSE_PATIENCE: Duration = Duration::from_millis(250);

/// A connection of one bot.
#[derive(Debug)]
pub(crate) struct Link {
    socket: WebSocket,
}

impl Link {
    pub(crate) async fn connect(
        url: &str,
        encoding: Encoding,
        buffers: Buffers,
    ) -> Result<Self, ConnectError> {
        let connecting = WebSocket::connect(url, encoding, buffers);
        match tokio::time::timeout(CONNECT_PATIENCE, connecting).await {
            Ok(connected) => connected.map(|socket| Self { socket }),
            Err(_) => Err(ConnectError::Unreachable("no answer to the upgrade".to_owned())),
        }
    }

    /// Sends a message; gives back the bytes it took with its framing.
    pub(crate) async fn send(&mut self, message: &[u8]) -> Result<u64, SendError> {
        self.socket.send(message).await?;
        Ok((message.len() + header_bytes(message.len()) + MASK_BYTES) as u64)
    }

    /// The next message or the end. Nothing is lost if the future is dropped.
    pub(crate) async fn receive(&mut self) -> Incoming {
        self.socket.receive().await
    }

    /// Says goodbye, without waiting long for an answer.
    pub(crate) async fn close(self) {
        let goodbye = self.socket.close(1000, "the load test is over");
        // Who does not answer a goodbye in time is left without one.
        let _ = tokio::time::timeout(CLOSE_PATIENCE, goodbye).await;
    }
}

/// Bytes a received message took with its framing.
pub(crate) fn received_bytes(payload_bytes: usize) -> u64 {
    (payload_bytes + header_bytes(payload_bytes)) as u64
}
