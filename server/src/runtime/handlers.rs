//! Running handlers on a worker: events and ticks, and what they leave to do.

use std::sync::atomic::Ordering;

use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Moment;

use super::activation::{Activation, Ticking};
use super::alarm_queue::{Entry, Kind, PHASES, TickSchedule};
use super::inbox::{Addressed, Event};
use super::life::removal::delete_everything;
use super::life::restoring::Restoring;
use super::outbox::{Outbox, Outcome};
use super::panic_guard::guard;
use super::pool::Shared;
use super::worker::{Scratch, Worker};
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, DurableObject, TickDue};
use crate::object::effects::Effects;
use crate::object::gate::GateState;
use crate::object::request::HTTP_METHOD;
use crate::object::sight::{OpenReader, Sight};
use crate::object::storage::Write;

/// What a handler that returned left to do.
pub(super) enum Handled {
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
        if activation.finishing || activation.drowsy && shared.forgetful {
            // For the activation after this one.
            self.put_back(slot, activation);
            return self.park(shared, object, event);
        }
        let event = match event {
            Event::Done(job, result) => {
                return self.job_done(shared, scratch, slot, activation, (job, result), now);
            }
            Event::Restore(restoring) => {
                return self.restore(shared, scratch, slot, activation, restoring);
            }
            event if !activation.blocked => event,
            event => {
                let held = activation.hold_back(event);
                self.put_back(slot, activation);
                return held.err().into_iter().for_each(|event| shared.refuse(event));
            }
        };
        activation.note_event(now);
        let handled = self.handle_event(shared, &mut activation, &mut scratch.effects, slot, event, now);
        if self.after(shared, scratch, slot, activation, handled, now) && shared.forgetful {
            self.evict(shared, scratch, slot, now);
        }
    }

    fn handle_event(
        &self,
        shared: &Shared,
        activation: &mut Activation,
        effects: &mut Effects,
        slot: usize,
        event: Event,
        now: Moment,
    ) -> Handled {
        effects.clear();
        match event {
            Event::Call(call, reply) => {
                activation.expect_reply(call.id, now, reply);
                self.run(shared, activation, effects, slot, now, |object, ctx| answer(object, ctx, call))
            }
            Event::Socket(event) => {
                if let Some(socket) = activation.note_socket(&event) {
                    effects.give(Write::ForgetSocket(socket));
                }
                self.run_prepared(shared, activation, effects, slot, now, |object, ctx| {
                    object.on_socket(ctx, event);
                })
            }
            Event::Resume(socket, token) => {
                self.resumed(shared, activation, effects, slot, (socket, token), now)
            }
            Event::Gone(socket) => self.gone(shared, activation, effects, slot, socket, now),
            Event::NobodyReturns => {
                self.nobody_returns(activation);
                Handled::Effects
            }
            Event::Delete(reply) => {
                let id = shared.next_call();
                activation.expect_reply(id, now, reply);
                delete_everything(activation, id, effects);
                Handled::Effects
            }
            // It was woken for the first: they run as its timers. The others have been dealt with.
            Event::Alarm | Event::Done(..) | Event::Restore(_) => Handled::Effects,
        }
    }

    /// Runs one handler, guarded, with the watchdog told.
    pub(super) fn run(
        &self,
        shared: &Shared,
        activation: &mut Activation,
        effects: &mut Effects,
        slot: usize,
        now: Moment,
        handler: impl FnOnce(&mut dyn DurableObject, &mut Context<'_>),
    ) -> Handled {
        effects.clear();
        self.run_prepared(shared, activation, effects, slot, now, handler)
    }

    /// The same, with writes of the runtime's own in the effects already.
    pub(super) fn run_prepared(
        &self,
        shared: &Shared,
        activation: &mut Activation,
        effects: &mut Effects,
        slot: usize,
        now: Moment,
        handler: impl FnOnce(&mut dyn DurableObject, &mut Context<'_>),
    ) -> Handled {
        let began = shared.clock.now();
        self.busy_slot.store(slot, Ordering::Relaxed);
        self.busy_since.store(now.0 + 1, Ordering::Release);
        let Activation { object, identity, epoch, aside, .. } = activation;
        let open = || shared.store.reader(identity.id);
        let disk: Option<OpenReader<'_>> = match self.group {
            WorkerGroup::Tick => None,
            WorkerGroup::General => Some(&open),
        };
        let sight = Sight { wall: self.wall(), kept: &aside.kept, disk };
        let result =
            guard(|| handler(&mut **object, &mut Context::new(identity, now, *epoch, effects, sight)));
        self.busy_since.store(0, Ordering::Release);
        shared.count_busy(identity, began);
        match result {
            Ok(()) => Handled::Effects,
            Err(message) => Handled::Panicked(message),
        }
    }

    /// Carries out what a handler asked for and puts the object where it belongs. False: it is gone.
    pub(super) fn after(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        handled: Handled,
        now: Moment,
    ) -> bool {
        if let Handled::Panicked(message) = handled {
            let panics = shared.directory.note_panic(activation.identity.id, now);
            let attempt = scratch.effects.attempted.then(|| scratch.effects.attempt.clone());
            self.crashed(shared, scratch, slot, activation, &message, attempt, panics);
            return false;
        }
        if let Some(bookmark) = scratch.effects.restores() {
            self.restore(shared, scratch, slot, activation, Restoring { bookmark, reply: None });
            return false;
        }
        let mut outbox = Outbox::new(shared, self.group, now, &mut scratch.sockets);
        if outbox.carry_out(&mut activation, &mut scratch.effects) == Outcome::Reset {
            self.reset(shared, scratch, slot, activation, &CallError::Reset);
            return false;
        }
        self.settle_again(shared, scratch, slot, activation, now)
    }

    /// Puts an object back, or sends it where it wants to be. False: it is gone.
    pub(super) fn settle_again(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        now: Moment,
    ) -> bool {
        let ends = activation.finishing || activation.drowsy;
        let elsewhere = activation.group != self.group && !ends;
        // What it wrote on a tick worker is not among what its reads see: it is durable before it leaves.
        let settles = ends || elsewhere && self.group == WorkerGroup::Tick;
        if settles {
            self.ask_for_durability(shared, &mut activation);
        }
        let leaves = elsewhere && !(settles && activation.awaits_disk());
        if ends && !activation.awaits_disk() {
            self.put_back(slot, activation);
            self.end(shared, scratch, slot);
            return false;
        }
        let unsettled = self.group == WorkerGroup::General && !activation.aside.kept.unwritten.is_empty();
        let waits = !activation.gate.is_open() || settles && !leaves || unsettled;
        let unscheduled = activation.ticks.is_some_and(|ticks| ticks.schedule.is_none());
        if activation.restless {
            self.mind(slot, &mut activation);
        }
        self.put_back(slot, activation);
        if leaves && let Some(target) = shared.least_loaded(self.id) {
            scratch.deliver(shared);
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
        mut activation: Box<Activation>,
        state: GateState,
        now: Moment,
    ) {
        match state {
            GateState::Broken => self.reset(shared, scratch, slot, activation, &CallError::Reset),
            GateState::Full => self.reset(shared, scratch, slot, activation, &CallError::Storage),
            GateState::Open | GateState::Shut => {
                // Nothing waits any more: it may be idle.
                activation.restless |= activation.ticks.is_none();
                let settled = self.settle_again(shared, scratch, slot, activation, now);
                if settled && shared.forgetful && state == GateState::Open {
                    self.evict(shared, scratch, slot, now);
                }
            }
        }
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
        core.alarms.push(Entry::new(schedule.deadline(), Kind::Ticks, slot, generation));
    }

    /// Runs what is due, of every object once: a worker that cannot keep up still gets to its inbox.
    pub(super) fn run_due(&self, shared: &Shared, scratch: &mut Scratch) {
        let entries = self.core().alarms.len();
        for _ in 0..entries {
            let now = shared.clock.now();
            let due = self.core().alarms.pop_due(now);
            let Some(due) = due else { return };
            let slot = due.slot();
            let phase = {
                let core = self.core();
                let place = &core.slots[slot];
                if place.generation != due.generation {
                    continue;
                }
                place.phase
            };
            if due.kind == Kind::Timers {
                self.run_timers(shared, scratch, slot, due.deadline, now);
                continue;
            }
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
            core.alarms.push(Entry::new(schedule.deadline(), Kind::Ticks, slot, generation));
        }
    }
}

/// A call, or a request that came as one. One that fails takes back everything else it did.
fn answer(object: &mut dyn DurableObject, ctx: &mut Context<'_>, call: Call) {
    let id = call.id;
    let answer = if call.method == HTTP_METHOD {
        let request = serde_json::from_value(call.body);
        let request = request.map_err(|error| CallError::Invalid(error.to_string()));
        request.and_then(|request| object.on_http(ctx, id, request))
    } else {
        object.on_call(ctx, call)
    };
    match answer {
        Ok(Answer::Now(value)) => ctx.reply(id, Ok(value)),
        Ok(Answer::AtOnce(value)) => ctx.reply_at_once(id, Ok(value)),
        Ok(Answer::Later) => {}
        Err(error) => {
            ctx.take_back();
            ctx.reply(id, Err(error));
        }
    }
}
