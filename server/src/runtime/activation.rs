//! One object, alive on a worker: its memory, its gate, its calls, its schedule.

use std::sync::Arc;

use tickstone_shared::ids::Epoch;
use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::{Moment, Tick};

use super::alarm_queue::TickSchedule;
use super::handle::ReplyTo;
use super::inbox::Event;
use super::settings::CALL_TIMEOUT;
use crate::object::contract::{CallError, CallId, DurableObject};
use crate::object::gate::Gate;
use crate::object::id::Identity;
use crate::object::sight::Kept;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::storage::{Ticket, TicketState};

/// Calls that wait for an answer of one object; more are refused as overload.
pub const CALLS_WAITING_MAX: usize = 1024;
/// Inputs handed over with one tick; more are handed over before it.
const INPUTS_KEPT_MAX: usize = 4096;

/// An activation.
pub struct Activation {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Its number.
    pub epoch: Epoch,
    /// The class's own state machine.
    pub object: Box<dyn DurableObject>,
    /// What waits for the disk.
    pub gate: Gate,
    /// Its sockets, to be told when it crashes.
    pub sockets: Vec<SocketId>,
    /// Where it wants to run.
    pub group: WorkerGroup,
    /// The ticks it asked for.
    pub ticks: Option<Ticking>,
    /// Inputs for the tick that is due, handed over together with it.
    pub inputs: Vec<SocketEvent>,
    /// It has written something that no ticket of its own says to be durable.
    pub unticketed: bool,
    /// The ticket of its newest batch that has one.
    pub newest_ticket: Option<Arc<Ticket>>,
    /// It asked to end; it does once its gate is open.
    pub finishing: bool,
    /// Asleep for a drain: no more handlers.
    pub asleep: bool,
    /// What a tick never looks at.
    pub aside: Box<Aside>,
    calls: Vec<PendingCall>,
}

/// What a tick never looks at.
#[derive(Debug, Default)]
pub struct Aside {
    /// What handlers can look at.
    pub kept: Kept,
    /// A record is stored.
    pub recorded: bool,
    /// It is woken when the server starts.
    pub wake_at_start: bool,
}

/// The ticks of an activation.
#[derive(Debug, Clone, Copy)]
pub struct Ticking {
    /// Steps a second.
    pub rate_hz: u32,
    /// The newest tick there is.
    pub newest: Tick,
    /// When the next is due; none until a worker has given it a phase.
    pub schedule: Option<TickSchedule>,
}

struct PendingCall {
    id: CallId,
    since: Moment,
    reply: ReplyTo,
}

impl Activation {
    /// A fresh activation, not woken yet.
    pub fn new(identity: Arc<Identity>, epoch: Epoch, object: Box<dyn DurableObject>) -> Self {
        Self {
            identity,
            epoch,
            object,
            gate: Gate::default(),
            sockets: Vec::new(),
            group: WorkerGroup::General,
            ticks: None,
            inputs: Vec::new(),
            unticketed: false,
            newest_ticket: None,
            finishing: false,
            asleep: false,
            aside: Box::default(),
            calls: Vec::new(),
        }
    }

    /// Keeps an input for the tick that is due; gives it back if none is coming, or too many wait.
    #[expect(clippy::result_large_err, reason = "the event comes back by value: refusing must not allocate")]
    pub fn keep_input(&mut self, event: Event) -> Result<(), Event> {
        match event {
            Event::Socket(event @ SocketEvent::Inputs { .. })
                if self.ticks.is_some() && self.inputs.len() < INPUTS_KEPT_MAX =>
            {
                self.inputs.push(event);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Remembers where the answer to a call goes; answers at once if too many wait.
    pub fn expect_reply(&mut self, id: CallId, since: Moment, reply: ReplyTo) {
        if self.calls.len() >= CALLS_WAITING_MAX {
            reply(Err(CallError::Overloaded));
        } else {
            self.calls.push(PendingCall { id, since, reply });
        }
    }

    /// Answers a call. A second answer, or one that comes too late, goes nowhere.
    pub fn answer(&mut self, id: CallId, result: Result<serde_json::Value, CallError>) {
        if let Some(index) = self.calls.iter().position(|call| call.id == id) {
            (self.calls.swap_remove(index).reply)(result);
        }
    }

    /// A call waits for its answer.
    pub fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Answers calls that have waited too long.
    pub fn expire_calls(&mut self, now: Moment) {
        while let Some(index) = self.calls.iter().position(|call| now.since(call.since) >= CALL_TIMEOUT) {
            (self.calls.swap_remove(index).reply)(Err(CallError::TimedOut));
        }
    }

    /// Answers every call that waits, because the activation ends.
    pub fn answer_all(&mut self, error: &CallError) {
        for call in self.calls.drain(..) {
            (call.reply)(Err(error.clone()));
        }
    }

    /// Something it has written may not be durable yet.
    pub fn awaits_disk(&self) -> bool {
        let pending = |ticket: &Arc<Ticket>| ticket.state() == TicketState::Pending;
        self.unticketed || !self.gate.is_open() || self.newest_ticket.as_ref().is_some_and(pending)
    }

    /// Keeps the list of sockets.
    pub fn note_socket(&mut self, event: &SocketEvent) {
        match event {
            SocketEvent::Opened { socket, .. } => self.sockets.push(*socket),
            SocketEvent::Closed { socket } => self.sockets.retain(|open| open != socket),
            _ => {}
        }
    }
}
