//! Carries out what one handler asked for: one batch of writes, outputs through the gate, controls.

use std::sync::Arc;

use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Moment;

use super::activation::{Activation, Ticking};
use super::pool::Shared;
use super::ports::{SocketOutput, SubmitError};
use crate::metrics::CallLabel;
use crate::object::context::WakeAtStart;
use crate::object::contract::{AfterRefusal, CallError};
use crate::object::effects::{Control, Effects, Output, PeerOutput, Release};
use crate::object::gate::{GateFull, GateState};
use crate::object::resume::KeptSocket;
use crate::object::storage::{Record, Ticket, TicketState, Write, WriteBatch};

/// What the activation needs after its effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: it goes on.
    GoesOn,
    /// To be reset: what it held back will never be sent.
    Reset,
}

/// Where effects go.
pub struct Outbox<'a> {
    shared: &'a Shared,
    group: WorkerGroup,
    now: Moment,
    /// Collects what goes to sockets.
    sockets: &'a mut Vec<SocketOutput>,
}

/// How a handler's outputs are released.
pub enum Passage {
    /// Nothing has to be waited for.
    Open,
    /// Gated outputs wait for this ticket.
    Behind(Arc<Ticket>),
    /// The writes were refused: gated outputs are dropped.
    Refused,
}

impl<'a> Outbox<'a> {
    /// The way out of a worker.
    pub fn new(
        shared: &'a Shared,
        group: WorkerGroup,
        now: Moment,
        sockets: &'a mut Vec<SocketOutput>,
    ) -> Self {
        Self { shared, group, now, sockets }
    }

    /// Carries out `effects` and leaves them empty.
    pub fn carry_out(&mut self, activation: &mut Activation, effects: &mut Effects) -> Outcome {
        note_peers(activation, effects);
        let passage = self.submit(activation, effects);
        let refused = matches!(passage, Passage::Refused);
        let full = self.pass_all(activation, effects, &passage).is_err();
        for control in effects.controls.drain(..) {
            if matches!(control, Control::BlockUntil(_)) {
                let class = activation.identity.class;
                self.shared.metrics.blocks_outside_wake.inc();
                tracing::warn!(class, name = %activation.identity.name, "block_until outside wake");
            }
            self.control(activation, control);
        }
        let reset = full || refused && activation.object.on_writes_refused() == AfterRefusal::Reset;
        if reset { Outcome::Reset } else { Outcome::GoesOn }
    }

    /// Carries out what `wake` asked for: everything waits until its writes are durable, with the new epoch if
    /// it takes the object over. None: the store did not take them.
    pub fn begin(
        &mut self,
        activation: &mut Activation,
        effects: &mut Effects,
        takes_over: bool,
    ) -> Option<Arc<Ticket>> {
        note_peers(activation, effects);
        self.note_writes(activation, effects, takes_over);
        let ticket = Arc::new(Ticket::default());
        if effects.writes.is_empty() {
            ticket.set_durable();
        } else {
            activation.aside.kept.unwritten.add(&effects.writes, Arc::clone(&ticket));
            let batch = self.batch(activation, std::mem::take(&mut effects.writes), true, Some(&ticket));
            self.shared.store.submit(batch).ok()?;
        }
        let passage = Passage::Behind(Arc::clone(&ticket));
        effects.outputs.iter_mut().for_each(|(release, _)| *release = Release::Gated);
        if self.pass_all(activation, effects, &passage).is_err() {
            ticket.set_failed();
        }
        effects.controls.drain(..).for_each(|control| self.control(activation, control));
        Some(ticket)
    }

    fn batch(
        &self,
        activation: &Activation,
        writes: Vec<Write>,
        urgent: bool,
        ticket: Option<&Arc<Ticket>>,
    ) -> WriteBatch {
        WriteBatch {
            object: activation.identity.id,
            node: self.shared.node,
            epoch: activation.epoch,
            writes,
            urgent,
            ticket: ticket.cloned(),
        }
    }

