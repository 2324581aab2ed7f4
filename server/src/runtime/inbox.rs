//! What reaches a worker: events for objects and orders from the runtime, each in a bounded queue.
//! Full policy: an event is refused (the gateway drops that input and counts it, or refuses the join); an
//! order is kept by the one who gives it and tried again.

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::activation::Activation;
use super::handle::ReplyTo;
use crate::object::contract::{Call, WakeReason};
use crate::object::id::{Identity, ObjectId};
use crate::object::socket::SocketEvent;

/// Orders one worker's queue holds.
const ORDERS_MAX: usize = 65_536;

/// Something for one object.
pub enum Event {
    /// A request, and where its answer goes.
    Call(Call, ReplyTo),
    /// Something happened on a socket.
    Socket(SocketEvent),
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
}

/// The receiving side. Cloned for the watchdog alone, which empties the queue of a stuck worker.
#[derive(Clone)]
pub struct InboxReceiver {
    /// Events, oldest first.
    pub events: Receiver<Addressed>,
    /// Orders, oldest first.
    pub orders: Receiver<Order>,
}

/// A worker's queues.
pub fn inbox(events_max: usize) -> (Inbox, InboxReceiver) {
    let (events, events_receiver) = bounded(events_max);
    let (orders, orders_receiver) = bounded(ORDERS_MAX);
    (Inbox { events, orders }, InboxReceiver { events: events_receiver, orders: orders_receiver })
}

impl Inbox {
    /// Offers an event; gives it back if the queue is full.
    pub fn offer(&self, event: Addressed) -> Result<(), Event> {
        self.events.try_send(event).map_err(|refused| match refused {
            TrySendError::Full(addressed) | TrySendError::Disconnected(addressed) => addressed.event,
        })
    }

    /// Gives an order; gives it back if the queue is full.
    pub fn order(&self, order: Order) -> Result<(), Order> {
        self.orders.try_send(order).map_err(|refused| match refused {
            TrySendError::Full(order) | TrySendError::Disconnected(order) => order,
        })
    }
}
