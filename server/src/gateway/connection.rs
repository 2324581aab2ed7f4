//! One WebSocket connection from its upgrade to its end: one task; and what is said on every transport.
//!
//! Responsible for: reading, and telling the object what happened: `Opened` once, then `Closed` exactly once.
//! Not responsible for: states ([`super::fanout`] writes them past this task), timeouts ([`super::sweeper`]).

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Sink as _, Stream as _};
use std::pin::Pin;
use tickstone_shared::input::{InputBatch, InputCodec, InputError, InputRow};
use tickstone_shared::limits::{CLIENT_MESSAGE_BYTES_MAX, MESSAGE_DATA_BYTES_MAX};
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::decode::{self, DecodeError, FromClient};
use tickstone_shared::wire::message::{ClientMessage, Hello, Pong, ServerMessage};
use tickstone_shared::wire::version::Encoding;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::admission::{MessageMeter, Permit, Verdict};
use super::close_reason::{self, Ending, OVERLOADED, RESTARTING, TOO_FAST};
use super::closing;
use super::guard::{Stranger, Visitor, strip_text};
use super::handshake::{self, Joins, WRONG_FRAME};
use super::hub::{Change, Hub};
use super::link::Link;
use super::shared_stream::SharedStream;
use super::tls::Carrier;
use crate::object::id::Identity;
use crate::object::socket::{SocketEvent, Ticket};
use crate::runtime::handle::EventRefused;

/// Bytes the frame reader reads at once: many messages, and little to zero each time.
const READ_BUFFER_BYTES: usize = 1024;
/// Bytes of control frames the frame reader may hold.
const WRITE_BUFFER_BYTES_MAX: usize = 4096;
/// How often, and how long after each time, a `Closed` is offered again to an object without room for it.
const CLOSED_TRIES: u32 = 500;
const CLOSED_RETRY: Duration = Duration::from_millis(10);

/// A socket that has just been upgraded.
pub(super) struct Upgraded {
    /// The socket.
    pub(super) carrier: Carrier,
    /// What was read of it beyond the request.
    pub(super) read_ahead: Vec<u8>,
    /// The match of the path.
    pub(super) object: Identity,
    /// The encoding of the subprotocol, if one was agreed on.
    pub(super) subprotocol: Option<Encoding>,
    /// The join token of the query string, for tools: as if the hello had it.
    pub(super) query_token: Option<String>,
    /// Its place among the connections.
    pub(super) permit: Option<Arc<Permit>>,
    /// Its place among those of its address.
    pub(super) visitor: Option<Arc<Visitor>>,
    /// Its place among those that have not said hello.
    pub(super) stranger: Option<Stranger>,
}

/// Serves the connection to its end.
pub(super) async fn serve(hub: Arc<Hub>, upgraded: Upgraded) {
    let Upgraded { carrier, read_ahead, object, subprotocol, query_token, permit, visitor, stranger } =
        upgraded;
    let (read, write) = carrier.into_split();
    let link = Link::new(hub.next_socket(), hub.clock.now(), write, hub.counters.traffic.clone(), None);
    let registered = Registered::enter(&hub, &link);
    let stream = SharedStream::new(
        read,
        Arc::clone(&link),
        hub.counters.traffic.bytes_in.clone(),
        Arc::clone(&hub.clock),
        &hub.settings,
        &read_ahead,
    );
    let websocket = WebSocketStream::from_partially_read(
        stream,
        read_ahead,
        Role::Server,
        Some(frame_reader(CLIENT_MESSAGE_BYTES_MAX)),
    )
    .await;
    let mut connection = Connection { talk: Talk::new(&hub, &link, object), websocket, stranger };
    let ending = connection.live(subprotocol, query_token).await;
    let stream = connection.websocket.into_inner();
    hub.counters.refused.count_ending(ending);
    closing::close(&hub, &link, stream.read, ending).await;
    drop((registered, visitor, permit));
}

/// How client's frames are read, with messages up to so many bytes: not compressed, not unmasked.
pub fn frame_reader(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
        .accept_unmasked_frames(false)
}

/// Known to the sweeper for as long as this lives.
pub(super) struct Registered<'a> {
    hub: &'a Hub,
    link: &'a Link,
}

