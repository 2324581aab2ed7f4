//! What is said on a connection, whatever carries it.
//!
//! Responsible for: what a client's messages mean to its object, their rates, and telling the object of the
//! connection: `Opened` once, then `Closed` exactly once.
//! Not responsible for: reading and writing bytes.

use std::sync::Arc;
use std::time::Duration;

use tickstone_shared::ids::Epoch;
use tickstone_shared::input::{Acknowledged, InputBatch, InputCodec, InputError, InputRow};
use tickstone_shared::limits::MESSAGE_DATA_BYTES_MAX;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::decode::{self, DecodeError, FromClient};
use tickstone_shared::wire::message::{Ack, ClientMessage, Hello, Pong, ServerMessage};
use tickstone_shared::wire::version::Encoding;
use tokio_tungstenite::tungstenite::Message;

use super::close_reason::{self, Ending, OVERLOADED, RESTARTING, RESUME_FAILED, TOO_FAST};
use super::guard::admission::{MessageMeter, Verdict};
use super::guard::strip_text;
use super::handshake::{self, Joins, WRONG_FRAME};
use super::hub::{Change, Hub};
use super::link::Link;
use crate::object::id::Identity;
use crate::object::peer::SocketEnd;
use crate::object::socket::{SocketEvent, SocketId, Ticket};
use crate::runtime::handle::EventRefused;

/// How often, and how long after each time, a `Closed` is offered again to an object without room for it.
const CLOSED_TRIES: u32 = 500;
const CLOSED_RETRY: Duration = Duration::from_millis(10);

/// What a client's messages mean to its object: the same on every transport.
pub(super) struct Talk<'a> {
    /// What every part of the gateway shares.
    pub(super) hub: &'a Hub,
    /// The connection.
    pub(super) link: &'a Arc<Link>,
    object: Identity,
    meter: MessageMeter,
}

impl<'a> Talk<'a> {
    /// Nothing was said.
    pub(super) fn new(hub: &'a Hub, link: &'a Arc<Link>, object: Identity) -> Self {
        Self { hub, link, object, meter: MessageMeter::new(&hub.settings) }
    }

    /// Reads the hello and checks its token.
    pub(super) fn hello(
        &self,
        first: &Message,
        subprotocol: Option<Encoding>,
        query_token: Option<String>,
    ) -> Result<(Hello, Option<Box<Ticket>>), Ending> {
        let Self { hub, link, object, .. } = self;
        let joins = if hub.settings.dev { Joins::Anonymous } else { Joins::Nobody };
        let (mut hello, spoken) = handshake::check(first, subprotocol, &object.name, joins, query_token)?;
        link.spoken.get_or_init(|| spoken);
        let ticket = handshake::ticket(&mut hello, &hub.settings.access, &object.name, hub.clock.unix_ms())?;
        tracing::debug!(socket = link.socket.0, name = %object.name, "a client says hello");
        Ok((hello, ticket))
    }

