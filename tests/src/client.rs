//! A player without a client core: messages by hand over the real socket.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tickstone_shared::client::assembler::Assembler;
use tickstone_shared::client::view::{FieldPlace, View, kind_number};
use tickstone_shared::ids::Epoch;
use tickstone_shared::input::{Acknowledged, InputBatch, InputRow};
use tickstone_shared::net::connect_error::ConnectError;
use tickstone_shared::net::quic::Quic;
use tickstone_shared::net::socket::{Address, Socket};
use tickstone_shared::net::websocket::{Buffers, Incoming};
use tickstone_shared::schema::Field;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::decode::from_server;
use tickstone_shared::wire::encode::{client_message, packed_input};
use tickstone_shared::wire::message::{
    Ack, Bye, ClientMessage, Hello, InputMessage, Ping, ServerMessage, Welcome,
};
use tickstone_shared::wire::parts::{is_part, state_part};
use tickstone_shared::wire::state::StateMessage;
use tickstone_shared::wire::version::{Encoding, PROTOCOL_VERSION, StateKind};
use tokio::runtime::Runtime;

use crate::server::Server;
use crate::wait::PATIENCE;

/// How far ahead of the newest state inputs are sent.
const INPUT_LEAD_TICKS: u64 = 5;

/// A connection.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    socket: Socket,
    encoding: Encoding,
    welcome: Option<Welcome>,
    /// From the welcome on.
    states: Option<Assembler>,
    /// Tick and row of the last inputs, one after another.
    sent: Vec<(Tick, InputRow)>,
    seq: u32,
}

/// What a client speaks over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// WebSocket, in an encoding.
    WebSocket(Encoding),
    /// QUIC.
    Quic,
}

impl From<Encoding> for Over {
    fn from(encoding: Encoding) -> Self {
        Self::WebSocket(encoding)
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// The close code; none if it broke.
    pub code: Option<u16>,
    /// Its reason, or what broke.
    pub reason: String,
    /// The last message before, where that was one.
    pub bye: Option<Bye>,
}

/// A hello as a dev client says it.
pub fn hello(match_id: &str, player: &str) -> Hello {
    Hello {
        protocol: PROTOCOL_VERSION,
        match_id: match_id.to_owned(),
        token: None,
        resume: None,
        player: Some(player.to_owned()),
        state: StateKind::Delta,
        schema_hash: None,
        epoch: None,
    }
}

/// A hello of somebody who comes back.
pub fn resume(match_id: &str, token: &str) -> Hello {
    Hello { resume: Some(token.to_owned()), player: None, ..hello(match_id, "") }
}

impl Client {
    /// Connects to a match, without a hello.
    #[track_caller]
    pub fn connect(server: &Server, match_id: &str, over: impl Into<Over>) -> Self {
        Self::try_connect(server, match_id, over).expect("the server takes connections")
    }

    /// Upgrades on this path.
    #[track_caller]
    pub fn connect_path(server: &Server, path: &str, encoding: Encoding) -> Self {
        Self::connect_url(&format!("ws://{}{path}", server.addr()), encoding).expect("the server upgrades")
    }

    /// As [`Client::connect`], where it may be refused.
    pub fn try_connect(server: &Server, match_id: &str, over: impl Into<Over>) -> Result<Self, ConnectError> {
        let (address, encoding) = match over.into() {
            Over::WebSocket(encoding) => {
                let url = format!("ws://{}/v1/matches/{match_id}/socket", server.addr());
                (Address::WebSocket { url, encoding, buffers: Buffers::default(), trust: None }, encoding)
            }
            Over::Quic => (server.quic_address(), Encoding::Msgpack),
        };
        Self::connect_to(&address, encoding)
    }

    fn connect_url(url: &str, encoding: Encoding) -> Result<Self, ConnectError> {
        let (url, buffers) = (url.to_owned(), Buffers::default());
        Self::connect_to(&Address::WebSocket { url, encoding, buffers, trust: None }, encoding)
    }

    /// Connects to this address.
    pub fn connect_to(address: &Address, encoding: Encoding) -> Result<Self, ConnectError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system gives what a runtime needs");
        let socket = runtime.block_on(Socket::connect(address))?;
        Ok(Self { runtime, socket, encoding, welcome: None, states: None, sent: Vec::new(), seq: 0 })
    }

    /// Connects and joins by name.
    #[track_caller]
    pub fn join(server: &Server, match_id: &str, player: &str) -> Self {
        Self::enter(server, &hello(match_id, player), Encoding::Msgpack)
    }

