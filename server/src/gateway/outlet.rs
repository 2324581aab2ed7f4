//! The runtime's way out: a bounded channel to the fan-out.
//!
//! Full-policy: a state is dropped and counted as coalesced; a socket that would miss a reliable message is
//! condemned: the fan-out closes it as too slow (4420) before it writes anything more to it. Should even the
//! condemned not fit, every socket is closed.
//!
//! Invariant: nothing here waits or does IO: it is called from tick threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use prometheus_client::metrics::counter::Counter;

use super::moderation::Moderation;
use super::objects::Groups;
use crate::mailbox::{Receiver, Sender, mailbox};
use crate::metrics::Metrics;
use crate::object::effects::PeerOutput;
use crate::object::id::ObjectId;
use crate::object::peer::{SocketInfo, WhenFull};
use crate::object::socket::SocketId;
use crate::runtime::ports::{Outlet, SocketOutput};

/// Outputs that may wait for the fan-out: about two seconds of 100 matches.
const OUTPUTS_MAX: usize = 16_384;
/// Sockets that may wait to be closed for it.
const CONDEMNED_MAX: usize = 32_768;

/// The way out, for the runtime.
pub struct GatewayOutlet {
    outputs: Sender<SocketOutput>,
    condemned: Sender<SocketId>,
    shared: Arc<Shared>,
    coalesced: Counter,
    groups: Arc<Groups>,
}

#[derive(Debug, Default)]
struct Shared {
    fanout: AtomicWaker,
    overrun: AtomicBool,
    moderation: Moderation,
}

/// The fan-out's end of it, to be given to [`super::serve`].
pub struct FanoutInbox {
    outputs: Receiver<SocketOutput>,
    condemned: Receiver<SocketId>,
    shared: Arc<Shared>,
    groups: Arc<Groups>,
}

/// What the fan-out has to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Write this.
    Output(SocketOutput),
    /// Close this socket: it has missed a message.
    Condemned(SocketId),
    /// Close every socket: nobody knows which have missed one.
    Overrun,
}

/// Both ends. The runtime gets the first, [`super::serve`] the second.
pub fn outlet(metrics: &Metrics) -> (GatewayOutlet, FanoutInbox) {
    with_limits(metrics, OUTPUTS_MAX, CONDEMNED_MAX)
}

fn with_limits(metrics: &Metrics, outputs_max: usize, condemned_max: usize) -> (GatewayOutlet, FanoutInbox) {
    let (outputs, outputs_inbox) = mailbox(outputs_max);
    let (condemned, condemned_inbox) = mailbox(condemned_max);
    let shared = Arc::new(Shared::default());
    let coalesced = metrics.snapshots_coalesced.clone();
    let groups = Arc::new(Groups::default());
    let inbox = FanoutInbox {
        outputs: outputs_inbox,
        condemned: condemned_inbox,
        shared: Arc::clone(&shared),
        groups: Arc::clone(&groups),
    };
    (GatewayOutlet { outputs, condemned, shared, coalesced, groups }, inbox)
}

impl Outlet for GatewayOutlet {
    fn deliver(&self, outputs: &mut Vec<SocketOutput>) {
        if outputs.is_empty() {
            return;
        }
        self.outputs.offer_all(outputs, |refused| self.no_room(&refused));
        self.shared.fanout.wake();
        self.shared.moderation.ring();
    }

    fn sockets_of(&self, object: ObjectId) -> Vec<SocketInfo> {
        self.groups.infos(object)
    }
}

impl GatewayOutlet {
    fn no_room(&self, output: &SocketOutput) {
        match output {
            SocketOutput::State(frame) => {
                self.coalesced.inc_by(frame.receivers.len() as u64);
            }
            SocketOutput::Send { socket, .. } | SocketOutput::Close { socket, .. } => self.condemn(*socket),
            SocketOutput::Broadcast { sockets, .. } => {
                sockets.iter().for_each(|socket| self.condemn(*socket));
            }
            SocketOutput::Peer(output) => self.no_room_for_peer(output),
        }
    }

    /// What the newest would have replaced anyway is missed; who misses anything else is condemned.
    fn no_room_for_peer(&self, output: &PeerOutput) {
        match output {
            PeerOutput::Send { when_full: WhenFull::NewestWins, .. }
            | PeerOutput::Broadcast { when_full: WhenFull::NewestWins, .. } => {
                self.coalesced.inc();
            }
            PeerOutput::Accept { socket, .. }
            | PeerOutput::Attach { socket, .. }
            | PeerOutput::Send { socket, .. }
            | PeerOutput::Close { socket, .. } => self.condemn(*socket),
            PeerOutput::Broadcast { object, .. } => self.condemn_all(*object),
            PeerOutput::AutoResponse { object, .. } => self.condemn_all(object.id),
        }
    }

    fn condemn_all(&self, object: ObjectId) {
        self.groups.infos(object).iter().for_each(|info| self.condemn(info.socket));
    }

    fn condemn(&self, socket: SocketId) {
        if self.condemned.offer(socket).is_err() {
            self.shared.overrun.store(true, Ordering::Release);
        }
    }
}

impl FanoutInbox {
    /// What puts the gateway's threads to rest, and is rung when there is something.
    pub(super) fn moderation(&self) -> Moderation {
        self.shared.moderation.clone()
    }

    /// The sockets of objects that are no matches.
    pub(super) fn groups(&self) -> Arc<Groups> {
        Arc::clone(&self.groups)
    }

    /// What is next, if anything is. The condemned go before outputs: theirs come after what they missed.
    pub(super) fn next(&self) -> Option<Next> {
        if self.shared.overrun.load(Ordering::Acquire) && self.shared.overrun.swap(false, Ordering::AcqRel) {
            return Some(Next::Overrun);
        }
        if !self.condemned.is_empty()
            && let Some(socket) = self.condemned.take()
        {
            return Some(Next::Condemned(socket));
        }
        self.outputs.take().map(Next::Output)
    }

    /// Waits until there may be something.
    pub(super) async fn wait(&self) {
        std::future::poll_fn(|cx| {
            self.shared.fanout.register(cx.waker());
            let nothing = self.outputs.is_empty() && self.condemned.is_empty();
            if nothing && !self.shared.overrun.load(Ordering::Acquire) {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickstone_shared::wire::message::{Pong, ServerMessage};

    fn send(socket: u64) -> SocketOutput {
        let message = Arc::new(ServerMessage::Pong(Pong { nonce: 1 }));
        SocketOutput::Send { socket: SocketId(socket), message }
    }

    #[test]
    fn a_socket_that_misses_a_message_is_condemned_before_anything_else_is_written() {
        let (outlet, inbox) = with_limits(&Metrics::new(), 1, 1);
        let mut outputs = vec![send(1), send(2)];
        outlet.deliver(&mut outputs);
        assert!(outputs.is_empty());
        assert!(matches!(inbox.next(), Some(Next::Condemned(SocketId(2)))));
        assert!(matches!(inbox.next(), Some(Next::Output(_))));
        assert!(inbox.next().is_none());
    }

    #[test]
    fn when_nothing_fits_everybody_is_closed() {
        let (outlet, inbox) = with_limits(&Metrics::new(), 1, 1);
        outlet.deliver(&mut vec![send(1), send(2), send(3)]);
        assert!(matches!(inbox.next(), Some(Next::Overrun)));
    }
}
