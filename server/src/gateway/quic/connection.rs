//! One native connection from its handshake to its end: one task.
//!
//! Responsible for: its stream and datagrams in, its last words. Not responsible for: what they mean
//! ([`crate::gateway::talk::Talk`]), states, which the fan-out sends past this task.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream, StoppedError, VarInt};
use tickstone_shared::ids::ObjectName;
use tickstone_shared::limits::{
    CLIENT_DATAGRAM_BYTES_MAX, CLIENT_MESSAGE_BYTES_MAX, HELLO_BYTES_MAX, STATE_DATAGRAM_BYTES_MAX,
};
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::version::{Encoding, StateKind};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use super::datagrams::Datagrams;
use super::messages::Messages;
use super::recent::Recent;
use super::sink::StreamSink;
use crate::gateway::close_reason::{self, Ending, RESTARTING};
use crate::gateway::closing::last_words;
use crate::gateway::connection::Registered;
use crate::gateway::guard::Stranger;
use crate::gateway::http::MATCH_CLASS;
use crate::gateway::hub::Hub;
use crate::gateway::link::Link;
use crate::gateway::outgoing::Traffic;
use crate::gateway::talk::Talk;
use crate::gateway::tls::WriteHalf;
use crate::object::id::Identity;

/// Malformed datagrams within 10 s that end a connection (reliability 4.4).
const MALFORMED_MAX: u64 = 10;

/// Serves the connection to its end.
pub(super) async fn serve(
    hub: Arc<Hub>,
    connection: Connection,
    stranger: Stranger,
    mut draining: watch::Receiver<bool>,
) {
    let opened = hub.clock.now();
    let stream = tokio::select! {
        stream = first_stream(&hub, &connection) => stream,
        _ = draining.wait_for(|draining| *draining) => Err(RESTARTING),
    };
    let stream = match stream {
        Ok(stream) => stream,
        Err(ending) => return close(&hub, &connection, ending),
    };
    let (send, receive): (SendStream, RecvStream) = stream;
    let stopped = send.stopped();
    let traffic = Traffic { coalesced: hub.counters.traffic.coalesced.clone(), ..Traffic::default() };
    let datagrams =
        Datagrams::new(connection.clone(), hub.counters.quic.clone(), hub.settings.bytes_per_second_max);
    let write = WriteHalf::Quic(StreamSink::new(send));
    let link = Link::new(hub.next_socket(), opened, write, traffic, Some(datagrams));
    let registered = Registered::enter(&hub, &link);
    let mut native = Native {
        hub: &hub,
        link: &link,
        connection: &connection,
        messages: Messages::new(receive, Arc::clone(&hub.clock)),
        malformed: Recent::default(),
    };
    let ending = native.live(stranger).await;
    say_goodbye(&hub, &link, ending, stopped).await;
    close(&hub, &connection, ending);
    link.look_at_packets(hub.clock.now());
    drop(registered);
}

/// The stream that the client opens first; on it comes everything that must arrive.
async fn first_stream(hub: &Hub, connection: &Connection) -> Result<(SendStream, RecvStream), Ending> {
    if connection.max_datagram_size().is_none_or(|size| size < STATE_DATAGRAM_BYTES_MAX) {
        return Err(Ending::Coded(CloseCode::Version, "datagrams of 1150 bytes are needed"));
    }
    match tokio::time::timeout(hub.settings.hello_timeout, connection.accept_bi()).await {
        Err(_) => Err(Ending::Coded(CloseCode::Silent, "no hello in time")),
        Ok(Err(_)) => Err(Ending::Gone),
        Ok(Ok(stream)) => Ok(stream),
    }
}

/// Says why, in the numbers of every transport; a client that went without a word is told 0.
pub(super) fn close(hub: &Hub, connection: &Connection, ending: Ending) {
    hub.counters.refused.count_ending(ending);
    let (code, reason) = match ending {
        Ending::Coded(code, reason) => (code.number(), reason),
        Ending::Protocol(code, reason) => (code, reason),
        Ending::Answered | Ending::Gone => (0, ""),
    };
    connection.close(VarInt::from(code), reason.as_bytes());
}

