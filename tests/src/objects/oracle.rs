//! What may never be. The handlers tell it what they were given and what they made of it, the way out what left,
//! and the world what was answered; it keeps the model of every object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tickstone_server::object::alarm::AlarmFired;
use tickstone_server::object::contract::WakeReason;
use tickstone_server::object::job::JobId;
use tickstone_server::object::socket::SocketId;
use tickstone_shared::time::Moment;

use super::asked::{Asked, Ending, Sender};
use super::known::{Known, Version, Way};
use super::model::State;
use super::world::Stats;
use crate::rng::Rng;

/// Something that must not happen.
pub(crate) type Violation = String;

/// What everybody tells, and asks.
#[derive(Clone)]
pub(crate) struct Oracle(Arc<Mutex<Seen>>);

/// See the module.
pub(crate) struct Seen {
    /// What handlers do that nobody asked for comes from it.
    pub(crate) rng: Rng,
    pub(crate) objects: Vec<Known>,
    asked: Vec<Asked>,
    jobs: BTreeMap<JobId, usize>,
    ends: BTreeMap<SocketId, u32>,
    /// Sockets that were closed by either side, or are about to be: an object may know nothing of them any more.
    closed: BTreeSet<SocketId>,
    versions: u64,
    alive: BTreeMap<(u32, usize), u32>,
    /// The disk refuses, or has since the process started: what a panic leaves behind may be lost.
    pub(crate) troubled: bool,
    pub(crate) stats: Stats,
    violation: Option<Violation>,
}

impl Oracle {
    pub(crate) fn new(seed: u64, objects: usize) -> Self {
        Self(Arc::new(Mutex::new(Seen {
            rng: Rng::new(seed, 5),
            objects: (0..objects).map(|_| Known::new()).collect(),
            asked: Vec::new(),
            jobs: BTreeMap::new(),
            ends: BTreeMap::new(),
            closed: BTreeSet::new(),
            versions: 0,
            alive: BTreeMap::new(),
            troubled: false,
            stats: Stats::default(),
            violation: None,
        })))
    }

    pub(crate) fn look(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the first violation.
    pub(crate) fn hold<T>(&self, object: usize, held: Result<T, Violation>) -> Option<T> {
        held.map_err(|broken| self.look().break_at(object, &broken)).ok()
    }
}

impl Seen {
    fn break_at(&mut self, object: usize, broken: &str) {
        self.violation.get_or_insert_with(|| format!("o{object}: {broken}"));
    }

    fn hold(&mut self, object: usize, held: Result<(), Violation>) {
        if let Err(broken) = held {
            self.break_at(object, &broken);
        }
    }

    /// The first thing that must not have happened.
    pub(crate) fn verdict(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }

    /// Any request to an object; its number.
    pub(crate) fn invent(&mut self, rng: &mut Rng, sender: Sender, object: usize) -> u64 {
        let asked = Asked::random(rng, sender, object, self.objects.len());
        self.asked.push(asked);
        self.asked.len() as u64 - 1
    }

    /// The same by chance of its own.
    pub(crate) fn invent_within(&mut self, sender: Sender, object: usize) -> u64 {
        let mut rng = self.rng.clone();
        let id = self.invent(&mut rng, sender, object);
        self.rng = rng;
        id
    }

    /// A request that only looks.
    pub(crate) fn invent_look(&mut self, sender: Sender, object: usize) -> u64 {
        self.asked.push(Asked::look(sender, object));
        self.asked.len() as u64 - 1
    }

    pub(crate) fn asked(&self, id: u64) -> &Asked {
        &self.asked[id as usize]
    }

    /// The handler of a request begins.
    pub(crate) fn begins(&mut self, object: usize, id: u64, now: Moment) -> Asked {
        let asked = &mut self.asked[id as usize];
        let twice = std::mem::replace(&mut asked.begun, true);
        let (sender, meant) = (asked.sender, asked.object);
        let mut asked = asked.clone();
        if twice {
            self.break_at(object, &format!("request {id} is worked on twice"));
        }
        if meant != object {
            self.break_at(object, &format!("request {id} was for o{meant}"));
        }
        let in_order = self.objects[object].begins(sender, id);
        self.hold(object, in_order);
        if asked.ending == Ending::Panic && !self.objects[object].may_panic(now) {
            asked.ending = Ending::Error;
        }
        if matches!(sender, Sender::Socket(_)) && asked.ending == Ending::Error {
            asked.ending = Ending::Answer;
        }
        asked
    }

