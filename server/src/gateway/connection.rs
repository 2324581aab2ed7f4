//! One WebSocket connection from its upgrade to its end: one task.
//!
//! Responsible for: reading from it, and its place among the connections. Not responsible for: what is said
//! ([`super::talk`]), states ([`super::fanout`] writes them past this task), timeouts ([`super::sweeper`]).

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::{Sink as _, Stream as _};
use tickstone_shared::limits::CLIENT_MESSAGE_BYTES_MAX;
use tickstone_shared::wire::message::Hello;
use tickstone_shared::wire::version::Encoding;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::close_reason::{self, Ending, RESTARTING};
use super::closing;
use super::guard::admission::Permit;
use super::guard::{Stranger, Visitor};
use super::handshake;
use super::hub::Hub;
use super::link::Link;
use super::shared_stream::SharedStream;
use super::talk::Talk;
use super::tls::Carrier;
use crate::object::id::Identity;
use crate::object::socket::Ticket;

/// Bytes the frame reader reads at once: many messages, and little to zero each time.
const READ_BUFFER_BYTES: usize = 1024;
/// Bytes of control frames the frame reader may hold.
const WRITE_BUFFER_BYTES_MAX: usize = 4096;

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
