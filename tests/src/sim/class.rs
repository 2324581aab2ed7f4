//! The class of matches, watched: never two activations of one id.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tickstone_server::object::alarm::{AlarmError, AlarmFired};
use tickstone_server::object::class::ClassRules;
use tickstone_server::object::context::Context;
use tickstone_server::object::contract::{
    AfterRefusal, Answer, Call, CallError, Class, ClassRef, DurableObject, TickDue, WakeError, WakeReason,
};
use tickstone_server::object::id::Identity;
use tickstone_server::object::job::{JobId, JobResult};
use tickstone_server::object::socket::SocketEvent;

/// What the class has seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Watched>>);

#[derive(Debug, Default)]
struct Watched {
    alive: BTreeMap<String, u32>,
    twice: Option<String>,
    wakes_by_crash: u64,
}

impl Watch {
    /// The first object that lived twice at once.
    pub(crate) fn twice(&self) -> Option<String> {
        self.0.lock().unwrap().twice.clone()
    }

    /// Wakes after a panic.
    pub(crate) fn wakes_by_crash(&self) -> u64 {
        self.0.lock().unwrap().wakes_by_crash
    }

    fn count(&self, name: &str, change: i64) {
        let mut watched = self.0.lock().unwrap();
        let alive = watched.alive.entry(name.to_owned()).or_default();
        *alive = u32::try_from(i64::from(*alive) + change).expect("dropped once");
        if *alive > 1 {
            watched.twice = Some(name.to_owned());
        }
    }
}

/// The watched class.
pub(crate) struct WatchedClass {
    inner: ClassRef,
    watch: Watch,
}

impl WatchedClass {
    /// Watches a class.
    pub(crate) fn around(inner: ClassRef, watch: Watch) -> ClassRef {
        Arc::new(Self { inner, watch })
    }
}

impl Class for WatchedClass {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn rules(&self) -> ClassRules {
        self.inner.rules()
    }

    fn instantiate(&self, identity: &Identity) -> Box<dyn DurableObject> {
        let name = identity.name.to_string();
        self.watch.count(&name, 1);
        Box::new(WatchedObject { inner: self.inner.instantiate(identity), name, watch: self.watch.clone() })
    }
}

struct WatchedObject {
    inner: Box<dyn DurableObject>,
    name: String,
    watch: Watch,
}

impl Drop for WatchedObject {
    fn drop(&mut self) {
        self.watch.count(&self.name, -1);
    }
}

impl DurableObject for WatchedObject {
    fn wake(&mut self, ctx: &mut Context<'_>, reason: &WakeReason) -> Result<(), WakeError> {
        if matches!(reason, WakeReason::Crash { panics: 1.., .. }) {
            self.watch.0.lock().unwrap().wakes_by_crash += 1;
        }
        self.inner.wake(ctx, reason)
    }
    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        self.inner.on_call(ctx, call)
    }
    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        self.inner.on_socket(ctx, event);
    }
    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        self.inner.on_done(ctx, job, result);
    }
    fn on_alarm(&mut self, ctx: &mut Context<'_>, alarm: &AlarmFired) -> Result<(), AlarmError> {
        self.inner.on_alarm(ctx, alarm)
    }
    fn on_tick(&mut self, ctx: &mut Context<'_>, due: TickDue) {
        self.inner.on_tick(ctx, due);
    }
    fn on_writes_refused(&mut self) -> AfterRefusal {
        self.inner.on_writes_refused()
    }
    fn on_sleep(&mut self, ctx: &mut Context<'_>) {
        self.inner.on_sleep(ctx);
    }
}
