//! One object, alive on a worker: its memory, its gate, its calls, its schedule.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tickstone_shared::ids::Epoch;
use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::{Moment, Tick};

use super::alarm_queue::TickSchedule;
use super::handle::ReplyTo;
use super::inbox::Event;
use super::jobs::RunningJob;
use super::settings::CALL_TIMEOUT;
use crate::object::class::HIBERNATES_AFTER;
use crate::object::contract::{CallError, CallId, DurableObject};
use crate::object::effects::PeerOutput;
use crate::object::gate::Gate;
use crate::object::id::Identity;
use crate::object::job::JobId;
use crate::object::peer::SocketInfo;
use crate::object::resume::KeptSocket;
use crate::object::sight::Kept;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::storage::{AlarmRow, Ticket, TicketState, Write};

/// Calls that wait for an answer of one object; more are refused as overload.
pub const CALLS_WAITING_MAX: usize = 1024;
/// Inputs handed over with one tick; more are handed over before it.
const INPUTS_KEPT_MAX: usize = 4096;

/// An activation. What a tick looks at is here, the rest in [`Aside`].
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
    /// It asked to end; it does once everything of it is durable.
    pub finishing: bool,
    /// It has said its last words before it hibernates; it does once everything of it is durable.
    pub drowsy: bool,
    /// Asleep for a drain: no more handlers.
    pub asleep: bool,
    /// A job of it holds every other event.
    pub blocked: bool,
    /// A record of it is stored.
    pub recorded: bool,
    /// Something changed that may be due earlier than its worker knows.
    pub restless: bool,
    /// What a tick never looks at.
    pub aside: Box<Aside>,
}

/// What a tick never looks at.
#[derive(Default)]
pub struct Aside {
    /// What handlers can look at.
    pub kept: Kept,
    /// It is woken when the server starts.
    pub wake_at_start: bool,
    /// The version of its class.
    pub class_version: u32,
    /// Its idle time.
    pub hibernates_after: Duration,
    /// When it was ordered to wake.
    pub ordered: Moment,
    /// It was woken from a hibernation.
    pub was_hibernated: bool,
    /// When its last event came.
    pub last_event: Moment,
    /// It asked to hibernate at once.
    pub wants_sleep: bool,
    /// The earliest entry of it in its worker's queue.
    pub timer: Option<Moment>,
    /// Jobs that are not done.
    pub jobs: Vec<RunningJob>,
    /// The job that holds every other event.
    pub block: Option<Block>,
    /// The alarm whose handler has just run.
    pub fired: Option<AlarmRow>,
    /// Sockets of the process before this one, while their clients are not back.
    pub absent: BTreeMap<SocketId, KeptSocket>,
    /// Everything of it is being removed.
    pub deleted: bool,
    /// Alarms whose runs the disk does not have yet.
    pub unsettled: Vec<(AlarmRow, Arc<Ticket>)>,
    calls: Vec<PendingCall>,
}

/// Events that wait for a job.
pub struct Block {
    /// The job.
    pub job: JobId,
    /// How long at most.
    pub until: Moment,
    /// What came meanwhile.
    pub held: VecDeque<Event>,
    /// The ticks it asked for.
    pub ticks: Option<Ticking>,
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
            drowsy: false,
            asleep: false,
            blocked: false,
            recorded: false,
            restless: true,
            aside: Box::new(Aside { hibernates_after: HIBERNATES_AFTER, ..Aside::default() }),
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

    /// An event has come: it does not hibernate yet.
    pub fn note_event(&mut self, now: Moment) {
        if self.ticks.is_none() {
            self.aside.last_event = now;
            self.aside.wants_sleep = false;
            self.drowsy = false;
            self.restless = true;
        }
    }

    /// Remembers where the answer to a call goes; answers at once if too many wait.
    pub fn expect_reply(&mut self, id: CallId, since: Moment, reply: ReplyTo) {
        if self.aside.calls.len() >= CALLS_WAITING_MAX {
            reply(Err(CallError::Overloaded));
        } else {
            self.aside.calls.push(PendingCall { id, since, reply });
            self.restless = true;
        }
    }

    /// Answers a call. A second answer, or one that comes too late, goes nowhere.
    pub fn answer(&mut self, id: CallId, result: Result<serde_json::Value, CallError>) {
        let calls = &mut self.aside.calls;
        if let Some(index) = calls.iter().position(|call| call.id == id) {
            (calls.swap_remove(index).reply)(result);
        }
    }

