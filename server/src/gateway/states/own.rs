//! States for one client alone: of the rows that they see, with what they are shown of it, in their share of the
//! network.
//!
//! Responsible for: the view of one client, its base, what waits.
//! Not responsible for: who sees what (the match says), the socket ([`crate::gateway::outgoing`]).

use std::sync::Arc;

use tickstone_shared::ids::{Epoch, NetId};
use tickstone_shared::replication::budget::Budget;
use tickstone_shared::replication::encode::{Encoder, Pair};
use tickstone_shared::replication::interest::Seen;
use tickstone_shared::replication::stream_base::{Fate, Shown, StreamBase};
use tickstone_shared::replication::view::{Told, Views, Waiting};
use tickstone_shared::snapshot::{Snapshot, Whereabouts};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::parts::StateParts;
use tickstone_shared::wire::state::{StateHead, encode_relative, encode_shared};
use tickstone_shared::wire::version::StateKind;

use crate::gateway::frames::SharedFrame;
use crate::gateway::link::Spoken;
use crate::object::socket::{Receiver, StateFrame};

/// The scale of estimates that are right.
const SCALE_ONE: usize = 256;
/// Bytes of a state beside its rows, about.
const STATE_HEAD_BYTES: usize = 40;

/// What one client was shown.
#[derive(Debug, Default)]
pub(in crate::gateway) struct View {
    epoch: Epoch,
    snapshot: Snapshot,
}

impl Shown for View {
    fn epoch(&self) -> Epoch {
        self.epoch
    }
    fn tick(&self) -> Tick {
        self.snapshot.tick
    }
}

/// How one client is shown states of their own.
#[derive(Debug)]
pub(in crate::gateway) struct Own {
    base: StreamBase<View>,
    waiting: Waiting,
    budget: Budget,
    /// What is shown next; between two states, room that is used again.
    next: View,
    /// What the state at hand says, as estimated; none of a whole one.
    told: Option<Told>,
    /// Bytes sent for 256 that were estimated: how well rows of this game go into bits.
    scale: usize,
}

/// Room to work in, for all clients.
#[derive(Default)]
pub(in crate::gateway) struct Room {
    encoder: Encoder,
    difference: Vec<u8>,
    fresh: Vec<u8>,
    nearness: Vec<u8>,
    framed: SharedFrame,
}

/// One state, for one client.
#[derive(Clone, Copy)]
pub(in crate::gateway) struct Shows<'a> {
    /// The state.
    pub(in crate::gateway) frame: &'a StateFrame,
    /// To whom.
    pub(in crate::gateway) to: Receiver,
    /// Which rows they see; none: all.
    pub(in crate::gateway) seen: Option<&'a [Seen]>,
    /// In which form.
    pub(in crate::gateway) spoken: Spoken,
}

impl Own {
    /// Of a client who may be sent so many bytes a second. `offset` spreads clients over the ticks.
    pub(in crate::gateway) fn new(bytes_per_second: u32, offset: u64) -> Self {
        Self {
            base: StreamBase::default(),
            waiting: Waiting::default(),
            budget: Budget::new(bytes_per_second, offset),
            next: View::default(),
            told: None,
            scale: SCALE_ONE,
        }
    }

    /// Is a state due to them in this tick?
    pub(in crate::gateway) fn is_due(&mut self) -> bool {
        self.budget.tick()
    }

    /// The state as this client is shown it, framed but for its end. `take_back` takes back the state that waits
    /// for the socket, and answers whether one did.
    pub(in crate::gateway) fn encode<'r>(
        &mut self,
        shows: Shows<'_>,
        take_back: impl FnOnce() -> bool,
        room: &'r mut Room,
    ) -> &'r mut SharedFrame {
        let Shows { frame, to, seen, spoken } = shows;
        let Spoken { encoding, kind } = spoken;
        let StateFrame { epoch, hash, ref snapshot, ref shape, .. } = *frame;
        let Self { base, waiting, budget, next, told, scale } = self;
        next.epoch = epoch;
        next.snapshot.tick = snapshot.tick;
        let body = &mut next.snapshot.body;
        body.clear();
        room.fresh.clear();
        shape.cut.view(snapshot, &shape.schema, seen, to.seat, &mut room.fresh);
        let view = View { epoch, snapshot: Snapshot { tick: snapshot.tick, ..Snapshot::default() } };
        let base = base.before(&view, take_back).filter(|_| kind == StateKind::Delta);
        let Some(base) = base else {
            body.extend_from_slice(&room.fresh);
            *told = None;
            let head = StateHead { epoch, hash, snapshot: &next.snapshot, schema: &shape.schema };
            room.framed.begin(|out| encode_shared(&head, encoding, kind, out));
            return &mut room.framed;
        };
        room.nearness.clear();
        room.nearness.extend(seen.unwrap_or_default().iter().map(|seen| seen.nearness));
        let views =
            Views { cut: &shape.cut, schema: &shape.schema, base: &base.snapshot.body, fresh: &room.fresh };
        let bytes = budget.bytes().saturating_sub(STATE_HEAD_BYTES) * SCALE_ONE / *scale;
        *told = Some(waiting.hold_back(views, &room.nearness, bytes, body));
        let pair = Pair { layout: &shape.layout, base: &base.snapshot.body, view: body };
        room.difference.clear();
        let is_there = |kind: usize, id: NetId| {
            let place = |row: &Whereabouts| (usize::from(row.kind), row.id);
            snapshot.places.binary_search_by_key(&(kind, id), place).is_ok()
        };
        room.encoder.whole(pair, is_there, &mut room.difference);
        let head = StateHead { epoch, hash, snapshot: &next.snapshot, schema: &shape.schema };
        let base = base.snapshot.tick;
        room.framed.begin(|out| encode_relative(&head, base, &room.difference, encoding, out));
        &mut room.framed
    }

    /// The state as this client is shown it, whole and cut into datagrams.
    pub(in crate::gateway) fn cut(&mut self, shows: Shows<'_>, parts: &mut StateParts) {
        let Shows { frame, to, seen, .. } = shows;
        let StateFrame { epoch, hash, ref snapshot, ref shape, .. } = *frame;
        self.next.snapshot.tick = snapshot.tick;
        self.next.snapshot.body.clear();
        shape.cut.view(snapshot, &shape.schema, seen, to.seat, &mut self.next.snapshot.body);
        parts.encode(&StateHead { epoch, hash, snapshot: &self.next.snapshot, schema: &shape.schema });
    }

    /// What became of it, and the bytes it took.
    pub(in crate::gateway) fn sent(&mut self, fate: Fate, bytes: usize) {
        let view = Arc::new(std::mem::take(&mut self.next));
        if let Some(old) = self.base.sent(&view, fate) {
            self.next = Arc::try_unwrap(old).unwrap_or_default();
        }
        let mut wanted = bytes;
        if let Some(Told { wanted: all, told }) = self.told.take().filter(|told| told.told > 0) {
            let rows = bytes.saturating_sub(STATE_HEAD_BYTES);
            self.scale = (self.scale * 7 + (rows * SCALE_ONE / told).clamp(SCALE_ONE / 8, SCALE_ONE * 4)) / 8;
            wanted += rows * (all - told) / told;
        }
        self.budget.spent(bytes, wanted);
        if fate == Fate::Waits {
            self.budget.congested();
        }
    }
}
