//! The server stops: every object says its last words, and everything becomes durable (contract: LIFE 3).

use std::sync::atomic::Ordering;

use tickstone_shared::time::Moment;

use crate::runtime::inbox::Order;
use crate::runtime::pool::Shared;
use crate::runtime::worker::{Scratch, Slot, Worker};

impl Worker {
    /// Last words of every object, and no ticks any more.
    pub(in crate::runtime) fn sleep_all(&self, shared: &Shared, scratch: &mut Scratch, now: Moment) {
        let slots = {
            let mut core = self.core();
            core.draining = true;
            core.slots.len()
        };
        for slot in 0..slots {
            let Some(mut activation) = self.take(slot) else { continue };
            if activation.asleep {
                self.put_back(slot, activation);
                continue;
            }
            activation.ticks = None;
            activation.inputs.clear();
            activation.asleep = true;
            self.core().slots[slot].phase = None;
            let handled =
                self.run(shared, &mut activation, &mut scratch.effects, slot, now, |object, ctx| {
                    object.on_sleep(ctx);
                    ctx.commit_now();
                });
            self.after(shared, scratch, slot, activation, handled, now);
        }
    }

    /// Is everything this worker put to sleep durable?
    pub fn is_asleep(&self) -> bool {
        let core = self.core();
        let durable = |slot: &Slot| match &slot.activation {
            Some(activation) => activation.asleep && !activation.awaits_disk(),
            None => slot.identity.is_none(),
        };
        let settled = core.slots.iter().filter(|slot| slot.identity.is_some()).count();
        let nothing_on_its_way = core.departing.is_empty()
            && core.wakes.is_empty()
            && self.receiver.orders.is_empty()
            && settled == self.load.load(Ordering::Acquire);
        core.draining && nothing_on_its_way && core.slots.iter().all(durable)
    }

    /// Orders the worker gives itself when it must not forget them.
    pub(in crate::runtime) fn order(&self, order: Order) {
        if self.inbox.order(order).is_err() {
            tracing::error!(worker = self.id.0, "a worker's order queue is full: an object stays asleep");
        }
    }
}
