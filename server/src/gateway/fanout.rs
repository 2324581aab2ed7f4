//! Writes what objects send to the sockets of its receivers.
//!
//! Responsible for: which state the next one is relative to, a message that goes to many, encoded once per
//! encoding; learning from a `welcome` which game a connection plays.
//! Not responsible for: encoding states ([`super::states`]), what a socket does not take ([`super::outgoing`]).
//!
//! One task. To have several, give each an inbox and a share of the sockets: a state may go to all of them,
//! since each writes only to those it has.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tickstone_shared::replication::stream_base::{Fate, StreamBase};
use tickstone_shared::wire::encode;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::parts::StateParts;
use tickstone_shared::wire::state::encode_own;
use tickstone_shared::wire::version::{Encoding, StateKind};

use super::close_reason::{Ending, TOO_SLOW};
use super::hub::{Change, Games, Hub};
use super::link::{Link, Spoken};
use super::objects;
use super::outlet::{FanoutInbox, Next};
use super::states::{Encodings, Room, Share, Views};
use crate::id_map::IdMap;
use crate::object::socket::{Receiver, SocketId, StateFrame};
use crate::runtime::ports::SocketOutput;

/// Writes between two looks at what else the thread has to do: about 0.3 ms.
const WRITES_PER_TURN: u32 = 64;
/// Ways to frame a message: in each encoding for WebSocket, and for QUIC.
const FRAMINGS: usize = 3;

/// A connection, and how it is shown states. All that a state needs beside the connection's queue stands here:
/// what it would look up in the connection's own memory is cold by then.
struct Route {
    link: Arc<Link>,
    /// Set with the welcome: a state cannot be read before it.
    shown: Option<Shown>,
    /// What it has of the states that came on its stream. Those of kind `plain` are never relative.
    base: StreamBase<StateFrame>,
    /// Their share of the network, where they are shown states of their own.
    share: Option<Box<Share>>,
}

/// How states are shown.
#[derive(Clone, Copy)]
struct Shown {
    spoken: Spoken,
    /// Over QUIC.
    as_datagrams: bool,
}

/// What became of a state for one receiver.
struct Sent {
    /// The base that it takes the place of.
    replaced: Option<Arc<StateFrame>>,
    fate: Fate,
    bytes: usize,
}

/// The task's state.
pub(super) struct Fanout {
    hub: Arc<Hub>,
    games: Games,
    inbox: FanoutInbox,
    routes: IdMap<SocketId, Route>,
    encodings: Encodings,
    last: Framed,
    /// The state cut into datagrams, and room to write them in.
    parts: StateParts,
    scratch: BytesMut,
    own: Vec<u8>,
    /// What one receiver sees, where not everybody sees the same.
    views: Views,
    room: Room,
    writes: u32,
}

impl Fanout {
    /// Nobody to write to yet.
    pub(super) fn new(hub: Arc<Hub>, games: Games, inbox: FanoutInbox) -> Self {
        Self {
            hub,
            games,
            inbox,
            routes: IdMap::default(),
            encodings: Encodings::default(),
            last: None,
            parts: StateParts::default(),
            scratch: BytesMut::new(),
            own: Vec::new(),
            views: Views::default(),
            room: Room::default(),
            writes: 0,
        }
    }

    /// Writes for ever.
    pub(super) async fn run(mut self) {
        loop {
            while let Some(next) = self.inbox.next() {
                self.learn();
                self.handle(next).await;
                self.rest().await;
            }
            self.last = None;
            self.inbox.wait().await;
        }
    }

    /// Lets the connections of this thread read now and then.
    async fn rest(&mut self) {
        if self.writes >= WRITES_PER_TURN {
            self.writes = 0;
            tokio::task::yield_now().await;
        }
    }

    fn learn(&mut self) {
        for change in self.hub.connections.take_changes() {
            match change {
                Change::Reach(link) => {
                    let route = Route { shown: None, base: StreamBase::default(), share: None, link };
                    self.routes.insert(route.link.socket, route)
                }
                Change::Forget(socket) => self.routes.remove(&socket),
            };
        }
    }

    async fn handle(&mut self, next: Next) {
        match next {
            Next::Output(SocketOutput::State(frame)) => self.state(&frame).await,
            Next::Output(SocketOutput::Send { socket, message }) => self.send(socket, &message),
            Next::Output(SocketOutput::Broadcast { sockets, message }) => {
                for socket in sockets {
                    self.send(socket, &message);
                    self.rest().await;
                }
            }
            Next::Output(SocketOutput::Close { socket, code, reason }) => {
                self.end(socket, Ending::Coded(code, reason));
            }
            Next::Output(SocketOutput::Peer(output)) => {
                objects::deliver(&self.hub, *output).await;
                self.hub.groups.note_done();
            }
            Next::Condemned(socket) => {
                self.end(socket, TOO_SLOW);
                self.hub.groups.condemn(socket);
            }
            Next::Overrun => {
                tracing::warn!(sockets = self.routes.len(), "messages were lost on the way to the fan-out");
                self.routes.drain().for_each(|(_, route)| route.link.end(TOO_SLOW));
                self.hub.groups.condemn_all();
            }
        }
    }

