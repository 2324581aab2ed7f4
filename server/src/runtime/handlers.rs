//! Running handlers on a worker: events, ticks, sleep; and what a panic in one of them causes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Moment;
use tickstone_shared::wire::close::CloseCode;

use super::activation::{Activation, Ticking};
use super::alarm_queue::{PHASES, TickSchedule};
use super::inbox::{Addressed, Event, Order, WakeOrder};
use super::outbox::{Outbox, Outcome};
use super::panic_guard::{discard, guard};
use super::pool::Shared;
use super::ports::SocketOutput;
use super::worker::{Scratch, Worker};
use crate::object::context::Context;
use crate::object::contract::{Answer, CallError, DurableObject, TickDue, WakeReason};
use crate::object::effects::Effects;
use crate::object::gate::GateState;
use crate::object::sight::{OpenReader, Sight, Wall};

/// What a handler that returned left to do.
enum Handled {
    /// Carry its effects out.
    Effects,
    /// It panicked, saying this.
    Panicked(String),
}

impl Worker {
    pub(super) fn run_event(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        Addressed { object, event }: Addressed,
        now: Moment,
    ) {
        let Some(mut activation) = self.take(slot) else {
            // The watchdog has just moved it away.
            return shared.redeliver(object, event);
        };
        if activation.asleep {
            self.put_back(slot, activation);
            return shared.refuse_draining(event);
        }
        let handled = match event {
            Event::Call(call, reply) => {
                let id = call.id;
                activation.expect_reply(id, now, reply);
                self.run(shared, &mut activation, &mut scratch.effects, slot, now, |object, ctx| match object
                    .on_call(ctx, call)
                {
                    Ok(Answer::Now(value)) => ctx.reply(id, Ok(value)),
                    Ok(Answer::AtOnce(value)) => ctx.reply_at_once(id, Ok(value)),
                    Ok(Answer::Later) => {}
                    Err(error) => ctx.reply(id, Err(error)),
                })
            }
            Event::Done(job, result) => {
                self.run(shared, &mut activation, &mut scratch.effects, slot, now, |object, ctx| {
                    object.on_done(ctx, job, result);
                })
            }
            Event::Delete(reply) => {
                reply(Err(CallError::NotFound));
                return self.put_back(slot, activation);
            }
            Event::Alarm => return self.put_back(slot, activation),
            Event::Socket(event) => {
                activation.note_socket(&event);
                self.run(shared, &mut activation, &mut scratch.effects, slot, now, |object, ctx| {
                    object.on_socket(ctx, event);
                })
            }
        };
        self.after(shared, scratch, slot, activation, handled, now);
    }

    /// Runs one handler, guarded, with the watchdog told.
    fn run(
        &self,
        shared: &Shared,
        activation: &mut Activation,
        effects: &mut Effects,
        slot: usize,
        now: Moment,
        handler: impl FnOnce(&mut dyn DurableObject, &mut Context<'_>),
    ) -> Handled {
        effects.clear();
        let began = shared.clock.now();
        self.busy_slot.store(slot, Ordering::Relaxed);
        self.busy_since.store(now.0 + 1, Ordering::Release);
        let Activation { object, identity, epoch, aside, .. } = activation;
        let open = || shared.store.reader(identity.id);
        let disk: Option<OpenReader<'_>> = match self.group {
            WorkerGroup::Tick => None,
            WorkerGroup::General => Some(&open),
        };
        let wall = Wall::new(now, shared.clock.unix_ms());
        let sight = Sight { wall, kept: &aside.kept, disk };
        let result =
            guard(|| handler(&mut **object, &mut Context::new(identity, now, *epoch, effects, sight)));
        self.busy_since.store(0, Ordering::Release);
        shared.count_busy(identity.class, began);
        match result {
            Ok(()) => Handled::Effects,
            Err(message) => Handled::Panicked(message),
        }
    }

    /// Carries out what a handler asked for and puts the object where it belongs. False: it is gone.
    fn after(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        handled: Handled,
        now: Moment,
    ) -> bool {
        if let Handled::Panicked(message) = handled {
            self.crashed(shared, scratch, slot, activation, &message, now);
            return false;
        }
        let mut outbox = Outbox {
            store: &*shared.store,
            listings: &shared.listings,
            metrics: &shared.metrics,
            node: shared.node,
            sockets: &mut scratch.sockets,
        };
        if outbox.carry_out(&mut activation, &mut scratch.effects) == Outcome::Reset {
            self.reset(shared, scratch, slot, activation);
            return false;
        }
        self.settle_again(shared, slot, activation, now)
    }