    /// Submits what a handler wrote as one batch.
    pub fn submit(&mut self, activation: &mut Activation, effects: &mut Effects) -> Passage {
        self.note_writes(activation, effects, false);
        let gated = effects.outputs.iter().any(|(release, _)| *release == Release::Gated);
        let urgent = is_urgent(effects);
        let waited_for = gated || urgent;
        let writes = std::mem::take(&mut effects.writes);
        if writes.is_empty() && !(waited_for && activation.awaits_disk()) {
            return Passage::Open;
        }
        let is_read_again = self.group == WorkerGroup::General || effects.running_alarm.is_some();
        let has_ticket = waited_for || is_read_again;
        let ticket = has_ticket.then(|| Arc::new(Ticket::default()));
        if let Some(ticket) = ticket.as_ref().filter(|_| self.group == WorkerGroup::General) {
            activation.aside.kept.unwritten.add(&writes, Arc::clone(ticket));
        }
        let batch = self.batch(activation, writes, urgent, ticket.as_ref());
        match self.shared.store.submit(batch) {
            Ok(()) => {
                activation.unticketed = ticket.is_none();
                let Some(ticket) = ticket else { return Passage::Open };
                activation.newest_ticket = Some(Arc::clone(&ticket));
                if effects.running_alarm.is_some() {
                    activation.settle_alarm(&ticket);
                }
                Passage::Behind(ticket)
            }
            Err(SubmitError::QueueFull | SubmitError::Closed) => {
                // Nobody may take it for stored, least of all a drain.
                activation.unticketed = true;
                Passage::Refused
            }
        }
    }

    /// Says in the batch what the record becomes, if that changes, and keeps what handlers are told of alarms.
    fn note_writes(&self, activation: &mut Activation, effects: &mut Effects, takes_over: bool) {
        let mut stores = false;
        for write in &effects.writes {
            match write {
                Write::Append { .. } | Write::Put { .. } => stores = true,
                Write::SetAlarm(_) => {
                    stores = true;
                    activation.note_alarm(write);
                }
                Write::DeleteAll => {
                    stores = false;
                    activation.recorded = false;
                    activation.aside.wake_at_start = false;
                    activation.note_alarm(write);
                }
                Write::ClearAlarm { .. } => activation.note_alarm(write),
                Write::Delete { .. } | Write::CutJournal | Write::Record(_) | Write::Restore { .. } => {}
                Write::KeepSocket(_) | Write::ForgetSocket(_) => {}
            }
        }
        let wish = effects.controls.iter().rev().find_map(|control| match control {
            Control::WakeAtStart(wish) => Some(*wish == WakeAtStart::Yes),
            _ => None,
        });
        if takes_over || wish.is_some() || stores && !activation.recorded {
            effects.writes.push(Write::Record(self.record(activation, wish)));
        }
    }

    fn record(&self, activation: &mut Activation, wish: Option<bool>) -> Record {
        activation.recorded = true;
        let aside = &mut *activation.aside;
        aside.wake_at_start = wish.unwrap_or(aside.wake_at_start);
        Record {
            class: activation.identity.class.to_owned(),
            name: activation.identity.name.clone(),
            epoch: activation.epoch,
            node: self.shared.node,
            class_version: aside.class_version,
            wake_at_start: aside.wake_at_start,
        }
    }

    fn pass_all(
        &mut self,
        activation: &mut Activation,
        effects: &mut Effects,
        passage: &Passage,
    ) -> Result<(), GateFull> {
        let mut result = Ok(());
        for (release, output) in effects.outputs.drain(..) {
            match &output {
                // One job too many: it ends at once.
                Output::Start { id, job } if !activation.expect_job(*id, job, self.now) => continue,
                _ => {}
            }
            result = result.and(self.pass(activation, release, output, passage));
        }
        result
    }

    fn pass(
        &mut self,
        activation: &mut Activation,
        release: Release,
        output: Output,
        passage: &Passage,
    ) -> Result<(), GateFull> {
        match (release, passage) {
            (Release::Gated, Passage::Behind(ticket)) => activation.gate.hold(Arc::clone(ticket), output)?,
            (Release::Gated, Passage::Refused) => Self::refuse(activation, &output),
            _ => self.emit(activation, output),
        }
        Ok(())
    }

    fn refuse(activation: &mut Activation, output: &Output) {
        if let Output::Reply { call, .. } = output {
            activation.answer(*call, Err(CallError::Storage));
        }
    }

