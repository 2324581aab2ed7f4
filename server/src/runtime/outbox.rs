//! Carries out what one handler asked for: one batch of writes, outputs through the gate, controls.

use std::sync::Arc;

use super::activation::{Activation, Ticking};
use super::listings::Listings;
use super::ports::{SocketOutput, Store, SubmitError};
use crate::metrics::Metrics;
use crate::object::context::WakeAtStart;
use crate::object::contract::{AfterRefusal, CallError};
use crate::object::effects::{Control, Effects, Output, Release};
use crate::object::gate::GateState;
use crate::object::storage::{Record, Ticket, Write, WriteBatch};

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
    /// Who this process is to the store.
    pub node: u32,
    /// Takes writes.
    pub store: &'a dyn Store,
    /// Takes what is published.
    pub listings: &'a Listings,
    /// Counts.
    pub metrics: &'a Metrics,
    /// Collects what goes to sockets.
    pub sockets: &'a mut Vec<SocketOutput>,
}

/// How a handler's outputs are released.
enum Passage {
    /// Nothing has to be waited for.
    Open,
    /// Gated outputs wait for this ticket.
    Behind(Arc<Ticket>),
    /// The writes were refused: gated outputs are dropped.
    Refused,
}

impl Outbox<'_> {
    /// Carries out `effects` and leaves them empty.
    pub fn carry_out(&mut self, activation: &mut Activation, effects: &mut Effects) -> Outcome {
        let passage = self.submit(activation, effects);
        let refused = matches!(passage, Passage::Refused);
        let mut full = false;
        for (release, output) in effects.outputs.drain(..) {
            full |= self.pass(activation, release, output, &passage).is_err();
        }
        for control in effects.controls.drain(..) {
            self.control(activation, control);
        }
        let reset = full || refused && activation.object.on_writes_refused() == AfterRefusal::Reset;
        if reset { Outcome::Reset } else { Outcome::GoesOn }
    }

    fn submit(&mut self, activation: &mut Activation, effects: &mut Effects) -> Passage {
        let gated = effects.outputs.iter().any(|(release, _)| *release == Release::Gated);
        let waited_for = gated || is_urgent(effects);
        self.record(activation, effects);
        if effects.writes.is_empty() && !(waited_for && activation.awaits_disk()) {
            return Passage::Open;
        }
        let ticket = waited_for.then(|| Arc::new(Ticket::default()));
        let batch = WriteBatch {
            object: activation.identity.id,
            node: self.node,
            epoch: activation.epoch,
            writes: std::mem::take(&mut effects.writes),
            urgent: is_urgent(effects),
            ticket: ticket.clone(),
        };
        match self.store.submit(batch) {
            Ok(()) => {
                activation.unticketed = ticket.is_none();
                if let Some(ticket) = ticket {
                    activation.newest_ticket = Some(Arc::clone(&ticket));
                    return Passage::Behind(ticket);
                }
                Passage::Open
            }
            Err(SubmitError::QueueFull | SubmitError::Closed) => {
                // Nobody may take it for stored, least of all a drain.
                activation.unticketed = true;
                Passage::Refused
            }
        }
    }

    /// Says in the batch what the record becomes, if that changes.
    fn record(&self, activation: &mut Activation, effects: &mut Effects) {
        let wish = effects.controls.iter().rev().find_map(|control| match control {
            Control::WakeAtStart(wish) => Some(*wish == WakeAtStart::Yes),
            _ => None,
        });
        let aside = &mut *activation.aside;
        if wish.is_none() && (aside.recorded || effects.writes.is_empty()) {
            return;
        }
        aside.wake_at_start = wish.unwrap_or(aside.wake_at_start);
        aside.recorded = true;
        effects.writes.push(Write::Record(Record {
            class: activation.identity.class.to_owned(),
            name: activation.identity.name.clone(),
            epoch: activation.epoch,
            node: self.node,
            class_version: 1,
            wake_at_start: aside.wake_at_start,
        }));
    }

    fn pass(
        &mut self,
        activation: &mut Activation,
        release: Release,
        output: Output,
        passage: &Passage,
    ) -> Result<(), crate::object::gate::GateFull> {
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
            Output::Reply { call, result } => {
                let label =
                    crate::metrics::CallLabel { class: activation.identity.class, result: outcome(&result) };
                self.metrics.calls.get_or_create(&label).inc();
                activation.answer(call, result);
            }
            Output::Peer(output) => self.sockets.push(SocketOutput::Peer(output)),
            Output::Start { id, job } => tracing::warn!(?id, ?job, "this runtime does no jobs"),
        }
    }

    fn control(&mut self, activation: &mut Activation, control: Control) {
        match control {
            Control::StartTicks { rate_hz, after } => {
                activation.ticks = Some(Ticking { rate_hz, newest: after, schedule: None });
            }
            Control::StopTicks => activation.ticks = None,
            Control::Place(group) => activation.group = group,
            Control::Publish(listing) => self.listings.publish(&activation.identity, listing),
            Control::Finish => activation.finishing = true,
            Control::WakeAtStart(_) | Control::BlockUntil(_) | Control::Hibernate | Control::CommitNow => {}
        }
    }

    /// Lets out what the disk has by now.
    pub fn release(&mut self, activation: &mut Activation, released: &mut Vec<Output>) -> GateState {
        let state = activation.gate.release(released);
        for output in released.drain(..) {
            self.emit(activation, output);
        }
        state
    }
}

/// Somebody waits: a caller for an answer, or the object said so.
fn is_urgent(effects: &Effects) -> bool {
    let replies = |(release, output): &(Release, Output)| {
        *release == Release::Gated && matches!(output, Output::Reply { .. })
    };
    effects.controls.contains(&Control::CommitNow) || effects.outputs.iter().any(replies)
}

fn outcome(result: &Result<serde_json::Value, CallError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(_) => "error",
    }
}
