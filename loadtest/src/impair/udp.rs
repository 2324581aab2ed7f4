//! Datagrams through the bad network: one flow a client, each with a socket of its own towards the server.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::counts::count;
use super::fate::DatagramLane;
use super::impairment::Impairment;
use super::proxy::Route;
use super::schedule::Schedule;
use tickstone_shared::time::Moment;

/// Clients of one route. The datagrams of one more are dropped.
pub(crate) const FLOWS_MAX: usize = 8_192;
/// Datagrams between the listener and a flow. Full: the newest is dropped.
const HANDOVER_MAX: usize = 256;
/// The largest datagram that passes; larger ones are dropped, as by a network with that limit.
const DATAGRAM_BYTES_MAX: usize = 4_096;
/// A flow without a datagram either way for so long is forgotten.
const IDLE_MAX: Duration = Duration::from_secs(60);

type Flows = Arc<Mutex<HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>>>;

/// Takes datagrams until the proxy stops, and hands each to its client's flow.
pub(crate) async fn listen(socket: UdpSocket, route: Route) {
    let socket = Arc::new(socket);
    let flows: Flows = Arc::default();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX + 1];
    loop {
        // A port that answered "unreachable" is told here; the next datagram may still come.
        let Ok((bytes, client)) = socket.recv_from(&mut buffer).await else { continue };
        count(&route.counters.received, 1);
        let sender = flows.lock().unwrap_or_else(PoisonError::into_inner).get(&client).cloned();
        let sender = match sender.filter(|sender| !sender.is_closed()) {
            Some(sender) => Some(sender),
            None => begin(&socket, &route, &flows, client).await,
        };
        let taken = bytes <= DATAGRAM_BYTES_MAX
            && sender.is_some_and(|sender| sender.try_send(buffer[..bytes].to_vec()).is_ok());
        if !taken {
            count(&route.counters.refused, 1);
        }
    }
}

async fn begin(
    socket: &Arc<UdpSocket>,
    route: &Route,
    flows: &Flows,
    client: SocketAddr,
) -> Option<mpsc::Sender<Vec<u8>>> {
    if flows.lock().unwrap_or_else(PoisonError::into_inner).len() >= FLOWS_MAX {
        return None;
    }
    let number = count(&route.counters.flows, 1);
    let (sender, receiver) = mpsc::channel(HANDOVER_MAX);
    let flow = Flow {
        towards_server: outgoing(route.target).await.ok()?,
        towards_client: Arc::clone(socket),
        client,
        up: Direction::new(route.seed, 2 * number),
        down: Direction::new(route.seed, 2 * number + 1),
        route: route.clone(),
    };
    flows.lock().unwrap_or_else(PoisonError::into_inner).insert(client, sender.clone());
    let flows = Arc::clone(flows);
    tokio::spawn(async move {
        flow.run(receiver).await;
        flows.lock().unwrap_or_else(PoisonError::into_inner).remove(&client);
    });
    Some(sender)
}

/// A new socket towards the server, on a port of its own.
async fn outgoing(target: SocketAddr) -> io::Result<UdpSocket> {
    let local: SocketAddr = match target {
        SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST, 0).into(),
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(target).await?;
    Ok(socket)
}

struct Direction {
    lane: DatagramLane,
    schedule: Schedule,
}

impl Direction {
    fn new(seed: u64, lane: u64) -> Self {
        Self { lane: DatagramLane::new(seed, lane), schedule: Schedule::default() }
    }

    fn take(&mut self, datagram: Vec<u8>, now: Moment, impairment: &Impairment, route: &Route) {
        let fate = self.lane.fate(now, datagram.len(), impairment);
        let Some(arrives) = fate.arrives else {
            count(&route.counters.lost, 1);
            return;
        };
        if let Some(again) = fate.again {
            let is_sent = self.schedule.push(again, datagram.clone());
            count(&route.counters.duplicated, u64::from(is_sent));
        }
        if !self.schedule.push(arrives, datagram) {
            count(&route.counters.refused, 1);
        }
    }

    fn next_due(&self) -> Option<Moment> {
        self.schedule.next_due()
    }
}

struct Flow {
    towards_server: UdpSocket,
    towards_client: Arc<UdpSocket>,
    client: SocketAddr,
    up: Direction,
    down: Direction,
    route: Route,
}

impl Flow {
    async fn run(mut self, mut from_client: mpsc::Receiver<Vec<u8>>) {
        let mut control = self.route.control.clone();
        let mut rebinds = control.borrow_and_update().rebinds;
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX + 1];
        let mut last_heard = self.route.clock.now();
        loop {
            let idle_end = last_heard + IDLE_MAX;
            let due = [self.up.next_due(), self.down.next_due()].into_iter().flatten().min();
            let wake = due.unwrap_or(idle_end).min(idle_end);
            tokio::select! {
                datagram = from_client.recv() => {
                    let Some(datagram) = datagram else { return };
                    last_heard = self.route.clock.now();
                    self.up.take(datagram, last_heard, &control.borrow().impairment, &self.route);
                }
                received = self.towards_server.recv(&mut buffer) => {
                    // A refused port is heard as an error: the client's own time-outs deal with it.
                    if let Ok(bytes) = received {
                        count(&self.route.counters.received, 1);
                        last_heard = self.route.clock.now();
                        self.take_answer(&buffer[..bytes], last_heard, &control.borrow().impairment);
                    }
                }
                () = tokio::time::sleep_until(self.route.clock.instant(wake)) => {
                    if self.route.clock.now() >= idle_end {
                        return;
                    }
                }
                changed = control.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
            let wanted = control.borrow().rebinds;
            if wanted != rebinds
                && let Ok(socket) = outgoing(self.route.target).await
            {
                (self.towards_server, rebinds) = (socket, wanted);
            }
            let is_blackhole = control.borrow().is_blackhole;
            self.deliver(is_blackhole).await;
        }
    }

    fn take_answer(&mut self, datagram: &[u8], now: Moment, impairment: &Impairment) {
        if datagram.len() > DATAGRAM_BYTES_MAX {
            count(&self.route.counters.refused, 1);
            return;
        }
        self.down.take(datagram.to_vec(), now, impairment, &self.route);
    }

    /// Everything that has arrived goes out.
    async fn deliver(&mut self, is_blackhole: bool) {
        let counters = &self.route.counters;
        if is_blackhole {
            let swallowed = self.up.schedule.clear() + self.down.schedule.clear();
            count(&counters.swallowed, swallowed as u64);
            return;
        }
        let now = self.route.clock.now();
        while let Some(datagram) = self.up.schedule.pop(now) {
            let is_sent = self.towards_server.send(&datagram).await.is_ok();
            count(if is_sent { &counters.delivered } else { &counters.refused }, 1);
        }
        while let Some(datagram) = self.down.schedule.pop(now) {
            let is_sent = self.towards_client.send_to(&datagram, self.client).await.is_ok();
            count(if is_sent { &counters.delivered } else { &counters.refused }, 1);
        }
    }
}