    fn emit(&mut self, activation: &mut Activation, output: Output) {
        match output {
            Output::Send { socket, message } => self.sockets.push(SocketOutput::Send { socket, message }),
            Output::Broadcast { sockets, message } => {
                self.sockets.push(SocketOutput::Broadcast { sockets, message });
            }
            Output::Close { socket, code, reason } => {
                self.sockets.push(SocketOutput::Close { socket, code, reason });
            }
            Output::State(frame) => self.sockets.push(SocketOutput::State(frame)),
            Output::Peer(output) => {
                if let PeerOutput::Abandon { object } = *output {
                    // At once: the object is about to end, and nothing is to wake it again.
                    self.shared.outlet.abandon(object);
                }
                self.sockets.push(SocketOutput::Peer(output));
            }
            Output::Reply { call, result } => {
                let label = CallLabel { class: activation.identity.class, result: outcome(&result) };
                self.shared.metrics.calls.get_or_create(&label).inc();
                activation.answer(call, result);
            }
            Output::Snapshot(snapshot) => self.shared.snapshots.changed(activation.identity.id, snapshot),
            Output::Start { id, job } => self.shared.start_job(&activation.identity, id, job),
        }
    }

    fn control(&mut self, activation: &mut Activation, control: Control) {
        match control {
            Control::StartTicks { rate_hz, after } => {
                let ticks = Some(Ticking { rate_hz, newest: after, schedule: None });
                match &mut activation.aside.block {
                    Some(block) => block.ticks = ticks,
                    None => activation.ticks = ticks,
                }
            }
            Control::StopTicks => {
                activation.ticks = None;
                activation.aside.last_event = self.now;
                activation.restless = true;
            }
            Control::Place(group) => activation.group = group,
            Control::Publish(listing) => self.shared.listings.publish(&activation.identity, listing),
            Control::Finish => activation.finishing = true,
            Control::KeepSocket(socket) => activation.sockets.push(socket),
            Control::BlockUntil(job) => activation.block_until(job, self.now),
            Control::Hibernate => {
                activation.aside.wants_sleep = true;
                activation.restless = true;
            }
            // The first two are in the batch; the last was looked at before.
            Control::WakeAtStart(_) | Control::CommitNow | Control::Restore(_) => {}
        }
    }

    /// Lets out what the disk has by now.
    pub fn release(&mut self, activation: &mut Activation, released: &mut Vec<Output>) -> GateState {
        let state = activation.gate.release(released);
        for output in released.drain(..) {
            self.emit(activation, output);
        }
        if self.group == WorkerGroup::Tick || state != GateState::Open {
            return state;
        }
        match activation.aside.kept.unwritten.settle() {
            TicketState::Durable => GateState::Open,
            TicketState::Pending => GateState::Shut,
            TicketState::Failed => GateState::Broken,
            TicketState::Full => GateState::Full,
        }
    }
}

/// Keeps what handlers are told of the object's own sockets, and has those stored that are to outlast the process.
fn note_peers(activation: &mut Activation, effects: &mut Effects) {
    let mut changed = Vec::new();
    for (_, output) in &effects.outputs {
        if let Output::Peer(output) = output {
            changed.extend(activation.note_peer(output));
        }
    }
    changed.sort_unstable();
    changed.dedup();
    let kept = &activation.aside.kept;
    let infos = changed.iter().filter_map(|socket| kept.sockets.get(socket));
    let rows = infos.map(|info| KeptSocket::of(&activation.identity, info, &kept.resume_key));
    effects.writes.extend(rows.map(Write::KeepSocket));
}

/// Somebody waits for what is held: a caller for an answer, the client of a socket of the object's own, another
/// object for a call; or the object said so. What a match says to its players goes with the next group.
fn is_urgent(effects: &Effects) -> bool {
    let waited_for = |(release, output): &(Release, Output)| {
        *release == Release::Gated
            && match output {
                Output::Reply { .. } | Output::Start { .. } => true,
                Output::Peer(output) => is_heard(output),
                Output::Send { .. }
                | Output::Broadcast { .. }
                | Output::Close { .. }
                | Output::State(_)
                | Output::Snapshot(_) => false,
            }
    };
    effects.controls.contains(&Control::CommitNow) || effects.outputs.iter().any(waited_for)
}

/// A client hears it, rather than the gateway alone.
fn is_heard(output: &PeerOutput) -> bool {
    match output {
        PeerOutput::Accept { .. }
        | PeerOutput::Send { .. }
        | PeerOutput::Broadcast { .. }
        | PeerOutput::Close { .. } => true,
        PeerOutput::Keep { .. }
        | PeerOutput::Attach { .. }
        | PeerOutput::Abandon { .. }
        | PeerOutput::AutoResponse { .. } => false,
    }
}

fn outcome(result: &Result<serde_json::Value, CallError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(_) => "error",
    }
}
