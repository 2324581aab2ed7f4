//! One run: machine, server, network, clients, faults and oracle, step by step.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_server::clock::Clock as _;
use tickstone_server::object::contract::CallError;
use tickstone_server::object::socket::SocketEvent;
use tickstone_server::runtime::handle::Objects as _;
use tickstone_server::runtime::ports::SocketOutput;
use tickstone_server::store::sim_disk::SimDisk;
use tickstone_shared::time::Moment;

use super::client::Client;
use super::faults::{Fault, Faults};
use super::network::Network;
use super::oracle::{Known, LastEnd, Violation};
use super::rng::Rng;
use super::server::{Machine, Server};

/// What a run is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Everything follows from it.
    pub(crate) seed: u64,
    /// Steps before the faults stop.
    pub(crate) steps: u64,
    /// Syncs of the disk do nothing: a run must notice.
    pub(crate) disk_lies: bool,
    /// Say on stderr what happens.
    pub(crate) trace: bool,
}

/// What a run has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Steps of matches.
    pub(crate) ticks: u64,
    /// Power cuts.
    pub(crate) crashes: u64,
    /// Clean ends.
    pub(crate) drains: u64,
    /// Wakes after a panic.
    pub(crate) panics: u64,
    /// Episodes of a disk that refused.
    pub(crate) refusals: u64,
    /// Batches that the full queue refused.
    pub(crate) refused_batches: u64,
    /// Accepted resumes.
    pub(crate) resumes: u64,
    /// Hashes compared.
    pub(crate) hashes: u64,
    /// Ticks somebody saw and a crash undid.
    pub(crate) ticks_lost: u64,
    /// A digest of everything that left the server.
    pub(crate) digest: u64,
}

/// Something that was asked, and the answer when it comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Create,
    End,
    Other,
}

type Answers = Arc<Mutex<Vec<(usize, Asked, Result<Value, CallError>)>>>;

/// A run in progress.
pub(crate) struct World {
    plan: Plan,
    pub(super) machine: Machine,
    pub(super) server: Server,
    pub(super) network: Network,
    pub(super) clients: Vec<Client>,
    pub(super) known: Vec<Known>,
    pub(super) faults: Faults,
    pub(super) rng: Rng,
    pub(super) stats: Stats,
    answers: Answers,
    /// Since when the server remembers players.
    pub(super) memory_since: Moment,
}

/// Runs a seed to its end.
pub(crate) fn run(plan: Plan) -> Result<Stats, Violation> {
    let mut world = World::new(plan)?;
    for _ in 0..plan.steps {
        world.step()?;
        if let Some(fault) = world.faults.next() {
            world.suffer(fault)?;
        }
    }
    world.calm_down()?;
    Ok(world.stats)
}