    /// Passes the hello on. What is answered must be told of the end.
    pub(super) fn open(&self, hello: Hello, ticket: Option<Box<Ticket>>) -> Result<ToldOpened<'a>, Ending> {
        let &Self { hub, link, .. } = self;
        hub.connections.change(Change::Reach(Arc::clone(link)));
        let opened = SocketEvent::Opened { socket: link.socket, hello: Box::new(hello), ticket };
        match hub.objects.socket(&self.object, opened) {
            Ok(()) => {
                Ok(ToldOpened { hub, object: self.object.clone(), socket: link.socket, end: None, due: true })
            }
            Err(refused) => {
                hub.connections.change(Change::Forget(link.socket));
                Err(of_refusal(refused))
            }
        }
    }

    /// Counts a control frame.
    pub(super) fn control(&mut self) -> Result<(), Ending> {
        match self.meter.control(self.hub.clock.now()) {
            Verdict::Close => Err(TOO_FAST),
            Verdict::Take | Verdict::Drop => Ok(()),
        }
    }

    /// Counts a message: is it to be taken?
    pub(super) fn count(&mut self) -> Result<bool, Ending> {
        match self.meter.message(self.hub.clock.now()) {
            Verdict::Take => Ok(true),
            Verdict::Drop => {
                self.hub.counters.inputs_flood.inc();
                Ok(false)
            }
            Verdict::Close => Err(TOO_FAST),
        }
    }

    /// Takes a message.
    pub(super) fn take(&mut self, bytes: &[u8], encoding: Encoding) -> Result<(), Ending> {
        if !self.count()? {
            return Ok(());
        }
        if self.link.spoken.get().is_none_or(|spoken| spoken.encoding != encoding) {
            return Err(WRONG_FRAME);
        }
        let Some(game) = self.link.game.get() else { return self.before_welcome(bytes, encoding) };
        match decode::from_client(bytes, encoding, &**game) {
            Ok(FromClient::Inputs(batch)) => {
                self.inputs(batch);
                Ok(())
            }
            Ok(FromClient::Other(message)) => self.other(message),
            Err(error) => Err(close_reason::of_decode_error(&error)),
        }
    }

    /// Takes a datagram: false if it is none of inputs, in their packed form.
    pub(super) fn take_inputs(&mut self, bytes: &[u8]) -> Result<bool, Ending> {
        if !self.count()? {
            return Ok(true);
        }
        let Some(game) = self.link.game.get() else {
            self.hub.counters.inputs_early.inc();
            return Ok(true);
        };
        let batch = decode::packed_input(bytes, &**game).ok();
        Ok(batch.map(|batch| self.inputs(batch)).is_some())
    }

    /// The client says which states it has: of use where they may be lost.
    fn acknowledge(&self, epoch: Epoch, acknowledged: Acknowledged) {
        if let Some(datagrams) = &self.link.datagrams {
            datagrams.acknowledge(epoch, acknowledged);
        }
    }

    fn inputs(&self, batch: InputBatch) {
        self.acknowledge(batch.epoch, batch.acknowledged);
        let event = SocketEvent::Inputs { socket: self.link.socket, batch };
        if self.hub.objects.socket(&self.object, event).is_err() {
            self.hub.counters.inputs_overloaded.inc();
        }
    }

    /// Until the game is known its inputs cannot be read: they are dropped.
    fn before_welcome(&self, bytes: &[u8], encoding: Encoding) -> Result<(), Ending> {
        match decode::from_client(bytes, encoding, &NoGame) {
            Ok(FromClient::Other(message)) => self.other(message),
            Ok(FromClient::Inputs(_)) | Err(DecodeError::Input(_) | DecodeError::TooManyInputs { .. }) => {
                self.hub.counters.inputs_early.inc();
                Ok(())
            }
            Err(error) => Err(close_reason::of_decode_error(&error)),
        }
    }

    fn other(&self, message: ClientMessage) -> Result<(), Ending> {
        let socket = self.link.socket;
        let event = match message {
            ClientMessage::Ping(ping) => {
                self.link.send_message(&ServerMessage::Pong(Pong { nonce: ping.nonce }));
                return Ok(());
            }
            ClientMessage::Ack(Ack { epoch, tick, mask }) => {
                self.acknowledge(epoch, Acknowledged { tick, mask });
                return Ok(());
            }
            ClientMessage::Hello(_) | ClientMessage::Input(_) => {
                return Err(Ending::Coded(CloseCode::Malformed, "a second hello"));
            }
            ClientMessage::Leave {} => SocketEvent::Leave { socket },
            ClientMessage::Message(mut message) => {
                strip_text(&mut message.data);
                let data = message.data.to_string();
                if data.len() > MESSAGE_DATA_BYTES_MAX {
                    return Err(Ending::Coded(
                        CloseCode::Malformed,
                        "data of a message is at most 2048 bytes",
                    ));
                }
                SocketEvent::Message { socket, data }
            }
        };
        self.hub.objects.socket(&self.object, event).map_err(of_refusal)
    }
}

/// What it means for a client that its object does not take what it says.
pub(super) fn of_refusal(refused: EventRefused) -> Ending {
    match refused {
        EventRefused::Overloaded => OVERLOADED,
        EventRefused::Draining => RESTARTING,
        EventRefused::NotAwaited => RESUME_FAILED,
    }
}

/// The object knows of the socket: it is told of its end, also when the task dies.
pub(super) struct ToldOpened<'a> {
    hub: &'a Hub,
    object: Identity,
    socket: SocketId,
    /// How a socket of an object that is no match ends.
    end: Option<SocketEnd>,
    due: bool,
}

impl<'a> ToldOpened<'a> {
    /// Of an object that is no match; should its task die, it ends like this.
    pub(super) fn peer(hub: &'a Hub, object: &Identity, socket: SocketId, end: SocketEnd) -> Self {
        Self { hub, object: object.clone(), socket, end: Some(end), due: true }
    }

    fn offer(&mut self) -> bool {
        let socket = self.socket;
        let event = match &self.end {
            None => SocketEvent::Closed { socket },
            Some(end) => SocketEvent::Disconnected { socket, end: Box::new(end.clone()) },
        };
        let answer = self.hub.objects.socket(&self.object, event);
        self.due = answer == Err(EventRefused::Overloaded);
        !self.due
    }

    /// Tells it, and that nothing can be sent any more.
    pub(super) async fn closed(&mut self) {
        self.tell().await;
        self.hub.connections.change(Change::Forget(self.socket));
    }

    /// Nobody is to be told.
    pub(super) fn forget(&mut self) {
        self.due = false;
    }

    /// Tells an object that is no match how its socket ended.
    pub(super) async fn ended(&mut self, end: SocketEnd) {
        self.end = Some(end);
        self.tell().await;
    }

    async fn tell(&mut self) {
        for _ in 0..CLOSED_TRIES {
            if self.offer() {
                return;
            }
            tokio::time::sleep(CLOSED_RETRY).await;
        }
        tracing::warn!(class = self.object.class, "an object had no room to be told that a socket is gone");
        self.due = false;
    }
}

impl Drop for ToldOpened<'_> {
    fn drop(&mut self) {
        if self.due {
            self.offer();
        }
    }
}

/// Reads the messages that are no inputs.
pub(super) struct NoGame;

impl InputCodec for NoGame {
    fn row_bytes(&self) -> usize {
        usize::MAX
    }
    fn packed(&self, _bytes: &[u8]) -> Result<InputRow, InputError> {
        Ok(InputRow::default())
    }
    fn by_name(&self, _value: serde_json::Value) -> Result<InputRow, InputError> {
        Ok(InputRow::default())
    }
}