    /// Puts an object back, or sends it where it wants to be. False: it is gone.
    fn settle_again(&self, shared: &Shared, slot: usize, activation: Box<Activation>, now: Moment) -> bool {
        if activation.finishing && activation.gate.is_open() {
            self.put_back(slot, activation);
            self.end(shared, slot);
            return false;
        }
        let elsewhere = activation.group != self.group && !activation.finishing;
        let waits = !activation.gate.is_open() || activation.finishing || activation.has_calls();
        let unscheduled = activation.ticks.is_some_and(|ticks| ticks.schedule.is_none());
        self.put_back(slot, activation);
        if elsewhere && let Some(target) = shared.least_loaded(self.id) {
            self.depart(shared, slot, target);
            return false;
        }
        if unscheduled {
            self.schedule(slot, now);
        }
        let mut core = self.core();
        if waits && !core.gated.contains(&slot) {
            core.gated.push(slot);
        }
        true
    }

    pub(super) fn after_release(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        activation: Box<Activation>,
        state: GateState,
        now: Moment,
    ) {
        if state == GateState::Broken {
            return self.reset(shared, scratch, slot, activation);
        }
        self.settle_again(shared, slot, activation, now);
    }

    /// Gives an object's ticks a phase: the one with the fewest.
    pub(super) fn schedule(&self, slot: usize, now: Moment) {
        let mut core = self.core();
        let mut taken = [0_usize; PHASES as usize];
        let ticking = core.slots.iter().filter_map(|slot| slot.activation.as_ref()?.ticks?.schedule);
        ticking.for_each(|schedule| taken[schedule.phase() as usize] += 1);
        let phase = (0..PHASES).min_by_key(|phase| taken[*phase as usize]).unwrap_or(0);
        let generation = core.slots[slot].generation;
        let Some(ticks) =
            core.slots[slot].activation.as_mut().and_then(|activation| activation.ticks.as_mut())
        else {
            return;
        };
        let schedule = TickSchedule::new(ticks.rate_hz, phase, now);
        ticks.schedule = Some(schedule);
        core.slots[slot].phase = Some(phase);
        core.alarms.push(schedule.deadline(), slot, generation);
    }

    /// Runs what is due, of every object once: a worker that cannot keep up still gets to its inbox.
    pub(super) fn run_due_ticks(&self, shared: &Shared, scratch: &mut Scratch) {
        let entries = self.core().alarms.len();
        for _ in 0..entries {
            let now = shared.clock.now();
            let due = self.core().alarms.pop_due(now);
            let Some((slot, generation)) = due else { return };
            let phase = {
                let core = self.core();
                let place = &core.slots[slot];
                if place.generation != generation {
                    continue;
                }
                place.phase
            };
            if let Some(phase) = phase {
                self.release_inputs(shared, scratch, phase, now);
            }
            if let Some(activation) = self.take(slot) {
                self.run_ticks(shared, scratch, slot, activation, now);
            }
        }
    }

    fn run_ticks(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        now: Moment,
    ) {
        let Some(Ticking { schedule: Some(mut schedule), .. }) = activation.ticks else {
            return self.put_back(slot, activation);
        };
        let due = schedule.take_due(now);
        if let Some(ticks) = &mut activation.ticks {
            ticks.schedule = Some(schedule);
        }
        shared.metrics.ticks_slipped.inc_by(due.slipped);
        if due.steps > 0 {
            shared.metrics.tick_lateness.observe(due.lateness.as_secs_f64());
        }
        let mut began = now;
        for step in 1..=due.steps {
            let Some(ticks) = &mut activation.ticks else { break };
            ticks.newest = ticks.newest.next();
            let due = TickDue { tick: ticks.newest, catching_up: step < due.steps };
            let mut inputs = std::mem::take(&mut activation.inputs);
            let handled =
                self.run(shared, &mut activation, &mut scratch.effects, slot, began, |object, ctx| {
                    inputs.drain(..).for_each(|event| object.on_socket(ctx, event));
                    object.on_tick(ctx, due);
                });
            activation.inputs = inputs;
            if !self.after(shared, scratch, slot, activation, handled, began) {
                return;
            }
            began = shared.count_tick(began);
            match self.take(slot) {
                Some(back) => activation = back,
                None => return,
            }
        }
        let next = activation.ticks.and_then(|ticks| ticks.schedule);
        self.put_back(slot, activation);
        if let Some(schedule) = next {
            let mut core = self.core();
            let generation = core.slots[slot].generation;
            core.alarms.push(schedule.deadline(), slot, generation);
        }
    }

