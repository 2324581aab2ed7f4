//! The way in, as the edges see it: what becomes of an event that is not taken.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tickstone_shared::ids::ObjectName;
use tickstone_shared::time::Moment;

use super::handle::{EventRefused, Objects, ReplyTo};
use super::inbox::Event;
use super::pool::{Shared, is_active};
use super::worker::Worker;
use crate::object::caller::Caller;
use crate::object::contract::{Call, CallError};
use crate::object::effects::Listing;
use crate::object::id::Identity;
use crate::object::socket::SocketEvent;

/// How long a worker may go without a turn before the process calls itself dead.
const ALIVE_WITHIN: Duration = Duration::from_secs(1);

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
        if let Err(event) = self.send(object, Event::Call(call, reply)) {
            if self.is_draining() { self.refuse_draining(event) } else { self.refuse(event) }
        }
    }

    fn delete(&self, object: &Identity, reply: ReplyTo) {
        if let Err(event) = self.send(object, Event::Delete(reply)) {
            if self.is_draining() { self.refuse_draining(event) } else { self.refuse(event) }
        }
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
