//! A class whose handlers are the test's closure.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tickstone_server::object::alarm::{AlarmError, AlarmFired};
use tickstone_server::object::class::ClassRules;
use tickstone_server::object::context::Context;
use tickstone_server::object::contract::{
    Answer, Call, CallError, Class, DurableObject, TickDue, WakeError, WakeReason,
};
use tickstone_server::object::id::Identity;
use tickstone_server::object::job::{JobId, JobResult};
use tickstone_server::object::socket::SocketEvent;
use tickstone_server::testing::Testbed;

pub(crate) const SCRIPT: &str = "script";

/// Something that happens to an object.
#[derive(Debug)]
pub(crate) enum Happens {
    Wake(WakeReason),
    Call(Call),
    Done(JobId, JobResult),
    Alarm(AlarmFired),
    Socket(SocketEvent),
    Tick,
    Sleep,
}

/// What a handler answers: a call's reply, or why it failed.
pub(crate) type Answered = Result<Value, String>;

/// A test's handlers.
pub(crate) type Handlers = dyn Fn(&mut Context<'_>, &Happens) -> Answered + Send + Sync;

pub(crate) struct ScriptClass {
    handlers: Arc<Handlers>,
    rules: ClassRules,
}

impl Class for ScriptClass {
    fn name(&self) -> &'static str {
        SCRIPT
    }
    fn instantiate(&self, _: &Identity) -> Box<dyn DurableObject> {
        Box::new(Script(self.handlers.clone()))
    }
    fn rules(&self) -> ClassRules {
        self.rules.clone()
    }
    fn migrate(&self, ctx: &mut Context<'_>, from: u32) -> Result<(), WakeError> {
        Ok(ctx.storage().put(*b"migrated from", vec![from as u8])?)
    }
}

struct Script(Arc<Handlers>);

impl Script {
    fn happen(&self, ctx: &mut Context<'_>, what: &Happens) -> Answered {
        (self.0)(ctx, what)
    }
}

impl DurableObject for Script {
    fn wake(&mut self, ctx: &mut Context<'_>, reason: &WakeReason) -> Result<(), WakeError> {
        self.happen(ctx, &Happens::Wake(reason.clone())).map(drop).map_err(WakeError)
    }
    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let answer = self.happen(ctx, &Happens::Call(call)).map_err(CallError::Invalid)?;
        Ok(if answer == "later" { Answer::Later } else { Answer::Now(answer) })
    }
    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        self.happen(ctx, &Happens::Done(job, result)).unwrap();
    }
    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        self.happen(ctx, &Happens::Socket(event)).unwrap();
    }
    fn on_alarm(&mut self, ctx: &mut Context<'_>, alarm: &AlarmFired) -> Result<(), AlarmError> {
        self.happen(ctx, &Happens::Alarm(alarm.clone())).map(drop).map_err(AlarmError)
    }
    fn on_tick(&mut self, ctx: &mut Context<'_>, _: TickDue) {
        self.happen(ctx, &Happens::Tick).unwrap();
    }
    fn on_sleep(&mut self, ctx: &mut Context<'_>) {
        self.happen(ctx, &Happens::Sleep).unwrap();
    }
}

/// A class of these handlers.
pub(crate) fn class(
    handlers: impl Fn(&mut Context<'_>, &Happens) -> Answered + Send + Sync + 'static,
) -> Arc<ScriptClass> {
    Arc::new(ScriptClass { handlers: Arc::new(handlers), rules: ClassRules::default() })
}

/// The same, with a history.
pub(crate) fn with_history(
    handlers: impl Fn(&mut Context<'_>, &Happens) -> Answered + Send + Sync + 'static,
) -> Arc<ScriptClass> {
    Arc::new(ScriptClass {
        handlers: Arc::new(handlers),
        rules: ClassRules { history: true, ..ClassRules::default() },
    })
}

/// The same, of another version.
pub(crate) fn versioned(
    version: u32,
    handlers: impl Fn(&mut Context<'_>, &Happens) -> Answered + Send + Sync + 'static,
) -> Arc<ScriptClass> {
    Arc::new(ScriptClass {
        handlers: Arc::new(handlers),
        rules: ClassRules { version, ..ClassRules::default() },
    })
}

/// A testbed with objects of these handlers.
pub(crate) fn bed(
    handlers: impl Fn(&mut Context<'_>, &Happens) -> Answered + Send + Sync + 'static,
) -> Testbed {
    Testbed::new().class(class(handlers))
}

/// What happened, for a closure to write and a test to read.
#[derive(Clone)]
pub(crate) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Log<T> {
    pub(crate) fn note(&self, what: T) {
        self.0.lock().unwrap().push(what);
    }
    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Asks the object `one`.
pub(crate) fn ask(bed: &mut Testbed, method: &str, body: impl Into<Value>) -> Result<Value, CallError> {
    bed.call(SCRIPT, "one", method, body)
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn null() -> Answered {
    Ok(Value::Null)
}
