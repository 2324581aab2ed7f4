//! Sockets that the process before this one had: their clients may come back for a while, and who does not is gone
//! (contract: SOCKET 3, LIFE 3). What is stored of a socket is forgotten in the commit of the handler that was told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tickstone_shared::time::Moment;

use crate::object::effects::{Effects, Output, PeerOutput, Release};
use crate::object::id::{Identity, ObjectId};
use crate::object::peer::{SocketEnd, SocketInfo};
use crate::object::resume::{KeptSocket, ResumeToken};
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::storage::{NO_ACTIVATION, ReadError, Ticket, Write, WriteBatch};
use crate::runtime::activation::Activation;
use crate::runtime::handlers::Handled;
use crate::runtime::inbox::{Addressed, Event};
use crate::runtime::pool::Shared;
use crate::runtime::worker::Worker;
use tickstone_shared::wire::close::CloseCode;

/// Objects that are told in one look that nobody comes back; the others in the next.
const ENDS_PER_LOOK: usize = 256;
/// RFC 6455: there was no close frame.
const ABNORMAL: u16 = 1006;
const POISON: &str = "no code under this lock panics";

/// The objects that have sockets of the process before this one.
#[derive(Debug, Default)]
pub struct Returning {
    awaited: Mutex<BTreeMap<ObjectId, (Identity, Moment)>>,
    count: AtomicUsize,
}

impl Returning {
    fn awaited(&self) -> MutexGuard<'_, BTreeMap<ObjectId, (Identity, Moment)>> {
        self.awaited.lock().expect(POISON)
    }

    fn expect(&self, identity: Identity, until: Moment) {
        let mut awaited = self.awaited();
        awaited.insert(identity.id, (identity, until));
        self.count.store(awaited.len(), Ordering::Release);
    }

    fn forget(&self, object: ObjectId) {
        let mut awaited = self.awaited();
        awaited.remove(&object);
        self.count.store(awaited.len(), Ordering::Release);
    }

    /// Does an object have such sockets?
    fn has(&self, object: ObjectId) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.awaited().contains_key(&object)
    }

    /// May somebody still come back to an object?
    fn is_open(&self, object: ObjectId, now: Moment) -> bool {
        let open = |(_, until): &(Identity, Moment)| now < *until;
        self.count.load(Ordering::Acquire) > 0 && self.awaited().get(&object).is_some_and(open)
    }

    fn overdue(&self, now: Moment) -> Vec<Identity> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let awaited = self.awaited();
        let overdue = awaited.values().filter(|(_, until)| *until <= now).take(ENDS_PER_LOOK);
        overdue.map(|(identity, _)| identity.clone()).collect()
    }
}

impl Shared {
    /// Finds the objects to whose sockets clients may come back, for so long. Beyond so many sockets nobody is waited
    /// for: those are gone at once.
    pub(in crate::runtime) fn await_sockets(
        &self,
        window: Duration,
        sockets_max: usize,
    ) -> Result<(), ReadError> {
        let now = self.clock.now();
        let mut room = sockets_max;
        for found in self.store.with_sockets()? {
            let Some((class, _)) = self.classes.get_key_value(found.class.as_str()) else {
                self.forget_sockets(found.object)?;
                continue;
            };
            let until = if found.sockets <= room { now + window } else { now };
            room = room.saturating_sub(found.sockets);
            self.returning.expect(Identity { id: found.object, class, name: found.name }, until);
        }
        Ok(())
    }

    /// Forgets the sockets of an object that is nobody's any more. Not taken: again at the next start.
    fn forget_sockets(&self, object: ObjectId) -> Result<(), ReadError> {
        let sockets = self.store.reader(object)?.sockets()?;
        let writes = sockets.iter().map(|kept| Write::ForgetSocket(SocketId(kept.socket))).collect();
        let _ = self.store.submit(self.batch_of_sockets(object, writes, None));
        Ok(())
    }

    fn batch_of_sockets(
        &self,
        object: ObjectId,
        writes: Vec<Write>,
        ticket: Option<Arc<Ticket>>,
    ) -> WriteBatch {
        let urgent = ticket.is_some();
        WriteBatch { object, node: self.node, epoch: NO_ACTIVATION, writes, urgent, ticket }
    }

    /// May somebody still come back to an object?
    pub(in crate::runtime) fn awaits(&self, object: ObjectId) -> bool {
        self.returning.is_open(object, self.clock.now())
    }

