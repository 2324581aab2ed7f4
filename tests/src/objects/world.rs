//! One run: machine, process, callers, clients and faults, step by step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tickstone_server::clock::Clock as _;
use tickstone_server::object::contract::{CallError, WakeReason};
use tickstone_server::store::sim_disk::SimDisk;
use tickstone_shared::time::Moment;

use super::machine::{Filed, Machine, Process};
use super::oracle::{Oracle, Violation};
use super::tally::{Adder, Told};
use crate::rng::Rng;

/// Objects of a run.
pub(crate) const OBJECTS: usize = 5;
/// Callers of the tally.
const ADDERS: usize = 3;

/// What a run is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Everything follows from it.
    pub(crate) seed: u64,
    /// Steps before the faults stop.
    pub(crate) steps: u64,
    /// Syncs of the disk do nothing: a run must notice.
    pub(crate) disk_lies: bool,
    /// No faults but this one: the power goes at this operation of the disk.
    pub(crate) power_off_at: Option<u64>,
    /// Say on stderr what happens.
    pub(crate) trace: bool,
}

/// What a run has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    pub(crate) crashes: u64,
    pub(crate) drains: u64,
    pub(crate) takeovers: u64,
    pub(crate) refusals: u64,
    pub(crate) answered: u64,
    pub(crate) messages: u64,
    pub(crate) alarms: u64,
    pub(crate) retries: u64,
    pub(crate) jobs: u64,
    pub(crate) deletions: u64,
    pub(crate) created: u64,
    pub(crate) hibernations: u64,
    pub(crate) restarts: u64,
    pub(crate) panics: u64,
    /// Resets by writes that were lost.
    pub(crate) resets: u64,
    /// Wakes that found less than the object had been.
    pub(crate) taken_back: u64,
    /// Operations of the disk.
    pub(crate) operations: u64,
}

impl Stats {
    pub(super) fn note_wake(&mut self, reason: &WakeReason) {
        *match reason {
            WakeReason::Created => &mut self.created,
            WakeReason::Hibernation => &mut self.hibernations,
            WakeReason::Crash { panics: 0, .. } => &mut self.resets,
            WakeReason::Crash { .. } => &mut self.panics,
            WakeReason::Restart | WakeReason::Migration { .. } => &mut self.restarts,
        } += 1;
    }

    /// All of them, by name.
    fn fields(&mut self) -> [&mut u64; 17] {
        let Self { crashes, drains, takeovers, refusals, answered, messages, alarms, retries, jobs, .. } =
            self;
        let Self {
            deletions, created, hibernations, restarts, panics, resets, taken_back, operations, ..
        } = self;
        [
            crashes,
            drains,
            takeovers,
            refusals,
            answered,
            messages,
            alarms,
            retries,
            jobs,
            deletions,
            created,
            hibernations,
            restarts,
            panics,
            resets,
            taken_back,
            operations,
        ]
    }

    /// Adds up what several runs have seen.
    pub(crate) fn add(&mut self, mut other: Stats) {
        for (sum, more) in self.fields().into_iter().zip(other.fields()) {
            *sum += *more;
        }
    }

    /// Everything has happened at least once.
    pub(crate) fn is_whole(mut self) -> bool {
        self.fields().into_iter().all(|count| *count > 0)
    }
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// A request.
    Do(u64),
    /// That it be deleted.
    Delete(usize),
    /// That one be added: by this caller, its number.
    Add(usize, u64),
}

pub(crate) type Answers = Arc<Mutex<Vec<(Question, Result<Value, CallError>)>>>;

/// A run in progress.
pub(crate) struct World {
    pub(super) plan: Plan,
    pub(super) machine: Machine,
    pub(super) oracle: Oracle,
    pub(super) filed: Filed,
    pub(super) process: Process,
    /// One that does not know that another has taken over.
    pub(super) stale: Option<Process>,
    pub(super) rng: Rng,
    pub(super) stats: Stats,
    pub(super) answers: Answers,
    /// What has no answer yet.
    pub(super) waiting: BTreeMap<Question, Moment>,
    pub(super) adders: [Adder; ADDERS],
    pub(super) told: Told,
    pub(super) sockets: u64,
    /// When the disk works again.
    pub(super) repair_at: Option<Moment>,
    /// How far the wall clock was set, and the most it ever was.
    pub(super) wall_ms: (i64, i64),
}

/// Runs a seed to its end.
pub(crate) fn run(plan: Plan) -> Result<Stats, Violation> {
    let mut world = World::new(plan)?;
    for _ in 0..plan.steps {
        world.step(true)?;
        match plan.power_off_at {
            None => world.suffer()?,
            Some(at) if world.machine.disk.operations() >= at && world.stats.crashes == 0 => world.crash()?,
            Some(_) => {}
        }
    }
    world.stats.operations = world.machine.disk.operations();
    if plan.power_off_at.is_some() && world.stats.crashes == 0 {
        world.crash()?;
    }
    world.calm_down()?;
    let mut stats = world.stats;
    stats.add(world.oracle.look().stats);
    Ok(stats)
}

impl World {
    fn new(plan: Plan) -> Result<Self, Violation> {
        let disk = if plan.disk_lies { SimDisk::lying() } else { SimDisk::new() };
        let oracle = Oracle::new(plan.seed, OBJECTS);
        let mut machine = Machine::new(plan.seed, disk, oracle.clone());
        let filed = machine.open().map_err(|error| format!("the first start: {error}"))?;
        let process = machine.start(&filed);
        if let Some(at) = plan.power_off_at {
            machine.disk.power_off_at(at);
        }
        Ok(Self {
            plan,
            machine,
            oracle,
            filed,
            process,
            stale: None,
            rng: Rng::new(plan.seed, 6),
            stats: Stats::default(),
            answers: Answers::default(),
            waiting: BTreeMap::new(),
            adders: Default::default(),
            told: Told::default(),
            sockets: 0,
            repair_at: None,
            wall_ms: (0, 0),
        })
    }

    pub(super) fn now(&self) -> Moment {
        self.machine.clock.now()
    }

    pub(super) fn trace(&self, what: &dyn std::fmt::Display) {
        if self.plan.trace {
            eprintln!("{:>9.3} s  {what}", self.now().0 as f64 / 1e9);
        }
    }

    /// One step of everything; with something new to do, or without.
    pub(super) fn step(&mut self, busy: bool) -> Result<(), Violation> {
        let micros = match self.rng.below(80) {
            0 => 11_500_000,
            1..4 => self.rng.between(200_000, 3_000_000),
            _ => self.rng.between(200, 20_000),
        };
        self.machine.clock.advance(Duration::from_micros(micros));
        if self.repair_at.is_some_and(|at| at <= self.now()) {
            self.repair();
        }
        if busy {
            (0..self.rng.below(4)).for_each(|_| self.happen());
        }
        self.tell_ends();
        self.process.turn();
        if !self.rng.one_in(4) {
            self.filed.commit(&self.machine);
            self.process.turn();
        }
        if let Some(stale) = &mut self.stale {
            stale.turn();
        }
        self.hear()
    }

    /// The disk works again.
    pub(super) fn repair(&mut self) {
        self.machine.disk.repair();
        self.repair_at = None;
    }

    /// What was answered, and what must not have happened.
    pub(super) fn hear(&mut self) -> Result<(), Violation> {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        for (question, answer) in answers {
            self.waiting.remove(&question);
            self.take_answer(question, answer)?;
        }
        self.oracle.look().verdict()
    }
}
