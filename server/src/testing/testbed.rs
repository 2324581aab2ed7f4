//! The testbed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tickstone_shared::ids::ObjectName;
use tickstone_shared::time::Moment;

use super::crash_store::CrashStore;
use super::sockets::Clients;
use crate::clock::{Clock as _, ManualClock};
use crate::metrics::{Metrics, MetricsRef};
use crate::object::caller::{Caller, Waiting};
use crate::object::contract::{CallError, ClassRef};
use crate::object::id::{Identity, ObjectId};
use crate::object::resume::ResumeToken;
use crate::object::simple::{Simple, SimpleClass};
use crate::object::socket::SocketId;
use crate::object::storage::{AlarmRow, Bookmark, Reader};
use crate::object::typed::{ReplyOf, Typed, from_reply, to_call};
use crate::runtime::handle::{EventRefused, Objects as _, ObjectsRef, ReplyTo};
use crate::runtime::pool::{Edges, Shared};
use crate::runtime::ports::{JobsInPlace, Outlet as _, Store as _};
use crate::runtime::settings::Settings;
use crate::runtime::worker::Scratch;
use crate::store::{MemoryStore, StoreSettings};

/// A turn that has nothing to do ends a settling; more turns than this say that it never will.
const TURNS_MAX: usize = 64;

/// A server on this thread. See [`crate::testing`].
pub struct Testbed {
    pub(super) classes: Vec<ClassRef>,
    settings: Settings,
    clock: Arc<ManualClock>,
    store: CrashStore,
    pub(super) clients: Arc<Clients>,
    running: Option<Running>,
    /// Objects that had a client.
    pub(super) known: BTreeMap<ObjectId, Identity>,
}

pub(super) struct Running {
    pub(super) shared: Arc<Shared>,
    metrics: MetricsRef,
    scratch: Scratch,
}

/// A call that may not be answered yet. Who drops it waits no longer.
#[derive(Clone, Default)]
pub struct Pending {
    answer: Arc<Mutex<Option<Result<Value, CallError>>>>,
    waiting: Waiting,
}

impl Pending {
    /// The answer, if there is one.
    pub fn answer(&self) -> Option<Result<Value, CallError>> {
        self.answer.lock().expect("no code under this lock panics").clone()
    }

    fn reply(&self) -> ReplyTo {
        let to = Arc::clone(&self.answer);
        Box::new(move |answer| {
            to.lock().expect("no code under this lock panics").get_or_insert(answer);
        })
    }
}

impl Default for Testbed {
    fn default() -> Self {
        Self::new()
    }
}

impl Testbed {
    /// Nothing yet: add classes. What is written is durable at once.
    pub fn new() -> Self {
        Self::on(MemoryStore::new())
    }

    /// The same; nothing is durable before [`Testbed::flush`].
    pub fn by_hand() -> Self {
        Self::on(MemoryStore::by_hand(&StoreSettings::new("")))
    }

    /// The same on a store of one's own, with other limits.
    pub fn on(store: MemoryStore) -> Self {
        let clock = Arc::new(ManualClock::default());
        clock.advance(Duration::from_secs(1));
        Self {
            classes: Vec::new(),
            settings: Settings { realtime: false, ..Settings::default() },
            store: CrashStore::new(store.on(clock.clone())),
            clock,
            clients: Arc::default(),
            running: None,
            known: BTreeMap::new(),
        }
    }

    pub(super) fn identity(&mut self, class: &'static str, name: &str) -> Identity {
        let identity = identity(class, name);
        self.known.entry(identity.id).or_insert(identity).clone()
    }

    /// Adds a class.
    #[must_use]
    pub fn class(mut self, class: ClassRef) -> Self {
        self.classes.push(class);
        self
    }

    /// Adds a class that is written the simple way.
    #[must_use]
    pub fn object<T: Simple>(self) -> Self {
        self.class(Arc::new(SimpleClass::<T>::default()))
    }

    /// Every object forgets its memory after each event, as far as it may: a class must give the same answers.
    #[must_use]
    pub fn forgetful(mut self) -> Self {
        self.settings.forgetful = true;
        self
    }

    /// After a restart so many sockets of the process before are waited for, at most.
    #[must_use]
    pub fn waiting_for(mut self, sockets: usize) -> Self {
        self.settings.returning_max = sockets;
        self
    }

    pub(super) fn running(&mut self) -> &mut Running {
        let Self { classes, settings, clock, store, clients, running, .. } = self;
        running.get_or_insert_with(|| {
            let metrics = Metrics::new();
            let edges = Edges {
                clock: clock.clone(),
                store: Arc::new(store.clone()),
                outlet: clients.clone(),
                metrics: metrics.clone(),
                jobs: Arc::new(JobsInPlace),
            };
            let shared = Shared::new(settings, edges, classes.clone());
            shared.recover().expect("a store in memory can be read");
            Running { shared, metrics, scratch: Scratch::default() }
        })
    }

    /// The way to the objects.
    pub fn objects(&mut self) -> ObjectsRef {
        self.running().shared.clone()
    }

    /// Counts.
    pub fn metrics(&mut self) -> MetricsRef {
        self.running().metrics.clone()
    }

    /// The time, in ms since 1970.
    pub fn unix_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    /// The clock, to be set as somebody might.
    pub fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    fn turn(&mut self) -> Moment {
        let Running { shared, scratch, .. } = self.running();
        shared.turn_all(scratch)
    }

