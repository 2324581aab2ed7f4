//! A native player of a match: joins it, comes back by itself, says in time what the player wants, and shows the
//! match as it is to be drawn.
//!
//! Responsible for: the core of [`crate::client`] on a real connection, by a real clock. Not responsible for:
//! drawing, or threads: it lives in [`Client::next`], which is to be asked again and again. Nothing is lost where
//! its future is dropped, so it can stand in a `select`.

use std::collections::VecDeque;
use std::time::Duration;

use super::clock::Clock;
use super::connect_error::{ConnectError, SendError};
use super::happening::{Happening, JoinError, UnknownField};
use super::socket::{Address, Socket};
use super::websocket::Incoming;
use crate::client::backoff::Backoff;
use crate::client::interpolation::Shown;
use crate::client::scene::Scene;
use crate::client::session::{AfterClose, Heard, Session, SessionOptions};
use crate::entity::kind_number;
use crate::input::InputRow;
use crate::predicted::Predicted;
use crate::schema::{KindSchema, Schema};
use crate::time::Moment;
use crate::wire::close::CloseCode;
use crate::wire::decode::from_server;
use crate::wire::encode::{client_message, packed_input};
use crate::wire::message::{Bye, ClientMessage, DataMessage, Ping, ServerMessage, Welcome};
use crate::wire::parts::is_part;
use crate::wire::version::{Encoding, StateKind};

/// How long a server may take to accept a connection, and to answer the hello.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// A server that has said nothing for so long is taken for gone.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// What the protocol's packed messages are written in.
const ENCODING: Encoding = Encoding::Msgpack;

/// One player in one match.
#[derive(Debug)]
pub struct Client<P: Predicted> {
    address: Address,
    session: Session,
    scene: Scene<P>,
    clock: Clock,
    backoff: Backoff,
    /// How long the server said to wait before the next try.
    asked_for: Duration,
    line: Line,
    /// The newest one: what the seat, the schema and the rate of ticks are.
    welcome: Option<Welcome>,
    wanted: InputRow,
    happened: VecDeque<Happening>,
    heard: Moment,
    pinged: (u32, Moment),
    message: Vec<u8>,
}

/// The connection.
#[derive(Debug)]
enum Line {
    Up(Box<Socket>),
    /// Tried again at this moment.
    Down(Moment),
    Over,
}

/// An entity as it is to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Entity<'a> {
    kind: &'a KindSchema,
    shown: Shown<'a>,
}

impl Entity<'_> {
    /// Its identity.
    pub fn id(&self) -> u32 {
        self.shown.id.0
    }

    /// A field of it in units of the game: of what moves, where it is between two states.
    pub fn field(&self, name: &str) -> Option<f64> {
        let index = self.kind.fields.iter().position(|field| field.name == name)?;
        self.shown.values.get(index).copied()
    }
}

impl<P: Predicted> Client<P> {
    /// Joins a match, as the options say by a token or, in dev mode, by name; inputs arrive as early as the transport
    /// asks for, and states are packed. `game` says how the player's own body is
    /// foreseen: [`crate::predicted::Unpredicted`] foresees nothing. `seed` decides the jitter between two tries.
    pub async fn connect(
        address: Address,
        options: SessionOptions,
        game: P,
        seed: u64,
    ) -> Result<Self, JoinError> {
        let clock = Clock::start();
        let now = clock.now();
        let options = SessionOptions { lead_ticks: address.lead_ticks(), state: StateKind::Delta, ..options };
        let mut client = Self {
            address,
            session: Session::new(options),
            scene: Scene::new(game),
            clock,
            backoff: Backoff::new(seed),
            asked_for: Duration::ZERO,
            line: Line::Down(now),
            welcome: None,
            wanted: InputRow::default(),
            happened: VecDeque::new(),
            heard: now,
            pinged: (0, now),
            message: Vec::new(),
        };
        loop {
            match client.next().await {
                Some(Happening::Joined { .. }) => return Ok(client),
                Some(Happening::Left { code, reason }) => return Err(JoinError { code, reason }),
                Some(_) => {}
                None => return Err(JoinError { code: None, reason: "the connection is over".to_owned() }),
            }
        }
    }

    /// The next thing that happens; none once the player has left or was made to. Inputs are sent only while
    /// somebody waits for this.
    pub async fn next(&mut self) -> Option<Happening> {
        loop {
            if let Some(happening) = self.happened.pop_front() {
                return Some(happening);
            }
            match self.line {
                Line::Over => return None,
                Line::Down(until) => {
                    self.clock.wait_until(until).await;
                    self.dial().await;
                }
                Line::Up(_) => self.listen().await,
            }
        }
    }