    /// Stores sockets for the next process. The ticket says when they are there; none: the store does not take them.
    pub(in crate::runtime) fn store_sockets(
        &self,
        sockets: &[(Identity, SocketInfo)],
    ) -> Option<Arc<Ticket>> {
        let mut by_object: BTreeMap<ObjectId, Vec<Write>> = BTreeMap::new();
        for (object, info) in sockets {
            let kept = KeptSocket::of(object, info, &self.resume_key);
            by_object.entry(object.id).or_default().push(Write::KeepSocket(kept));
        }
        // Batches become durable in their order: the last one's ticket is everybody's.
        let ticket = Arc::new(Ticket::default());
        let mut left = by_object.len();
        for (object, writes) in by_object {
            left -= 1;
            let ticket = (left == 0).then(|| Arc::clone(&ticket));
            self.store.submit(self.batch_of_sockets(object, writes, ticket)).ok()?;
        }
        Some(ticket)
    }

    /// The stored sockets of an object to which nobody is connected.
    pub(in crate::runtime) fn absent(
        &self,
        object: ObjectId,
    ) -> Result<BTreeMap<SocketId, KeptSocket>, ReadError> {
        if !self.returning.has(object) {
            return Ok(BTreeMap::new());
        }
        let stored = self.store.reader(object)?.sockets()?;
        let here = self.outlet.sockets_of(object);
        let is_here = |kept: &KeptSocket| here.iter().any(|info| info.socket.0 == kept.socket);
        let absent = stored.into_iter().filter(|kept| !is_here(kept));
        Ok(absent.map(|kept| (SocketId(kept.socket), kept)).collect())
    }

    /// Has objects told whose time to wait is over.
    pub(in crate::runtime) fn end_returns(&self, now: Moment) -> Result<(), ReadError> {
        for identity in self.returning.overdue(now) {
            if self.absent(identity.id)?.is_empty() {
                self.returning.forget(identity.id);
            } else if self.send(&identity, Event::NobodyReturns).is_err() {
                // Too much waits already: in the next look.
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Worker {
    /// The time to wait is over: each socket that nobody came back to ends, one event each.
    pub(in crate::runtime) fn nobody_returns(&self, activation: &Activation) {
        let object = activation.identity.id;
        let mut core = self.core();
        for socket in activation.aside.absent.keys().rev() {
            core.stash.push_front(Addressed { object, event: Event::Gone(*socket) });
        }
    }

    /// Tells an object that nobody came back to a socket.
    pub(in crate::runtime) fn gone(
        &self,
        shared: &Shared,
        activation: &mut Activation,
        effects: &mut Effects,
        slot: usize,
        socket: SocketId,
        now: Moment,
    ) -> Handled {
        effects.clear();
        let Some(kept) = activation.aside.absent.remove(&socket) else { return Handled::Effects };
        effects.give(Write::ForgetSocket(socket));
        let SocketInfo { tags, attachment, lasting, .. } = kept.info(socket);
        let end = SocketEnd { code: ABNORMAL, lasting, tags, attachment, ..SocketEnd::default() };
        let event = SocketEvent::Disconnected { socket, end: Box::new(end) };
        self.run_prepared(shared, activation, effects, slot, now, |object, ctx| object.on_socket(ctx, event))
    }

    /// Tells an object that a client has come back, if it is awaited.
    pub(in crate::runtime) fn resumed(
        &self,
        shared: &Shared,
        activation: &mut Activation,
        effects: &mut Effects,
        slot: usize,
        (socket, token): (SocketId, ResumeToken),
        now: Moment,
    ) -> Handled {
        effects.clear();
        let hash = token.hash();
        let aside = &mut *activation.aside;
        let before = aside.absent.iter().find(|(_, kept)| kept.token == hash).map(|(before, _)| *before);
        let Some((before, kept)) = before.and_then(|before| aside.absent.remove_entry(&before)) else {
            let (code, reason) = (CloseCode::ResumeFailed.number(), "nobody is awaited by this token".into());
            let close = PeerOutput::Close { socket, code, reason };
            effects.outputs.push((Release::Ungated, Output::Peer(Box::new(close))));
            return Handled::Effects;
        };
        let info = kept.info(socket);
        effects.give(Write::ForgetSocket(before));
        let (tags, attachment) = (info.tags.clone(), info.attachment.clone());
        effects.give_output(PeerOutput::Accept { socket, tags, attachment });
        if kept.lasting {
            effects.give_output(PeerOutput::Keep { socket });
        }
        aside.kept.sockets.insert(socket, info);
        let event = SocketEvent::Resumed { socket, before };
        self.run_prepared(shared, activation, effects, slot, now, |object, ctx| object.on_socket(ctx, event))
    }
}
