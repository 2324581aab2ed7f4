//! The proxy: addresses on the loopback interface that lead to others through a bad network.
//!
//! ```no_run
//! use std::time::Duration;
//! use tickstone_loadtest::impair::{Carrier, Impairment, Proxy};
//!
//! let network = Impairment::round_trip(2.0, Duration::from_millis(100), Duration::from_millis(20));
//! let proxy = Proxy::start(network, 1).expect("a thread can be started");
//! let near = proxy.through(Carrier::Udp, "127.0.0.1:8443".parse().unwrap()).expect("a port is free");
//! proxy.rebind(); // the server sees every client come from another port
//! proxy.blackhole(true); // nothing arrives any more
//! ```

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};

use super::counts::{Counters, Counts};
use super::impairment::Impairment;
use super::{stream, udp};
use crate::clock::Clock;

/// What carries a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// Streams: HTTP and WebSocket.
    Tcp,
    /// Datagrams: QUIC.
    Udp,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From a client to its server.
    Up,
    /// From a server to its client.
    Down,
}

/// What can be changed while the proxy runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Control {
    pub(crate) impairment: Impairment,
    pub(crate) is_blackhole: bool,
    pub(crate) rebinds: u64,
    half_closes_up: u64,
    half_closes_down: u64,
}

impl Control {
    pub(crate) fn half_closes(&self, way: Way) -> u64 {
        match way {
            Way::Up => self.half_closes_up,
            Way::Down => self.half_closes_down,
        }
    }
}

/// What every flow of an address needs.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) target: SocketAddr,
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) control: watch::Receiver<Control>,
    pub(crate) counters: Arc<Counters>,
}

/// A running proxy on a thread of its own. Dropping it ends every flow.
#[derive(Debug)]
pub struct Proxy {
    seed: u64,
    clock: Clock,
    control: watch::Sender<Control>,
    counters: Arc<Counters>,
    routes: Mutex<HashMap<(Carrier, SocketAddr), SocketAddr>>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy without an address yet. The same seed loses and delays the n-th packet of the n-th flow alike.
    pub fn start(impairment: Impairment, seed: u64) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // Either end of the channel going away means: stop.
            let _ = runtime.block_on(stopped);
        };
        let thread = std::thread::Builder::new().name("bad-network".to_owned()).spawn(run)?;
        Ok(Self {
            seed,
            clock: Clock::start(),
            control: watch::channel(Control { impairment, ..Control::default() }).0,
            counters: Arc::default(),
            routes: Mutex::default(),
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// An address on the loopback interface that leads to `target`; the same target has the same address.
    pub fn through(&self, carrier: Carrier, target: SocketAddr) -> io::Result<SocketAddr> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(near) = routes.get(&(carrier, target)) {
            return Ok(*near);
        }
        let route = Route {
            target,
            seed: self.seed.wrapping_add(routes.len() as u64),
            clock: self.clock,
            control: self.control.subscribe(),
            counters: Arc::clone(&self.counters),
        };
        let _inside = self.runtime.enter();
        let near = match carrier {
            Carrier::Tcp => {
                let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
                listener.set_nonblocking(true)?;
                let near = listener.local_addr()?;
                self.runtime.spawn(stream::listen(TcpListener::from_std(listener)?, route));
                near
            }
            Carrier::Udp => {
                let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
                socket.set_nonblocking(true)?;
                let near = socket.local_addr()?;
                self.runtime.spawn(udp::listen(UdpSocket::from_std(socket)?, route));
                near
            }
        };
        routes.insert((carrier, target), near);
        Ok(near)
    }

    /// The URL with its host and port replaced by an address that leads there.
    pub fn through_url(&self, carrier: Carrier, url: &str) -> io::Result<String> {
        let nowhere = || io::Error::new(io::ErrorKind::InvalidInput, "not scheme://host:port");
        let (scheme, rest) = url.split_once("://").ok_or_else(nowhere)?;
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let target = host.to_socket_addrs()?.next().ok_or_else(nowhere)?;
        Ok(format!("{scheme}://{}{path}", self.through(carrier, target)?))
    }

    /// From now on the network is like this; what is on its way arrives as it would have.
    pub fn set(&self, impairment: Impairment) {
        self.control.send_modify(|control| control.impairment = impairment);
    }

    /// Nothing arrives any more, or again. Datagrams are gone; streams wait and lose nothing, as TCP would keep
    /// sending them again.
    pub fn blackhole(&self, is_blackhole: bool) {
        self.control.send_modify(|control| control.is_blackhole = is_blackhole);
    }

    /// Every flow of datagrams goes on from another port, as when a client changes its network.
    pub fn rebind(&self) {
        self.control.send_modify(|control| control.rebinds += 1);
    }

    /// Ends one direction of every TCP connection that is open; the other goes on.
    pub fn half_close(&self, way: Way) {
        self.control.send_modify(|control| match way {
            Way::Up => control.half_closes_up += 1,
            Way::Down => control.half_closes_down += 1,
        });
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A proxy that broke has broken its flows; there is nothing to add.
            let _ = thread.join();
        }
    }
}
