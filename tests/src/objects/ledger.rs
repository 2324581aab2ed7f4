//! The class under test: it does what it is asked, of itself and of its model alike, and tells the oracle what it is
//! given. Its replies and messages carry the version of it that they are about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_server::object::alarm::{AlarmError, AlarmFired};
use tickstone_server::object::class::ClassRules;
use tickstone_server::object::context::Context;
use tickstone_server::object::contract::{
    Answer, Call, CallError, CallId, Class, DurableObject, WakeError, WakeReason,
};
use tickstone_server::object::id::Identity;
use tickstone_server::object::job::{Job, JobId, JobResult};
use tickstone_server::object::socket::{SocketEvent, SocketId};
use tickstone_server::object::storage::Range;
use tickstone_shared::ids::ObjectName;

use super::asked::{Asked, Beside, Ending, Sender};
use super::known::Way;
use super::model::{Change, State, VERSION, see};
use super::oracle::Oracle;

/// What an activation says that does not know that it is not the owner any more.
const STALE: &str = "stale";
/// What the handler of an alarm says before it fails.
const FAILED: &str = "failed";
/// The tag of every socket.
pub(crate) const TAG: &str = "reader";

/// The two classes: one that hibernates after the usual time, and one that does so soon and keeps a history.
pub(crate) const CLASSES: [&str; 2] = ["ledger", "diary"];

/// The object of a number.
pub(crate) fn identity(object: usize) -> Identity {
    Identity::named(CLASSES[object % 2], name(object))
}

fn name(object: usize) -> ObjectName {
    ObjectName::parse(&format!("o{object}")).expect("it is a name")
}

/// A text that says which version of which object it is about.
pub(crate) fn stamp(object: usize, version: u64) -> String {
    format!("{object} {version}")
}

/// The object and the version of a text.
pub(crate) fn stamped(text: &str) -> Option<(usize, u64)> {
    let mut words = text.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// See the module.
#[derive(Clone)]
pub(crate) struct LedgerClass {
    pub(crate) class: &'static str,
    pub(crate) oracle: Oracle,
    pub(crate) process: u32,
    /// Another process has taken over, and this one does not know.
    pub(crate) stale: Arc<AtomicBool>,
}

impl Class for LedgerClass {
    fn name(&self) -> &'static str {
        self.class
    }

    fn rules(&self) -> ClassRules {
        let rules = ClassRules::default();
        match self.class == CLASSES[0] {
            true => rules,
            false => ClassRules { history: true, hibernates_after: Duration::from_secs(1), ..rules },
        }
    }

    fn instantiate(&self, identity: &Identity) -> Box<dyn DurableObject> {
        let object = identity.name.as_str()[1..].parse().expect("its name is its number");
        self.oracle.look().lives(self.process, object, true);
        Box::new(Ledger { class: self.clone(), object, version: 0, later: Vec::new() })
    }
}

struct Ledger {
    class: LedgerClass,
    object: usize,
    /// What it has in memory: which version of itself it is.
    version: u64,
    /// Calls that are answered when a job is done.
    later: Vec<(JobId, CallId)>,
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.class.oracle.look().lives(self.class.process, self.object, false);
    }
}

impl Ledger {
    fn is_stale(&self) -> bool {
        self.class.stale.load(Ordering::Relaxed)
    }

    /// What must neither be stored nor leave. Of an object of which nothing is stored nobody is the owner yet.
    fn act_stale(ctx: &mut Context<'_>) -> Result<Answer, CallError> {
        ctx.reader()?.record()?.ok_or(CallError::NotFound)?;
        ctx.storage().put(VERSION, STALE).expect("it fits");
        ctx.peers().broadcast(None, &[], STALE);
        Ok(Answer::Now(STALE.into()))
    }

    /// Does what is asked; which version of it that made.
    fn perform(&mut self, ctx: &mut Context<'_>, id: u64, asked: &Asked) -> Result<u64, CallError> {
        let mut state = self.class.oracle.look().newest(self.object, self.version);
        let made = asked.changes.iter().try_for_each(|change| change.make(id, ctx, &mut state));
        self.class.oracle.hold(self.object, made.and_then(|()| see(&mut ctx.storage(), &state.values)));
        match asked.ending {
            Ending::Error => return Err(CallError::Invalid("as planned".to_owned())),
            // Not by the hook that prints: a simulation panics on purpose, thousands of times.
            Ending::Panic => std::panic::resume_unwind(Box::new("as planned")),
            Ending::Answer | Ending::AnswerLater => {}
        }
        if asked.writes() {
            self.become_next(ctx, state, asked.leaves_nothing());
        }
        self.do_beside(ctx, asked);
        Ok(self.version)
    }

