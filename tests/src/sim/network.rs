//! Between the server and its clients: delays, losses of a connection, and order only within one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tickstone_server::object::socket::{Receiver, SocketEvent, SocketId};
use tickstone_server::runtime::ports::{Outlet, SocketOutput};
use tickstone_shared::time::Moment;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::state::StateMessage;

use super::rng::Rng;

/// Everything the server has let out, oldest first.
#[derive(Default)]
pub(crate) struct Wire(Mutex<Vec<SocketOutput>>);

impl Outlet for Wire {
    fn deliver(&self, outputs: &mut Vec<SocketOutput>) {
        self.0.lock().unwrap().append(outputs);
    }
}

impl Wire {
    /// Takes it.
    pub(crate) fn take(&self) -> Vec<SocketOutput> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Something that has reached a client.
#[derive(Debug, Clone)]
pub(crate) enum Arrival {
    /// A message.
    Message(Arc<ServerMessage>),
    /// The end, with its code.
    Closed(CloseCode),
}

/// One connection.
struct Link {
    client: usize,
    object: usize,
    latency: Duration,
    to_client: VecDeque<(Moment, Arrival)>,
    to_server: VecDeque<(Moment, SocketEvent)>,
    closing: bool,
}

/// Every connection.
#[derive(Default)]
pub(crate) struct Network {
    links: BTreeMap<SocketId, Link>,
    /// Ends that the server has not been told yet.
    ends: Vec<(Moment, SocketId, usize)>,
    sockets: u64,
}

impl Network {
    /// A connection of a client to an object.
    pub(crate) fn connect(&mut self, client: usize, object: usize, rng: &mut Rng) -> SocketId {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        let latency = Duration::from_millis(rng.between(1, 60));
        let (to_client, to_server) = (VecDeque::new(), VecDeque::new());
        self.links.insert(socket, Link { client, object, latency, to_client, to_server, closing: false });
        socket
    }

    /// A client sends.
    pub(crate) fn send(&mut self, event: SocketEvent, now: Moment, rng: &mut Rng) {
        let Some(link) = self.links.get_mut(&event.socket()) else { return };
        let at = now + link.latency + Duration::from_millis(rng.below(20));
        let at = link.to_server.back().map_or(at, |(last, _)| at.max(*last));
        link.to_server.push_back((at, event));
    }

    /// The connection breaks: what was under way is lost, and the server hears of it later.
    pub(crate) fn cut(&mut self, socket: SocketId, now: Moment, rng: &mut Rng) {
        if let Some(link) = self.links.remove(&socket) {
            self.ends.push((now + Duration::from_millis(rng.below(1000)), socket, link.object));
        }
    }

    /// The server has refused the connection: it hears nothing of its end.
    pub(crate) fn forget(&mut self, socket: SocketId) {
        self.links.remove(&socket);
    }

    /// The server is gone: so is every connection. Answers whose they were.
    pub(crate) fn cut_all(&mut self) -> Vec<usize> {
        self.ends.clear();
        std::mem::take(&mut self.links).into_values().map(|link| link.client).collect()
    }

    /// Whose connection it is, and to which object.
    pub(crate) fn ends_of(&self, socket: SocketId) -> Option<(usize, usize)> {
        self.links.get(&socket).map(|link| (link.client, link.object))
    }

    /// Puts what the server let out on its way.
    pub(crate) fn take_output(&mut self, output: &SocketOutput, now: Moment, rng: &mut Rng) {
        match output {
            SocketOutput::Send { socket, message } => {
                self.schedule(*socket, Arrival::Message(Arc::clone(message)), now, rng);
            }
            SocketOutput::Broadcast { sockets, message } => {
                for socket in sockets {
                    self.schedule(*socket, Arrival::Message(Arc::clone(message)), now, rng);
                }
            }
            // Matches speak this server's protocol.
            SocketOutput::Peer(_) => {}
            SocketOutput::Close { socket, code, .. } => {
                self.schedule(*socket, Arrival::Closed(*code), now, rng);
                if let Some(link) = self.links.get_mut(socket) {
                    link.closing = true;
                }
            }
            SocketOutput::State(frame) => {
                for Receiver { socket, feedback, .. } in &frame.receivers {
                    let state = StateMessage {
                        epoch: frame.epoch,
                        tick: frame.snapshot.tick,
                        base: None,
                        hash: frame.hash,
                        body: None,
                        entities: None,
                        last_input: feedback.last_input,
                        lead: feedback.lead,
                        starved: feedback.starved,
                    };
                    let message = Arc::new(ServerMessage::State(state));
                    self.schedule(*socket, Arrival::Message(message), now, rng);
                }
            }
        }
    }

    fn schedule(&mut self, socket: SocketId, arrival: Arrival, now: Moment, rng: &mut Rng) {
        let Some(link) = self.links.get_mut(&socket).filter(|link| !link.closing) else { return };
        let at = now + link.latency + Duration::from_millis(rng.below(20));
        let at = link.to_client.back().map_or(at, |(last, _)| at.max(*last));
        link.to_client.push_back((at, arrival));
    }

    /// What reaches the server now: the object it is for, and the event.
    pub(crate) fn due_at_server(&mut self, now: Moment) -> Vec<(usize, SocketEvent)> {
        let mut due = Vec::new();
        for link in self.links.values_mut() {
            while link.to_server.front().is_some_and(|(at, _)| *at <= now) {
                due.extend(link.to_server.pop_front().map(|(_, event)| (link.object, event)));
            }
        }
        let (ended, later) = std::mem::take(&mut self.ends).into_iter().partition(|(at, ..)| *at <= now);
        self.ends = later;
        let ended: Vec<(Moment, SocketId, usize)> = ended;
        due.extend(ended.into_iter().map(|(_, socket, object)| (object, SocketEvent::Closed { socket })));
        due
    }

    /// What reaches clients now. A close ends its connection.
    pub(crate) fn due_at_clients(&mut self, now: Moment, rng: &mut Rng) -> Vec<(usize, SocketId, Arrival)> {
        let mut due = Vec::new();
        let mut closed = Vec::new();
        for (socket, link) in &mut self.links {
            while link.to_client.front().is_some_and(|(at, _)| *at <= now) {
                let Some((_, arrival)) = link.to_client.pop_front() else { break };
                if matches!(arrival, Arrival::Closed(_)) {
                    closed.push(*socket);
                }
                due.push((link.client, *socket, arrival));
            }
        }
        closed.into_iter().for_each(|socket| self.cut(socket, now, rng));
        due
    }
}
