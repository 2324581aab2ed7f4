//! One worker: it owns objects, runs their handlers one at a time, and never waits for anything but time.
//!
//! A turn is: orders, events, what is due, what the disk has released, what goes out. [`Worker::turn`] is the
//! whole of it; the thread around it only sleeps, so a simulator runs the same turns under its own clock.
//!
//! An object is taken out of the [`Core`] while its handler runs: the watchdog can then take the core's lock
//! and move the others away from a handler that does not return.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Moment;

use super::activation::Activation;
use super::alarm_queue::AlarmQueue;
use super::directory::WorkerId;
use super::held::{HELD_MAX, HeldInputs};
use super::inbox::{Addressed, Adoption, Event, Inbox, InboxReceiver, Order, WakeOrder};
use super::life::waking::PendingWake;
use super::outbox::Outbox;
use super::pool::Shared;
use super::ports::SocketOutput;
use super::settings::{EVENTS_PER_TURN_MAX, IDLE_POLL, REST_POLL, TICK_POLL};
use crate::id_map::IdMap;
use crate::object::effects::{Effects, Output};
use crate::object::id::{Identity, ObjectId};
use crate::object::sight::Wall;

const POISON: &str = "no handler runs under the core's lock";

/// A worker.
pub struct Worker {
    /// Its place in the pool.
    pub id: WorkerId,
    /// What it is for.
    pub group: WorkerGroup,
    /// Its queues, to send to.
    pub inbox: Inbox,
    /// Its queues, to receive from.
    pub receiver: InboxReceiver,
    /// Objects it owns or is about to.
    pub load: AtomicUsize,
    /// It has a thread (spares get theirs when they are needed).
    pub active: AtomicBool,
    /// When the handler that runs now began, in nanoseconds plus one; 0: none runs.
    pub busy_since: AtomicU64,
    /// The slot of the handler that runs now.
    pub busy_slot: AtomicUsize,
    /// When the last turn ended, in nanoseconds.
    pub last_turn: AtomicU64,
    /// How far the wall clock is ahead, as of this turn.
    wall: AtomicU64,
    core: Mutex<Core>,
}

/// What a worker owns.
#[derive(Default)]
pub struct Core {
    pub(super) slots: Vec<Slot>,
    free: Vec<usize>,
    pub(super) by_id: IdMap<ObjectId, usize>,
    pub(super) alarms: AlarmQueue,
    /// Slots whose gate holds something, or which end once it is open.
    pub(super) gated: Vec<usize>,
    /// Events for objects that are on their way here.
    pub(super) waiting: IdMap<ObjectId, VecDeque<Event>>,
    /// Events taken from the queue while an object moved; they come before the queue's.
    pub(super) stash: VecDeque<Addressed>,
    /// Inputs that wait for their objects' ticks.
    pub(super) held: HeldInputs,
    pub(super) wakes: Vec<PendingWake>,
    /// Objects whose new owner could not take the order yet.
    pub(super) departing: Vec<(WorkerId, Box<Adoption>)>,
    pub(super) draining: bool,
}

/// A place for one object.
#[derive(Default)]
pub struct Slot {
    pub(super) generation: u64,
    pub(super) identity: Option<Arc<Identity>>,
    /// The phase of its ticks, if it ticks.
    pub(super) phase: Option<u32>,
    /// None while its handler runs.
    pub(super) activation: Option<Box<Activation>>,
}

/// Buffers of the thread that runs the turns.
#[derive(Default)]
pub struct Scratch {
    pub(super) effects: Effects,
    pub(super) sockets: Vec<SocketOutput>,
    pub(super) released: Vec<Output>,
}

impl Scratch {
    /// Lets go what has been said so far. Whoever gives an object up does so first: its next owner asks the edge
    /// for the sockets it has accepted, and speaks after it.
    pub(super) fn deliver(&mut self, shared: &Shared) {
        if !self.sockets.is_empty() {
            shared.outlet.deliver(&mut self.sockets);
        }
    }
}

impl Core {
    /// Takes an object in; answers its slot.
    pub(super) fn settle(&mut self, activation: Box<Activation>) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        self.by_id.insert(activation.identity.id, slot);
        self.slots[slot].generation += 1;
        self.slots[slot].phase = None;
        self.slots[slot].identity = Some(Arc::clone(&activation.identity));
        self.slots[slot].activation = Some(activation);
        slot
    }

    /// Makes a slot free again.
    pub(super) fn vacate(&mut self, slot: usize) -> Option<Box<Activation>> {
        let place = &mut self.slots[slot];
        place.generation += 1;
        if let Some(identity) = place.identity.take() {
            self.by_id.remove(&identity.id);
        }
        self.free.push(slot);
        self.slots[slot].activation.take()
    }
}