    /// What an object is, for a handler of the activation that takes it for `version`.
    pub(crate) fn newest(&mut self, object: usize, version: u64) -> State {
        let newest = self.objects[object].newest();
        let (number, state) = (newest.number, newest.state.clone());
        if number != version {
            self.break_at(object, &format!("a handler ran on version {version} of it, and it is {number}"));
        }
        state
    }

    /// The number of the next version.
    pub(crate) fn next_version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    /// A handler has made it this.
    pub(crate) fn became(&mut self, object: usize, number: u64, state: State) {
        self.objects[object].became(Version { number, state });
    }

    /// Somebody sees a version of an object.
    pub(crate) fn sees(&mut self, object: usize, number: u64, way: Way) {
        let seen = self.objects[object].sees(number, way);
        self.hold(object, seen);
    }

    /// An object wakes; which version of itself it is.
    pub(crate) fn wakes(&mut self, object: usize, stored: &State, reason: &WakeReason) -> u64 {
        let exact = match reason {
            WakeReason::Hibernation => true,
            WakeReason::Crash { panics, .. } => *panics > 0 && !self.troubled,
            WakeReason::Restart => self.objects[object].sure,
            WakeReason::Created | WakeReason::Migration { .. } => false,
        };
        self.stats.note_wake(reason);
        self.jobs.retain(|_, of| *of != object);
        let before = self.objects[object].newest().number;
        let woken = self.objects[object].wakes(stored, exact, reason);
        match woken {
            Ok(number) => {
                self.stats.taken_back += u64::from(number < before);
                number
            }
            Err(broken) => {
                self.break_at(object, &broken);
                before
            }
        }
    }

    /// An object is there in a process, or not any more.
    pub(crate) fn lives(&mut self, process: u32, object: usize, lives: bool) {
        let alive = self.alive.entry((process, object)).or_default();
        *alive = if lives { *alive + 1 } else { *alive - 1 };
        if *alive > 1 {
            self.break_at(object, "it lives twice");
        }
    }

    /// An alarm runs.
    pub(crate) fn fires(&mut self, object: usize, fired: &AlarmFired, now_ms: u64) {
        self.stats.alarms += 1;
        self.stats.retries += u64::from(fired.is_retry);
        let fires = self.objects[object].fires(fired, now_ms);
        self.hold(object, fires);
    }

    /// An object begins a job.
    pub(crate) fn starts(&mut self, object: usize, job: JobId) {
        self.jobs.insert(job, object);
    }

    /// A job is done: told once, and to the activation that began it.
    pub(crate) fn done(&mut self, object: usize, job: JobId) {
        if self.jobs.remove(&job) != Some(object) {
            self.break_at(object, "it is told the end of a job that is not its own, or again");
        }
        self.stats.jobs += 1;
    }

    /// Jobs whose ends nobody was told.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// Somebody closes a socket.
    pub(crate) fn closes(&mut self, socket: SocketId) {
        self.closed.insert(socket);
    }

    /// What an object is told of a socket of its own that said something: the version that is kept with it.
    pub(crate) fn hears(&mut self, object: usize, socket: SocketId, tagged: bool, kept: Option<u64>) {
        self.stats.messages += 1;
        if self.closed.contains(&socket) {
            return;
        }
        let kept = self.objects[object].is_kept(socket, kept);
        let kept = if tagged { kept } else { Err(format!("{socket:?} has lost its tags")) };
        self.hold(object, kept);
    }

    /// An object is told that a socket is gone.
    pub(crate) fn ends(&mut self, object: usize, socket: SocketId) {
        let ends = self.ends.entry(socket).or_default();
        *ends += 1;
        if *ends > 1 {
            self.break_at(object, "it is told the end of a socket twice");
        }
    }

    /// Whether an object was told that a socket is gone.
    pub(crate) fn was_told(&self, socket: SocketId) -> bool {
        self.ends.contains_key(&socket)
    }

    /// An object is gone: somebody has been told so.
    pub(crate) fn is_gone(&mut self, object: usize) {
        let number = self.next_version();
        self.objects[object].is_gone(number);
        self.jobs.retain(|_, of| *of != object);
        self.stats.deletions += 1;
    }

    /// The process is gone.
    pub(crate) fn process_ends(&mut self, drained: bool) {
        self.jobs.clear();
        self.troubled = false;
        for known in &mut self.objects {
            known.sure &= drained;
            known.may_have_gone();
            known.loses_its_sockets();
        }
    }
}