    /// It is now what was made of it.
    fn become_next(&mut self, ctx: &mut Context<'_>, mut state: State, leaves_nothing: bool) {
        let mut oracle = self.class.oracle.look();
        self.version = oracle.next_version();
        if !leaves_nothing {
            state.values.insert(VERSION.to_vec(), self.version.to_le_bytes().to_vec());
            ctx.storage().put(VERSION, self.version.to_le_bytes()).expect("it fits");
        }
        oracle.became(self.object, self.version, state);
    }

    /// Writes something that nobody asked for.
    fn note(&mut self, ctx: &mut Context<'_>) {
        let mut state = self.class.oracle.look().newest(self.object, self.version);
        let made = Change::Put { key: 9, bytes: 8 }.make(self.version, ctx, &mut state);
        self.class.oracle.hold(self.object, made);
        self.become_next(ctx, state, false);
    }

    fn start(&self, ctx: &mut Context<'_>, job: Job) -> JobId {
        let job = ctx.start(job);
        self.class.oracle.look().starts(self.object, job);
        job
    }

    fn do_beside(&self, ctx: &mut Context<'_>, asked: &Asked) {
        let stamp = stamp(self.object, self.version);
        match asked.beside {
            Beside::Nothing => {}
            Beside::Ask(other) => {
                let id = self.class.oracle.look().invent_within(Sender::Object(self.object), other);
                let body = json!({ "id": id, "from": stamp });
                let to = identity(other);
                let job =
                    Job::Call { class: to.class.to_owned(), name: to.name, method: "do".to_owned(), body };
                self.start(ctx, job);
            }
            Beside::Compute => drop(self.start(ctx, Job::Compute(Box::new(|| Ok(Value::Null))))),
            Beside::Sleep => drop(self.start(ctx, Job::Sleep(Duration::from_millis(150)))),
            Beside::Broadcast => ctx.peers().broadcast(Some(TAG), &[], stamp),
            Beside::Attach if asked.writes() => {
                for socket in ctx.peers().list(Some(TAG)) {
                    ctx.peers().attach(socket, stamp.clone().into_bytes()).expect("it fits");
                    self.class.oracle.look().objects[self.object].attaches(socket, self.version);
                }
            }
            Beside::Close => {
                if let Some(socket) = ctx.peers().list(Some(TAG)).first() {
                    self.class.oracle.look().closes(*socket);
                    ctx.peers().close(*socket, 3_000, "as planned");
                }
            }
            Beside::Attach => {}
            Beside::Hibernate => ctx.hibernate(),
        }
    }

    /// What is kept with a socket must be what this version of the object knows of it.
    fn check_socket(&self, ctx: &mut Context<'_>, socket: SocketId) {
        let kept = ctx.peers().attachment(socket);
        let kept = kept.as_ref().and_then(|kept| stamped(std::str::from_utf8(kept.bytes()).ok()?));
        let tagged = ctx.peers().tags(socket).is_some_and(|tags| tags.has(TAG));
        self.class.oracle.look().hears(self.object, socket, tagged, kept.map(|(_, version)| version));
    }