impl<'a> Registered<'a> {
    /// Counts it in; while the gateway drains it is told to go.
    pub(super) fn enter(hub: &'a Hub, link: &'a Arc<Link>) -> Self {
        hub.connections.enter(link);
        hub.connections_of(link).inc();
        if hub.is_draining() {
            link.end(RESTARTING);
        }
        Self { hub, link }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.hub.connections.leave(self.link.socket);
        self.hub.connections_of(self.link).dec();
    }
}

struct Connection<'a> {
    talk: Talk<'a>,
    websocket: WebSocketStream<SharedStream>,
    stranger: Option<Stranger>,
}

impl Connection<'_> {
    async fn live(&mut self, subprotocol: Option<Encoding>, query_token: Option<String>) -> Ending {
        let (hello, ticket) = match self.hello(subprotocol, query_token).await {
            Ok(said) => said,
            Err(ending) => return ending,
        };
        match self.talk.open(hello, ticket) {
            Ok(mut told) => {
                let ending = self.read_to_the_end().await;
                told.closed().await;
                ending
            }
            Err(ending) => ending,
        }
    }

    async fn hello(
        &mut self,
        subprotocol: Option<Encoding>,
        query_token: Option<String>,
    ) -> Result<(Hello, Option<Box<Ticket>>), Ending> {
        let first = loop {
            match self.next().await? {
                Message::Ping(_) | Message::Pong(_) => self.talk.control()?,
                first => break first,
            }
        };
        let said = self.talk.hello(&first, subprotocol, query_token)?;
        self.stranger = None;
        Ok(said)
    }

    async fn read_to_the_end(&mut self) -> Ending {
        loop {
            let message = match self.next().await {
                Ok(message) => message,
                Err(ending) => return ending,
            };
            let taken = match handshake::encoding_of(&message) {
                Some(encoding) => self.talk.take(handshake::payload(&message), encoding),
                None => self.talk.control(),
            };
            if let Err(ending) = taken {
                return ending;
            }
        }
    }

    /// The next message, while what waits for the client is written as the socket takes it.
    async fn next(&mut self) -> Result<Message, Ending> {
        let (link, websocket) = (self.talk.link, &mut self.websocket);
        let next = poll_fn(|cx| {
            let flushed = link.out.poll_flush(cx);
            if let Some(ending) = link.ending() {
                return Poll::Ready(Err(ending));
            }
            if flushed.is_ready() {
                return Poll::Ready(Err(Ending::Gone));
            }
            Pin::new(&mut *websocket).poll_next(cx).map(|next| match next {
                Some(Ok(message)) => Ok(message),
                Some(Err(error)) => Err(close_reason::of_socket_error(&error)),
                None => Err(Ending::Gone),
            })
        });
        let message = next.await.map_err(|ending| link.ending().unwrap_or(ending))?;
        if let Message::Close(frame) = &message {
            self.talk.hub.counters.refused.count_close_frame(frame.as_ref());
            // The frame reader has the answer ready; a failure means the socket is gone.
            let _ = poll_fn(|cx| Pin::new(&mut self.websocket).poll_flush(cx)).await;
            return Err(Ending::Answered);
        }
        Ok(message)
    }
}

/// What a client's messages mean to its object: the same on every transport.
pub(super) struct Talk<'a> {
    hub: &'a Hub,
    link: &'a Arc<Link>,
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
            Ok(()) => Ok(ToldOpened { hub, object: self.object.clone(), link, due: true }),
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

    fn inputs(&self, batch: InputBatch) {
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
            ClientMessage::Ack(_) => return Ok(()),
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

fn of_refusal(refused: EventRefused) -> Ending {
    match refused {
        EventRefused::Overloaded => OVERLOADED,
        EventRefused::Draining => RESTARTING,
    }
}

/// The object knows of the socket: it is told of its end, also when the task dies.
pub(super) struct ToldOpened<'a> {
    hub: &'a Hub,
    object: Identity,
    link: &'a Link,
    due: bool,
}

impl ToldOpened<'_> {
    fn offer(&mut self) -> bool {
        let event = SocketEvent::Closed { socket: self.link.socket };
        let answer = self.hub.objects.socket(&self.object, event);
        self.due = answer == Err(EventRefused::Overloaded);
        !self.due
    }

    /// Tells it, and that nothing can be sent any more.
    pub(super) async fn closed(&mut self) {
        self.tell().await;
        self.hub.connections.change(Change::Forget(self.link.socket));
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
struct NoGame;

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
