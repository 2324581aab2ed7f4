//! The runtime's way out: a bounded channel to the fan-out.
//!
//! Of a match at most one state waits: a newer one takes its place in the queue and is counted as coalesced, so
//! that a gateway that gets no processor time sends fresh states once it does, and states crowd nothing out.
//!
//! Full-policy: a state is dropped and counted as coalesced; a socket that would miss a reliable message is
//! condemned: the fan-out closes it as too slow (4420) before it writes anything more to it. Should even the
//! condemned not fit, every socket is closed.
//!
//! Invariant: nothing here waits or does IO: it is called from tick threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use prometheus_client::metrics::counter::Counter;

use super::moderation::Moderation;
use super::objects::Groups;
use crate::id_map::IdMap;
use crate::mailbox::{Receiver, Sender, mailbox};
use crate::metrics::Metrics;
use crate::object::effects::PeerOutput;
use crate::object::id::ObjectId;
use crate::object::peer::{SocketInfo, WhenFull};
use crate::object::socket::{SocketId, StateFrame};
use crate::runtime::ports::{Outlet, SocketOutput};

/// Outputs that may wait for the fan-out: about two seconds of 100 matches.
const OUTPUTS_MAX: usize = 16_384;
/// Sockets that may wait to be closed for it.
const CONDEMNED_MAX: usize = 32_768;

/// A match, known by the first of those who receive its state: a socket is in one match alone.
type Receivers = SocketId;

/// What waits for the fan-out.
#[derive(Debug)]
enum Queued {
    /// The newest state of a match.
    State(Receivers),
    Output(SocketOutput),
}

/// The way out, for the runtime.
pub struct GatewayOutlet {
    outputs: Sender<Queued>,
    condemned: Sender<SocketId>,
    shared: Arc<Shared>,
    coalesced: Counter,
    groups: Arc<Groups>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The newest state of each match that has one in the queue.
    states: Mutex<IdMap<Receivers, Arc<StateFrame>>>,
    fanout: AtomicWaker,
    overrun: AtomicBool,
    moderation: Moderation,
}

impl Shared {
    fn states(&self) -> MutexGuard<'_, IdMap<Receivers, Arc<StateFrame>>> {
        self.states.lock().expect("no code under this lock panics")
    }
}

/// The fan-out's end of it, to be given to [`super::serve`].
pub struct FanoutInbox {
    outputs: Receiver<Queued>,
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
        let queued = outputs.drain(..).filter_map(|output| self.queued(output));
        self.outputs.offer_all(queued, |refused| self.no_room(&refused));
        self.shared.fanout.wake();
        self.shared.moderation.ring();
    }

    fn sockets_of(&self, object: ObjectId) -> Vec<SocketInfo> {
        self.groups.infos(object)
    }
}

impl GatewayOutlet {
    /// None for a state that took the place of an older one, or goes to nobody.
    fn queued(&self, output: SocketOutput) -> Option<Queued> {
        let SocketOutput::State(frame) = output else { return Some(Queued::Output(output)) };
        let receivers = frame.receivers.first()?.socket;
        match self.shared.states().insert(receivers, frame) {
            None => Some(Queued::State(receivers)),
            Some(older) => {
                self.count(&older);
                None
            }
        }
    }

    fn count(&self, dropped: &StateFrame) {
        self.coalesced.inc_by(dropped.receivers.len() as u64);
    }

    fn no_room(&self, queued: &Queued) {
        match queued {
            Queued::State(receivers) => {
                if let Some(dropped) = self.shared.states().remove(receivers) {
                    self.count(&dropped);
                }
            }
            // Of states only the match is queued.
            Queued::Output(SocketOutput::State(frame)) => self.count(frame),
            Queued::Output(SocketOutput::Send { socket, .. } | SocketOutput::Close { socket, .. }) => {
                self.condemn(*socket);
            }
            Queued::Output(SocketOutput::Broadcast { sockets, .. }) => {
                sockets.iter().for_each(|socket| self.condemn(*socket));
            }
            Queued::Output(SocketOutput::Peer(output)) => self.no_room_for_peer(output),
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
        loop {
            match self.outputs.take()? {
                Queued::Output(output) => return Some(Next::Output(output)),
                Queued::State(receivers) => {
                    let newest = self.shared.states().remove(&receivers);
                    if let Some(newest) = newest {
                        return Some(Next::Output(SocketOutput::State(newest)));
                    }
                }
            }
        }
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
    use crate::object::socket::Receiver;
    use tickstone_shared::ids::Seat;
    use tickstone_shared::input::InputFeedback;
    use tickstone_shared::replication::shape::Shape;
    use tickstone_shared::schema::Schema;
    use tickstone_shared::time::Tick;
    use tickstone_shared::wire::message::{Pong, ServerMessage};

    fn send(socket: u64) -> SocketOutput {
        let message = Arc::new(ServerMessage::Pong(Pong { nonce: 1 }));
        SocketOutput::Send { socket: SocketId(socket), message }
    }

    fn state(tick: u64, receivers: std::ops::Range<u64>) -> SocketOutput {
        let shape = Arc::new(Shape::new(Schema { kinds: Vec::new(), input: Vec::new() }));
        let receiver =
            |socket| Receiver { socket: SocketId(socket), seat: Seat(0), feedback: InputFeedback::default() };
        let mut frame =
            StateFrame { receivers: receivers.map(receiver).collect(), ..StateFrame::blank(&shape) };
        frame.snapshot.tick = Tick(tick);
        SocketOutput::State(Arc::new(frame))
    }

    /// The ticks of the states that wait, and how many other outputs do.
    fn waiting(inbox: &FanoutInbox) -> (Vec<u64>, usize) {
        let (mut ticks, mut others) = (Vec::new(), 0);
        while let Some(next) = inbox.next() {
            match next {
                Next::Output(SocketOutput::State(frame)) => ticks.push(frame.snapshot.tick.0),
                Next::Output(_) => others += 1,
                other => panic!("{other:?}"),
            }
        }
        (ticks, others)
    }

    #[test]
    fn of_a_match_the_newest_state_waits_and_crowds_nothing_out() {
        let metrics = Metrics::new();
        let (outlet, inbox) = with_limits(&metrics, 3, 1);
        for tick in 1..=1_000 {
            outlet.deliver(&mut vec![state(tick, 1..9), state(2_000 + tick, 9..11)]);
        }
        outlet.deliver(&mut vec![send(1), state(1_001, 1..8), state(7, 20..20)]);
        assert_eq!(metrics.snapshots_coalesced.get(), 999 * (8 + 2) + 8);
        assert_eq!(
            waiting(&inbox),
            (vec![1_001, 3_000], 1),
            "at the place of the oldest; nobody is condemned"
        );
        outlet.deliver(&mut vec![state(1_002, 1..9)]);
        assert_eq!(waiting(&inbox), (vec![1_002], 0));
    }

    #[test]
    fn a_state_that_does_not_fit_is_dropped_and_the_next_one_is_not() {
        let metrics = Metrics::new();
        let (outlet, inbox) = with_limits(&metrics, 2, 1);
        outlet.deliver(&mut vec![state(1, 1..2), state(1, 2..3), state(1, 3..7)]);
        assert_eq!(metrics.snapshots_coalesced.get(), 4);
        assert_eq!(waiting(&inbox), (vec![1, 1], 0));
        outlet.deliver(&mut vec![state(2, 3..7)]);
        assert_eq!(waiting(&inbox), (vec![2], 0));
        assert!(outlet.shared.states().is_empty());
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
