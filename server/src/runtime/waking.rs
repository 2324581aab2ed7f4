//! Waking an object, on a general worker: everything before it is durable; read what is stored; run `wake`;
//! store the new epoch; only then does it take events, here or where it wants to run.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tickstone_shared::ids::Epoch;
use tickstone_shared::time::Moment;

use super::activation::Activation;
use super::inbox::{Adoption, WakeOrder};
use super::panic_guard::{discard, guard};
use super::pool::Shared;
use super::set_aside::SetAside;
use super::settings::PANICS_MAX;
use super::worker::{Scratch, Worker};
use crate::object::context::Context;
use crate::object::contract::{WakeError, WakeReason};
use crate::object::effects::{Control, Effects, Release};
use crate::object::id::Identity;
use crate::object::sight::{Sight, Wall};
use crate::object::storage::{ReadError, Record, Ticket, TicketState, Write, WriteBatch};

/// A wake that waits for the disk.
pub enum PendingWake {
    /// The store did not take the barrier, or could not be read: tried again in the next turn.
    Unsubmitted(WakeOrder),
    /// What an earlier activation wrote must be durable before it is read.
    Barrier(Arc<Ticket>, WakeOrder),
    /// The new epoch must be durable before the object does anything.
    Settle(Arc<Ticket>, Box<Activation>),
}

/// What `wake` came to.
enum Woken {
    Awake,
    Failed(WakeError),
    Panicked(String),
}

impl Worker {
    /// Begins a wake: waits until what was written so far is durable. Invariant: nothing is read before that,
    /// or a match would go on from a tick that its own journal is about to pass.
    pub(super) fn begin_wake(&self, shared: &Shared, scratch: &mut Scratch, order: WakeOrder, now: Moment) {
        self.core().wakes.push(PendingWake::Unsubmitted(order));
        self.follow_wakes(shared, scratch, now);
    }

    fn submit_barrier(&self, shared: &Shared, order: WakeOrder) -> PendingWake {
        let ticket = Arc::new(Ticket::default());
        let barrier = WriteBatch {
            object: order.identity.id,
            node: shared.node,
            epoch: Epoch(u32::MAX),
            writes: Vec::new(),
            urgent: true,
            ticket: Some(Arc::clone(&ticket)),
        };
        match shared.store.submit(barrier) {
            Ok(()) => PendingWake::Barrier(ticket, order),
            Err(_) => PendingWake::Unsubmitted(order),
        }
    }

    /// Keeps a wake for the next turn: the store will take it or be read again.
    fn wake_later(&self, identity: Identity, reason: WakeReason) {
        self.core().wakes.push(PendingWake::Unsubmitted(WakeOrder::new(identity, reason)));
    }

    /// Goes on with every wake the disk has let through.
    pub(super) fn follow_wakes(&self, shared: &Shared, scratch: &mut Scratch, now: Moment) {
        if self.core().wakes.is_empty() {
            return;
        }
        let wakes = std::mem::take(&mut self.core().wakes);
        for wake in wakes {
            let wake = match wake {
                PendingWake::Unsubmitted(order) => self.submit_barrier(shared, order),
                submitted => submitted,
            };
            match wake {
                PendingWake::Barrier(ticket, order) if ticket.state() == TicketState::Durable => {
                    self.wake(shared, scratch, order, now);
                }
                PendingWake::Barrier(ticket, order) if ticket.state() == TicketState::Failed => {
                    self.core().wakes.push(PendingWake::Unsubmitted(order));
                }
                PendingWake::Settle(ticket, activation) if ticket.state() != TicketState::Pending => {
                    self.settled(shared, scratch, ticket.state(), activation, now);
                }
                waiting => self.core().wakes.push(waiting),
            }
        }
    }

    fn wake(&self, shared: &Shared, scratch: &mut Scratch, order: WakeOrder, now: Moment) {
        let WakeOrder { identity, reason, .. } = order;
        let reader = shared.store.reader(identity.id);
        let read = reader.and_then(|reader| Ok((reader.record()?, reader)));
        let (record, reader) = match read {
            Ok(read) => read,
            Err(ReadError::Io(_)) => return self.wake_later(identity, reason),
            Err(error @ ReadError::Damaged { .. }) => {
                return self.set_aside(shared, scratch, &identity, &error.to_string(), now);
            }
        };
        if let WakeReason::Crash { panics, .. } = reason
            && panics >= PANICS_MAX
        {
            let problem = format!("it panicked {panics} times within a minute");
            return self.set_aside(shared, scratch, &identity, &problem, now);
        }
        let reason =
            if record.is_none() && reason == WakeReason::Restart { WakeReason::Created } else { reason };
        drop(reader);
        self.run_wake(shared, scratch, &identity, &reason, record, now);
    }

