//! Waking an object, on a general worker: everything before it is durable; read what is stored; run `wake`;
//! store the new epoch, if there is one; only then does it take events, here or where it wants to run.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tickstone_shared::ids::Epoch;
use tickstone_shared::time::Moment;

use super::endings::{ACTIVE, HIBERNATED};
use super::found::Found;
use super::restoring::Undo;
use super::set_aside::{SET_ASIDE, SetAside};
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Class, WakeError, WakeReason};
use crate::object::effects::Effects;
use crate::object::id::Identity;
use crate::object::sight::Sight;
use crate::object::storage::{AlarmRow, ReadError, Ticket, TicketState, Write, WriteBatch};
use crate::runtime::activation::Activation;
use crate::runtime::inbox::{Adoption, WakeOrder};
use crate::runtime::outbox::Outbox;
use crate::runtime::panic_guard::{discard, guard};
use crate::runtime::pool::Shared;
use crate::runtime::ports::StoreHealth;
use crate::runtime::settings::{PANIC_WINDOW, PANICS_MAX};
use crate::runtime::worker::{Scratch, Worker};

/// A wake that waits for the disk.
pub enum PendingWake {
    /// The store did not take the barrier, or could not be read: tried again in the next turn.
    Unsubmitted(WakeOrder),
    /// What an earlier activation wrote must be durable before it is read.
    Barrier(Arc<Ticket>, WakeOrder),
    /// What is stored is taken back to an earlier moment.
    Restored(Arc<Ticket>, WakeOrder, Undo),
    /// What `wake` wrote must be durable before the object does anything.
    Settle(Arc<Ticket>, Box<Activation>),
}

/// What `wake` came to.
enum Woken {
    Awake,
    Failed(WakeError),
    Panicked(String),
}

/// A wake that has what it needs.
struct Wake<'a> {
    reason: WakeReason,
    found: Found,
    rules: &'a ClassRules,
}

impl Wake<'_> {
    /// The number of the new activation. Nothing was lost over a hibernation, so the number stays; otherwise it
    /// is one more than the last, and stored before the first send.
    fn epoch(&self) -> Epoch {
        match self.reason {
            WakeReason::Hibernation => self.found.epoch,
            _ => Epoch(self.found.epoch.0.saturating_add(1)),
        }
    }

    /// After a panic it stays for as long as panics are counted: the directory counts them.
    fn hibernates_after(&self) -> Duration {
        match self.reason {
            WakeReason::Crash { panics: 1.., .. } => self.rules.hibernates_after.max(PANIC_WINDOW),
            _ => self.rules.hibernates_after,
        }
    }

    fn takes_over(&self) -> bool {
        self.found.record.is_some() && self.reason != WakeReason::Hibernation
    }

    /// The activation, with what is known of it before it is asked.
    fn activation(&self, shared: &Shared, class: &dyn Class, order: &WakeOrder, now: Moment) -> Activation {
        let identity = Arc::new(order.identity.clone());
        let object = class.instantiate(&identity);
        let mut activation = Activation::new(Arc::clone(&identity), self.epoch(), object);
        activation.recorded = self.found.record.is_some();
        let aside = &mut *activation.aside;
        aside.wake_at_start = self.found.record.as_ref().is_some_and(|record| record.wake_at_start);
        aside.class_version = self.rules.version;
        aside.hibernates_after = self.hibernates_after();
        aside.last_event = now;
        aside.ordered = order.since;
        aside.was_hibernated = self.reason == WakeReason::Hibernation;
        let alarms = self.found.alarms.iter().map(|row| (row.name.clone(), row.clone()));
        aside.kept.alarms = alarms.collect();
        aside.kept.alarm_generation = self.found.alarms.iter().map(|row| row.generation).max().unwrap_or(0);
        let sockets = shared.outlet.sockets_of(identity.id);
        aside.kept.resume_key = shared.resume_key;
        aside.absent = self.found.absent.clone();
        aside.kept.sockets = sockets.into_iter().map(|info| (info.socket, info)).collect();
        activation
    }

    /// Alarms whose runs were lost, unless they have been set anew or are gone.
    fn postponed(&self, order: &WakeOrder) -> Vec<Write> {
        let stored = |row: &&AlarmRow| {
            let same = |alarm: &AlarmRow| alarm.name == row.name && alarm.generation == row.generation;
            self.found.alarms.iter().any(same)
        };
        order.postponed.iter().filter(stored).cloned().map(Write::SetAlarm).collect()
    }
}

