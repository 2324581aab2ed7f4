//! How the edges talk to objects.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::inbox::Event;
use super::life::restoring::Restoring;
use super::pool::{Shared, is_active};
use super::ports::RestoreError;
use super::worker::Worker;
use crate::object::caller::{Awaited, Caller};
use crate::object::contract::{Call, CallError};
use crate::object::effects::Listing;
use crate::object::id::Identity;
use crate::object::peer::SocketInfo;
use crate::object::resume::ResumeToken;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::storage::{Bookmark, ReadError, Ticket};
use crate::object::values::snapshot::ObjectSnapshot;
use tickstone_shared::ids::ObjectName;
use tickstone_shared::time::Moment;

/// Receives the answer to a call, exactly once, on whatever thread has it. Must not block.
pub type ReplyTo = Box<dyn FnOnce(Result<serde_json::Value, CallError>) + Send>;

/// Why an event was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventRefused {
    /// The owner's inbox is full: drop this input and count it; refuse this join.
    #[error("the object's worker has too much waiting")]
    Overloaded,
    /// The server drains: nothing new begins.
    #[error("the server is draining")]
    Draining,
    /// Nobody is awaited there.
    #[error("nobody is awaited")]
    NotAwaited,
}

/// The way into the runtime for the edges. Cheap to clone, never blocks.
pub trait Objects: Send + Sync {
    /// Asks an object something on behalf of somebody; it is woken if it sleeps, and can see whether they still
    /// wait.
    fn call_while(
        &self,
        awaited: Awaited,
        caller: Caller,
        object: &Identity,
        method: &str,
        body: serde_json::Value,
        reply: ReplyTo,
    );
    /// The same on behalf of somebody who waits whatever happens.
    fn call_by(
        &self,
        caller: Caller,
        object: &Identity,
        method: &str,
        body: serde_json::Value,
        reply: ReplyTo,
    ) {
        self.call_while(Awaited::default(), caller, object, method, body, reply);
    }
    /// The same on behalf of this server.
    fn call(&self, object: &Identity, method: &str, body: serde_json::Value, reply: ReplyTo) {
        self.call_by(Caller::Operator, object, method, body, reply);
    }
    /// Removes an object: its sockets are closed, and nothing stays stored.
    fn delete(&self, object: &Identity, reply: ReplyTo);
    /// Takes an object back to an earlier moment; answers the moment that takes it forth again.
    fn restore(&self, object: &Identity, bookmark: Bookmark, reply: ReplyTo);
    /// Whether the object is in memory now.
    fn is_awake(&self, object: &Identity) -> bool;
    /// Tells an object what happened on a socket; it is woken if it sleeps.
    fn socket(&self, object: &Identity, event: SocketEvent) -> Result<(), EventRefused>;
    /// Tells an object that a client offers the resume token of one of its sockets; closed with 4003 if it is none.
    fn resume(&self, object: &Identity, socket: SocketId, token: ResumeToken) -> Result<(), EventRefused>;
    /// The resume token of a socket.
    fn resume_token(&self, socket: SocketId) -> ResumeToken;
    /// Stores sockets for the next process, at a drain. The ticket says when they are there; none: they will not be.
    fn park(&self, sockets: &[(Identity, SocketInfo)]) -> Option<Arc<Ticket>>;
    /// What is published of one object.
    fn listing(&self, object: &Identity) -> Option<Listing>;
    /// What is published of a class, by name, after `after`: at most `limit`, those that `filter` keeps.
    fn listings(
        &self,
        class: &'static str,
        after: Option<&ObjectName>,
        limit: usize,
        filter: &dyn Fn(&Listing) -> bool,
    ) -> Vec<Listing>;
    /// What an object shows, if it is held in memory.
    fn held_snapshot(&self, object: &Identity) -> Option<ObjectSnapshot>;
    /// What an object shows, and no event to it. Reads the disk where it is not held.
    fn snapshot(&self, object: &Identity) -> Result<Option<ObjectSnapshot>, ReadError>;
    /// No new matches or joins from now on.
    fn is_draining(&self) -> bool;
    /// Whether every worker has moved within the last second.
    fn is_alive(&self) -> bool;
}