    /// Answers calls that have waited too long.
    pub fn expire_calls(&mut self, now: Moment) {
        let calls = &mut self.aside.calls;
        while let Some(index) = calls.iter().position(|call| now.since(call.since) >= CALL_TIMEOUT) {
            (calls.swap_remove(index).reply)(Err(CallError::TimedOut));
        }
    }

    /// When the call that has waited longest is given up.
    pub fn calls_until(&self) -> Option<Moment> {
        self.aside.calls.iter().map(|call| call.since + CALL_TIMEOUT).min()
    }

    /// Answers every call that waits, because the activation ends.
    pub fn answer_all(&mut self, error: &CallError) {
        for call in self.aside.calls.drain(..) {
            (call.reply)(Err(error.clone()));
        }
    }

    /// Something it has written may not be durable yet.
    pub fn awaits_disk(&self) -> bool {
        let pending = |ticket: &Arc<Ticket>| ticket.state() == TicketState::Pending;
        self.unticketed || !self.gate.is_open() || self.newest_ticket.as_ref().is_some_and(pending)
    }

    /// Nothing but time keeps it awake.
    pub fn may_sleep(&self) -> bool {
        let free = self.ticks.is_none() && !self.blocked && !self.asleep && !self.finishing && !self.drowsy;
        free && self.gate.is_open() && self.aside.calls.is_empty() && self.aside.jobs.is_empty()
    }

    /// It goes to another worker, which knows nothing of its deadlines.
    pub fn unsettle(&mut self) {
        if let Some(ticks) = &mut self.ticks {
            ticks.schedule = None;
        }
        self.aside.timer = None;
        self.restless = true;
    }

    /// What the alarm that has just run wrote is on its way to the disk.
    pub fn settle_alarm(&mut self, ticket: &Arc<Ticket>) {
        let aside = &mut *self.aside;
        aside.unsettled.retain(|(_, ticket)| ticket.state() != TicketState::Durable);
        aside.unsettled.extend(aside.fired.take().map(|row| (row, Arc::clone(ticket))));
    }

    /// Keeps what handlers are told of the object's own sockets. Answers whose row in the store is another now.
    pub fn note_peer(&mut self, output: &PeerOutput) -> Option<SocketId> {
        let sockets = &mut self.aside.kept.sockets;
        let changed = match output {
            PeerOutput::Accept { socket, tags, attachment } => {
                let (tags, attachment) = (tags.clone(), attachment.clone());
                sockets.insert(*socket, SocketInfo::new(*socket, tags, attachment));
                *socket
            }
            PeerOutput::Attach { socket, attachment } => {
                sockets.get_mut(socket)?.attachment = attachment.clone();
                *socket
            }
            PeerOutput::Keep { socket } => {
                sockets.get_mut(socket)?.lasting = true;
                *socket
            }
            PeerOutput::Close { socket, .. } => {
                sockets.remove(socket);
                return None;
            }
            PeerOutput::Abandon { .. } => {
                sockets.clear();
                return None;
            }
            PeerOutput::Send { .. } | PeerOutput::Broadcast { .. } | PeerOutput::AutoResponse { .. } => {
                return None;
            }
        };
        sockets.get(&changed).filter(|info| info.lasting).map(|info| info.socket)
    }

    /// Keeps what handlers are told of alarms.
    pub fn note_alarm(&mut self, write: &Write) {
        self.restless = true;
        let kept = &mut self.aside.kept;
        match write {
            Write::SetAlarm(row) => {
                kept.alarm_generation = kept.alarm_generation.max(row.generation);
                kept.alarms.insert(row.name.clone(), row.clone());
            }
            Write::ClearAlarm { name, generation } => {
                kept.alarms.retain(|known, row| known != name || row.generation != *generation);
            }
            Write::DeleteAll => kept.alarms.clear(),
            _ => {}
        }
    }

    /// Keeps the list of sockets. Answers which one is not to be stored any more.
    pub fn note_socket(&mut self, event: &SocketEvent) -> Option<SocketId> {
        match event {
            SocketEvent::Opened { socket, .. } => self.sockets.push(*socket),
            SocketEvent::Closed { socket } => self.sockets.retain(|open| open != socket),
            SocketEvent::Disconnected { socket, end } => {
                self.aside.kept.sockets.remove(socket);
                self.aside.absent.remove(socket);
                return end.lasting.then_some(*socket);
            }
            _ => {}
        }
        None
    }
}
