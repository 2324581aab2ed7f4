//! The workers together: who they are, how they reach one another, how they start, drain and stop.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Moment;

use super::directory::{Directory, Undelivered, WorkerId};
use super::due::pump::Pump;
use super::handle::EventRefused;
use super::inbox::{Event, Inbox, Order, WakeOrder, inbox};
use super::life::returning::Returning;
use super::listings::Listings;
use super::listings::snapshots::Snapshots;
use super::ports::{Jobs, Outlet, Store};
use super::settings::Settings;
use super::worker::{Scratch, Worker};
use crate::clock::ClockRef;
use crate::metrics::{ClassLabel, Metrics, MetricsRef};
use crate::object::class::ClassRules;
use crate::object::contract::{CallError, CallId, ClassRef, WakeReason};
use crate::object::id::{Identity, ObjectId};
use crate::object::resume::ResumeKey;
use crate::object::storage::ReadError;

/// What every worker can reach.
pub struct Shared {
    /// The time.
    pub clock: ClockRef,
    /// Where objects are stored.
    pub store: Arc<dyn Store>,
    /// The way out.
    pub outlet: Arc<dyn Outlet>,
    /// Counts.
    pub metrics: MetricsRef,
    /// Who owns what.
    pub directory: Directory,
    /// What objects publish.
    pub listings: Listings,
    /// What objects show.
    pub snapshots: Snapshots,
    /// The classes, by name.
    pub classes: BTreeMap<&'static str, ClassRef>,
    /// The workers, by id: tick, general, spare.
    pub workers: Vec<Worker>,
    /// What every object of a class has in common.
    rules: BTreeMap<&'static str, ClassRules>,
    /// Who this process is to the store: another number at each start.
    pub node: u32,
    /// Objects forget their memory after every event.
    pub(super) forgetful: bool,
    /// Does work off the workers.
    pub(super) jobs: Arc<dyn Jobs>,
    /// Looks for alarms of objects that are not awake.
    pub(super) pump: Pump,
    /// Sockets of the process before this one.
    pub(super) returning: Returning,
    /// What resume tokens are made of.
    pub(super) resume_key: ResumeKey,
    return_terms: (Duration, usize),
    /// For what outlives a turn.
    pub(super) itself: Weak<Shared>,
    seed: u64,
    inboxes: Vec<Inbox>,
    /// Time in handlers, by class.
    busy: BTreeMap<&'static str, Busy>,
    draining: AtomicBool,
    pub(super) stopping: AtomicBool,
    next_call: AtomicU64,
    /// Objects of the start-up that are not awake yet.
    recovering: Mutex<HashSet<ObjectId>>,
}

const POISON: &str = "no code under this lock panics";

/// A handler that runs longer is counted and named (contract: GATE 8).
const SLOW: Duration = Duration::from_secs(1);

/// Time in the handlers of a class.
struct Busy {
    seconds: Counter<f64, AtomicU64>,
    slow: Counter,
}

impl Busy {
    fn of(metrics: &Metrics, class: &'static str) -> Self {
        let label = ClassLabel { class };
        Self {
            seconds: metrics.object_busy_seconds.get_or_create(&label).clone(),
            slow: metrics.slow_handlers.get_or_create(&label).clone(),
        }
    }
}

/// The edges a runtime is built between.
pub struct Edges {
    /// The time.
    pub clock: ClockRef,
    /// Where objects are stored.
    pub store: Arc<dyn Store>,
    /// The way out.
    pub outlet: Arc<dyn Outlet>,
    /// Counts.
    pub metrics: MetricsRef,
    /// Does work off the workers.
    pub jobs: Arc<dyn Jobs>,
}

impl Shared {
    /// Workers without threads, and nothing to do.
    pub fn new(settings: &Settings, edges: Edges, classes: Vec<ClassRef>) -> Arc<Self> {
        let groups = std::iter::repeat_n(WorkerGroup::Tick, settings.tick_workers)
            .chain(std::iter::repeat_n(WorkerGroup::General, settings.general_workers))
            .chain(std::iter::repeat_n(WorkerGroup::Tick, settings.spare_workers));
        let workers: Vec<Worker> = groups
            .enumerate()
            .map(|(id, group)| Worker::new(WorkerId(id), group, inbox(settings.inbox_events_max)))
            .collect();
        let first = settings.tick_workers + settings.general_workers;
        workers[..first].iter().for_each(|worker| worker.active.store(true, Ordering::Relaxed));
        let names = || classes.iter().map(|class| class.name());
        let busy = names().map(|class| (class, Busy::of(&edges.metrics, class))).collect();
        let rules = names().zip(classes.iter().map(|class| class.rules())).collect();
        Arc::new_cyclic(|itself| Self {
            busy,
            rules,
            forgetful: settings.forgetful,
            seed: settings.seed,
            jobs: edges.jobs,
            pump: Pump::default(),
            returning: Returning::default(),
            resume_key: settings.resume_key,
            return_terms: (settings.resume_window, settings.returning_max),
            itself: itself.clone(),
            snapshots: Snapshots::default(),
            listings: Listings::new(Arc::clone(&edges.metrics)),
            clock: edges.clock,
            store: edges.store,
            outlet: edges.outlet,
            metrics: edges.metrics,
            directory: Directory::new(settings.objects_max),
            classes: classes.into_iter().map(|class| (class.name(), class)).collect(),
            inboxes: workers.iter().map(|worker| worker.inbox.clone()).collect(),
            workers,
            node: settings.node,
            draining: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            next_call: AtomicU64::new(1),
            recovering: Mutex::default(),
        })
    }

