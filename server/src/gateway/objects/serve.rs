//! One socket of an object from its upgrade to its end: one task, small while nothing comes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tickstone_shared::wire::version::Encoding;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::hello::{self, LEFT};
use super::peer::{Peer, PeerEnding};
use super::reader::Reader;
use crate::access::scope::Verb;
use crate::gateway::close_reason::{Ending, OVERLOADED, RESTARTING, RESUME_FAILED, TOO_FAST};
use crate::gateway::closing;
use crate::gateway::frames;
use crate::gateway::guard::admission::{ByteMeter, Permit};
use crate::gateway::guard::{Stranger, Visitor};
use crate::gateway::handshake::TOKEN_REFUSED;
use crate::gateway::http::{ClassEntry, caller_of};
use crate::gateway::hub::Hub;
use crate::gateway::outgoing::Keep;
use crate::gateway::talk::{ToldOpened, of_refusal};
use crate::gateway::tls::{Carrier, ReadHalf};
use crate::object::caller::Caller;
use crate::object::id::Identity;
use crate::object::peer::{Framing, Payload, SocketEnd, SocketInfo};
use crate::object::socket::{PeerRequest, SocketEvent};
use crate::runtime::handle::EventRefused;

/// RFC 6455: the close frame had no code.
const NO_CODE: u16 = 1005;
/// RFC 6455: there was no close frame.
const ABNORMAL: u16 = 1006;

/// A socket that has just been upgraded.
pub(in crate::gateway) struct Upgraded {
    /// The socket.
    pub(in crate::gateway) carrier: Carrier,
    /// What was read of it beyond the request.
    pub(in crate::gateway) read_ahead: Vec<u8>,
    /// The object of the path.
    pub(in crate::gateway) object: Identity,
    /// Its class.
    pub(in crate::gateway) class: ClassEntry,
    /// What is known of the client.
    pub(in crate::gateway) opening: Opening,
    /// Its place among the connections, and among those of its address.
    pub(in crate::gateway) places: (Option<Arc<Permit>>, Option<Arc<Visitor>>),
}

/// What is needed of a client until its object is told of it.
pub(in crate::gateway) struct Opening {
    /// Who connects; none: the hello will say.
    pub(in crate::gateway) caller: Option<Caller>,
    /// The encoding of the subprotocol, if one was agreed on.
    pub(in crate::gateway) subprotocol: Option<Encoding>,
    /// The token of the query string: as if the hello had it.
    pub(in crate::gateway) query_token: Option<String>,
    /// The resume token of the query string, on a raw socket.
    pub(in crate::gateway) resume: Option<String>,
    /// The rest of the query string.
    pub(in crate::gateway) query: String,
    /// Its place among those that have not said hello.
    pub(in crate::gateway) _stranger: Option<Stranger>,
}

/// Serves the socket to its end.
pub(in crate::gateway) async fn serve(hub: Arc<Hub>, upgraded: Box<Upgraded>) {
    let Upgraded { carrier, read_ahead, object, class, opening, places } = *upgraded;
    let socket = hub.next_socket();
    carrier.keep_alive(hub.settings.object_ping_after, hub.settings.object_silent_after, socket.0);
    let (read, write) = carrier.into_split();
    let (now, traffic) = (hub.clock.now(), hub.counters.traffic.clone());
    let (peer, entered) =
        hub.groups.enter(&object, &class.sockets, |group| Peer::new(socket, group, write, traffic, now));
    let registered = Registered::enter(&hub, &peer);
    let mut reader = Reader::new(read, &hub.settings);
    let mut talk = Talk {
        hub: &hub,
        peer: &peer,
        controls: ByteMeter::new(hub.settings.controls_per_second_max as usize),
        opening: Some(Box::new((opening, class))),
        told: None,
        end: None,
        is_back: false,
    };
    if entered.is_err() {
        peer.end(PeerEnding::Gateway(OVERLOADED));
    }
    talk.begin(&mut reader, &read_ahead);
    drop(read_ahead);
    let ending = poll_fn(|cx| poll_live(&mut reader, &mut talk, cx)).await;
    Box::pin(finish(talk, reader.into_read(), ending)).await;
    drop((registered, places));
}