    fn run_wake(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        identity: &Identity,
        reason: &WakeReason,
        record: Option<Record>,
        now: Moment,
    ) {
        let Some(class) = shared.classes.get(identity.class) else {
            return self.set_aside(shared, scratch, identity, "its class is not served by this build", now);
        };
        let epoch = Epoch(record.as_ref().map_or(1, |record| record.epoch.0.saturating_add(1)));
        let identity = Arc::new(identity.clone());
        let mut activation = Activation::new(Arc::clone(&identity), epoch, class.instantiate(&identity));
        let effects = &mut scratch.effects;
        effects.clear();
        let woken = match guard(|| {
            let open = || shared.store.reader(identity.id);
            let wall = Wall::new(now, shared.clock.unix_ms());
            let sight = Sight { wall, kept: &activation.aside.kept, disk: Some(&open) };
            activation.object.wake(&mut Context::new(&identity, now, epoch, effects, sight), reason)
        }) {
            Ok(Ok(())) => Woken::Awake,
            Ok(Err(error)) => Woken::Failed(error),
            Err(message) => Woken::Panicked(message),
        };
        shared.metrics.wake_seconds.observe(shared.clock.now().since(now).as_secs_f64());
        match woken {
            Woken::Awake => {
                let epoch_stored = self.store_epoch(shared, scratch, activation, record);
                if epoch_stored {
                    self.follow_wakes(shared, scratch, now);
                } else {
                    self.wake_later((*identity).clone(), reason.clone());
                }
            }
            Woken::Failed(error) => {
                discard(activation);
                self.set_aside(shared, scratch, &identity, &error.to_string(), now);
            }
            Woken::Panicked(message) => {
                discard(activation);
                self.wake_panicked(shared, scratch, &identity, reason, &message, now);
            }
        }
    }

    fn wake_panicked(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        identity: &Identity,
        reason: &WakeReason,
        message: &str,
        now: Moment,
    ) {
        let panics = shared.directory.note_panic(identity.id, now);
        shared.metrics.object_panics.inc();
        tracing::error!(class = identity.class, name = %identity.name, panics, message, "waking an object panicked");
        let attempt = match reason {
            WakeReason::Crash { attempt, .. } => attempt.clone(),
            _ => None,
        };
        let reason = WakeReason::Crash { attempt, panics };
        self.begin_wake(shared, scratch, WakeOrder::new(identity.clone(), reason), now);
    }

    /// Stores the activation's epoch with what its `wake` wrote. An object of which nothing is stored, and
    /// that wrote nothing, stays that way. False: the store did not take it, the activation is gone.
    fn store_epoch(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        mut activation: Activation,
        record: Option<Record>,
    ) -> bool {
        let effects = &mut scratch.effects;
        let mut writes = std::mem::take(&mut effects.writes);
        activation.aside.recorded = record.is_some();
        activation.aside.wake_at_start = record.as_ref().is_some_and(|record| record.wake_at_start);
        if let Some(record) = record {
            writes.insert(0, Write::Record(Record { epoch: activation.epoch, node: shared.node, ..record }));
        }
        let ticket = Arc::new(Ticket::default());
        if writes.is_empty() {
            ticket.set_durable();
        } else {
            let (object, epoch) = (activation.identity.id, activation.epoch);
            let batch = WriteBatch {
                object,
                node: shared.node,
                epoch,
                writes,
                urgent: true,
                ticket: Some(Arc::clone(&ticket)),
            };
            if shared.store.submit(batch).is_err() {
                discard(activation);
                return false;
            }
        }
        self.begin_with(shared, &mut activation, effects, &ticket);
        self.core().wakes.push(PendingWake::Settle(ticket, Box::new(activation)));
        true
    }

    /// Carries out what `wake` asked for beside its writes: outputs wait for the epoch.
    fn begin_with(
        &self,
        shared: &Shared,
        activation: &mut Activation,
        effects: &mut Effects,
        ticket: &Arc<Ticket>,
    ) {
        for (release, output) in effects.outputs.drain(..) {
            debug_assert_ne!(release, Release::Ungated, "nothing leaves before the epoch is stored");
            if activation.gate.hold(Arc::clone(ticket), output).is_err() {
                ticket.set_failed();
            }
        }
        for control in effects.controls.drain(..) {
            match control {
                Control::StartTicks { rate_hz, after } => {
                    let ticking = super::activation::Ticking { rate_hz, newest: after, schedule: None };
                    activation.ticks = Some(ticking);
                }
                Control::Place(group) => activation.group = group,
                Control::Publish(listing) => shared.listings.publish(&activation.identity, listing),
                Control::Finish => activation.finishing = true,
                _ => {}
            }
        }
    }

    fn settled(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        state: TicketState,
        activation: Box<Activation>,
        now: Moment,
    ) {
        let object = activation.identity.id;
        if state == TicketState::Failed {
            let identity = (*activation.identity).clone();
            discard(activation);
            return self.set_aside(shared, scratch, &identity, "its new epoch could not be stored", now);
        }
        shared.wake_done(object);
        let elsewhere = activation.group != self.group && !activation.finishing;
        let target = shared.least_loaded_of(activation.group).filter(|_| elsewhere);
        match target {
            Some(target) => {
                self.load.fetch_sub(1, Ordering::Relaxed);
                if shared.directory.transfer(object, self.id, target) {
                    let backlog = self.collect_events(object);
                    self.hand_over(shared, target, Adoption { activation: *activation, backlog });
                }
            }
            None => self.adopt(
                shared,
                scratch,
                Adoption { activation: *activation, backlog: Default::default() },
                now,
            ),
        }
    }

    /// Puts a stand-in where the object cannot be: nothing of it is overwritten.
    fn set_aside(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        identity: &Identity,
        problem: &str,
        now: Moment,
    ) {
        tracing::error!(
            class = identity.class, name = %identity.name, problem,
            "an object is set aside; what is stored of it is untouched; the others are served"
        );
        let stand_in = SetAside::new(problem.to_owned());
        shared.listings.publish(identity, stand_in.listing(identity.name.as_str()));
        let activation = Activation::new(Arc::new(identity.clone()), Epoch(0), Box::new(stand_in));
        shared.wake_done(identity.id);
        self.adopt(shared, scratch, Adoption { activation, backlog: Default::default() }, now);
    }
}
