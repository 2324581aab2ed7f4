//! What a handler sees of the world, and how it asks for effects. What it stores is in
//! [`values`](super::values), its alarms in [`alarm`](super::alarm), jobs in [`job`](super::job), its own sockets
//! in [`peers`](super::peers).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickstone_shared::ids::Epoch;
use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::{Moment, Tick};
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::ServerMessage;

use super::alarm::ALARMS_MAX;
use super::contract::{CallError, CallId};
use super::effects::{Control, Effects, Listing, Output, Release};
use super::id::Identity;
use super::job::JobId;
use super::sight::Sight;
use super::socket::{SocketId, StateFrame};
use super::storage::{ALARM_NAME_BYTES_MAX, KEY_BYTES_MAX, Reader, VALUE_BYTES_MAX};
use super::values::OwnWrites;
use super::values::snapshot::SNAPSHOT_BYTES_MAX;

/// The one argument every handler gets.
pub struct Context<'a> {
    identity: &'a Identity,
    now: Moment,
    epoch: Epoch,
    pub(super) effects: &'a mut Effects,
    pub(super) sight: Sight<'a>,
    pub(super) own: OwnWrites,
    pub(super) reader: Option<Box<dyn Reader + 'a>>,
}

/// A write that is over a limit. Nothing of it was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteRefused {
    /// The key is too long.
    #[error("a key has {got} bytes; at most {KEY_BYTES_MAX}")]
    Key {
        /// Its bytes.
        got: usize,
    },
    /// Key and value are too long.
    #[error(
        "a key and its value have {got} bytes; at most {VALUE_BYTES_MAX}: split the value, or keep a file"
    )]
    Value {
        /// Their bytes.
        got: usize,
    },
    /// The name of an alarm is too long.
    #[error("the name of an alarm has {got} bytes; at most {ALARM_NAME_BYTES_MAX}")]
    AlarmName {
        /// Its bytes.
        got: usize,
    },
    /// What it shows is too long.
    #[error("what an object shows has {got} bytes; at most {SNAPSHOT_BYTES_MAX}")]
    Snapshot {
        /// Its bytes.
        got: usize,
    },
    /// One alarm more than an object may have.
    #[error("an object has at most {ALARMS_MAX} alarms")]
    Alarms,
}

/// Numbers jobs within the process.
static NEXT_JOB: AtomicU64 = AtomicU64::new(1);

impl<'a> Context<'a> {
    /// A context for one handler. The runtime makes it; tests and benches may.
    pub fn new(
        identity: &'a Identity,
        now: Moment,
        epoch: Epoch,
        effects: &'a mut Effects,
        sight: Sight<'a>,
    ) -> Self {
        Self { identity, now, epoch, effects, sight, own: OwnWrites::default(), reader: None }
    }

    /// Who the object is.
    pub fn identity(&self) -> &'a Identity {
        self.identity
    }

    /// When the handler was started; it does not move while it runs.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// The same, in milliseconds since 1970.
    pub fn unix_ms(&self) -> u64 {
        self.sight.wall.unix_ms(self.now)
    }

    /// The number of this activation. One that follows a hibernation has the number of the one before.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Says whether the object is to be woken when the server starts.
    pub fn wake_at_start(&mut self, wake_at_start: WakeAtStart) {
        self.control(Control::WakeAtStart(wake_at_start));
    }

    /// Sends a message once what the object wrote is durable.
    pub fn send(&mut self, socket: SocketId, message: Arc<ServerMessage>) {
        self.output(Release::Gated, Output::Send { socket, message });
    }

    /// Sends a message to many once what the object wrote is durable.
    pub fn broadcast(&mut self, sockets: Vec<SocketId>, message: Arc<ServerMessage>) {
        self.output(Release::Gated, Output::Broadcast { sockets, message });
    }

    /// Ends a socket.
    pub fn close(&mut self, release: Release, socket: SocketId, code: CloseCode, reason: &'static str) {
        self.output(release, Output::Close { socket, code, reason });
    }

    /// Shows the state of a tick.
    pub fn show(&mut self, release: Release, frame: Arc<StateFrame>) {
        self.output(release, Output::State(frame));
    }

    /// Answers a call that was left for later.
    pub fn reply(&mut self, call: CallId, result: Result<serde_json::Value, CallError>) {
        self.output(Release::Gated, Output::Reply { call, result });
    }

    /// Answers a call at once, whatever waits for the disk.
    pub fn reply_at_once(&mut self, call: CallId, result: Result<serde_json::Value, CallError>) {
        self.output(Release::Ungated, Output::Reply { call, result });
    }

    /// Asks for steps.
    pub fn start_ticks(&mut self, rate_hz: u32, after: Tick) {
        self.control(Control::StartTicks { rate_hz, after });
    }

    /// Asks for no more steps.
    pub fn stop_ticks(&mut self) {
        self.control(Control::StopTicks);
    }

    /// Says where the object is to run.
    pub fn place(&mut self, group: WorkerGroup) {
        self.control(Control::Place(group));
    }

    /// Says that a socket that speaks this server's protocol was there before the object slept, and still is.
    pub fn keep_socket(&mut self, socket: SocketId) {
        self.control(Control::KeepSocket(socket));
    }

    /// Shows the object in listings: the entry has its `name`. An entry of null takes it out of them.
    pub fn publish(&mut self, listing: Listing) {
        self.control(Control::Publish(listing));
    }

    /// Ends the activation after this handler.
    pub fn finish(&mut self) {
        self.control(Control::Finish);
    }

    /// Asks for the object to hibernate as soon as it may, rather than after its idle time.
    pub fn hibernate(&mut self) {
        self.control(Control::Hibernate);
    }

    /// Commits what this handler wrote now rather than with the next group.
    pub fn commit_now(&mut self) {
        self.control(Control::CommitNow);
    }

    /// Keeps `attempt` where a panic of this handler cannot reach it; the next wake gets it back.
    pub fn attempt(&mut self, attempt: &[u8]) {
        self.effects.attempt.clear();
        self.effects.attempt.extend_from_slice(attempt);
        self.effects.attempted = true;
    }

    /// Takes back everything the handler asked for, but that the activation ends: the handler has failed.
    pub(crate) fn take_back(&mut self) {
        self.effects.writes.truncate(self.effects.given);
        self.effects.outputs.truncate(self.effects.given_outputs);
        self.effects.controls.retain(|control| *control == Control::Finish);
        self.own = OwnWrites::default();
    }

    pub(super) fn output(&mut self, release: Release, output: Output) {
        self.effects.outputs.push((release, output));
    }

    pub(super) fn control(&mut self, control: Control) {
        self.effects.controls.push(control);
    }

    pub(super) fn next_job(&self) -> JobId {
        JobId(NEXT_JOB.fetch_add(1, Ordering::Relaxed))
    }
}

/// Whether an object is woken when the server starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeAtStart {
    /// It goes on by itself.
    Yes,
    /// The next event wakes it.
    No,
}