/// Tells the object, says the last words.
async fn finish(mut talk: Talk<'_>, read: ReadHalf, ending: PeerEnding) {
    let (hub, peer) = (talk.hub, talk.peer);
    // Nobody was told of one that came back to nothing.
    let came_to_nothing = talk.is_back && !peer.is_accepted() && matches!(ending, PeerEnding::Object(..));
    let ending = if came_to_nothing { PeerEnding::Gateway(RESUME_FAILED) } else { ending };
    match talk.told.take() {
        Some(mut told) if peer.is_abandoned() || came_to_nothing => told.forget(),
        Some(mut told) => {
            if let Some(reason) = failure(&ending) {
                // An object without room for it is told of the end all the same.
                let _ = talk.tell(SocketEvent::Failed { socket: peer.socket, reason });
            }
            let end = talk.end.take().unwrap_or_else(|| end_of(&ending));
            let SocketInfo { tags, attachment, lasting, .. } = peer.info();
            told.ended(SocketEnd { lasting, tags, attachment, ..end }).await;
        }
        None => {}
    }
    let encoding = peer.spoken.get().copied();
    let words = match &ending {
        PeerEnding::Object(code, reason) => Some((vec![frames::close(*code, reason)], Keep::Reliable)),
        PeerEnding::Gateway(ending) => {
            hub.counters.refused.count_ending(*ending);
            let is_kept = *ending == RESTARTING && peer.is_parked();
            let resume = is_kept.then(|| hub.objects.resume_token(peer.socket).to_string());
            closing::words(hub, (*ending, resume.as_deref()), encoding, &frames::message, true)
        }
    };
    if let Some((last, keep)) = words {
        closing::finish(hub, &peer.out, read, (&last, keep)).await;
    }
}

/// What the client broke, if that is why it ends.
fn failure(ending: &PeerEnding) -> Option<&'static str> {
    let PeerEnding::Gateway(Ending::Protocol(_, reason) | Ending::Coded(_, reason)) = ending else {
        return None;
    };
    let is_nobodys = matches!(ending, PeerEnding::Gateway(RESTARTING | OVERLOADED | LEFT));
    (!is_nobodys).then_some(reason)
}

/// What the object is told of an end that the client did not announce.
fn end_of(ending: &PeerEnding) -> SocketEnd {
    let (code, reason, clean) = match ending {
        PeerEnding::Object(code, reason) => (*code, reason.clone(), true),
        PeerEnding::Gateway(ending @ Ending::Coded(code, reason)) => {
            (code.number(), (*reason).into(), *ending == LEFT)
        }
        PeerEnding::Gateway(Ending::Protocol(code, reason)) => (*code, (*reason).into(), false),
        PeerEnding::Gateway(Ending::Answered | Ending::Gone) => (ABNORMAL, "".into(), false),
    };
    SocketEnd { code, reason, clean, ..SocketEnd::default() }
}

/// Writes what waits and reads what comes, until the socket is to end.
fn poll_live(reader: &mut Reader, talk: &mut Talk<'_>, cx: &mut Context<'_>) -> Poll<PeerEnding> {
    let (hub, peer) = (talk.hub, talk.peer);
    let flushed = peer.out.poll_flush(cx);
    loop {
        if let Some(ending) = peer.ending() {
            return Poll::Ready(ending);
        }
        if flushed.is_ready() {
            return Poll::Ready(PeerEnding::Gateway(Ending::Gone));
        }
        match reader.poll_read(cx, peer, || hub.clock.now(), &mut |message| talk.take(message)) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(read) => talk.has_read(read),
        }
    }
}

/// What a client's messages mean to its object.
struct Talk<'a> {
    hub: &'a Hub,
    peer: &'a Arc<Peer>,
    controls: ByteMeter,
    /// There until the object has been told of the socket.
    opening: Option<Box<(Opening, ClassEntry)>>,
    told: Option<ToldOpened<'a>>,
    /// As the client said it.
    end: Option<SocketEnd>,
    /// The client offered a resume token.
    is_back: bool,
}

impl<'a> Talk<'a> {
    /// Tells the object of a raw socket; a framed one has to say hello. Then what came with the request.
    fn begin(&mut self, reader: &mut Reader, read_ahead: &[u8]) {
        let framing = self.peer.group.rules.framing;
        let begun = match framing {
            Framing::Framed => {
                self.peer.awaits_hello(self.hub.clock.now());
                self.hub.groups.watch(self.peer);
                Ok(())
            }
            Framing::Raw => self.open(None, None),
        };
        let peer = Arc::clone(self.peer);
        let now = self.hub.clock.now();
        let taken =
            begun.and_then(|()| reader.take(read_ahead, &peer, now, &mut |message| self.take(message)));
        self.has_read(taken.map(|()| read_ahead.len()));
    }

    fn has_read(&self, read: Result<usize, Ending>) {
        match read {
            Ok(bytes) => {
                self.hub.counters.traffic.bytes_in.inc_by(bytes as u64);
                if self.peer.begun().is_some() {
                    self.hub.groups.watch(self.peer);
                }
            }
            Err(ending) => self.peer.end(PeerEnding::Gateway(ending)),
        }
    }