    /// The server drains.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Counts the time of a handler that began at `began`.
    pub(super) fn count_busy(&self, identity: &Identity, began: Moment) {
        let Some(busy) = self.busy.get(identity.class) else { return };
        let took = self.clock.now().since(began);
        busy.seconds.inc_by(took.as_secs_f64());
        if took > SLOW {
            busy.slow.inc();
            let took_ms = took.as_millis() as u64;
            tracing::warn!(class = identity.class, name = %identity.name, took_ms, "a handler took long");
        }
    }

    /// A class and what it says of itself.
    pub(super) fn class(&self, name: &str) -> Option<(&ClassRef, &ClassRules)> {
        Some((self.classes.get(name)?, self.rules.get(name)?))
    }

    /// What a class says of itself.
    pub fn rules(&self, class: &str) -> Option<&ClassRules> {
        self.rules.get(class)
    }

    pub(super) fn inboxes(&self) -> &[Inbox] {
        &self.inboxes
    }

    /// A number nobody has had.
    pub(super) fn next_call(&self) -> CallId {
        CallId(self.next_call.fetch_add(1, Ordering::Relaxed))
    }

    /// 0 to 255, from the seed: how much later a retry is.
    pub(super) fn jitter(&self, object: ObjectId, generation: u64, retries: u32) -> u8 {
        let mut bytes = object.as_bytes().to_vec();
        bytes.extend_from_slice(&generation.to_le_bytes());
        bytes.extend_from_slice(&retries.to_le_bytes());
        twox_hash::XxHash3_64::oneshot_with_seed(self.seed, &bytes) as u8
    }

    /// Counts a step that began at `began`; answers the time now.
    pub(super) fn count_tick(&self, began: Moment) -> Moment {
        let now = self.clock.now();
        self.metrics.tick_duration.observe(now.since(began).as_secs_f64());
        self.metrics.ticks.inc();
        now
    }

    /// The active worker of a group with the fewest objects.
    pub(super) fn least_loaded_of(&self, group: WorkerGroup) -> Option<WorkerId> {
        let now = self.clock.now();
        let free =
            |worker: &&Worker| worker.busy_for(now).is_none_or(|busy| busy < super::settings::STUCK_AFTER);
        let of_group = self.workers.iter().filter(|worker| worker.group == group && is_active(worker));
        of_group.filter(free).min_by_key(|worker| worker.load.load(Ordering::Relaxed)).map(|worker| worker.id)
    }

    /// The best worker of the group that `from` does not serve.
    pub(super) fn least_loaded(&self, from: WorkerId) -> Option<WorkerId> {
        let other = match self.workers[from.0].group {
            WorkerGroup::Tick => WorkerGroup::General,
            WorkerGroup::General => WorkerGroup::Tick,
        };
        self.least_loaded_of(other)
    }

    /// Where the objects of a stuck worker go: another of its group.
    pub(super) fn refuge(&self, stuck: &Worker) -> Option<WorkerId> {
        self.least_loaded_of(stuck.group).filter(|id| *id != stuck.id)
    }

    /// Brings an event to the object's owner; wakes the object if it has none.
    pub(super) fn redeliver(&self, object: ObjectId, event: Event) {
        match self.directory.deliver(&self.inboxes, object, event) {
            Ok(()) => {}
            Err(Undelivered::NoOwner(event) | Undelivered::Full(event)) => self.refuse(event),
        }
    }

    /// Tells whoever waits that an event was not taken.
    pub(super) fn refuse(&self, event: Event) {
        self.metrics.inbox_refused.inc();
        if let Some(reply) = event.into_reply() {
            reply(Err(CallError::Overloaded));
        }
    }

    /// The same, because the server drains.
    pub(super) fn refuse_draining(&self, event: Event) {
        if let Some(reply) = event.into_reply() {
            reply(Err(CallError::Draining));
        }
    }