    /// What the player wants from now on, in every tick until something else is wanted: input fields by name, as
    /// they are stored; what is not named is 0.
    pub fn want(&mut self, fields: &[(&str, i64)]) -> Result<(), UnknownField> {
        let Some(welcome) = &self.welcome else { return Ok(()) };
        self.wanted = packed(&welcome.schema, fields)?;
        Ok(())
    }

    /// Joins by this token should the seat be lost: each holds once. A drop needs none.
    pub fn set_token(&mut self, token: String) {
        self.session.set_token(token);
    }

    /// Sends data to the game.
    pub async fn send(&mut self, data: serde_json::Value) -> Result<(), SendError> {
        self.say(&ClientMessage::Message(DataMessage { data })).await
    }

    /// Asks for a [`Happening::Pong`].
    pub async fn ping(&mut self) -> Result<(), SendError> {
        self.pinged = (self.pinged.0.wrapping_add(1), self.clock.now());
        self.say(&ClientMessage::Ping(Ping { nonce: self.pinged.0 })).await
    }

    /// Gives the seat up, and waits for a moment until the server has heard it. Dropping a client instead keeps the
    /// seat for a while.
    pub async fn leave(mut self) {
        let told = self.say(&ClientMessage::Leave {}).await.is_ok();
        let Line::Up(mut socket) = self.line else { return };
        let is_gone = told
            && tokio::time::timeout(CLOSE_PATIENCE, async {
                while let Incoming::Message(_) = socket.receive().await {}
            })
            .await
            .is_ok();
        if !is_gone {
            // A server that does not let go is left all the same.
            let _ = tokio::time::timeout(CLOSE_PATIENCE, socket.close(1000, "left")).await;
        }
    }

    /// What the match said when it took the player in: seat, name, rate of ticks, schema.
    pub fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// Is there a connection on which the match has taken the player in?
    pub fn is_connected(&self) -> bool {
        self.session.welcome().is_some()
    }

    /// Where the player's own body is to be drawn now, in units of the game: with every input that was made.
    pub fn own_place(&self) -> Option<[f64; 2]> {
        let now = self.clock.now();
        self.scene.own_place(self.session.position(now)?, now)
    }

