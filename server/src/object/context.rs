//! What a handler sees of the world, and how it asks for effects.

use std::sync::Arc;

use tickstone_shared::ids::Epoch;
use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::{Moment, Tick};
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::ServerMessage;

use super::contract::{CallError, CallId};
use super::effects::{Control, Effects, Listing, Output, Release};
use super::id::Identity;
use super::socket::{SocketId, StateFrame};
use super::storage::{KEY_BYTES_MAX, Record, VALUE_BYTES_MAX, Write};

/// The one argument every handler gets.
pub struct Context<'a> {
    identity: &'a Identity,
    now: Moment,
    epoch: Epoch,
    effects: &'a mut Effects,
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
}

impl<'a> Context<'a> {
    /// A context for one handler. The runtime makes it; tests and benches may.
    pub fn new(identity: &'a Identity, now: Moment, epoch: Epoch, effects: &'a mut Effects) -> Self {
        Self { identity, now, epoch, effects }
    }

    /// Who the object is.
    pub fn identity(&self) -> &'a Identity {
        self.identity
    }

    /// When the handler was started; it does not move while it runs.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// The number of this activation.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Sets a value.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: Vec<u8>) -> Result<(), WriteRefused> {
        let key = key.into();
        if key.len() > KEY_BYTES_MAX {
            return Err(WriteRefused::Key { got: key.len() });
        }
        if key.len() + value.len() > VALUE_BYTES_MAX {
            return Err(WriteRefused::Value { got: key.len() + value.len() });
        }
        self.effects.writes.push(Write::Put { key, value });
        Ok(())
    }

    /// Removes a value.
    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.effects.writes.push(Write::Delete { key: key.into() });
    }

    /// Adds an entry to the journal.
    pub fn append(&mut self, entry: Vec<u8>) -> Result<(), WriteRefused> {
        if entry.len() > VALUE_BYTES_MAX {
            return Err(WriteRefused::Value { got: entry.len() });
        }
        self.effects.writes.push(Write::Append { entry });
        Ok(())
    }

    /// Forgets the journal so far: what this handler puts stands for it.
    pub fn cut_journal(&mut self) {
        self.effects.writes.push(Write::CutJournal);
    }

    /// Says whether the object is to be woken when the server starts.
    pub fn wake_at_start(&mut self, wake_at_start: WakeAtStart) {
        self.effects.writes.push(Write::Record(Record {
            class: self.identity.class.to_owned(),
            name: self.identity.name.clone(),
            epoch: self.epoch,
            node: 0,
            class_version: 1,
            wake_at_start: wake_at_start == WakeAtStart::Yes,
        }));
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
        self.effects.controls.push(Control::StartTicks { rate_hz, after });
    }

    /// Asks for no more steps.
    pub fn stop_ticks(&mut self) {
        self.effects.controls.push(Control::StopTicks);
    }

    /// Says where the object is to run.
    pub fn place(&mut self, group: WorkerGroup) {
        self.effects.controls.push(Control::Place(group));
    }

    /// Shows the object in listings.
    pub fn publish(&mut self, listing: Listing) {
        self.effects.controls.push(Control::Publish(listing));
    }

    /// Ends the activation after this handler.
    pub fn finish(&mut self) {
        self.effects.controls.push(Control::Finish);
    }

    /// Commits what this handler wrote now rather than with the next group.
    pub fn commit_now(&mut self) {
        self.effects.controls.push(Control::CommitNow);
    }

    /// Keeps `attempt` where a panic of this handler cannot reach it; the next wake gets it back.
    pub fn attempt(&mut self, attempt: &[u8]) {
        self.effects.attempt.clear();
        self.effects.attempt.extend_from_slice(attempt);
        self.effects.attempted = true;
    }

    fn output(&mut self, release: Release, output: Output) {
        self.effects.outputs.push((release, output));
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