    /// Tells the object of the socket.
    fn open(&mut self, said: Option<Caller>, resume: Option<&str>) -> Result<(), Ending> {
        let Some((opening, _)) = self.opening.take().map(|opening| *opening) else { return Ok(()) };
        if let Some(token) = resume.or(opening.resume.as_deref()) {
            let token = token.parse().map_err(|_| RESUME_FAILED)?;
            let (object, socket) = (&self.peer.group.object, self.peer.socket);
            self.hub.objects.resume(object, socket, token).map_err(of_refusal)?;
            self.is_back = true;
        } else {
            let caller = said.or(opening.caller).ok_or(TOKEN_REFUSED)?;
            let request = Box::new(PeerRequest { caller, query: opening.query });
            self.tell(SocketEvent::Connected { socket: self.peer.socket, request })?;
        }
        let end = SocketEnd { code: ABNORMAL, ..SocketEnd::default() };
        let object = &self.peer.group.object;
        self.told = Some(ToldOpened::peer(self.hub, object, self.peer.socket, end));
        Ok(())
    }

    fn tell(&self, event: SocketEvent) -> Result<(), Ending> {
        if self.peer.is_abandoned() {
            return Ok(());
        }
        match self.hub.objects.socket(&self.peer.group.object, event) {
            // The socket stays until it is stored for the next process.
            Err(EventRefused::Draining) if self.told.is_some() => Ok(()),
            told => told.map_err(of_refusal),
        }
    }

    fn take(&mut self, message: Message) -> Result<(), Ending> {
        match message {
            Message::Ping(_) | Message::Pong(_) if self.controls.is_within(self.hub.clock.now(), 1) => Ok(()),
            Message::Ping(_) | Message::Pong(_) => Err(TOO_FAST),
            Message::Close(frame) => {
                self.hub.counters.refused.count_close_frame(frame.as_ref());
                self.end = Some(end_as_said(frame));
                Err(Ending::Answered)
            }
            Message::Text(_) | Message::Binary(_) if self.peer.group.rules.framing == Framing::Framed => {
                self.framed(&message)
            }
            Message::Text(text) if self.peer.answer(&text, self.hub.clock.unix_ms()) => Ok(()),
            Message::Text(text) => self.received(Payload::Text(text.as_str().into())),
            Message::Binary(bytes) => self.received(bytes.into()),
            Message::Frame(_) => Ok(()),
        }
    }

    fn received(&self, payload: Payload) -> Result<(), Ending> {
        self.tell(SocketEvent::Received { socket: self.peer.socket, payload })
    }

    fn framed(&mut self, message: &Message) -> Result<(), Ending> {
        let Some(encoding) = self.peer.spoken.get().copied() else { return self.hello(message) };
        match hello::take(self.peer, message, encoding)? {
            Some(Payload::Text(text)) if self.peer.answer(&text, self.hub.clock.unix_ms()) => Ok(()),
            Some(payload) => self.received(payload),
            None => Ok(()),
        }
    }

    fn hello(&mut self, first: &Message) -> Result<(), Ending> {
        let Some(opening) = self.opening.as_deref_mut() else { return Err(TOKEN_REFUSED) };
        let (Opening { subprotocol, query_token, .. }, class) = opening;
        let (token, resume) = hello::read(self.peer, first, *subprotocol, query_token.take())?;
        if resume.is_some() {
            return self.open(None, resume.as_deref());
        }
        let (access, now_ms) = (&self.hub.settings.access, self.hub.clock.unix_ms());
        let name = &self.peer.group.object.name;
        let caller = caller_of(access, class, name, Verb::Connect, token.as_deref(), now_ms);
        self.open(Some(caller.map_err(|_| TOKEN_REFUSED)?), None)
    }
}

fn end_as_said(frame: Option<CloseFrame>) -> SocketEnd {
    let (code, reason) = match frame {
        Some(CloseFrame { code, reason }) => (code.into(), reason.as_str().into()),
        None => (NO_CODE, "".into()),
    };
    SocketEnd { code, reason, clean: true, ..SocketEnd::default() }
}

/// Known to the others for as long as this lives.
struct Registered<'a> {
    hub: &'a Hub,
    peer: &'a Peer,
}

impl<'a> Registered<'a> {
    /// Counts it in; while the gateway drains it is told to go.
    fn enter(hub: &'a Hub, peer: &'a Peer) -> Self {
        hub.counters.connections.inc();
        if hub.is_draining() {
            peer.end(PeerEnding::Gateway(RESTARTING));
        }
        Self { hub, peer }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.hub.groups.leave(self.peer);
        self.hub.counters.connections.dec();
    }
}

/// Bytes of the task of a socket.
#[cfg(test)]
pub(super) fn task_bytes() -> usize {
    fn of<A, B, F: Future>(_: impl FnOnce(A, B) -> F) -> usize {
        size_of::<F>()
    }
    of(serve)
}