impl Worker {
    /// A worker without a thread.
    pub fn new(id: WorkerId, group: WorkerGroup, (inbox, receiver): (Inbox, InboxReceiver)) -> Self {
        Self {
            id,
            group,
            inbox,
            receiver,
            load: AtomicUsize::new(0),
            active: AtomicBool::new(false),
            busy_since: AtomicU64::new(0),
            busy_slot: AtomicUsize::new(usize::MAX),
            last_turn: AtomicU64::new(0),
            wall: AtomicU64::new(0),
            core: Mutex::default(),
        }
    }

    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().expect(POISON)
    }

    /// Everything there is to do now. Answers when there is something to do next at the latest.
    pub fn turn(&self, shared: &Shared, scratch: &mut Scratch) -> Moment {
        let now = shared.clock.now();
        self.look_at_wall(shared, now);
        self.take_orders(shared, scratch, now);
        self.take_events(shared, scratch, now);
        self.run_due(shared, scratch);
        self.follow_wakes(shared, scratch, now);
        self.open_gates(shared, scratch, now);
        self.pump_alarms(shared, now);
        scratch.deliver(shared);
        self.send_departing(shared);
        self.last_turn.store(now.0, Ordering::Relaxed);
        self.next_turn(shared, now)
    }

    /// When the next turn is due, whatever comes in.
    fn next_turn(&self, shared: &Shared, now: Moment) -> Moment {
        let core = self.core();
        let rings = self.group == WorkerGroup::General && !self.receiver.is_empty();
        if rings || !core.stash.is_empty() {
            return now;
        }
        let waits_for_disk = !core.gated.is_empty() || !core.wakes.is_empty() || !core.departing.is_empty();
        let next = core.alarms.next_deadline();
        let (next, poll) = match self.group {
            WorkerGroup::Tick if next.is_some() || waits_for_disk || self.owns_ticks(shared) => {
                (next, TICK_POLL)
            }
            WorkerGroup::Tick => (next, IDLE_POLL),
            WorkerGroup::General => {
                let look = shared.pump.next_look();
                let poll = if waits_for_disk { TICK_POLL } else { REST_POLL };
                (Some(next.map_or(look, |next| next.min(look))), poll)
            }
        };
        match next {
            // A wake-up just before the next phase would find nothing to do.
            Some(next) if next <= now + poll + poll / 2 => next.max(now),
            _ => now + poll,
        }
    }

    /// The wall clock, as of this turn.
    pub(super) fn wall(&self) -> Wall {
        Wall::ahead_by(self.wall.load(Ordering::Relaxed))
    }

    /// Reads the wall clock. Somebody may have set it: what is due by it is then another moment.
    fn look_at_wall(&self, shared: &Shared, now: Moment) {
        let wall = Wall::new(now, shared.clock.unix_ms());
        let before = Wall::ahead_by(self.wall.swap(wall.ahead_nanos(), Ordering::Relaxed));
        if wall.was_set_since(before) {
            self.mind_all();
        }
    }

    fn owns_ticks(&self, shared: &Shared) -> bool {
        self.group == WorkerGroup::Tick && self.load.load(Ordering::Relaxed) > 0 && !shared.is_draining()
    }

    fn take_orders(&self, shared: &Shared, scratch: &mut Scratch, now: Moment) {
        while let Some(order) = self.receiver.orders.take() {
            match order {
                Order::Wake(mut order) => {
                    self.wait_for(&mut order);
                    self.begin_wake(shared, scratch, *order, now);
                }
                Order::Adopt(adoption) => self.adopt(shared, scratch, *adoption, now),
                Order::SleepAll => self.sleep_all(shared, scratch, now),
            }
        }
    }

    /// Keeps the events of an object that is to be woken; newer ones may be here already.
    fn wait_for(&self, order: &mut WakeOrder) {
        if order.backlog.is_empty() {
            return;
        }
        let mut core = self.core();
        let waiting = core.waiting.entry(order.identity.id).or_default();
        let newer = std::mem::replace(waiting, std::mem::take(&mut order.backlog));
        waiting.extend(newer);
    }

    fn take_events(&self, shared: &Shared, scratch: &mut Scratch, now: Moment) {
        for _ in 0..EVENTS_PER_TURN_MAX {
            let Some((addressed, slot)) = self.next_event(now) else { return };
            self.handle(shared, scratch, addressed, slot, now);
        }
    }

    fn handle(
        &self,
        shared: &Shared,
        scratch: &mut Scratch,
        addressed: Addressed,
        slot: Option<usize>,
        now: Moment,
    ) {
        match slot {
            Some(slot) => self.run_event(shared, scratch, slot, addressed, now),
            None => self.park(shared, addressed.object, addressed.event),
        }
    }

    /// The oldest event that is not held, and where its object is. Under one lock, so that the watchdog cannot
    /// take the object's events out in between.
    fn next_event(&self, now: Moment) -> Option<(Addressed, Option<usize>)> {
        let mut core = self.core();
        let Core { stash, held, by_id, slots, .. } = &mut *core;
        if stash.is_empty() {
            self.receiver.events.take_all(stash);
        }
        loop {
            let Some(addressed) = stash.pop_front() else {
                let overdue = held.overdue(now)?;
                let slot = by_id.get(&overdue.object).copied();
                return Some((overdue, slot));
            };
            let slot = by_id.get(&addressed.object).copied();
            let phase = slot.and_then(|slot| slots[slot].phase);
            match phase {
                None => return Some((addressed, slot)),
                Some(phase) => match held.hold(phase, addressed, now) {
                    Ok(()) => {}
                    Err(addressed) => return Some((addressed, slot)),
                },
            }
        }
    }

    /// Gives the objects of a phase what was held for their ticks, which are due.
    pub(super) fn release_inputs(&self, shared: &Shared, scratch: &mut Scratch, phase: u32, now: Moment) {
        for _ in 0..HELD_MAX {
            let (addressed, slot) = {
                let mut core = self.core();
                let Core { held, by_id, slots, .. } = &mut *core;
                let Some(Addressed { object, event }) = held.next(phase) else { return };
                let slot = by_id.get(&object).copied();
                let event = match slot.and_then(|slot| slots[slot].activation.as_mut()) {
                    Some(activation) => match activation.keep_input(event) {
                        Ok(()) => continue,
                        Err(event) => event,
                    },
                    None => event,
                };
                (Addressed { object, event }, slot)
            };
            self.handle(shared, scratch, addressed, slot, now);
        }
    }

    /// Keeps an event for an object that is on its way here; sends it on if the object went elsewhere.
    pub(super) fn park(&self, shared: &Shared, object: ObjectId, event: Event) {
        match shared.directory.owner(object) {
            Some(owner) if owner == self.id => {
                let mut core = self.core();
                let queue = core.waiting.entry(object).or_default();
                if queue.len() < EVENTS_PER_TURN_MAX {
                    queue.push_back(event);
                } else {
                    drop(core);
                    shared.refuse(event);
                }
            }
            _ => shared.redeliver(object, event),
        }
    }

    /// How much longer a stuck handler has been running, if one is.
    pub fn busy_for(&self, now: Moment) -> Option<Duration> {
        let since = self.busy_since.load(Ordering::Acquire).checked_sub(1)?;
        Some(now.since(Moment(since)))
    }

    /// Takes an object that another worker gave up.
    pub(super) fn adopt(&self, shared: &Shared, scratch: &mut Scratch, adoption: Adoption, now: Moment) {
        let Adoption { activation, backlog } = adoption;
        let object = activation.identity.id;
        let (slot, draining) = {
            let mut core = self.core();
            let slot = core.settle(Box::new(activation));
            core.gated.push(slot);
            // They come before everything in the queue, and go along should the object move on at once.
            let waiting = core.waiting.remove(&object).unwrap_or_default();
            let older = backlog.into_iter().chain(waiting).map(|event| Addressed { object, event });
            let younger = std::mem::take(&mut core.stash);
            core.stash = older.chain(younger).collect();
            (slot, core.draining)
        };
        self.schedule(slot, now);
        if draining {
            self.take_events(shared, scratch, now);
            self.sleep_all(shared, scratch, now);
        }
    }

    /// Opens the gates of what has become durable, and ends what asked to end.
    fn open_gates(&self, shared: &Shared, scratch: &mut Scratch, now: Moment) {
        let gated = std::mem::take(&mut self.core().gated);
        for slot in gated {
            let Some(mut activation) = self.take(slot) else { continue };
            let mut outbox = Outbox::new(shared, self.group, now, &mut scratch.sockets);
            let state = outbox.release(&mut activation, &mut scratch.released);
            self.after_release(shared, scratch, slot, activation, state, now);
        }
    }

    /// Takes an object out to run a handler. None: it is gone, or it runs already.
    pub(super) fn take(&self, slot: usize) -> Option<Box<Activation>> {
        self.core().slots.get_mut(slot)?.activation.take()
    }

    /// Puts an object back after its handler.
    pub(super) fn put_back(&self, slot: usize, activation: Box<Activation>) {
        self.core().slots[slot].activation = Some(activation);
    }
}
