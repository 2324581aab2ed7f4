//! How the edges talk to objects.

use std::sync::Arc;

use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::effects::Listing;
use crate::object::id::Identity;
use crate::object::socket::SocketEvent;
use tickstone_shared::ids::ObjectName;

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