    /// Connects and says this hello, which must be welcome.
    #[track_caller]
    pub fn enter(server: &Server, hello: &Hello, over: impl Into<Over>) -> Self {
        let mut client = Self::connect(server, &hello.match_id, over);
        client.send(&ClientMessage::Hello(hello.clone()));
        match client.message() {
            Ok(ServerMessage::Welcome(welcome)) => {
                client.seq = welcome.last_input;
                client.states = Some(Assembler::new(welcome.epoch, &welcome.schema));
                client.welcome = Some(*welcome);
            }
            other => panic!("not welcome: {other:?}"),
        }
        client
    }

    /// Connects and says this hello, which must be refused.
    #[track_caller]
    pub fn refused(server: &Server, hello: &Hello) -> End {
        Self::refused_over(server, hello, Encoding::Msgpack)
    }

    /// As [`Client::refused`], over any transport.
    #[track_caller]
    pub fn refused_over(server: &Server, hello: &Hello, over: impl Into<Over>) -> End {
        let mut client = Self::connect(server, &hello.match_id, over);
        client.send(&ClientMessage::Hello(hello.clone()));
        client.end()
    }

    /// What the server said when it let us in.
    #[track_caller]
    pub fn welcome(&self) -> &Welcome {
        self.welcome.as_ref().expect("it was let in")
    }

    /// The resume token.
    #[track_caller]
    pub fn token(&self) -> &str {
        &self.welcome().resume_token
    }

    /// Sends a message; whether it arrives shows elsewhere.
    pub fn send(&mut self, message: &ClientMessage) {
        let bytes = client_message(message, self.encoding);
        self.send_bytes(&bytes);
    }