impl World {
    fn new(plan: Plan) -> Result<Self, Violation> {
        let disk = if plan.disk_lies { SimDisk::lying() } else { SimDisk::new() };
        let machine = Machine::new(plan.seed, disk);
        let server = machine.boot().map_err(|error| format!("the first start: {error}"))?;
        Ok(Self {
            plan,
            memory_since: machine.clock.now(),
            machine,
            server,
            network: Network::default(),
            clients: Vec::new(),
            known: Vec::new(),
            faults: Faults::new(plan.seed),
            rng: Rng::new(plan.seed, 3),
            stats: Stats::default(),
            answers: Answers::default(),
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

    /// One step of everything.
    pub(super) fn step(&mut self) -> Result<(), Violation> {
        let step = Duration::from_micros(self.rng.between(500, 18_000));
        self.machine.clock.advance(step);
        self.faults.repair_when_due(&self.machine.disk, self.now());
        self.administrate();
        self.hear_clients();
        self.server.turn();
        if !self.rng.one_in(4) {
            self.server.commit(&self.machine.clock);
            self.server.turn();
        }
        self.check_outputs()?;
        self.take_answers()?;
        self.play()
    }

    /// Somebody creates, ends, kicks, asks.
    fn administrate(&mut self) {
        let (rng, now) = (&mut self.rng, self.machine.clock.now());
        if self.known.len() < 4 && (self.known.is_empty() || rng.one_in(120)) {
            let game = *rng.pick(&["arena", "pong", "pong"]).unwrap_or(&"pong");
            let durability = *rng.pick(&["sync", "async", "sync", "async", "none"]).unwrap_or(&"sync");
            let name = format!("m{}", self.known.len());
            let players = if game == "arena" { 3 } else { 2 };
            for player in 0..players {
                self.clients.push(Client::new(self.known.len(), format!("{name}-p{player}"), &name, now));
            }
            self.known.push(Known::new(&name, game, durability));
        }
        for object in 0..self.known.len() {
            if !self.known[object].created && self.rng.one_in(20) {
                self.ask(object, "create", self.known[object].body(), Asked::Create);
            }
        }
        if self.known.is_empty() {
            return;
        }
        let object = self.rng.below(self.known.len() as u64) as usize;
        match self.rng.below(2500) {
            0 if self.known[object].is_open() => {
                self.known[object].ending = true;
                self.trace(&format_args!("end of m{object} is asked for"));
                self.ask(object, "end", Value::Null, Asked::End);
            }
            1..5 => self.kick(object),
            5..30 => self.ask(object, "inspect", Value::Null, Asked::Other),
            _ => {}
        }
    }

    pub(super) fn kick(&mut self, object: usize) {
        let Some(client) = self.clients.iter_mut().find(|client| client.object == object && client.plays())
        else {
            return;
        };
        client.doubt_token();
        let player = json!({ "player": client.name });
        self.ask(object, "kick", player, Asked::Other);
    }

    fn ask(&self, object: usize, method: &str, body: Value, asked: Asked) {
        let answers = Arc::clone(&self.answers);
        let reply = Box::new(move |answer| answers.lock().unwrap().push((object, asked, answer)));
        self.server.shared.call(&self.known[object].identity, method, body, reply);
    }

    pub(super) fn take_answers(&mut self) -> Result<(), Violation> {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        for (object, asked, answer) in answers {
            match (asked, answer) {
                (Asked::Create, Ok(_)) => {
                    self.trace(&format_args!("m{object} exists"));
                    self.known[object].created = true;
                }
                (Asked::End, Ok(_)) => self.known[object].ended = true,
                (Asked::Create, Err(error @ (CallError::Conflict { .. } | CallError::Invalid(_)))) => {
                    return Err(format!("m{object} is refused: {error}"));
                }
                (_, Err(CallError::SetAside(reason))) if !self.known[object].written_off => {
                    let excused = self.known[object].durability == "none";
                    self.known[object].written_off = excused;
                    if !excused {
                        return Err(format!("m{object} is set aside: {reason}"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What clients sent arrives.
    fn hear_clients(&mut self) {
        let now = self.now();
        for (object, event) in self.network.due_at_server(now) {
            let socket = event.socket();
            let client = self.network.ends_of(socket).map(|(client, _)| client);
            if let (SocketEvent::Opened { .. }, Some(client)) = (&event, client) {
                if self.known[object].is_open() && self.known[object].durability != "none" {
                    self.clients[client].on_hello_arrived(self.memory_since, now);
                }
                if self.server.shared.socket(&self.known[object].identity, event).is_err() {
                    self.network.forget(socket);
                    self.clients[client].on_drop(now, &mut self.rng);
                }
            } else {
                // Refused: an input is lost. An end is told again by the gateway, or nobody would know.
                let ended = matches!(event, SocketEvent::Closed { .. });
                if self.server.shared.socket(&self.known[object].identity, event).is_err() && ended {
                    self.trace(&format_args!("the end of {socket:?} is lost"));
                }
            }
        }
    }

    /// What the server let out is checked and goes on its way.
    pub(super) fn check_outputs(&mut self) -> Result<(), Violation> {
        let now = self.now();
        let refused = self.server.store.refused() > 0;
        if self.machine.watch.wakes_by_crash() > self.stats.panics {
            self.stats.panics = self.machine.watch.wakes_by_crash();
            self.known.iter_mut().for_each(Known::on_panics);
        }
        for output in self.server.wire.take() {
            let socket = match &output {
                SocketOutput::Send { socket, .. } | SocketOutput::Close { socket, .. } => Some(*socket),
                SocketOutput::Broadcast { sockets, .. } => sockets.first().copied(),
                SocketOutput::State(frame) => frame.receivers.first().map(|receiver| receiver.socket),
                SocketOutput::Peer(_) => None,
            };
            self.digest(&output);
            if let Some((_, object)) = socket.and_then(|socket| self.network.ends_of(socket)) {
                self.known[object].on_output(&output, refused)?;
            }
            self.network.take_output(&output, now, &mut self.rng);
        }
        match self.machine.watch.twice() {
            Some(name) => Err(format!("{name} has two activations")),
            None => Ok(()),
        }
    }

    fn digest(&mut self, output: &SocketOutput) {
        let what = match output {
            SocketOutput::Send { socket, .. } => socket.0 << 2,
            SocketOutput::Broadcast { sockets, .. } => (sockets.len() as u64) << 2 | 1,
            SocketOutput::Close { socket, code, .. } => (socket.0 << 16 | u64::from(code.number())) << 2 | 2,
            SocketOutput::Peer(_) => 3,
            SocketOutput::State(frame) => {
                (frame.snapshot.tick.0 ^ frame.hash.map_or(0, |hash| hash.0 << 8)) << 2 | 3
            }
        };
        self.stats.digest = (self.stats.digest.rotate_left(5) ^ what).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    /// Clients hear what has arrived, and play.
    fn play(&mut self) -> Result<(), Violation> {
        let now = self.now();
        for (client, socket, arrival) in self.network.due_at_clients(now, &mut self.rng) {
            self.clients[client].hear(socket, arrival, now, &mut self.rng)?;
        }
        for index in 0..self.clients.len() {
            let client = &mut self.clients[index];
            let known = &self.known[client.object];
            if client.is_gone() && known.is_open() && self.rng.one_in(200) {
                let name = client.name.clone();
                let resumes = client.resumes;
                *client = Client::new(client.object, name, known.identity.name.as_str(), now);
                client.resumes = resumes;
            }
            if known.created && !known.ended && !known.written_off {
                client.connect(index, &mut self.network, now, &mut self.rng);
            }
            client.play(&mut self.network, &*self.machine.games[known.game], now, &mut self.rng);
        }
        Ok(())
    }

    fn suffer(&mut self, fault: Fault) -> Result<(), Violation> {
        self.trace(&format_args!("{fault:?}"));
        match fault {
            Fault::Stall(time) => self.machine.clock.advance(time),
            Fault::DiskRefuses(time) => {
                self.stats.refusals += 1;
                let now = self.now();
                self.faults.break_disk(&self.machine.disk, time, now);
            }
            Fault::Panics(count) => {
                self.memory_since = self.now() + Duration::from_secs(5);
                self.machine.fuse.light(count);
            }
            Fault::PowerOff(operations) => {
                self.machine.disk.power_off_at(self.machine.disk.operations() + operations);
                for _ in 0..60 {
                    if self.machine.disk.power_is_off() {
                        break;
                    }
                    self.step()?;
                }
                self.restart(LastEnd::Crash)?;
            }
            Fault::Drain => {
                self.drain()?;
                self.restart(LastEnd::Drain)?;
            }
        }
        Ok(())
    }
}