    /// Every entity of a kind as it is to be drawn now: a little in the past, between two states.
    pub fn entities(&mut self, kind: &str) -> impl Iterator<Item = Entity<'_>> {
        let number = self.welcome.as_ref().and_then(|welcome| kind_number(&welcome.schema, kind));
        let picture = self.scene.picture(self.clock.now());
        let kinds = self.welcome.as_ref().map_or(&[][..], |welcome| &welcome.schema.kinds);
        let of_kind = picture.entities().filter(move |shown| Some(shown.kind) == number);
        of_kind.map(|shown| Entity { kind: &kinds[shown.kind], shown })
    }

    /// What is shown, in the numbers of the core.
    pub fn scene(&mut self) -> &mut Scene<P> {
        &mut self.scene
    }

    async fn say(&mut self, message: &ClientMessage) -> Result<(), SendError> {
        match &mut self.line {
            Line::Up(socket) => socket.send(&client_message(message, ENCODING)).await,
            Line::Down(_) | Line::Over => Err(SendError("there is no connection".to_owned())),
        }
    }

    async fn dial(&mut self) {
        let connecting = tokio::time::timeout(CONNECT_PATIENCE, Socket::connect(&self.address)).await;
        let mut socket = match connecting {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => return self.refused(&error),
            Err(_) => return self.try_again("no answer"),
        };
        let hello = client_message(&self.session.hello(), ENCODING);
        match socket.send(&hello).await {
            Ok(()) => {
                self.heard = self.clock.now();
                self.line = Line::Up(Box::new(socket));
            }
            Err(error) => self.try_again(&error.to_string()),
        }
    }

    async fn listen(&mut self) {
        let Line::Up(socket) = &mut self.line else { return };
        let now = self.clock.now();
        let welcome = self.session.welcome();
        let patience = if welcome.is_some() { SILENCE_MAX } else { CONNECT_PATIENCE };
        if now.since(self.heard) > patience {
            return self.closed(None, "the server fell silent".to_owned());
        }
        if let Some(due) = self.session.due_inputs(1, now) {
            let rows = std::iter::repeat_n(self.wanted, due.count);
            if let Some(made) = self.session.inputs(due, rows, now) {
                self.scene.on_inputs(&made);
                self.message.clear();
                packed_input(&socket.inputs_to_send(&self.session, made), &mut self.message);
                if let Err(error) = socket.send_inputs(&self.message).await {
                    return self.closed(None, error.to_string());
                }
            }
        }
        let silent = self.heard + patience;
        let wake = self.session.next_due(1).map_or(silent, |due| due.min(silent));
        tokio::select! {
            incoming = socket.receive() => match incoming {
                Incoming::Message(bytes) => self.hear(&bytes),
                Incoming::Closed { code, reason } => self.closed(code, reason),
            },
            () = self.clock.wait_until(wake + Duration::from_nanos(1)) => {}
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let now = self.clock.now();
        self.heard = now;
        let heard = if is_part(bytes) {
            self.session.on_part(bytes, now)
        } else {
            from_server(bytes, ENCODING).map(|message| self.take(message, now))
        };
        match heard {
            Ok(Heard::Welcomed { .. }) => self.welcomed(),
            Ok(Heard::NewState { .. }) => self.look(now),
            Ok(Heard::Unreadable(error)) => return self.closed(None, error.to_string()),
            Ok(_) => {}
            Err(error) => return self.closed(None, error.to_string()),
        }
        while let Some(event) = self.session.take_event() {
            self.happened.push_back(Happening::Event(event));
        }
    }

    fn take(&mut self, message: ServerMessage, now: Moment) -> Heard {
        match &message {
            ServerMessage::Message(DataMessage { data }) => {
                self.happened.push_back(Happening::Message(data.clone()));
            }
            ServerMessage::Pong(pong) if pong.nonce == self.pinged.0 => {
                self.happened.push_back(Happening::Pong(now.since(self.pinged.1)));
            }
            ServerMessage::Bye(Bye { retry_after_ms: Some(ms), .. }) => {
                self.asked_for = Duration::from_millis(u64::from(*ms));
            }
            _ => {}
        }
        self.session.on_message(message, now)
    }

    fn welcomed(&mut self) {
        let Some(welcome) = self.session.welcome() else { return };
        self.scene.begin(welcome);
        let seat = self.welcome.as_ref().map(|before| before.seat);
        if seat.is_none() {
            self.wanted = packed(&welcome.schema, &[]).unwrap_or_default();
        }
        self.happened.push_back(Happening::Joined { is_back: seat == Some(welcome.seat) });
        self.welcome = Some(welcome.clone());
        self.backoff.reset();
    }

    fn look(&mut self, now: Moment) {
        let (Some(state), Some(welcome)) = (self.session.newest(), self.session.welcome()) else { return };
        match self.scene.on_state(state, self.session.newest_came(), welcome, now) {
            Ok(_) => self.happened.push_back(Happening::State(state.tick)),
            Err(error) => self.closed(None, error.to_string()),
        }
    }

    fn refused(&mut self, error: &ConnectError) {
        match error {
            ConnectError::Unreachable(_) | ConnectError::Refused { status: 429 | 500..=599 } => {
                self.try_again(&error.to_string());
            }
            _ => self.left(None, error.to_string()),
        }
    }

    fn closed(&mut self, code: Option<u16>, reason: String) {
        let code = code.and_then(|code| CloseCode::try_from(code).ok());
        let was_in = self.session.welcome().is_some();
        match self.session.on_closed(code) {
            AfterClose::TryAgain => {
                if was_in {
                    self.happened.push_back(Happening::Dropped { reason: reason.clone() });
                }
                self.try_again(&reason);
            }
            AfterClose::GiveUp => self.left(code, reason),
        }
    }

    fn try_again(&mut self, reason: &str) {
        match self.backoff.next_delay(std::mem::take(&mut self.asked_for)) {
            Some(delay) => self.line = Line::Down(self.clock.now() + delay),
            None => self.left(None, format!("given up after {} tries: {reason}", self.backoff.tries())),
        }
    }

    fn left(&mut self, code: Option<CloseCode>, reason: String) {
        self.line = Line::Over;
        self.happened.push_back(Happening::Left { code, reason });
    }
}

/// An input row of these fields, the others 0.
fn packed(schema: &Schema, fields: &[(&str, i64)]) -> Result<InputRow, UnknownField> {
    if let Some((name, _)) = fields.iter().find(|(name, _)| !schema.input.iter().any(|of| of.name == *name)) {
        return Err(UnknownField((*name).to_owned()));
    }
    let mut row = Vec::new();
    for field in &schema.input {
        let wanted = fields.iter().find(|(name, _)| *name == field.name).map_or(0, |(_, value)| *value);
        field.kind.write(wanted, &mut row);
    }
    Ok(InputRow::new(&row).unwrap_or_default())
}