    /// Sends what need not be a message.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let sending = self.socket.send(bytes);
        // A connection that the server has closed takes nothing: the next receive says why.
        let _ = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, sending).await });
    }

    /// The next message or the end, as bytes; none if nothing comes in time.
    pub fn receive(&mut self, patience: Duration) -> Option<Result<Bytes, End>> {
        let receiving = self.socket.receive();
        let came = self.runtime.block_on(async { tokio::time::timeout(patience, receiving).await });
        Some(match came.ok()? {
            Incoming::Message(bytes) => Ok(bytes),
            Incoming::Closed { code, reason } => Err(End { code, reason, bye: None }),
        })
    }

    /// The next message or the end; states are whole.
    #[track_caller]
    pub fn message(&mut self) -> Result<ServerMessage, End> {
        loop {
            let came = self.receive(PATIENCE).unwrap_or_else(|| panic!("nothing came for {PATIENCE:?}"));
            let bytes = came?;
            let message = (!is_part(&bytes)).then(|| from_server(&bytes, self.encoding));
            let state = match (message.transpose().expect("the server sends messages"), &mut self.states) {
                (Some(ServerMessage::State(state)), Some(states)) => states.take_state(state),
                (Some(message), _) => return Ok(message),
                (None, Some(states)) => {
                    states.take_part(&state_part(&bytes).expect("the server sends parts"))
                }
                (None, None) => continue,
            };
            if let Some(state) = state.expect("a state fits the schema and has its base") {
                return Ok(ServerMessage::State(state));
            }
        }
    }

    /// The QUIC connection.
    #[track_caller]
    pub fn quic(&self) -> &Quic {
        match &self.socket {
            Socket::Quic(quic) => quic,
            Socket::WebSocket(..) => panic!("it is connected over WebSocket"),
        }
    }

    /// Within the client's runtime.
    pub fn within<T>(&self, act: impl FnOnce(&Self) -> T) -> T {
        let _entered = self.runtime.enter();
        act(self)
    }

    /// The next message that `pick` wants.
    #[track_caller]
    pub fn next_of<T>(&mut self, what: &str, pick: impl Fn(ServerMessage) -> Option<T>) -> T {
        let watch = crate::wait::Watch::start();
        while watch.elapsed() < PATIENCE {
            match self.message() {
                Ok(message) => {
                    if let Some(found) = pick(message) {
                        return found;
                    }
                }
                Err(end) => panic!("closed while waiting for {what}: {end:?}"),
            }
        }
        panic!("waited {PATIENCE:?} in vain for {what}");
    }

    /// The next state.
    #[track_caller]
    pub fn state(&mut self) -> StateMessage {
        self.next_of("a state", |message| match message {
            ServerMessage::State(state) => Some(state),
            _ => None,
        })
    }

    /// Reads to the end of the connection.
    #[track_caller]
    pub fn end(&mut self) -> End {
        let watch = crate::wait::Watch::start();
        let mut last = None;
        while watch.elapsed() < PATIENCE {
            match self.message() {
                Ok(ServerMessage::Bye(bye)) => last = Some(bye),
                Ok(_) => last = None,
                Err(end) => return End { bye: last, ..end },
            }
        }
        panic!("the server did not close within {PATIENCE:?}");
    }

    /// Is the connection closed with this code? Who has been let in is told by a bye before.
    #[track_caller]
    pub fn expect_end(&mut self, code: u16) -> End {
        let end = self.end();
        end.expect(code);
        assert!(self.welcome.is_none() || end.bye.is_some(), "no bye before {end:?}");
        end
    }

    /// The nonce of the answer to a ping.
    #[track_caller]
    pub fn ping(&mut self, nonce: u32) -> u32 {
        self.send(&ClientMessage::Ping(Ping { nonce }));
        self.next_of("a pong", |message| match message {
            ServerMessage::Pong(pong) => Some(pong.nonce),
            _ => None,
        })
    }

    /// Gives the seat up.
    pub fn leave(&mut self) {
        self.send(&ClientMessage::Leave {});
    }

    /// Goes without a word of the protocol, as a program does that ends.
    pub fn hang_up(self) {
        let closing = self.socket.close(0, "");
        // A server that does not answer is left all the same.
        let _ = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, closing).await });
    }

    /// Acknowledges a state.
    pub fn acknowledge(&mut self, epoch: Epoch, tick: Tick) {
        self.send(&ClientMessage::Ack(Ack { epoch, tick, mask: 0 }));
    }

    fn received(&self) -> Acknowledged {
        self.states.as_ref().map(Assembler::received).unwrap_or_default()
    }

    /// Sends one input by name, for a tick a little after this state's: its number.
    pub fn input(&mut self, state: &StateMessage, input: Value) -> u32 {
        self.seq += 1;
        if let Socket::Quic(_) = self.socket {
            return self.input_datagram(state, &input);
        }
        self.send(&ClientMessage::Input(InputMessage {
            epoch: state.epoch,
            tick: Tick(state.tick.0 + INPUT_LEAD_TICKS),
            seq: self.seq,
            ack: self.received().tick,
            mask: 0,
            inputs: vec![input],
        }));
        self.seq
    }

    /// Sends the input in a datagram with those before it.
    fn input_datagram(&mut self, state: &StateMessage, input: &Value) -> u32 {
        let tick = Tick(state.tick.0 + INPUT_LEAD_TICKS);
        if self.sent.last().is_some_and(|(last, _)| last.next() != tick) || self.sent.len() == 10 {
            self.sent.clear();
        }
        self.sent.push((tick, packed(&self.welcome().schema.input, input)));
        let batch = InputBatch {
            epoch: state.epoch,
            first_tick: self.sent[0].0,
            first_seq: self.seq + 1 - self.sent.len() as u32,
            acknowledged: self.received(),
            rows: self.sent.iter().map(|(_, row)| *row).collect(),
        };
        let mut bytes = Vec::new();
        packed_input(&batch, &mut bytes);
        self.datagram(&bytes);
        self.seq
    }

    /// Sends what need not be inputs in a datagram.
    pub fn datagram(&mut self, bytes: &[u8]) {
        // A connection that the server has closed takes nothing: the next receive says why.
        let _ = self.within(|client| client.quic().send_datagram(bytes));
    }

    /// The id and these fields of the entity of a kind that has our seat.
    #[track_caller]
    pub fn own<const N: usize>(
        &self,
        state: &StateMessage,
        kind: &str,
        fields: [&str; N],
    ) -> Option<(u32, [f64; N])> {
        let welcome = self.welcome();
        let mut view = View::default();
        view.replace(state, &welcome.schema).expect("a state fits its schema");
        let number = kind_number(&welcome.schema, kind).expect("the schema has the kind");
        let place = |name| FieldPlace::find(&welcome.schema.kinds[number], name).expect("a known field");
        let seat = place("seat");
        let own = view.of_kind(number).find(|entity| seat.of(*entity) == f64::from(welcome.seat.0))?;
        Some((own.id.0, fields.map(|name| place(name).of(own))))
    }
}

/// An input by name as a row.
fn packed(fields: &[Field], input: &Value) -> InputRow {
    let mut row = Vec::new();
    for field in fields {
        let value = input[&field.name].as_i64().unwrap_or(0);
        row.extend_from_slice(&value.to_le_bytes()[..field.kind.width()]);
    }
    InputRow::new(&row).expect("an input row is short")
}

impl End {
    /// Is it this code, with a reason in words and, if there is a bye, one that says the same?
    #[track_caller]
    pub fn expect(&self, code: u16) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.reason.is_empty(), "a close without a reason: {self:?}");
        let said = self.bye.as_ref().map_or(code, |bye| bye.code.number());
        assert_eq!(said, code, "the bye: {self:?}");
    }
}