    /// What the handler of an alarm does.
    fn ring(&mut self, ctx: &mut Context<'_>, fired: &AlarmFired) -> Result<(), AlarmError> {
        let (now_ms, now) = (ctx.unix_ms(), ctx.now());
        let set = ctx.alarm(&fired.name);
        let mut oracle = self.class.oracle.look();
        oracle.fires(self.object, fired, now_ms);
        let mut state = oracle.newest(self.object, self.version);
        let chance = oracle.rng.below(20);
        let fails = fired.retry_count < 2 && (chance == 0 || chance == 1);
        let panics = fails && chance == 0 && oracle.objects[self.object].may_panic(now);
        if fails {
            oracle.objects[self.object].fails(fired, now_ms);
        }
        drop(oracle);
        let none = if set.is_some() { Err("its alarm is set while it runs".to_owned()) } else { Ok(()) };
        self.class.oracle.hold(self.object, none);
        // Of a run that fails nothing may stay.
        if fails {
            ctx.storage().put(VERSION, FAILED).expect("it fits");
            ctx.peers().broadcast(None, &[], FAILED);
        }
        if panics {
            std::panic::resume_unwind(Box::new("as planned"));
        }
        if fails {
            return Err(AlarmError("as planned".to_owned()));
        }
        let alarm = state.alarms.remove(&fired.name);
        let next = alarm.and_then(|alarm| alarm.next(now_ms));
        state.alarms.extend(next.map(|(next, _)| (fired.name.clone(), next)));
        let again = Change::rearming(&fired.name, chance);
        let made = again.iter().try_for_each(|change| change.make(self.version, ctx, &mut state));
        self.class.oracle.hold(self.object, made);
        self.become_next(ctx, state, false);
        ctx.peers().broadcast(Some(TAG), &[], stamp(self.object, self.version));
        Ok(())
    }
}

impl DurableObject for Ledger {
    fn wake(&mut self, ctx: &mut Context<'_>, reason: &WakeReason) -> Result<(), WakeError> {
        if self.is_stale() {
            return Err(WakeError("another process has it".to_owned()));
        }
        let alarms = ctx.reader()?.alarms()?;
        let stored = State::read(ctx.storage().list(&Range::default())?, alarms);
        let mut oracle = self.class.oracle.look();
        self.version = oracle.wakes(self.object, &stored, reason);
        let writes = oracle.rng.one_in(8);
        drop(oracle);
        if writes {
            self.note(ctx);
        }
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        if self.is_stale() {
            return Self::act_stale(ctx);
        }
        if let Some((other, version)) = call.body["from"].as_str().and_then(stamped) {
            self.class.oracle.look().sees(other, version, Way::Objects);
        }
        let id = call.body["id"].as_u64().expect("every call has one");
        let asked = self.class.oracle.look().begins(self.object, id, ctx.now());
        let version = self.perform(ctx, id, &asked)?;
        if asked.ending == Ending::AnswerLater {
            let job = self.start(ctx, Job::Sleep(Duration::from_millis(40)));
            self.later.push((job, call.id));
            return Ok(Answer::Later);
        }
        Ok(Answer::Now(stamp(self.object, version).into()))
    }

    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        if self.is_stale() {
            return drop(Self::act_stale(ctx));
        }
        self.class.oracle.look().done(self.object, job);
        if let Some((other, version)) = result.ok().as_ref().and_then(Value::as_str).and_then(stamped) {
            self.class.oracle.look().sees(other, version, Way::Objects);
        }
        self.note(ctx);
        if let Some(place) = self.later.iter().position(|(waits, _)| *waits == job) {
            let (_, call) = self.later.remove(place);
            ctx.reply(call, Ok(stamp(self.object, self.version).into()));
        }
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        if self.is_stale() {
            return drop(Self::act_stale(ctx));
        }
        match event {
            SocketEvent::Connected { socket, .. } => {
                ctx.peers().accept(socket, [TAG]).expect("it is short");
                ctx.peers().send(socket, stamp(self.object, self.version));
            }
            SocketEvent::Received { socket, payload } => {
                self.check_socket(ctx, socket);
                let id = std::str::from_utf8(payload.bytes()).ok().and_then(|text| text.parse().ok());
                let id = id.expect("clients say numbers");
                let asked = self.class.oracle.look().begins(self.object, id, ctx.now());
                if let Ok(version) = self.perform(ctx, id, &asked) {
                    ctx.peers().send(socket, format!("{} {id}", stamp(self.object, version)));
                }
            }
            SocketEvent::Disconnected { socket, .. } => {
                self.class.oracle.look().ends(self.object, socket);
                self.note(ctx);
            }
            other => panic!("{other:?}"),
        }
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, alarm: &AlarmFired) -> Result<(), AlarmError> {
        if self.is_stale() {
            return Self::act_stale(ctx).map(drop).map_err(|error| AlarmError(error.to_string()));
        }
        self.ring(ctx, alarm)
    }

    fn on_sleep(&mut self, ctx: &mut Context<'_>) {
        let writes = !self.is_stale() && self.class.oracle.look().rng.one_in(3);
        if writes {
            self.note(ctx);
        }
    }
}
