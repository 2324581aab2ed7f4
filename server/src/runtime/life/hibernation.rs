//! Hibernation: an object that nothing needs gives its memory back. Nothing stays of it here, no entry and no
//! timer: its sockets are the gateway's, its alarms the store's.

use std::sync::Arc;

use tickstone_shared::time::Moment;

use crate::object::storage::{Ticket, WriteBatch};
use crate::runtime::activation::Activation;
use crate::runtime::pool::Shared;
use crate::runtime::worker::{Scratch, Worker};

impl Worker {
    /// Last words of an object that has been idle; it ends once they are durable.
    pub(in crate::runtime) fn hibernate(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        now: Moment,
    ) {
        activation.drowsy = true;
        activation.aside.wants_sleep = false;
        let handled = self.run(shared, &mut activation, &mut scratch.effects, slot, now, |object, ctx| {
            object.on_sleep(ctx);
        });
        self.after(shared, scratch, slot, activation, handled, now);
    }

    /// Where memory is to be forgotten after every event: has it forgotten, if nothing needs it. An alarm that is
    /// due runs first, or it never would.
    pub(in crate::runtime) fn evict(&self, shared: &Shared, scratch: &mut Scratch, slot: usize, now: Moment) {
        let Some(mut activation) = self.take(slot) else { return };
        let is_stand_in = activation.epoch.0 == 0;
        let now_ms = self.wall().unix_ms(now);
        let is_due = activation.next_alarm().is_some_and(|row| row.due_ms <= now_ms);
        if activation.may_sleep() && !is_stand_in && !is_due {
            self.hibernate(shared, scratch, slot, activation, now);
        } else {
            activation.aside.wants_sleep = !is_stand_in;
            activation.restless = true;
            self.settle_again(shared, scratch, slot, activation, now);
        }
    }

    /// Has it known when everything the object wrote is durable.
    pub(in crate::runtime) fn ask_for_durability(&self, shared: &Shared, activation: &mut Activation) {
        if !activation.unticketed {
            return;
        }
        let ticket = Arc::new(Ticket::default());
        let barrier = WriteBatch {
            object: activation.identity.id,
            node: shared.node,
            epoch: activation.epoch,
            writes: Vec::new(),
            urgent: true,
            ticket: Some(Arc::clone(&ticket)),
        };
        // Refused: asked again at the next look.
        if shared.store.submit(barrier).is_ok() {
            activation.unticketed = false;
            activation.newest_ticket = Some(ticket);
        }
    }
}
