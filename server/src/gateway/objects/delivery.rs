//! What objects send to their sockets, from the fan-out to each of them.

use std::sync::Arc;

use bytes::Bytes;
use tickstone_shared::wire::version::Encoding;

use super::hello;
use super::peer::{Peer, PeerEnding, framed};
use crate::gateway::close_reason::Ending;
use crate::gateway::hub::Hub;
use crate::object::effects::PeerOutput;
use crate::object::peer::{Payload, WhenFull};

/// Writes between two looks at what else the thread has to do.
const WRITES_PER_TURN: usize = 64;
/// Ways to write a message: raw, and framed in each encoding.
const FRAMINGS: usize = 3;

/// RFC 6455: the end of a socket whose object was removed.
const GOING_AWAY: u16 = 1001;
const REMOVED: &str = "the object was deleted";

/// Codes that an object may close with: those of RFC 6455 that have a meaning for it, and those of applications.
fn may_close_with(code: u16) -> bool {
    matches!(code, 1000 | 1001 | 1008 | 1011..=1013 | 3000..=4999)
}

/// Carries one output out.
pub(in crate::gateway) async fn deliver(hub: &Hub, output: PeerOutput) {
    match output {
        PeerOutput::Send { socket, payload, when_full } => match hub.groups.peer(socket) {
            Some(peer) => Message::new(&payload).send(&peer, when_full),
            None => hub.counters.sends_to_nobody(),
        },
        PeerOutput::Broadcast { object, tag, except, payload, when_full } => {
            let peers = hub.groups.find(object).map(|group| group.select(tag.as_deref(), &except));
            let mut peers = peers.unwrap_or_default();
            // Who is not accepted yet hears what their object says to them first.
            peers.retain(|peer| peer.is_accepted());
            broadcast(&peers, &payload, when_full).await;
        }
        other => apply(hub, other),
    }
}

/// Carries out an output that writes nothing.
fn apply(hub: &Hub, output: PeerOutput) {
    let groups = &hub.groups;
    match output {
        PeerOutput::Accept { socket, tags, attachment } => {
            if !groups.peer(socket).is_some_and(|peer| peer.accept(tags, attachment)) {
                hub.counters.sends_to_nobody();
            }
        }
        PeerOutput::Attach { socket, attachment } => match groups.peer(socket) {
            Some(peer) => peer.attach(attachment),
            None => hub.counters.sends_to_nobody(),
        },
        PeerOutput::Keep { socket } => match groups.peer(socket) {
            Some(peer) => peer.keep(),
            None => hub.counters.sends_to_nobody(),
        },
        PeerOutput::Abandon { object } => {
            let peers = groups.find(object).map(|group| group.select(None, &[])).unwrap_or_default();
            peers.iter().for_each(|peer| peer.end(PeerEnding::Object(GOING_AWAY, REMOVED.into())));
        }
        PeerOutput::Close { socket, code, reason } => match groups.peer(socket) {
            Some(peer) => peer.end(ending_of(code, reason)),
            None => hub.counters.sends_to_nobody(),
        },
        PeerOutput::AutoResponse { object, pair } => {
            if let Some(entry) = hub.classes.get(object.class) {
                groups.set_auto_response(&object, &entry.sockets, pair);
            }
        }
        PeerOutput::Send { .. } | PeerOutput::Broadcast { .. } => {}
    }
}

/// A code that nobody may send becomes 1011: the object did not mean what it said.
fn ending_of(code: u16, reason: Box<str>) -> PeerEnding {
    if may_close_with(code) {
        return PeerEnding::Object(code, reason);
    }
    tracing::warn!(code, "an object closed a socket with a code that nobody may send");
    PeerEnding::Gateway(Ending::Protocol(1011, "the object closed with a code that nobody may send"))
}

async fn broadcast(peers: &[Arc<Peer>], payload: &Payload, when_full: WhenFull) {
    let mut message = Message::new(payload);
    for some in peers.chunks(WRITES_PER_TURN) {
        some.iter().for_each(|peer| message.send(peer, when_full));
        if some.len() == WRITES_PER_TURN {
            // Lets the connections of this thread read now and then.
            tokio::task::yield_now().await;
        }
    }
}

/// A message, framed in the ways it was needed in: once for each.
struct Message<'a> {
    payload: &'a Payload,
    framed: [Option<Bytes>; FRAMINGS],
}

impl<'a> Message<'a> {
    fn new(payload: &'a Payload) -> Self {
        Self { payload, framed: [const { None }; FRAMINGS] }
    }

    fn send(&mut self, peer: &Peer, when_full: WhenFull) {
        let spoken = peer.spoken.get();
        let way = match spoken {
            None => 0,
            Some(Encoding::Json) => 1,
            Some(Encoding::Msgpack) => 2,
        };
        let frame = self.framed[way].get_or_insert_with(|| match spoken {
            None => framed(self.payload),
            Some(encoding) => hello::framed(self.payload, *encoding),
        });
        peer.send(frame.clone(), when_full);
    }
}
