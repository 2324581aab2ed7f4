//! The ends of an activation: a panic, a write that was lost, an end that was asked for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tickstone_shared::wire::close::CloseCode;

use super::removal::is_of_before;
use crate::object::contract::{CallError, WakeReason};
use crate::object::id::Identity;
use crate::object::storage::{AlarmRow, TicketState};
use crate::runtime::activation::Activation;
use crate::runtime::inbox::{Event, WakeOrder};
use crate::runtime::panic_guard::discard;
use crate::runtime::pool::Shared;
use crate::runtime::ports::SocketOutput;
use crate::runtime::worker::{Scratch, Worker};

/// The state of an object that is in memory, as metrics have it.
pub(in crate::runtime) const ACTIVE: &str = "active";
/// The state of an object that is not, and has been since the process started.
pub(in crate::runtime) const HIBERNATED: &str = "hibernated";

impl Worker {
    /// A handler panicked: throws the object's memory away, tells its players, wakes it anew.
    #[expect(clippy::too_many_arguments, reason = "what is known of a panic")]
    pub(in crate::runtime) fn crashed(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        activation: Box<Activation>,
        message: &str,
        attempt: Option<Vec<u8>>,
        panics: u32,
    ) {
        let identity = Arc::clone(&activation.identity);
        shared.metrics.object_panics.inc();
        tracing::error!(
            class = identity.class, name = %identity.name, panics, message,
            "a handler panicked: the object is thrown away and rebuilt from what is stored"
        );
        let reason = WakeReason::Crash { attempt, panics };
        let told = "the match crashed and is being restored";
        let order = self.throw_away(shared, scratch, slot, activation, (reason, told), &CallError::Reset);
        shared.rewake(self, order);
    }

    /// A commit failed or the gate overflowed: what was held is never sent, and the object starts anew.
    pub(in crate::runtime) fn reset(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        activation: Box<Activation>,
        error: &CallError,
    ) {
        let identity = Arc::clone(&activation.identity);
        tracing::error!(
            class = identity.class, name = %identity.name, %error,
            "writes did not become durable: the object is reset to what is stored"
        );
        let reason = WakeReason::Crash { attempt: None, panics: 0 };
        let told = "the match is being restored";
        let order = self.throw_away(shared, scratch, slot, activation, (reason, told), error);
        shared.rewake(self, order);
    }

    /// Throws an activation away; the order wakes it anew.
    pub(super) fn throw_away(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        slot: usize,
        mut activation: Box<Activation>,
        (reason, told): (WakeReason, &'static str),
        error: &CallError,
    ) -> WakeOrder {
        let identity = (*activation.identity).clone();
        let postponed = self.postponed(shared, &mut activation);
        let backlog = activation.aside.block.take().map(|block| block.held).unwrap_or_default();
        Self::abandon(shared, scratch, &mut activation, told, error);
        scratch.deliver(shared);
        discard(activation);
        self.core().vacate(slot);
        self.load.fetch_sub(1, Ordering::Relaxed);
        shared.metrics.count_object(identity.class, Some(ACTIVE), None);
        let since = shared.clock.now();
        WakeOrder { backlog, behind_writes: true, postponed, ..WakeOrder::new(identity, reason, since) }
    }

    /// Alarms whose runs are lost with what they wrote: they are due again, later.
    fn postponed(&self, shared: &Shared, activation: &mut Activation) -> Vec<AlarmRow> {
        let now_ms = self.wall().unix_ms(shared.clock.now());
        let aside = &mut activation.aside;
        let lost = aside.unsettled.drain(..).filter(|(_, ticket)| ticket.state() != TicketState::Durable);
        let lost = lost.map(|(row, _)| row).chain(aside.fired.take());
        lost.map(|row| row.after_store_failure(now_ms)).collect()
    }

    fn abandon(
        shared: &Shared,
        scratch: &mut Scratch,
        activation: &mut Activation,
        reason: &'static str,
        error: &CallError,
    ) {
        activation.gate.abandon().for_each(drop);
        activation.answer_all(error);
        // Those that speak this server's protocol begin anew. Sockets of the object's own are kept by the
        // gateway, and are there again when it wakes.
        let code = CloseCode::Restoring;
        let closes = activation.sockets.drain(..).map(|socket| SocketOutput::Close { socket, code, reason });
        scratch.sockets.extend(closes);
        shared.listings.withdraw(&activation.identity);
    }

    /// Ends an activation: the next event wakes the object anew, be it one that waits already.
    pub(in crate::runtime) fn end(&self, shared: &Shared, scratch: &mut Scratch, slot: usize) {
        scratch.deliver(shared);
        let Some(mut activation) = self.core().vacate(slot) else { return };
        self.load.fetch_sub(1, Ordering::Relaxed);
        activation.answer_all(&CallError::Reset);
        let identity = Arc::clone(&activation.identity);
        let (stored, deleted) = (activation.recorded, activation.aside.deleted);
        let alarm = activation.next_alarm().map(|row| self.wall().moment(row.due_ms));
        if !stored {
            shared.listings.withdraw(&identity);
        }
        shared.metrics.count_object(identity.class, Some(ACTIVE), stored.then_some(HIBERNATED));
        discard(activation);
        let events = shared.directory.release_if_quiet(identity.id, self.id, || {
            let mut events = self.collect_events(identity.id);
            events.retain(|event| !deleted || !is_of_before(event));
            events
        });
        if let Some(alarm) = alarm {
            shared.pump.hint(alarm);
        }
        self.wake_for(shared, &identity, events);
    }

    fn wake_for(&self, shared: &Shared, identity: &Identity, backlog: VecDeque<Event>) {
        if backlog.is_empty() {
            return;
        }
        if shared.is_draining() {
            shared.directory.release(identity.id, self.id);
            return backlog.into_iter().for_each(|event| shared.refuse_draining(event));
        }
        let order = WakeOrder::new(identity.clone(), WakeReason::Restart, shared.clock.now());
        shared.rewake(self, WakeOrder { backlog, ..order });
    }
}
