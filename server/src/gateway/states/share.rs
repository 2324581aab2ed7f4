//! One client's share of the network, where they are shown states of their own.
//!
//! Responsible for: what of a state they are told now and what later, and whether one is due to them at all.
//! Not responsible for: the rules of both, which are `tickstone_shared::replication`'s.

use std::sync::Arc;

use tickstone_shared::replication::budget::Budget;
use tickstone_shared::replication::interest::Seen;
use tickstone_shared::replication::stream_base::Fate;
use tickstone_shared::replication::view::{Told, Views, Waiting};

use crate::object::socket::StateFrame;

/// Bytes of a state beside its rows, about.
const STATE_HEAD_BYTES: usize = 40;
/// The scale of estimates that are right.
const SCALE_ONE: usize = 256;

/// The share of one client.
#[derive(Debug)]
pub(in crate::gateway) struct Share {
    waiting: Waiting,
    budget: Budget,
    /// What the state at hand says, as estimated; none of a whole one.
    told: Option<Told>,
    /// Bytes sent for 256 that were estimated: how well rows of this game go into bits.
    scale: usize,
}

/// Room to work in, for all clients.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Room {
    body: Vec<u8>,
    nearness: Vec<u8>,
}

impl Share {
    /// Of a client who may be sent so many bytes a second. `offset` spreads clients over the ticks.
    pub(in crate::gateway) fn new(bytes_per_second: u32, offset: u64) -> Self {
        let budget = Budget::new(bytes_per_second, offset);
        Self { waiting: Waiting::default(), budget, told: None, scale: SCALE_ONE }
    }

    /// A tick has passed: is a state due to them?
    pub(in crate::gateway) fn is_due(&mut self) -> bool {
        self.budget.tick()
    }

    /// The network does not take what is sent to them.
    pub(in crate::gateway) fn congested(&mut self) {
        self.budget.congested();
    }

    /// Leaves in `own`, which nobody else holds, what may be told to a client who has `base`: all else is as it is
    /// there.
    pub(in crate::gateway) fn hold_back(
        &mut self,
        own: &mut Arc<StateFrame>,
        base: &StateFrame,
        seen: Option<&[Seen]>,
        room: &mut Room,
    ) {
        let bytes = self.budget.bytes().saturating_sub(STATE_HEAD_BYTES);
        // Even told whole it would not take so much, and nobody waits for their turn: nearly always so.
        if self.waiting.is_empty() && own.snapshot.body.len() <= bytes {
            self.told = None;
            return;
        }
        let own = Arc::get_mut(own).expect("nobody else holds a view before it is sent");
        room.nearness.clear();
        room.nearness.extend(seen.unwrap_or_default().iter().map(|seen| seen.nearness));
        room.body.clear();
        let (cut, schema) = (&own.shape.cut, &own.shape.schema);
        let views = Views { cut, schema, base: &base.snapshot.body, fresh: &own.snapshot.body };
        let bytes = bytes * SCALE_ONE / self.scale;
        self.told = Some(self.waiting.hold_back(views, &room.nearness, bytes, &mut room.body));
        std::mem::swap(&mut own.snapshot.body, &mut room.body);
    }

    /// What became of the state, and the bytes it took.
    pub(in crate::gateway) fn sent(&mut self, fate: Fate, bytes: usize) {
        let mut wanted = bytes;
        if let Some(Told { wanted: all, told }) = self.told.take() {
            if let Some(measured) = (bytes.saturating_sub(STATE_HEAD_BYTES) * SCALE_ONE).checked_div(told) {
                let measured = measured.clamp(SCALE_ONE / 8, SCALE_ONE * 4);
                self.scale = (self.scale * 7 + measured) / 8;
            }
            wanted += (all - told) * self.scale / SCALE_ONE;
        }
        self.budget.spent(bytes, wanted);
        if fate == Fate::Waits {
            self.budget.congested();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_whose_every_row_waits_is_not_taken_for_a_calm_one() {
        let mut share = Share::new(8 * 1024, 0);
        for _ in 0..1_000 {
            share.told = Some(Told { wanted: 10_000, told: 0 });
            share.sent(Fate::Leaves, STATE_HEAD_BYTES);
        }
        assert_eq!(share.budget.interval(), 3, "they want more than their share: states come seldom");
        (0..1_000).for_each(|_| share.sent(Fate::Leaves, STATE_HEAD_BYTES));
        assert_eq!(share.budget.interval(), 1, "once they want no more, often again");
    }
}
