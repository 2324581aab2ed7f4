//! What goes wrong: power cuts, drains, a disk that refuses, clocks that are set, a second process that takes over;
//! and what must be true when it has stopped.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tickstone_server::clock::Clock as _;
use tickstone_server::object::caller::Caller;
use tickstone_server::object::storage::Range;
use tickstone_server::runtime::handle::Objects as _;
use tickstone_server::runtime::ports::Store as _;
use tickstone_server::store::sim_disk::Refusal;

use super::asked::Sender;
use super::ledger::identity;
use super::model::{State, agree};
use super::oracle::Violation;
use super::world::{OBJECTS, World};

/// Turns that a drain may take.
const TURNS_MAX: u32 = 4_000;
/// Rounds of a second in which everything that is due must have happened, a retry after the disk failed included.
const ROUNDS_MAX: u32 = 1_500;
/// An alarm may be so late after the faults have stopped.
const GRACE_MS: u64 = 5_000;
/// Somebody who looks, not who asks.
const LOOKER: Sender = Sender::Caller(99);

impl World {
    /// Perhaps something goes wrong.
    pub(super) fn suffer(&mut self) -> Result<(), Violation> {
        // Every second seed crashes before anything settles.
        if self.plan.seed % 2 == 1 && self.rng.one_in(5) {
            return self.cut_power();
        }
        match self.rng.below(1_000) {
            0..30 => self.cut_power(),
            30..34 => {
                self.break_disk();
                Ok(())
            }
            34..37 => self.drain(),
            37..41 => self.take_over(),
            41..45 => {
                self.set_clock();
                Ok(())
            }
            45..65 => {
                self.call_stale();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The power goes within the next operations of the disk, whatever it is doing then.
    fn cut_power(&mut self) -> Result<(), Violation> {
        let operations = self.machine.disk.operations() + self.rng.below(30);
        self.machine.disk.power_off_at(operations);
        for _ in 0..40 {
            if self.machine.disk.power_is_off() {
                break;
            }
            self.step(true)?;
        }
        self.crash()
    }

    fn break_disk(&mut self) {
        let kind = if self.rng.one_in(2) { ErrorKind::StorageFull } else { ErrorKind::Other };
        let refusal = if self.rng.one_in(3) { Refusal::Once } else { Refusal::UntilRepaired };
        let at = self.machine.disk.operations() + self.rng.below(12);
        self.trace(&format_args!("the disk refuses {refusal:?}"));
        self.machine.disk.refuse(at, refusal, kind);
        self.repair_at = Some(self.now() + Duration::from_millis(self.rng.between(20, 3_000)));
        self.oracle.look().troubled = true;
        self.stats.refusals += 1;
    }

    /// Somebody sets the wall clock, forth or back.
    fn set_clock(&mut self) {
        let by_ms = self.rng.between(0, 240_000) as i64 - 120_000;
        self.trace(&format_args!("the clock is set by {by_ms} ms"));
        self.machine.clock.set_wall(by_ms);
        let (set, most) = self.wall_ms;
        self.wall_ms = (set + by_ms, most.max(set + by_ms));
    }

    /// The power has gone, or goes now.
    pub(super) fn crash(&mut self) -> Result<(), Violation> {
        self.hear()?;
        self.stats.crashes += 1;
        self.trace(&format_args!("crash {}", self.stats.crashes));
        self.repair();
        let seed = self.rng.next();
        self.machine.disk.power_on(seed);
        for attempt in 0.. {
            if attempt < 3 && self.plan.power_off_at.is_none() && self.rng.one_in(4) {
                let operations = self.machine.disk.operations() + self.rng.below(12);
                self.machine.disk.power_off_at(operations);
            }
            let opened = self.machine.open();
            match (opened, self.machine.disk.power_is_off()) {
                (Ok(filed), false) => {
                    self.filed = filed;
                    break;
                }
                (Err(error), false) => return Err(format!("it does not start: {error}")),
                (_, true) => {
                    let seed = self.rng.next();
                    self.machine.disk.power_on(seed);
                }
            }
        }
        self.machine.disk.power_off_at(u64::MAX);
        self.begin(false)
    }

    /// Another process begins on what is stored.
    fn begin(&mut self, drained: bool) -> Result<(), Violation> {
        self.oracle.look().process_ends(drained);
        self.stale = None;
        self.waiting.clear();
        self.answers.lock().unwrap().clear();
        self.adders.iter_mut().for_each(|adder| adder.waits = None);
        self.process = self.machine.start(&self.filed);
        self.process.shared.recover().map_err(|error| format!("nothing is recovered: {error}")).map(drop)
    }

    /// The process ends by itself: nothing is lost.
    pub(super) fn drain(&mut self) -> Result<(), Violation> {
        self.trace(&"drain");
        self.stats.drains += 1;
        self.stale = None;
        self.repair();
        for _ in 0..20 {
            self.step(false)?;
        }
        self.process.shared.begin_drain();
        self.turn_until("a drain does not end", |world| world.process.shared.is_asleep())?;
        self.hear()?;
        self.filed.store.inner().close();
        let mut closed = false;
        for _ in 0..TURNS_MAX {
            self.machine.clock.advance(Duration::from_millis(1));
            closed |= self.filed.commit(&self.machine);
            if closed {
                break;
            }
        }
        if !closed {
            return Err("the store does not close".to_owned());
        }
        // What was refused before is lost all the same.
        let drained = !self.oracle.look().troubled;
        self.filed = self.machine.open().map_err(|error| format!("it does not start: {error}"))?;
        self.begin(drained)
    }

    fn turn_until(&mut self, else_say: &str, done: impl Fn(&Self) -> bool) -> Result<(), Violation> {
        for _ in 0..TURNS_MAX {
            self.machine.clock.advance(Duration::from_millis(1));
            self.process.turn();
            self.filed.commit(&self.machine);
            if done(self) {
                return Ok(());
            }
        }
        Err(else_say.to_owned())
    }

    /// A second process takes the objects over; the first does not know, and goes on.
    fn take_over(&mut self) -> Result<(), Violation> {
        if self.stale.is_some() || self.oracle.look().troubled {
            return Ok(());
        }
        for _ in 0..4 {
            self.process.turn();
            self.filed.drain(&self.machine);
        }
        self.hear()?;
        self.trace(&"another process takes over");
        self.stats.takeovers += 1;
        self.process.stale.store(true, Ordering::Relaxed);
        let process = self.machine.start(&self.filed);
        let stale = std::mem::replace(&mut self.process, process);
        self.oracle.look().process_ends(true);
        self.waiting.clear();
        self.adders.iter_mut().for_each(|adder| adder.waits = None);
        self.look_at_all()?;
        self.stale = Some(stale);
        Ok(())
    }

    /// Wakes every object, and has it answer.
    fn look_at_all(&mut self) -> Result<(), Violation> {
        for object in 0..OBJECTS {
            let id = self.oracle.look().invent_look(LOOKER, object);
            self.ask(object, id);
        }
        for _ in 0..TURNS_MAX {
            self.machine.clock.advance(Duration::from_millis(1));
            self.process.turn();
            self.filed.commit(&self.machine);
            self.hear()?;
            if self.waiting.is_empty() {
                return Ok(());
            }
        }
        Err(format!("no answer: {:?}", self.waiting))
    }

    /// Somebody still asks the process that is not the owner any more.
    fn call_stale(&mut self) {
        let object = self.rng.below(OBJECTS as u64) as usize;
        let Some(stale) = &self.stale else { return };
        if self.oracle.look().objects[object].newest().state.is_empty() {
            return;
        }
        let oracle = self.oracle.clone();
        let reply = Box::new(move |answer: Result<_, _>| {
            if answer.is_ok() {
                oracle.hold::<()>(object, Err("an activation answered that is not the owner".to_owned()));
            }
        });
        stale.shared.call_by(Caller::Operator, &identity(object), "do", json!({}), reply);
    }

    /// The faults stop: everything that is due happens, everything is answered, and what is stored is the model.
    pub(super) fn calm_down(&mut self) -> Result<(), Violation> {
        self.repair();
        self.stale = None;
        let (set, most) = self.wall_ms;
        self.machine.clock.set_wall(most - set);
        // Whose last crash nobody has looked at since may be less than the model.
        self.look_at_all()?;
        let mut rounds = 0;
        while rounds < 40 || !self.is_calm() {
            rounds += 1;
            if rounds > ROUNDS_MAX {
                return Err(format!("no calm: {}", self.restless()));
            }
            self.machine.clock.advance(Duration::from_secs(1));
            for _ in 0..3 {
                self.tell_ends();
                self.process.turn();
                self.filed.commit(&self.machine);
            }
            self.hear()?;
        }
        self.count()?;
        self.compare()?;
        self.drain()?;
        self.look_at_all()?;
        self.compare()
    }

    fn is_calm(&self) -> bool {
        let oracle = self.oracle.look();
        let before_ms = self.machine.clock.unix_ms().saturating_sub(GRACE_MS);
        let none_overdue = oracle.objects.iter().all(|known| known.overdue(before_ms).is_none());
        let told =
            self.process.wire.sockets().iter().all(|(socket, kept)| !kept.told || oracle.was_told(*socket));
        none_overdue && told && self.waiting.is_empty() && oracle.jobs() == 0
    }

    fn restless(&self) -> String {
        let oracle = self.oracle.look();
        let before_ms = self.machine.clock.unix_ms().saturating_sub(GRACE_MS);
        let overdue: Vec<_> = oracle.objects.iter().map(|known| known.overdue(before_ms)).collect();
        let awake: Vec<_> =
            (0..OBJECTS).map(|object| self.process.shared.is_awake(&identity(object))).collect();
        let (waiting, jobs) = (&self.waiting, oracle.jobs());
        format!("waiting {waiting:?}, {jobs} jobs, overdue {overdue:?}, awake {awake:?}, {:?}", oracle.stats)
    }

    /// Everybody's number is counted, once.
    fn count(&mut self) -> Result<(), Violation> {
        while self.adders.iter().any(|adder| adder.waits.is_none()) {
            self.add();
        }
        self.turn_until("no answer of the tally", |world| {
            let answered = world.answers.lock().unwrap().len();
            answered == world.adders.len()
        })?;
        self.hear()?;
        let done: u64 = self.adders.iter().map(|adder| adder.done).sum();
        agree("the tally", &self.told.total(), &done)
    }

    /// What is stored is what the model is.
    fn compare(&mut self) -> Result<(), Violation> {
        if !self.filed.drain(&self.machine) {
            return Err("the disk does not settle".to_owned());
        }
        for object in 0..OBJECTS {
            let stored = self.filed.store.reader(identity(object).id).map_err(|error| error.to_string())?;
            let values = stored.list(&Range::default()).map_err(|error| error.to_string())?;
            let stored = State::read(values, stored.alarms().map_err(|error| error.to_string())?);
            let known = &self.oracle.look().objects[object];
            agree(&format!("what is stored of o{object}"), &stored, &known.newest().state)?;
        }
        Ok(())
    }
}