    /// Last words of every object, and no ticks any more.
    pub(super) fn sleep_all(&self, shared: &Shared, scratch: &mut Scratch, now: Moment) {
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

    /// A handler panicked: throw the object's memory away, tell its players, wake it anew.
    fn crashed(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        message: &str,
        now: Moment,
    ) {
        let identity = Arc::clone(&activation.identity);
        let panics = shared.directory.note_panic(identity.id, now);
        shared.metrics.object_panics.inc();
        tracing::error!(
            class = identity.class, name = %identity.name, panics, message,
            "a handler panicked: the object is thrown away and rebuilt from what is stored"
        );
        let attempt = scratch.effects.attempted.then(|| scratch.effects.attempt.clone());
        self.abandon(
            shared,
            scratch,
            &mut activation,
            CloseCode::Restoring,
            "the match crashed and is being restored",
        );
        discard(activation);
        self.rewake(shared, slot, &identity, WakeReason::Crash { attempt, panics });
    }

    /// A commit failed or the gate overflowed: what was held is never sent, and the object starts anew.
    fn reset(&self, shared: &Shared, scratch: &mut Scratch, slot: usize, mut activation: Box<Activation>) {
        let identity = Arc::clone(&activation.identity);
        tracing::error!(
            class = identity.class, name = %identity.name,
            "writes did not become durable: the object is reset to what is stored"
        );
        self.abandon(shared, scratch, &mut activation, CloseCode::Restoring, "the match is being restored");
        discard(activation);
        self.rewake(shared, slot, &identity, WakeReason::Restart);
    }

    fn abandon(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        activation: &mut Activation,
        code: CloseCode,
        reason: &'static str,
    ) {
        activation.gate.abandon().for_each(drop);
        activation.answer_all(&CallError::Reset);
        let closes = activation.sockets.drain(..).map(|socket| SocketOutput::Close { socket, code, reason });
        scratch.sockets.extend(closes);
        shared.listings.withdraw(&activation.identity);
    }

    fn rewake(
        &self,
        shared: &Shared,
        slot: usize,
        identity: &Arc<crate::object::id::Identity>,
        reason: WakeReason,
    ) {
        self.core().vacate(slot);
        self.load.fetch_sub(1, Ordering::Relaxed);
        let order = WakeOrder::new((**identity).clone(), reason);
        shared.rewake(self, order);
    }

    /// Ends an activation: the next event wakes the object anew, be it one that waits already.
    fn end(&self, shared: &Shared, slot: usize) {
        let Some(mut activation) = self.core().vacate(slot) else { return };
        self.load.fetch_sub(1, Ordering::Relaxed);
        activation.answer_all(&CallError::Reset);
        let identity = Arc::clone(&activation.identity);
        discard(activation);
        let events =
            shared.directory.release_if_quiet(identity.id, self.id, || self.collect_events(identity.id));
        if events.is_empty() {
            return;
        }
        if shared.is_draining() {
            shared.directory.release(identity.id, self.id);
            return events.into_iter().for_each(|event| shared.refuse_draining(event));
        }
        let backlog = events;
        shared
            .rewake(self, WakeOrder { identity: (*identity).clone(), reason: WakeReason::Restart, backlog });
    }

    /// Is everything this worker put to sleep durable?
    pub fn is_asleep(&self) -> bool {
        let core = self.core();
        let durable = |slot: &super::worker::Slot| match &slot.activation {
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
    pub(super) fn order(&self, order: Order) {
        if self.inbox.order(order).is_err() {
            tracing::error!(worker = self.id.0, "a worker's order queue is full: an object stays asleep");
        }
    }
}
