//! What reaches a worker: events for objects and orders from the runtime, each in a bounded queue.
//! Full policy: an event is refused (the gateway drops that input and counts it, or refuses the join); an
//! order is kept by the one who gives it and tried again.

use std::collections::VecDeque;

use super::activation::Activation;
use super::handle::ReplyTo;
use super::life::restoring::Restoring;
use crate::mailbox::{Bell, Receiver, Sender, mailbox};
use crate::object::contract::{Call, WakeReason};
use crate::object::id::{Identity, ObjectId};
use crate::object::job::{JobId, JobResult};
use crate::object::resume::ResumeToken;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::storage::AlarmRow;
use tickstone_shared::time::Moment;

/// Orders one worker's queue holds.
const ORDERS_MAX: usize = 65_536;

/// Something for one object.
pub enum Event {
    /// A request, and where its answer goes.
    Call(Call, ReplyTo),
    /// Something happened on a socket.
    Socket(SocketEvent),
    /// A client has come back to a socket of the process before this one.
    Resume(SocketId, ResumeToken),
    /// Nobody else comes back to those.
    NobodyReturns,
    /// Nobody came back to this one.
    Gone(SocketId),
    /// A job has ended.
    Done(JobId, JobResult),
    /// Alarms are due.
    Alarm,
    /// It is to be taken back to an earlier moment.
    Restore(Restoring),
    /// Everything of it is to be removed.
    Delete(ReplyTo),
}

impl Event {
    /// Where somebody waits for an answer.
    pub fn into_reply(self) -> Option<ReplyTo> {
        match self {
            Event::Call(_, reply) | Event::Delete(reply) => Some(reply),
            Event::Restore(restoring) => restoring.reply,
            _ => None,
        }
    }
}

/// An event and the object it is for.
pub struct Addressed {
    /// The object.
    pub object: ObjectId,
    /// The event.
    pub event: Event,
}

/// Something the runtime wants of a worker.
pub enum Order {
    /// Wake an object. General workers only.
    Wake(Box<WakeOrder>),
    /// Own this object from now on.
    Adopt(Box<Adoption>),
    /// Put every object to sleep: the server drains.
    SleepAll,
}

/// An object to be woken.
pub struct WakeOrder {
    /// Who.
    pub identity: Identity,
    /// Why.
    pub reason: WakeReason,
    /// Its events so far, oldest first.
    pub backlog: VecDeque<Event>,
    /// Something of it may wait for the disk: nothing is read before that is there.
    pub behind_writes: bool,
    /// It is taken back to an earlier moment first.
    pub restoring: Option<Restoring>,
    /// Alarms whose runs the disk did not take, as they are due next.
    pub postponed: Vec<AlarmRow>,
    /// When the order was given.
    pub since: Moment,
}

impl WakeOrder {
    /// An order for an object that nothing waits for, and all of which is durable.
    pub fn new(identity: Identity, reason: WakeReason, since: Moment) -> Self {
        let (backlog, postponed) = (VecDeque::new(), Vec::new());
        Self { identity, reason, backlog, behind_writes: false, restoring: None, postponed, since }
    }
}

/// An object that changes its owner, with the events that reached the old one.
pub struct Adoption {
    /// The object.
    pub activation: Activation,
    /// Its events, oldest first.
    pub backlog: VecDeque<Event>,
}

/// The sending side of a worker's queues.
#[derive(Clone)]
pub struct Inbox {
    events: Sender<Addressed>,
    orders: Sender<Order>,
    bell: Bell,
}

/// The receiving side. Cloned for the watchdog alone, which empties the queue of a stuck worker.
#[derive(Clone)]
pub struct InboxReceiver {
    /// Events, oldest first.
    pub events: Receiver<Addressed>,
    /// Orders, oldest first.
    pub orders: Receiver<Order>,
    /// Rung when there is something; a tick worker looks by itself and hangs none.
    pub bell: Bell,
}

impl InboxReceiver {
    /// Nothing has come.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.orders.is_empty()
    }
}

/// A worker's queues.
pub fn inbox(events_max: usize) -> (Inbox, InboxReceiver) {
    let (events, events_receiver) = mailbox(events_max);
    let (orders, orders_receiver) = mailbox(ORDERS_MAX);
    let bell = Bell::default();
    let inbox = Inbox { events, orders, bell: bell.clone() };
    (inbox, InboxReceiver { events: events_receiver, orders: orders_receiver, bell })
}

impl Inbox {
    /// Offers an event; gives it back if the queue is full.
    #[expect(clippy::result_large_err, reason = "the event comes back by value: refusing must not allocate")]
    pub fn offer(&self, event: Addressed) -> Result<(), Event> {
        self.events.offer(event).map_err(|addressed| addressed.event)?;
        self.bell.ring();
        Ok(())
    }

    /// Adds the end of a job, for which there is always room: an object has few jobs at a time.
    pub fn put(&self, event: Addressed) {
        self.events.put(event);
        self.bell.ring();
    }

    /// Gives an order; gives it back if the queue is full.
    pub fn order(&self, order: Order) -> Result<(), Order> {
        self.orders.offer(order)?;
        self.bell.ring();
        Ok(())
    }
}