impl Worker {
    /// Begins a wake: waits until what was written so far is durable. Invariant: nothing is read before that,
    /// or a match would go on from a tick that its own journal is about to pass.
    pub(in crate::runtime) fn begin_wake(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        order: WakeOrder,
        now: Moment,
    ) {
        if order.behind_writes {
            self.core().wakes.push(PendingWake::Unsubmitted(order));
        } else {
            self.wake(shared, scratch, order, now);
        }
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
    pub(super) fn wake_later(&self, order: WakeOrder) {
        self.core().wakes.push(PendingWake::Unsubmitted(order));
    }

    /// Goes on with every wake the disk has let through.
    pub(in crate::runtime) fn follow_wakes(&self, shared: &Shared, scratch: &mut Scratch, now: Moment) {
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
                PendingWake::Barrier(ticket, order) if ticket.state() != TicketState::Pending => {
                    self.wake_later(order);
                }
                PendingWake::Restored(ticket, order, undo) if ticket.state() != TicketState::Pending => {
                    undo.tell(ticket.state());
                    self.wake(shared, scratch, order, now);
                }
                PendingWake::Settle(ticket, activation) if ticket.state() != TicketState::Pending => {
                    self.settled(shared, scratch, ticket.state(), activation, now);
                }
                waiting => self.core().wakes.push(waiting),
            }
        }
    }

    fn wake(&self, shared: &Shared, scratch: &mut Scratch, mut order: WakeOrder, now: Moment) {
        if let Some(restoring) = order.restoring.take() {
            return self.begin_restore(shared, order, restoring);
        }
        let identity = order.identity.clone();
        let read = || Found::read(&*shared.store.reader(identity.id)?, shared.absent(identity.id)?);
        let found = read();
        let found = match found {
            Ok(found) => found,
            Err(ReadError::Io(_)) => return self.wake_later(order),
            Err(error @ ReadError::Damaged { .. }) => {
                return self.set_aside(shared, scratch, &identity, &error.to_string(), now);
            }
        };
        let Some((class, rules)) = shared.class(identity.class) else {
            return self.set_aside(shared, scratch, &identity, "its class is not served by this build", now);
        };
        if let WakeReason::Crash { panics, .. } = order.reason
            && panics >= PANICS_MAX
        {
            let problem = format!("it panicked {panics} times within a minute");
            return self.set_aside(shared, scratch, &identity, &problem, now);
        }
        if let Some(version) = found.record.as_ref().map(|record| record.class_version)
            && version > rules.version
        {
            let problem =
                format!("version {version} of its class wrote it; this build has version {}", rules.version);
            return self.set_aside(shared, scratch, &identity, &problem, now);
        }
        let reason = found.reason(&order.reason, shared.node, rules);
        let wake = Wake { reason, found, rules };
        let mut activation = wake.activation(shared, &**class, &order, now);
        match self.run_wake(shared, &mut scratch.effects, &**class, &mut activation, &wake.reason, now) {
            Woken::Awake => {
                scratch.effects.writes.extend(wake.postponed(&order));
                if self.store_wake(shared, scratch, activation, wake.takes_over(), now) {
                    self.follow_wakes(shared, scratch, now);
                } else {
                    self.wake_later(order);
                }
            }
            Woken::Failed(error) => {
                discard(activation);
                // It may have read what cannot be read just now: that is no fault of what is stored.
                if shared.store.health() == StoreHealth::Failing {
                    return self.wake_later(order);
                }
                self.set_aside(shared, scratch, &order.identity, &error.to_string(), now);
            }
            Woken::Panicked(message) => {
                discard(activation);
                self.wake_panicked(shared, scratch, order, &message, now);
            }
        }
    }

    fn run_wake(
        &self,
        shared: &Shared,
        effects: &mut Effects,
        class: &dyn Class,
        activation: &mut Activation,
        reason: &WakeReason,
        now: Moment,
    ) -> Woken {
        effects.clear();
        let Activation { object, identity, epoch, aside, .. } = activation;
        let open = || shared.store.reader(identity.id);
        let sight = Sight { wall: self.wall(), kept: &aside.kept, disk: Some(&open) };
        let woken = guard(|| {
            let mut ctx = Context::new(identity, now, *epoch, effects, sight);
            if let WakeReason::Migration { from } = reason {
                class.migrate(&mut ctx, *from)?;
            }
            object.wake(&mut ctx, reason)
        });
        match woken {
            Ok(Ok(())) => Woken::Awake,
            Ok(Err(error)) => Woken::Failed(error),
            Err(message) => Woken::Panicked(message),
        }
    }

    fn wake_panicked(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        order: WakeOrder,
        message: &str,
        now: Moment,
    ) {
        let WakeOrder { identity, reason, .. } = &order;
        let panics = shared.directory.note_panic(identity.id, now);
        shared.metrics.object_panics.inc();
        tracing::error!(class = identity.class, name = %identity.name, panics, message, "waking an object panicked");
        let attempt = match reason {
            WakeReason::Crash { attempt, .. } => attempt.clone(),
            _ => None,
        };
        let reason = WakeReason::Crash { attempt, panics };
        self.begin_wake(shared, scratch, WakeOrder { reason, ..order }, now);
    }

    /// Stores what `wake` wrote, with the new epoch if there is one. An object of which nothing is stored, and
    /// that wrote nothing, stays that way. False: the store did not take it, the activation is gone.
    fn store_wake(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        mut activation: Activation,
        takes_over: bool,
        now: Moment,
    ) -> bool {
        let mut outbox = Outbox::new(shared, self.group, now, &mut scratch.sockets);
        match outbox.begin(&mut activation, &mut scratch.effects, takes_over) {
            Some(ticket) => {
                self.core().wakes.push(PendingWake::Settle(ticket, Box::new(activation)));
                true
            }
            None => {
                discard(activation);
                false
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
        if state != TicketState::Durable {
            let identity = (*activation.identity).clone();
            discard(activation);
            return self.set_aside(
                shared,
                scratch,
                &identity,
                "what its wake wrote could not be stored",
                now,
            );
        }
        shared.wake_done(object);
        if !activation.aside.was_hibernated {
            // What the activation before this one wrote is durable, and may not have been shown.
            shared.snapshots.changed(object, None);
        }
        let took = shared.clock.now().since(activation.aside.ordered);
        shared.metrics.wake_seconds.observe(took.as_secs_f64());
        let before = activation.aside.was_hibernated.then_some(HIBERNATED);
        shared.metrics.count_object(activation.identity.class, before, Some(ACTIVE));
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
        let mut activation = Activation::new(Arc::new(identity.clone()), Epoch(0), Box::new(stand_in));
        // It stays until the process ends: who looks is to see why.
        activation.aside.hibernates_after = Duration::MAX;
        shared.wake_done(identity.id);
        shared.metrics.count_object(identity.class, None, Some(SET_ASIDE));
        self.adopt(shared, scratch, Adoption { activation, backlog: Default::default() }, now);
    }
}
