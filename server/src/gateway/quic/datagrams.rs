//! A connection's datagrams, what their receiver says it has of them, and what its packets come to.
//!
//! Full-policy: while the parts of an older state wait for the path, newer states are skipped and counted as
//! coalesced, so that what leaves is at most one state old.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use quinn::Connection;
use tickstone_shared::ids::Epoch;
use tickstone_shared::input::Acknowledged;
use tickstone_shared::time::Moment;
use tickstone_shared::wire::parts::{OWN_BYTES_MAX, StateParts};

use super::endpoint::DATAGRAM_SEND_BYTES;
use super::recent::Recent;
use crate::gateway::guard::admission::ByteMeter;
use crate::metrics::{BytesLabel, Metrics, ResultLabel, TransportLabel};

/// Bytes of room made at once for datagrams to be written: about 50 of a small match.
const SCRATCH_BYTES: usize = 32 * 1024;
/// Bytes that may wait for the path beside a new state, at least: the library sends them when it gets to it.
const WAITING_BYTES: usize = 2 * 1024;

/// Questions to new addresses within 10 s, one or two for each, that end a connection. The library follows its
/// client to any address that answers; one move a second is more than any network needs (reliability 4.3).
const CHALLENGES_MAX: u64 = 20;

/// Counters looked up once.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct QuicCounters {
    /// Open connections.
    pub(in crate::gateway) connections: Gauge,
    /// Bytes of packets sent.
    bytes_out: Counter,
    /// Bytes of packets that came.
    bytes_in: Counter,
    /// States skipped.
    coalesced: Counter,
    /// Datagrams that are no inputs.
    pub(super) malformed: Counter,
    /// Datagrams longer than allowed.
    pub(super) too_big: Counter,
    /// Handshakes by what became of them.
    pub(super) handshakes: Handshakes,
}

/// What became of handshakes.
#[derive(Debug, Clone)]
pub(super) struct Handshakes {
    pub(super) done: Counter,
    pub(super) failed: Counter,
    pub(super) refused: Counter,
    pub(super) retried: Counter,
}

impl QuicCounters {
    /// Looks them up.
    pub(in crate::gateway) fn of(metrics: &Metrics) -> Self {
        let transport = "quic";
        let bytes = |direction| metrics.bytes.get_or_create(&BytesLabel { transport, direction }).clone();
        let refused = |result| metrics.datagrams_refused.get_or_create(&ResultLabel { result }).clone();
        let handshakes = |result| metrics.quic_handshakes.get_or_create(&ResultLabel { result }).clone();
        let connections = metrics.connections.get_or_create(&TransportLabel { transport }).clone();
        Self {
            connections,
            bytes_out: bytes("out"),
            bytes_in: bytes("in"),
            coalesced: metrics.snapshots_coalesced.clone(),
            malformed: refused("malformed"),
            too_big: refused("too_big"),
            handshakes: Handshakes {
                done: handshakes("done"),
                failed: handshakes("failed"),
                refused: handshakes("refused"),
                retried: handshakes("retried"),
            },
        }
    }
}

/// What the last look at a connection's packets came to.
#[derive(Debug)]
struct Sampled {
    bytes_out: u64,
    bytes_in: u64,
    meter: ByteMeter,
    challenges: u64,
    moves: Recent,
}

/// What the sweeper learns of a connection's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) struct Packets {
    /// Some came since the last look.
    pub(in crate::gateway) came: bool,
    /// Neither more bytes than allowed, nor from more addresses.
    pub(in crate::gateway) within_rate: bool,
    /// The client opened another stream.
    pub(in crate::gateway) other_stream: bool,
}

/// A connection's way for what may be lost.
#[derive(Debug)]
pub(in crate::gateway) struct Datagrams {
    connection: Connection,
    counters: QuicCounters,
    sampled: Mutex<Sampled>,
    /// What the client has said it has, since the fan-out last looked. Held for a copy, by the connection's task and the
    /// fan-out alone.
    acknowledged: Mutex<Option<(Epoch, Acknowledged)>>,
}

