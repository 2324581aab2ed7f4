//! Taking an object back to an earlier moment (contract: STORE 4): its memory is thrown away, what is stored of it
//! goes back once everything it wrote is durable, and it wakes on that.

use std::sync::Arc;

use serde_json::json;
use tickstone_shared::ids::Epoch;

use super::waking::PendingWake;
use crate::object::contract::{CallError, WakeReason};
use crate::object::storage::{Bookmark, ReadError, Ticket, TicketState};
use crate::runtime::activation::Activation;
use crate::runtime::handle::ReplyTo;
use crate::runtime::inbox::WakeOrder;
use crate::runtime::pool::Shared;
use crate::runtime::ports::{RestoreError, RestoreOrder};
use crate::runtime::worker::{Scratch, Worker};

/// To which moment, and who wants to know.
pub struct Restoring {
    /// The moment.
    pub bookmark: Bookmark,
    /// Told the moment that takes the object forth again; none: the object itself wanted it.
    pub reply: Option<ReplyTo>,
}

/// What takes the object forth again, once it is back.
pub struct Undo {
    bookmark: Bookmark,
    reply: Option<ReplyTo>,
}

impl Undo {
    /// Tells what became of it.
    pub(super) fn tell(self, state: TicketState) {
        let result = match state {
            TicketState::Durable => Ok(json!({ "undo": self.bookmark.to_string() })),
            _ => Err(CallError::Storage),
        };
        if let Some(reply) = self.reply {
            reply(result);
        }
    }
}

impl From<RestoreError> for CallError {
    fn from(error: RestoreError) -> Self {
        let conflict = |code| CallError::Conflict { code, reason: error.to_string() };
        match &error {
            RestoreError::Expired { .. } => conflict("bookmark_expired"),
            RestoreError::Future { .. } => conflict("bookmark_ahead"),
            RestoreError::NoHistory => conflict("no_history"),
            RestoreError::Read(_) | RestoreError::Submit(_) => CallError::Storage,
        }
    }
}

impl Worker {
    /// Throws the object's memory away; whoever waits for an answer is told so.
    pub(in crate::runtime) fn restore(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        activation: Box<Activation>,
        restoring: Restoring,
    ) {
        let identity = Arc::clone(&activation.identity);
        let (class, bookmark) = (identity.class, restoring.bookmark);
        tracing::warn!(class, name = %identity.name, %bookmark, "an object is taken back to an earlier moment");
        let reason = WakeReason::Crash { attempt: None, panics: 0 };
        let told = "the object is taken back to an earlier moment";
        let order = self.throw_away(shared, scratch, slot, activation, (reason, told), &CallError::Reset);
        shared.rewake(self, WakeOrder { restoring: Some(restoring), postponed: Vec::new(), ..order });
    }

    /// Everything the object wrote is durable: takes back what is stored. What cannot be taken back stays.
    pub(super) fn begin_restore(&self, shared: &Shared, order: WakeOrder, restoring: Restoring) {
        let ticket = Arc::new(Ticket::default());
        let Restoring { bookmark, reply } = restoring;
        let begun = self.submit_restore(shared, &order, bookmark, &ticket);
        let pending = match begun {
            Ok(undo) => PendingWake::Restored(ticket, order, Undo { bookmark: undo, reply }),
            Err(RestoreError::Read(ReadError::Io(_))) => {
                return self
                    .wake_later(WakeOrder { restoring: Some(Restoring { bookmark, reply }), ..order });
            }
            Err(error) => {
                tracing::warn!(class = order.identity.class, name = %order.identity.name, %error, "it is not taken back");
                if let Some(reply) = reply {
                    reply(Err(error.into()));
                }
                return self.wake_later(order);
            }
        };
        self.core().wakes.push(pending);
    }

    fn submit_restore(
        &self,
        shared: &Shared,
        order: &WakeOrder,
        bookmark: Bookmark,
        ticket: &Arc<Ticket>,
    ) -> Result<Bookmark, RestoreError> {
        let object = order.identity.id;
        let epoch = Epoch(shared.store.reader(object)?.epoch()?.0.saturating_add(1));
        shared.store.restore(RestoreOrder {
            object,
            class: order.identity.class.to_owned(),
            node: shared.node,
            epoch,
            bookmark,
            ticket: Arc::clone(ticket),
        })
    }
}