/// Closing a connection throws away what its stream still holds: so it waits until the client has it.
async fn say_goodbye(
    hub: &Hub,
    link: &Link,
    ending: Ending,
    stopped: impl Future<Output = Result<Option<VarInt>, StoppedError>>,
) {
    let Some((last, keep)) = last_words(hub, link, ending) else { return };
    link.out.finish(&last, keep);
    let said = async {
        if poll_fn(|cx| link.out.poll_flush(cx)).await.is_ok() {
            // Whether it was read or the connection broke, there is nothing more to wait for.
            let _ = stopped.await;
        }
    };
    // A client that does not take them is closed without its last words.
    let _ = tokio::time::timeout(hub.settings.linger, said).await;
}

/// What came.
enum Came {
    Message(Bytes),
    Datagram(Bytes),
}

struct Native<'a> {
    hub: &'a Hub,
    link: &'a Arc<Link>,
    connection: &'a Connection,
    messages: Messages,
    malformed: Recent,
}

impl Native<'_> {
    async fn live(&mut self, stranger: Stranger) -> Ending {
        let (first, object) = match self.first().await {
            Ok(first) => first,
            Err(ending) => return ending,
        };
        let mut talk = Talk::new(self.hub, self.link, object);
        let opened = talk.hello(&first, None, None).and_then(|(hello, ticket)| talk.open(hello, ticket));
        match opened {
            Ok(mut told) => {
                let _visitor = stranger.known();
                let ending = self.read_to_the_end(&mut talk).await;
                told.closed().await;
                ending
            }
            Err(ending) => ending,
        }
    }

    /// The hello, unchecked but for what decides where it goes.
    async fn first(&mut self) -> Result<(Message, Identity), Ending> {
        let first = match self.next(HELLO_BYTES_MAX, Reads::StreamAlone).await? {
            Came::Message(first) | Came::Datagram(first) => first,
        };
        let hello = tickstone_shared::wire::decode::hello(&first, Encoding::Msgpack)
            .map_err(|error| close_reason::of_decode_error(&error))?;
        if hello.state == StateKind::Plain {
            return Err(Ending::Coded(CloseCode::Version, "states of kind plain are not spoken over QUIC"));
        }
        let name = ObjectName::parse(&hello.match_id)
            .map_err(|_| Ending::Coded(CloseCode::NoSuchMatch, "no such match"))?;
        Ok((Message::Binary(first), Identity::named(MATCH_CLASS, name)))
    }

    async fn read_to_the_end(&mut self, talk: &mut Talk<'_>) -> Ending {
        loop {
            let taken = match self.next(CLIENT_MESSAGE_BYTES_MAX, Reads::Both).await {
                Ok(Came::Message(message)) => talk.take(&message, Encoding::Msgpack),
                Ok(Came::Datagram(datagram)) => self.datagram(talk, &datagram),
                Err(ending) => return ending,
            };
            if let Err(ending) = taken {
                return ending;
            }
        }
    }

    /// The next message or datagram, while what waits for the client is written as the stream takes it.
    async fn next(&mut self, bytes_max: usize, reads: Reads) -> Result<Came, Ending> {
        let link = self.link;
        let written = poll_fn(|cx| {
            let flushed = link.out.poll_flush(cx);
            match link.ending() {
                Some(ending) => Poll::Ready(ending),
                None if flushed.is_ready() => Poll::Ready(Ending::Gone),
                None => Poll::Pending,
            }
        });
        let came = tokio::select! {
            biased;
            ending = written => Err(ending),
            message = self.messages.next(link, bytes_max) => message.map(Came::Message),
            datagram = self.connection.read_datagram(), if reads == Reads::Both => {
                datagram.map(Came::Datagram).map_err(|_| Ending::Gone)
            }
        };
        came.map_err(|ending| link.ending().unwrap_or(ending))
    }

    fn datagram(&mut self, talk: &mut Talk<'_>, datagram: &[u8]) -> Result<(), Ending> {
        let counters = &self.hub.counters.quic;
        if datagram.len() > CLIENT_DATAGRAM_BYTES_MAX {
            counters.too_big.inc();
            return talk.count().map(drop);
        }
        if talk.take_inputs(datagram)? {
            return Ok(());
        }
        counters.malformed.inc();
        if self.malformed.add(self.hub.clock.now(), 1) >= MALFORMED_MAX {
            return Err(Ending::Coded(CloseCode::Malformed, "datagrams that are no inputs"));
        }
        Ok(())
    }
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// Before the hello: datagrams wait, and the library drops the oldest.
    StreamAlone,
    Both,
}
