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
use tickstone_shared::input::{Acknowledged, InputFeedback};
use tickstone_shared::replication::datagram_bases::shared_base;
use tickstone_shared::replication::stream_base::Fate;
use tickstone_shared::time::{Moment, Tick};
use tickstone_shared::wire::encode;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::state::{encode_own, encode_shared};
use tickstone_shared::wire::version::{Encoding, StateKind};

use super::close_reason::{Ending, TOO_SLOW};
use super::hub::{Change, Games, Hub};
use super::link::{Link, Spoken};
use super::objects;
use super::outgoing::held::{Held, Holds};
use super::outlet::{FanoutInbox, Next};
use super::states::{Bases, Cuts, Encodings, Room, Share, Views};
use super::welcome;
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
    shown: Option<Spoken>,
    /// What it has of the states before.
    bases: Bases,
    /// Their share of the network, where they are shown states of their own.
    share: Option<Box<Share>>,
    holds: Holds,
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
    cuts: Cuts,
    last: Framed,
    /// Room to write datagrams in.
    scratch: BytesMut,
    own: Vec<u8>,
    /// What the receivers of the state at hand have, over datagrams.
    heard: Vec<Acknowledged>,
    /// What one receiver sees, where not everybody sees the same.
    views: Views,
    room: Room,
    writes: u32,
    held: Held,
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
            cuts: Cuts::default(),
            last: None,
            scratch: BytesMut::new(),
            own: Vec::new(),
            heard: Vec::new(),
            views: Views::default(),
            room: Room::default(),
            writes: 0,
            held: Held::default(),
        }
    }

    /// Writes for ever.
    pub(super) async fn run(mut self) {
        loop {
            while let Some(next) = self.inbox.next() {
                self.learn();
                self.handle(next).await;
                self.rest().await;
                self.push_due().await;
            }
            while let Some(socket) = self.held.take() {
                self.push(socket, None).await;
            }
            self.last = None;
            match self.held.next_due() {
                None => self.inbox.wait().await,
                Some(due) => {
                    // Woken by what comes or by the time: both are looked at.
                    let _ = tokio::time::timeout(due.since(self.hub.clock.now()), self.inbox.wait()).await;
                    self.push_due().await;
                }
            }
        }
    }

    /// Lets the connections of this thread read now and then.
    async fn rest(&mut self) {
        if self.writes >= WRITES_PER_TURN {
            self.writes = 0;
            tokio::task::yield_now().await;
        }
    }

    /// Sends what has been held for long enough: no state has followed it.
    async fn push_due(&mut self) {
        if self.held.next_due().is_none() {
            return;
        }
        let now = self.hub.clock.now();
        while let Some((socket, since)) = self.held.take_due(now) {
            self.push(socket, Some(since)).await;
        }
    }

    /// Sends what is held of a connection, `since` then.
    async fn push(&mut self, socket: SocketId, since: Option<Moment>) {
        let is_held = |route: &&mut Route| {
            route.holds.since.is_some_and(|held| since.is_none_or(|since| held == since))
        };
        if let Some(route) = self.routes.get_mut(&socket).filter(is_held) {
            route.holds = Holds::default();
            route.link.out.push();
            self.writes += 1;
            self.rest().await;
        }
    }

    fn learn(&mut self) {
        for change in self.hub.connections.take_changes() {
            match change {
                Change::Reach(link) => {
                    let route = Route {
                        shown: None,
                        bases: Bases::of(&link),
                        share: None,
                        holds: Holds::default(),
                        link,
                    };
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
        let Some(Route { link, shown, holds, .. }) = self.routes.get_mut(&socket) else { return };
        let Some(&spoken) = link.spoken.get() else { return };
        let own = match &**message {
            ServerMessage::Welcome(welcome) => {
                if let Some(game) = self.games.get(welcome.game.as_str()) {
                    link.game.get_or_init(|| Arc::clone(game));
                    *shown = Some(spoken);
                }
                Some(Arc::new(welcome::with_chat(&self.hub, welcome)))
            }
            _ => None,
        };
        let message = own.as_ref().unwrap_or(message);
        if link.hold(framed(&mut self.last, message, link, spoken.encoding)) {
            let now = self.hub.clock.now();
            self.held.note(socket, holds.expects, now);
            holds.since = Some(now);
        }
    }

    async fn state(&mut self, frame: &Arc<StateFrame>) {
        self.encodings.begin();
        self.cuts.begin();
        let mut common = None;
        let is_same_for_all = frame.is_same_for_all();
        for (number, receiver) in frame.receivers.iter().enumerate() {
            if is_same_for_all {
                self.state_to(*receiver, frame, frame, &mut common);
            } else {
                self.own_state_to(*receiver, frame, number);
            }
            self.rest().await;
        }
    }

    /// Hears what the receivers of a state over datagrams have, and answers what most of them do.
    fn hear(&mut self, frame: &StateFrame) -> Option<Tick> {
        let Self { routes, heard, .. } = self;
        let of = |receiver: &Receiver| routes.get_mut(&receiver.socket).and_then(Route::hear);
        heard.clear();
        heard.extend(frame.receivers.iter().filter_map(of));
        shared_base(&heard.iter().copied())
    }

    /// Sends what this receiver sees of a state, as far as their share of the network goes.
    fn own_state_to(&mut self, to: Receiver, whole: &StateFrame, number: usize) {
        let Some(route @ Route { shown: Some(_), .. }) = self.routes.get_mut(&to.socket) else { return };
        route.hear();
        let Route { link, shown: Some(Spoken { kind, .. }), bases, share, .. } = route else { return };
        let bytes_per_second = self.hub.settings.state_bytes_per_second;
        let share = share.get_or_insert_with(|| Box::new(Share::new(bytes_per_second, to.socket.0)));
        if !share.is_due() {
            return;
        }
        if let Some(datagrams) = link.datagrams.as_ref().filter(|datagrams| datagrams.is_congested()) {
            datagrams.skipped();
            return share.congested();
        }
        let mut own = self.views.cut(whole, number, to.seat);
        if let Some(base) = bases.before(&own, None, (link, *kind)) {
            share.hold_back(&mut own, base, whole.sights.of(number), &mut self.room);
        }
        self.encodings.begin();
        self.cuts.begin();
        // What is shown to nobody else has no base in common.
        let sent = self.state_to(to, &own, whole, &mut Some(None));
        let (replaced, used) = match sent {
            Some(Sent { replaced, fate, bytes }) => (replaced, Some((fate, bytes))),
            None => (None, None),
        };
        self.views.take_back([Some(own), replaced]);
        let share = self.routes.get_mut(&to.socket).and_then(|route| route.share.as_mut());
        if let (Some(share), Some((fate, bytes))) = (share, used) {
            share.sent(fate, bytes);
        }
    }

    /// Sends `shown`, what this receiver sees of `whole`. `common` is the base that most receivers over datagrams
    /// have, once it was looked for.
    fn state_to(
        &mut self,
        to: Receiver,
        shown: &Arc<StateFrame>,
        whole: &StateFrame,
        common: &mut Option<Option<Tick>>,
    ) -> Option<Sent> {
        // A welcome may wait for the disk; a state does not.
        let Route { link, shown: speaks, bases, holds, .. } = self.routes.get_mut(&to.socket)?;
        let spoken = (*speaks)?;
        self.writes += 1;
        if link.datagrams.is_some() {
            let common = *common.get_or_insert_with(|| self.hear(whole));
            return self.datagrams_to(to, shown, whole, common);
        }
        let Spoken { encoding, kind } = spoken;
        let before = bases.before(shown, None, (link, kind));
        let shared = self.encodings.of(shown, whole, before, spoken);
        let framed = shared.with_end(encoding, |out| encode_own(to.feedback, encoding, kind, out));
        let (fate, bytes) = (link.out.send_state(framed), framed.len());
        *holds = Holds { since: None, expects: true };
        let replaced = match bases {
            Bases::Stream(base) if kind == StateKind::Delta => base.sent(shown, fate),
            Bases::Stream(_) | Bases::Datagrams(_) => None,
        };
        Some(Sent { replaced, fate, bytes })
    }

    /// The same over datagrams; on the stream where it is whole and too long for one.
    fn datagrams_to(
        &mut self,
        Receiver { socket, feedback, .. }: Receiver,
        shown: &Arc<StateFrame>,
        whole: &StateFrame,
        common: Option<Tick>,
    ) -> Option<Sent> {
        let Route { link, shown: Some(spoken), bases: Bases::Datagrams(bases), .. } =
            self.routes.get_mut(&socket)?
        else {
            return None;
        };
        let datagrams = link.datagrams.as_ref()?;
        let before = bases.before(shown, common);
        self.own.clear();
        let (fate, bytes) = match self.cuts.of(shown, whole, before) {
            Some(parts) => {
                encode_own(feedback, spoken.encoding, spoken.kind, &mut self.own);
                (Fate::Leaves, datagrams.send_state(parts, &self.own, &mut self.scratch)?)
            }
            None if bases.takes_whole(shown) => send_whole(link, *spoken, shown, feedback, &mut self.own),
            None => {
                datagrams.skipped();
                return None;
            }
        };
        let replaced = if fate == Fate::Ignored { None } else { bases.sent(shown) };
        Some(Sent { replaced, fate, bytes })
    }
}

impl Route {
    /// Hears what the client has acknowledged: what that is of all, over datagrams.
    fn hear(&mut self) -> Option<Acknowledged> {
        self.bases.hear(&self.link)
    }
}

/// Sends a whole state on the stream of a client who else has datagrams.
fn send_whole(
    link: &Link,
    Spoken { encoding, kind }: Spoken,
    shown: &StateFrame,
    own: InputFeedback,
    room: &mut Vec<u8>,
) -> (Fate, usize) {
    encode_shared(&shown.head(), encoding, kind, room);
    encode_own(own, encoding, kind, room);
    let framed = link.framed(room, encoding);
    (link.out.send_state(&framed), framed.len())
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
fn framed<'a>(
    last: &'a mut Framed,
    message: &Arc<ServerMessage>,
    link: &Link,
    encoding: Encoding,
) -> &'a Bytes {
    if !matches!(last, Some((known, _)) if Arc::ptr_eq(known, message)) {
        *last = Some((Arc::clone(message), [const { None }; FRAMINGS]));
    }
    let (_, framed) = last.as_mut().expect("it was set just now");
    let framing = if link.datagrams.is_some() { FRAMINGS - 1 } else { encoding_index(encoding) };
    framed[framing].get_or_insert_with(|| link.framed(&encode::server_message(message, encoding), encoding))
}
