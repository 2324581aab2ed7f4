//! What every part of the gateway shares.
//!
//! Responsible for: the register of connections and the handles that are looked up once.
//! Invariant: the register's locks are held to insert, remove or copy out, never across a write or an await.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tickstone_shared::sim::registered::AnyGame;

use super::close_reason::RESTARTING;
use super::guard::admission::Places;
use super::guard::{Addresses, Refusals};
use super::http::Classes;
use super::link::Link;
use super::objects::Groups;
use super::outgoing::Traffic;
use super::quic::QuicCounters;
use super::settings::Settings;
use super::tls::Certificates;
use crate::clock::ClockRef;
use crate::metrics::{BytesLabel, Metrics, ResultLabel, TransportLabel};
use crate::object::socket::SocketId;
use crate::runtime::handle::ObjectsRef;

/// The games whose inputs the gateway can read, by name.
pub type Games = BTreeMap<&'static str, Arc<dyn AnyGame>>;

/// Counters looked up once.
#[derive(Debug, Clone)]
pub(super) struct Counters {
    /// Bytes and states.
    pub(super) traffic: Traffic,
    /// Open WebSockets.
    pub(super) connections: Gauge,
    /// Of QUIC.
    pub(super) quic: QuicCounters,
    /// Inputs the runtime had no room for.
    pub(super) inputs_overloaded: Counter,
    /// Inputs dropped for their rate.
    pub(super) inputs_flood: Counter,
    /// Inputs that came before the welcome.
    pub(super) inputs_early: Counter,
    /// What was refused.
    pub(super) refused: Refusals,
    sends_to_nobody: Counter,
}

impl Counters {
    /// Looks them up.
    pub(super) fn of(metrics: &Metrics) -> Self {
        let bytes =
            |direction| metrics.bytes.get_or_create(&BytesLabel { transport: "ws", direction }).clone();
        let inputs = |result| metrics.inputs.get_or_create(&ResultLabel { result }).clone();
        // A look-up holds the family's lock to the end of its statement.
        let quic = QuicCounters::of(metrics);
        Self {
            traffic: Traffic {
                bytes_out: bytes("out"),
                bytes_in: bytes("in"),
                coalesced: metrics.snapshots_coalesced.clone(),
            },
            connections: metrics.connections.get_or_create(&TransportLabel { transport: "ws" }).clone(),
            quic,
            inputs_overloaded: inputs("overloaded"),
            inputs_flood: inputs("flood"),
            inputs_early: inputs("early"),
            refused: Refusals::of(metrics),
            sends_to_nobody: metrics.sends_to_nobody.clone(),
        }
    }

    /// An object asked for something for a socket that is gone.
    pub(super) fn sends_to_nobody(&self) {
        self.sends_to_nobody.inc();
    }
}

/// A change to whom the fan-out can reach.
pub(super) enum Change {
    /// A connection that said hello.
    Reach(Arc<Link>),
    /// One that is gone.
    Forget(SocketId),
}

/// Every connection to a match: all of them for the sweeper, those past their hello for the fan-out.
#[derive(Default)]
pub(super) struct Connections {
    all: Mutex<HashMap<SocketId, Arc<Link>>>,
    changes: Mutex<Vec<Change>>,
    has_changes: AtomicBool,
}

impl Connections {
    /// A connection has come.
    pub(super) fn enter(&self, link: &Arc<Link>) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(link.socket, Arc::clone(link));
    }

    /// A connection is gone.
    pub(super) fn leave(&self, socket: SocketId) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&socket);
    }

    /// Tells the fan-out. Bounded by the number of connections: each makes two changes.
    pub(super) fn change(&self, change: Change) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
        self.has_changes.store(true, Ordering::Release);
    }

    /// The changes since the last call, in order.
    pub(super) fn take_changes(&self) -> Vec<Change> {
        if !self.has_changes.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everyone there now.
    pub(super) fn copy_into(&self, into: &mut Vec<Arc<Link>>) {
        into.extend(self.all.lock().unwrap_or_else(PoisonError::into_inner).values().cloned());
    }
}

/// What every part of the gateway shares.
pub(super) struct Hub {
    /// As configured.
    pub(super) settings: Settings,
    /// The way in.
    pub(super) objects: ObjectsRef,
    /// The time.
    pub(super) clock: ClockRef,
    /// Counters looked up once.
    pub(super) counters: Counters,
    /// Who is connected.
    pub(super) connections: Connections,
    /// The sockets of objects that are no matches.
    pub(super) groups: Arc<Groups>,
    /// The classes of objects, by name.
    pub(super) classes: Classes,
    /// Places for connections.
    pub(super) places: Arc<Places>,
    /// The certificate, where TLS or QUIC is spoken.
    pub(super) certificates: Option<Arc<Certificates>>,
    /// Who has them, by address.
    pub(super) addresses: Arc<Addresses>,
    next_socket: AtomicU64,
    draining: AtomicBool,
}

/// Bits of a socket's number that count the sockets of a process; those above are the second it started in, so that
/// two processes give no number twice. Together 53 bits, which JSON carries exactly, until 2040.
const COUNT_BITS: u32 = 24;
/// Seconds from 1970 to when the seconds of socket numbers begin.
const SECONDS_BEGIN: u64 = 1_700_000_000;

fn first_socket(unix_ms: u64) -> u64 {
    ((unix_ms / 1000).saturating_sub(SECONDS_BEGIN) << COUNT_BITS) + 1
}

/// What is behind the gateway.
pub(super) struct Behind {
    /// The way in.
    pub(super) objects: ObjectsRef,
    /// The sockets of objects, which the runtime knows, too.
    pub(super) groups: Arc<Groups>,
    /// The classes of objects.
    pub(super) classes: Classes,
}

impl Hub {
    /// Nobody is connected.
    pub(super) fn new(
        settings: Settings,
        certificates: Option<Arc<Certificates>>,
        served: Behind,
        clock: ClockRef,
        metrics: &Metrics,
    ) -> Self {
        let Behind { objects, groups, classes } = served;
        let unix_ms = clock.unix_ms();
        Self {
            places: Places::new(settings.connections_max),
            certificates,
            addresses: Addresses::new(settings.connections_per_address, settings.connections_max),
            settings,
            objects,
            clock,
            counters: Counters::of(metrics),
            connections: Connections::default(),
            groups,
            classes,
            next_socket: AtomicU64::new(first_socket(unix_ms)),
            draining: AtomicBool::new(false),
        }
    }

    /// A number nobody has had.
    pub(super) fn next_socket(&self) -> SocketId {
        SocketId(self.next_socket.fetch_add(1, Ordering::Relaxed))
    }

    /// The gauge that counts a connection.
    pub(super) fn connections_of(&self, link: &Link) -> &Gauge {
        if link.datagrams.is_some() { &self.counters.quic.connections } else { &self.counters.connections }
    }

    /// Does the gateway or the runtime drain?
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire) || self.objects.is_draining()
    }

    /// Nothing new from now on; everyone in a match is told to come back later.
    pub(super) fn begin_drain(&self) {
        self.draining.store(true, Ordering::Release);
        let mut links = Vec::new();
        self.connections.copy_into(&mut links);
        links.iter().for_each(|link| link.end(RESTARTING));
    }
}