impl Datagrams {
    /// Nothing was sent.
    pub(super) fn new(connection: Connection, counters: QuicCounters, bytes_per_second_max: usize) -> Self {
        let meter = ByteMeter::new(bytes_per_second_max);
        let sampled = Sampled { bytes_out: 0, bytes_in: 0, meter, challenges: 0, moves: Recent::default() };
        Self { connection, counters, sampled: Mutex::new(sampled), acknowledged: Mutex::default() }
    }

    fn acknowledged(&self) -> MutexGuard<'_, Option<(Epoch, Acknowledged)>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client says what it has.
    pub(in crate::gateway) fn acknowledge(&self, epoch: Epoch, acknowledged: Acknowledged) {
        match &mut *self.acknowledged() {
            Some((known, all)) if *known == epoch => all.merge(acknowledged),
            other => *other = Some((epoch, acknowledged)),
        }
    }

    /// What it has said since this was last asked.
    pub(in crate::gateway) fn take_acknowledged(&self) -> Option<(Epoch, Acknowledged)> {
        self.acknowledged().take()
    }

    /// Bytes that the path does not take yet: the window of the library's congestion control is full of them.
    fn waiting(&self) -> usize {
        DATAGRAM_SEND_BYTES.saturating_sub(self.connection.datagram_send_buffer_space())
    }

    /// Does the path not keep up with what is sent?
    pub(in crate::gateway) fn is_congested(&self) -> bool {
        self.waiting() > WAITING_BYTES
    }

    /// A state was skipped.
    pub(in crate::gateway) fn skipped(&self) {
        self.counters.coalesced.inc();
    }

    /// Sends the parts of a state, each with the receiver's own end: their bytes. None if older ones wait.
    pub(in crate::gateway) fn send_state(
        &self,
        parts: &StateParts,
        own: &[u8],
        scratch: &mut BytesMut,
    ) -> Option<usize> {
        let bytes = parts.bytes() + parts.count() * own.len();
        if self.waiting() > bytes.max(WAITING_BYTES) {
            self.skipped();
            return None;
        }
        for part in parts.iter() {
            if scratch.capacity() < part.len() + OWN_BYTES_MAX {
                scratch.reserve(SCRATCH_BYTES);
            }
            scratch.extend_from_slice(part);
            scratch.extend_from_slice(own);
            // A connection that is gone is noticed by its task.
            let _ = self.connection.send_datagram(scratch.split().freeze());
        }
        Some(bytes)
    }

    /// Counts the packets since the last look.
    pub(in crate::gateway) fn look(&self, now: Moment) -> Packets {
        let stats = self.connection.stats();
        let mut sampled = self.sampled.lock().unwrap_or_else(PoisonError::into_inner);
        let came = stats.udp_rx.bytes.saturating_sub(sampled.bytes_in);
        self.counters.bytes_in.inc_by(came);
        self.counters.bytes_out.inc_by(stats.udp_tx.bytes.saturating_sub(sampled.bytes_out));
        (sampled.bytes_in, sampled.bytes_out) = (stats.udp_rx.bytes, stats.udp_tx.bytes);
        let challenges = stats.frame_tx.path_challenge;
        let moved = challenges.saturating_sub(std::mem::replace(&mut sampled.challenges, challenges));
        let is_steady = sampled.moves.add(now, moved) < CHALLENGES_MAX;
        let within_rate = sampled.meter.is_within(now, usize::try_from(came).unwrap_or(usize::MAX));
        Packets {
            came: came > 0,
            within_rate: within_rate && is_steady,
            other_stream: self.has_other_stream(),
        }
    }

    fn has_other_stream(&self) -> bool {
        use futures_util::FutureExt as _;
        let opened = |found: Option<bool>| found == Some(true);
        opened(self.connection.accept_bi().now_or_never().map(|stream| stream.is_ok()))
            || opened(self.connection.accept_uni().now_or_never().map(|stream| stream.is_ok()))
    }
}