    /// Nothing is written to it any more.
    fn end(&mut self, socket: SocketId, ending: Ending) {
        if let Some(route) = self.routes.remove(&socket) {
            route.link.end(ending);
        }
    }

    fn send(&mut self, socket: SocketId, message: &Arc<ServerMessage>) {
        let Some(Route { link, shown, .. }) = self.routes.get_mut(&socket) else { return };
        let Some(&spoken) = link.spoken.get() else { return };
        if let ServerMessage::Welcome(welcome) = &**message
            && let Some(game) = self.games.get(welcome.game.as_str())
        {
            link.game.get_or_init(|| Arc::clone(game));
            *shown = Some(Shown { spoken, as_datagrams: link.datagrams.is_some() });
        }
        self.writes += 1;
        link.send_reliable(framed(&mut self.last, message, link, spoken.encoding));
    }

    async fn state(&mut self, frame: &Arc<StateFrame>) {
        self.encodings.begin();
        let mut is_cut = false;
        let is_same_for_all = frame.is_same_for_all();
        for (number, receiver) in frame.receivers.iter().enumerate() {
            if is_same_for_all {
                self.state_to(*receiver, frame, frame, &mut is_cut);
            } else {
                self.own_state_to(*receiver, frame, number);
            }
            self.rest().await;
        }
    }

    /// Sends what this receiver sees of a state, as far as their share of the network goes.
    fn own_state_to(&mut self, to: Receiver, whole: &StateFrame, number: usize) {
        let Some(Route { link, shown: Some(shown), base, share }) = self.routes.get_mut(&to.socket) else {
            return;
        };
        let bytes_per_second = self.hub.settings.state_bytes_per_second;
        let share = share.get_or_insert_with(|| Box::new(Share::new(bytes_per_second, to.socket.0)));
        if !share.is_due() {
            return;
        }
        let mut own = self.views.cut(whole, number, to.seat);
        if shown.spoken.kind == StateKind::Delta
            && let Some(base) = base.before(&*own, || link.out.take_back())
        {
            share.hold_back(&mut own, base, whole.sights.of(number), &mut self.room);
        }
        self.encodings.begin();
        let sent = self.state_to(to, &own, whole, &mut false);
        if let Some(Sent { replaced, fate, bytes }) = sent {
            self.views.take_back([Some(own), replaced]);
            let share = self.routes.get_mut(&to.socket).and_then(|route| route.share.as_mut());
            share.expect("it was made above").sent(fate, bytes);
        }
    }

    /// Sends `shown`, what this receiver sees of `whole`.
    fn state_to(
        &mut self,
        Receiver { socket, feedback, .. }: Receiver,
        shown: &Arc<StateFrame>,
        whole: &StateFrame,
        is_cut: &mut bool,
    ) -> Option<Sent> {
        // A welcome may wait for the disk; a state does not.
        let Route { link, shown: speaks, base, .. } = self.routes.get_mut(&socket)?;
        let Shown { spoken, as_datagrams } = (*speaks)?;
        let Spoken { encoding, kind } = spoken;
        self.writes += 1;
        if as_datagrams && let Some(datagrams) = &link.datagrams {
            if !std::mem::replace(is_cut, true) {
                self.parts.encode(&shown.head());
            }
            self.own.clear();
            encode_own(feedback, encoding, kind, &mut self.own);
            datagrams.send_state(&self.parts, &self.own, &mut self.scratch);
            return None;
        }
        let before = match kind {
            StateKind::Delta => base.before(&**shown, || link.out.take_back()),
            StateKind::Plain => None,
        };
        let shared = self.encodings.of(shown, whole, before, spoken);
        let framed = shared.with_end(encoding, |out| encode_own(feedback, encoding, kind, out));
        let (fate, bytes) = (link.out.send_state(framed), framed.len());
        let replaced = match kind {
            StateKind::Delta => base.sent(shown, fate),
            StateKind::Plain => None,
        };
        Some(Sent { replaced, fate, bytes })
    }
}

fn encoding_index(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Msgpack => 0,
        Encoding::Json => 1,
    }
}

/// The last message, framed in the ways it was needed in.
type Framed = Option<(Arc<ServerMessage>, [Option<Bytes>; FRAMINGS])>;

/// The message as a frame; the same message to the next receiver is not encoded again.
fn framed(last: &mut Framed, message: &Arc<ServerMessage>, link: &Link, encoding: Encoding) -> Bytes {
    if !matches!(last, Some((known, _)) if Arc::ptr_eq(known, message)) {
        *last = Some((Arc::clone(message), [const { None }; FRAMINGS]));
    }
    let (_, framed) = last.as_mut().expect("it was set just now");
    let framing = if link.datagrams.is_some() { FRAMINGS - 1 } else { encoding_index(encoding) };
    let frame = framed[framing]
        .get_or_insert_with(|| link.framed(&encode::server_message(message, encoding), encoding));
    frame.clone()
}
