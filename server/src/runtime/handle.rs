//! How the edges talk to objects.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::inbox::Event;
use super::pool::{Shared, is_active};
use super::worker::Worker;
use crate::object::caller::Caller;
use crate::object::contract::{Call, CallError};
use crate::object::effects::Listing;
use crate::object::id::Identity;
use crate::object::socket::SocketEvent;
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
}

/// The way into the runtime for the edges. Cheap to clone, never blocks.
pub trait Objects: Send + Sync {
    /// Asks an object something on behalf of somebody; it is woken if it sleeps.
    fn call_by(
        &self,
        caller: Caller,
        object: &Identity,
        method: &str,
        body: serde_json::Value,
        reply: ReplyTo,
    );
    /// The same on behalf of this server.
    fn call(&self, object: &Identity, method: &str, body: serde_json::Value, reply: ReplyTo) {
        self.call_by(Caller::Operator, object, method, body, reply);
    }
    /// Removes an object: its sockets are closed, and nothing stays stored.
    fn delete(&self, object: &Identity, reply: ReplyTo);
    /// Whether the object is in memory now.
    fn is_awake(&self, object: &Identity) -> bool;
    /// Tells an object what happened on a socket; it is woken if it sleeps.
    fn socket(&self, object: &Identity, event: SocketEvent) -> Result<(), EventRefused>;
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
}

impl Objects for Shared {
    fn call_by(
        &self,
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
        let call = Call { id, caller, method: method.to_owned(), body };
        self.send_or_refuse(object, Event::Call(call, reply));
    }

    fn delete(&self, object: &Identity, reply: ReplyTo) {
        self.send_or_refuse(object, Event::Delete(reply));
    }

    fn is_awake(&self, object: &Identity) -> bool {
        self.directory.owner(object.id).is_some()
    }

    fn socket(&self, object: &Identity, event: SocketEvent) -> Result<(), EventRefused> {
        if self.is_draining() && matches!(event, SocketEvent::Opened { .. }) {
            return Err(EventRefused::Draining);
        }
        self.send(object, Event::Socket(event)).map_err(|_| {
            self.metrics.inbox_refused.inc();
            EventRefused::Overloaded
        })
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
