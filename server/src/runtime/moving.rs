//! Moving an object to another worker. The directory changes first, under its lock; every event the old owner
//! got before is by then in its inbox, and goes along; the new owner parks what reaches it earlier than the
//! object does. So the order of each sender is kept, and nothing is lost.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use super::directory::WorkerId;
use super::inbox::{Adoption, Event, Order};
use super::pool::Shared;
use super::worker::Worker;
use crate::object::id::ObjectId;

impl Worker {
    /// Gives the object in `slot` to another worker.
    pub(super) fn depart(&self, shared: &Shared, slot: usize, target: WorkerId) {
        let Some(activation) = self.core().vacate(slot) else { return };
        let object = activation.identity.id;
        self.load.fetch_sub(1, Ordering::Relaxed);
        if !shared.directory.transfer(object, self.id, target) {
            return;
        }
        let backlog = self.collect_events(object);
        self.hand_over(shared, target, Adoption { activation: *activation, backlog });
    }

    /// Sends an object off; keeps it if the target cannot take the order now.
    pub(super) fn hand_over(&self, shared: &Shared, target: WorkerId, mut adoption: Adoption) {
        adoption.activation.unsettle();
        let worker = &shared.workers[target.0];
        worker.load.fetch_add(1, Ordering::Relaxed);
        if let Err(Order::Adopt(adoption)) = worker.inbox.order(Order::Adopt(Box::new(adoption))) {
            self.core().departing.push((target, adoption));
        }
    }

    /// Tries again what a full queue refused.
    pub(super) fn send_departing(&self, shared: &Shared) {
        if self.core().departing.is_empty() {
            return;
        }
        let departing = std::mem::take(&mut self.core().departing);
        for (target, adoption) in departing {
            if let Err(Order::Adopt(adoption)) = shared.workers[target.0].inbox.order(Order::Adopt(adoption))
            {
                self.core().departing.push((target, adoption));
            }
        }
    }

    /// Takes an object's events out of this worker's queue, leaving the others in order.
    pub(super) fn collect_events(&self, object: ObjectId) -> VecDeque<Event> {
        let mut core = self.core();
        self.receiver.events.take_all(&mut core.stash);
        let mut own = core.waiting.remove(&object).unwrap_or_default();
        core.held.take_of(object, &mut own);
        for addressed in std::mem::take(&mut core.stash) {
            if addressed.object == object {
                own.push_back(addressed.event);
            } else {
                core.stash.push_back(addressed);
            }
        }
        own
    }

    /// Takes every object but the one in `busy` away from this worker, whose thread is stuck in that one.
    /// Runs on the watchdog's thread.
    pub(super) fn evacuate(&self, shared: &Shared, busy: usize) -> usize {
        let slots = self.core().slots.len();
        let mut moved = 0;
        for slot in (0..slots).filter(|slot| *slot != busy) {
            let Some(target) = shared.refuge(self) else { break };
            let activation = {
                let mut core = self.core();
                let there = core.slots[slot].activation.is_some();
                if there { core.vacate(slot) } else { None }
            };
            let Some(activation) = activation else { continue };
            let object = activation.identity.id;
            self.load.fetch_sub(1, Ordering::Relaxed);
            if shared.directory.transfer(object, self.id, target) {
                let backlog = self.collect_events(object);
                self.hand_over(shared, target, Adoption { activation: *activation, backlog });
                moved += 1;
            }
        }
        moved
    }
}