    /// Delivers an event, waking the object if it has no owner: again, should it end in between.
    #[expect(clippy::result_large_err, reason = "the event comes back by value: refusing must not allocate")]
    pub(super) fn send(&self, identity: &Identity, mut event: Event) -> Result<(), Event> {
        loop {
            event = match self.directory.deliver(&self.inboxes, identity.id, event) {
                Ok(()) => return Ok(()),
                Err(Undelivered::Full(event)) => return Err(event),
                Err(Undelivered::NoOwner(event)) => event,
            };
            if self.is_draining() || self.wake(identity, WakeReason::Restart).is_err() {
                return Err(event);
            }
        }
    }

    /// Has an object woken, unless it has an owner already.
    fn wake(&self, identity: &Identity, reason: WakeReason) -> Result<(), EventRefused> {
        let owner = self.least_loaded_of(WorkerGroup::General).ok_or(EventRefused::Overloaded)?;
        if !self.directory.claim(identity, owner).map_err(|_| EventRefused::Overloaded)? {
            return Ok(());
        }
        let worker = &self.workers[owner.0];
        worker.load.fetch_add(1, Ordering::Relaxed);
        let order = Order::Wake(Box::new(WakeOrder::new(identity.clone(), reason, self.clock.now())));
        worker.inbox.order(order).map_err(|_| {
            worker.load.fetch_sub(1, Ordering::Relaxed);
            self.directory.release(identity.id, owner);
            EventRefused::Overloaded
        })
    }

    /// Has an object that `from` just gave up woken anew. Its events go along with the order: what comes after
    /// the transfer waits behind them.
    pub(super) fn rewake(&self, from: &Worker, mut order: WakeOrder) {
        let object = order.identity.id;
        let target = self.least_loaded_of(WorkerGroup::General).unwrap_or(from.id);
        if !self.directory.transfer(object, from.id, target) {
            return;
        }
        order.backlog.extend(from.collect_events(object));
        let worker = &self.workers[target.0];
        worker.load.fetch_add(1, Ordering::Relaxed);
        if let Err(Order::Wake(order)) = worker.inbox.order(Order::Wake(Box::new(order))) {
            tracing::error!(name = %order.identity.name, "an object cannot be woken: too many orders wait");
            worker.load.fetch_sub(1, Ordering::Relaxed);
            self.directory.release(object, target);
            order.backlog.into_iter().for_each(|event| self.refuse(event));
        }
    }

    /// An object of the start-up is awake, or set aside.
    pub(super) fn wake_done(&self, object: ObjectId) {
        self.recovering.lock().expect(POISON).remove(&object);
    }

    /// Has every object woken that was running when the process ended, and has clients come back to their sockets.
    /// Answers how many objects.
    pub fn recover(&self) -> Result<usize, ReadError> {
        let (window, sockets_max) = self.return_terms;
        self.await_sockets(window, sockets_max)?;
        let to_wake = self.store.to_wake()?;
        let mut woken = 0;
        for (id, record) in to_wake {
            let Some((class, _)) = self.classes.get_key_value(record.class.as_str()) else {
                tracing::error!(class = record.class, name = %record.name, "stored, but its class is not served");
                continue;
            };
            self.recovering.lock().expect(POISON).insert(id);
            let identity = Identity { id, class, name: record.name };
            match self.wake(&identity, WakeReason::Restart) {
                Ok(()) => woken += 1,
                Err(error) => {
                    tracing::error!(name = %identity.name, %error, "an object was not woken at start-up");
                    self.wake_done(id);
                }
            }
        }
        Ok(woken)
    }

    /// Objects of the start-up that are not awake yet.
    pub fn recovering(&self) -> usize {
        self.recovering.lock().expect(POISON).len()
    }

    /// Nothing new begins; every object says its last words.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.workers
            .iter()
            .filter(|worker| is_active(worker))
            .for_each(|worker| worker.order(Order::SleepAll));
    }

    /// Everything that was put to sleep is durable.
    pub fn is_asleep(&self) -> bool {
        self.workers.iter().filter(|worker| is_active(worker)).all(Worker::is_asleep)
    }

    /// One turn of every active worker, on this thread: how a simulator runs the whole pool. Answers when
    /// the next turn is due.
    pub fn turn_all(&self, scratch: &mut Scratch) -> Moment {
        let far = Moment(u64::MAX);
        let active = self.workers.iter().filter(|worker| is_active(worker));
        active.map(|worker| worker.turn(self, scratch)).min().unwrap_or(far)
    }
}

pub(super) fn is_active(worker: &Worker) -> bool {
    worker.active.load(Ordering::Acquire)
}
