//! TCP connections through the bad network.

use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::counts::count;
use super::fate::StreamLane;
use super::proxy::{Route, Way};
use super::schedule::Schedule;

/// Bytes read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Takes connections until the proxy stops.
pub(crate) async fn listen(listener: TcpListener, route: Route) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(connection(client, route.clone()));
            }
            // No descriptor is left, most likely: some will be given back.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

async fn connection(client: TcpStream, route: Route) {
    let number = count(&route.counters.flows, 1);
    let mut control = route.control.clone();
    // In a blackhole the client hears nothing of its server, not even that it is there.
    if control.wait_for(|control| !control.is_blackhole).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(route.target).await else {
        // The client sees its connection reset, as it would without the proxy.
        let _ = client.set_zero_linger();
        return;
    };
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let lane = |index| StreamLane::new(route.seed, 2 * number + index);
    let up = Pipe::new(from_client, to_server, Way::Up, lane(0), route.clone());
    let down = Pipe::new(from_server, to_client, Way::Down, lane(1), route.clone());
    tokio::select! {
        // What breaks breaks both ways; what ends well ends one way, and the other goes on.
        Err(_) = up.run() => {}
        Err(_) = down.run() => {}
        else => {}
    }
}

/// One direction of a connection.
struct Pipe {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    way: Way,
    lane: StreamLane,
    schedule: Schedule,
    route: Route,
}

impl Pipe {
    fn new(from: OwnedReadHalf, to: OwnedWriteHalf, way: Way, lane: StreamLane, route: Route) -> Self {
        Self { from, to, way, lane, schedule: Schedule::default(), route }
    }

    /// Until the sender's end has been handed on. While the queue is full nothing is read: the sender waits, as
    /// with TCP it would.
    async fn run(mut self) -> io::Result<()> {
        let clock = self.route.clock;
        let mut control = self.route.control.clone();
        let half_closes = control.borrow_and_update().half_closes(self.way);
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut is_open = true;
        loop {
            let now = clock.now();
            let is_blackhole = control.borrow().is_blackhole;
            is_open &= control.borrow().half_closes(self.way) == half_closes;
            if !is_blackhole {
                while let Some(bytes) = self.schedule.pop(now) {
                    self.to.write_all(&bytes).await?;
                    count(&self.route.counters.delivered, 1);
                }
                if !is_open && self.schedule.is_empty() {
                    return self.to.shutdown().await;
                }
            }
            let due = self.schedule.next_due().filter(|_| !is_blackhole);
            let may_read = is_open && !is_blackhole && self.schedule.has_room(CHUNK_BYTES);
            tokio::select! {
                read = self.from.read(&mut buffer), if may_read => match read? {
                    0 => is_open = false,
                    bytes => {
                        let impairment = control.borrow().impairment;
                        let arrives = self.lane.arrives(clock.now(), bytes, &impairment);
                        self.schedule.push(arrives, buffer[..bytes].to_vec());
                        count(&self.route.counters.received, 1);
                    }
                },
                () = tokio::time::sleep_until(clock.instant(due.unwrap_or(now))), if due.is_some() => {}
                changed = control.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}