/// The runtime, shared by the edges.
pub type ObjectsRef = Arc<dyn Objects>;

/// How long a worker may go without a turn before the process calls itself dead.
const ALIVE_WITHIN: Duration = Duration::from_secs(1);

impl Shared {
    /// Delivers an event, or tells whoever waits why not.
    fn send_or_refuse(&self, object: &Identity, event: Event) {
        if let Err(event) = self.send(object, event) {
            if self.is_draining() { self.refuse_draining(event) } else { self.refuse(event) }
        }
    }

    /// Why an event of a socket was not taken.
    fn not_taken(&self) -> EventRefused {
        if self.is_draining() {
            return EventRefused::Draining;
        }
        self.metrics.inbox_refused.inc();
        EventRefused::Overloaded
    }
}

impl Objects for Shared {
    fn call_while(
        &self,
        awaited: Awaited,
        caller: Caller,
        object: &Identity,
        method: &str,
        body: serde_json::Value,
        reply: ReplyTo,
    ) {
        if self.is_draining() && method == "create" {
            return reply(Err(CallError::Draining));
        }
        let id = self.next_call();
        let call = Call { id, caller, method: method.to_owned(), body, awaited };
        self.send_or_refuse(object, Event::Call(call, reply));
    }

    fn delete(&self, object: &Identity, reply: ReplyTo) {
        self.send_or_refuse(object, Event::Delete(reply));
    }

    fn restore(&self, object: &Identity, bookmark: Bookmark, reply: ReplyTo) {
        if !self.rules(object.class).is_some_and(|rules| rules.history) {
            return reply(Err(RestoreError::NoHistory.into()));
        }
        self.send_or_refuse(object, Event::Restore(Restoring { bookmark, reply: Some(reply) }));
    }

    fn is_awake(&self, object: &Identity) -> bool {
        self.directory.owner(object.id).is_some()
    }

    fn socket(&self, object: &Identity, event: SocketEvent) -> Result<(), EventRefused> {
        if self.is_draining() && matches!(event, SocketEvent::Opened { .. }) {
            return Err(EventRefused::Draining);
        }
        self.send(object, Event::Socket(event)).map_err(|_| self.not_taken())
    }

    fn resume(&self, object: &Identity, socket: SocketId, token: ResumeToken) -> Result<(), EventRefused> {
        if self.is_draining() {
            return Err(EventRefused::Draining);
        }
        if !self.awaits(object.id) {
            return Err(EventRefused::NotAwaited);
        }
        self.send(object, Event::Resume(socket, token)).map_err(|_| self.not_taken())
    }

    fn resume_token(&self, socket: SocketId) -> ResumeToken {
        self.resume_key.token(socket)
    }

    fn park(&self, sockets: &[(Identity, SocketInfo)]) -> Option<Arc<Ticket>> {
        self.store_sockets(sockets)
    }

    fn listing(&self, object: &Identity) -> Option<Listing> {
        self.listings.of(object)
    }

    fn listings(
        &self,
        class: &'static str,
        after: Option<&ObjectName>,
        limit: usize,
        filter: &dyn Fn(&Listing) -> bool,
    ) -> Vec<Listing> {
        self.listings.page(class, after, limit, filter)
    }

    fn held_snapshot(&self, object: &Identity) -> Option<ObjectSnapshot> {
        self.snapshots.look(object.id).ok()
    }

    fn snapshot(&self, object: &Identity) -> Result<Option<ObjectSnapshot>, ReadError> {
        self.stored_snapshot(object.id)
    }

    fn is_draining(&self) -> bool {
        Shared::is_draining(self)
    }

    fn is_alive(&self) -> bool {
        let now = self.clock.now();
        let moved =
            |worker: &Worker| now.since(Moment(worker.last_turn.load(Ordering::Relaxed))) < ALIVE_WITHIN;
        self.workers.iter().filter(|worker| is_active(worker)).all(moved)
    }
}
