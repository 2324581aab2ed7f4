//! A WebSocket client of a test's gateway.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tickstone_shared::client::assembler::Assembler;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::decode;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::state::StateMessage;
use tickstone_shared::wire::version::Encoding;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::harness::soon;

/// A client of the harness.
pub(super) struct Client {
    pub(super) websocket: WebSocketStream<TcpStream>,
    pub(super) encoding: Encoding,
    /// What the states that came were relative to.
    pub(super) bases: Vec<Option<Tick>>,
    states: Option<Assembler>,
}

impl Client {
    pub(super) fn new(websocket: WebSocketStream<TcpStream>, encoding: Encoding) -> Self {
        Self { websocket, encoding, bases: Vec::new(), states: None }
    }

    pub(super) async fn send(&mut self, message: Message) {
        soon(self.websocket.send(message)).await.unwrap();
    }

    pub(super) async fn json(&mut self, message: Value) {
        let message = match self.encoding {
            Encoding::Json => Message::text(message.to_string()),
            Encoding::Msgpack => {
                let message = serde_json::from_value(message).unwrap();
                Message::binary(tickstone_shared::wire::encode::client_message(&message, Encoding::Msgpack))
            }
        };
        self.send(message).await;
    }

    /// A hello in dev mode, with what a test changes.
    pub(super) async fn hello(&mut self, match_id: &str, change: Value) {
        let mut hello = json!({"t": "hello", "protocol": 1, "match_id": match_id, "player": "ann"});
        hello.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.json(hello).await;
    }

    pub(super) async fn message(&mut self) -> ServerMessage {
        loop {
            let message = soon(self.websocket.next()).await.expect("a message").unwrap();
            let bytes = match &message {
                Message::Text(text) => text.as_bytes(),
                Message::Binary(bytes) => bytes,
                Message::Ping(_) => continue,
                other => panic!("{other:?}"),
            };
            return self.read(decode::from_server(bytes, self.encoding).unwrap());
        }
    }

    /// A message, and a state whole.
    fn read(&mut self, message: ServerMessage) -> ServerMessage {
        match (message, &mut self.states) {
            (ServerMessage::State(state), Some(states)) => {
                self.bases.push(state.base);
                ServerMessage::State(states.take_state(state).unwrap().expect("states come in order"))
            }
            (ServerMessage::Welcome(welcome), states) => {
                *states = Some(Assembler::new(welcome.epoch, &welcome.schema));
                ServerMessage::Welcome(welcome)
            }
            (message, _) => message,
        }
    }

    pub(super) async fn state(&mut self) -> StateMessage {
        match self.message().await {
            ServerMessage::State(state) => state,
            other => panic!("{other:?}"),
        }
    }

    /// Reads to the close frame; the last message before it is the second answer.
    pub(super) async fn closed(&mut self) -> (u16, Option<ServerMessage>) {
        let mut last = None;
        loop {
            match soon(self.websocket.next()).await.expect("a close frame").unwrap() {
                Message::Close(Some(CloseFrame { code, .. })) => return (code.into(), last),
                Message::Text(text) => last = decode::from_server(text.as_bytes(), Encoding::Json).ok(),
                Message::Binary(bytes) => last = decode::from_server(&bytes, Encoding::Msgpack).ok(),
                _ => {}
            }
        }
    }

    /// Reads until the server has closed the socket.
    pub(super) async fn gone(&mut self) {
        while let Some(Ok(_)) = soon(self.websocket.next()).await {}
    }
}