    /// Turns until nothing more happens without time; a process that died at a commit starts again.
    pub fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..TURNS_MAX {
            quiet = if self.turn() > self.clock.now() { quiet + 1 } else { 0 };
            if quiet > 6 {
                break;
            }
        }
        if self.store.is_dead() {
            self.restart();
        }
    }

    /// Lets time pass: alarms run, objects hibernate.
    pub fn advance(&mut self, time: Duration) {
        self.settle();
        let end = self.clock.now() + time;
        while self.clock.now() < end {
            let next = self.turn().max(self.clock.now() + Duration::from_micros(50));
            self.clock.advance_to(next.min(end));
        }
        self.settle();
    }

    /// Makes durable what waits; only by hand.
    pub fn flush(&mut self) {
        self.store.inner.flush();
        self.settle();
    }

    /// The store itself.
    pub fn store(&self) -> &MemoryStore {
        &self.store.inner
    }

    /// The process dies and starts again on what is durable; sockets are cut.
    pub fn restart(&mut self) {
        self.running = None;
        self.store.revive();
        self.clients.cut();
        self.settings.node += 1;
        self.settle();
    }

    /// The process drains and starts again: objects say their last words, clients are closed with 1012. Answers the
    /// resume token of each socket that was open.
    pub fn drain(&mut self) -> BTreeMap<SocketId, ResumeToken> {
        let shared = Arc::clone(&self.running().shared);
        shared.begin_drain();
        self.settle();
        let (open, mut parked, mut tokens) = (self.clients.open(), Vec::new(), BTreeMap::new());
        for (object, socket) in open {
            let identity = self.known.get(&object).cloned();
            let info = self.clients.sockets_of(object).into_iter().find(|info| info.socket == socket);
            parked.extend(identity.zip(info));
            tokens.insert(socket, shared.resume_token(socket));
        }
        shared.park(&parked).expect("a store in memory takes sockets");
        self.store.inner.flush();
        self.restart();
        tokens
    }

    /// A client offers a resume token.
    pub fn resume(
        &mut self,
        class: &'static str,
        name: &str,
        token: ResumeToken,
    ) -> Result<SocketId, EventRefused> {
        let identity = self.identity(class, name);
        let socket = self.clients.enter(identity.id);
        self.running().shared.resume(&identity, socket, token)?;
        self.settle();
        Ok(socket)
    }

    /// The process ends and another build starts on what is durable, with other classes.
    #[must_use]
    pub fn rebuilt(mut self, classes: Vec<ClassRef>) -> Self {
        self.classes = classes;
        self.restart();
        self
    }

    /// Removes an object and everything of it.
    pub fn delete(&mut self, class: &'static str, name: &str) -> Result<Value, CallError> {
        let (pending, identity) = (Pending::default(), identity(class, name));
        self.running().shared.delete(&identity, pending.reply());
        self.settle();
        pending.answer().unwrap_or(Err(CallError::Reset))
    }

    /// Takes an object back to a moment, as an operator would; answers the moment that takes it forth again.
    pub fn restore(&mut self, class: &'static str, name: &str, to: Bookmark) -> Result<Bookmark, CallError> {
        let (pending, identity) = (Pending::default(), identity(class, name));
        self.running().shared.restore(&identity, to, pending.reply());
        self.settle();
        let answer = pending.answer().unwrap_or(Err(CallError::Reset))?;
        Ok(answer["undo"].as_str().and_then(|undo| undo.parse().ok()).expect("it is a bookmark"))
    }

    /// Commits so far.
    pub fn commits(&self) -> u64 {
        self.store.commits()
    }

    /// The process dies when it makes the n-th commit from now: that one is lost, with all that came with it.
    pub fn crash_at_commit(&mut self, n: u64) {
        self.store.die_at(self.store.commits() + n.max(1));
    }

    /// Calls a method by its name.
    pub fn begin_call(
        &mut self,
        caller: Caller,
        class: &'static str,
        name: &str,
        method: &str,
        body: impl Into<Value>,
    ) -> Pending {
        let (pending, identity) = (Pending::default(), identity(class, name));
        let awaited = pending.waiting.awaited();
        self.running().shared.call_while(awaited, caller, &identity, method, body.into(), pending.reply());
        pending
    }

    /// Calls a method by its name, as an operator, and has it answered. A call that the process did not live
    /// to answer was reset.
    pub fn call(
        &mut self,
        class: &'static str,
        name: &str,
        method: &str,
        body: impl Into<Value>,
    ) -> Result<Value, CallError> {
        let pending = self.begin_call(Caller::Operator, class, name, method, body);
        self.settle();
        pending.answer().unwrap_or(Err(CallError::Reset))
    }

    /// Calls a method of a class that is known, as an operator.
    pub fn ask<T: Typed>(&mut self, name: &str, call: &T::Call) -> Result<ReplyOf<T>, CallError> {
        let (method, body) = to_call(call)?;
        self.call(T::CLASS, name, &method, body).and_then(from_reply::<T::Call>)
    }

    /// The alarms that are stored of an object.
    pub fn alarms(&self, class: &'static str, name: &str) -> Vec<AlarmRow> {
        self.stored(class, name).alarms().expect("a store in memory can be read")
    }

    /// What is stored of an object.
    pub fn stored(&self, class: &'static str, name: &str) -> Box<dyn Reader + '_> {
        self.store.inner.reader(identity(class, name).id).expect("a store in memory can be read")
    }

    /// Whether an object is in memory.
    pub fn is_awake(&mut self, class: &'static str, name: &str) -> bool {
        self.running().shared.is_awake(&identity(class, name))
    }

    /// Objects in memory.
    pub fn awake(&mut self) -> usize {
        self.running().shared.directory.len()
    }
}

pub(super) fn identity(class: &'static str, name: &str) -> Identity {
    Identity::named(class, ObjectName::parse(name).expect("a test's name is a name"))
}
