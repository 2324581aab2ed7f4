//! Matches on the whole runtime, under a virtual clock, on the store in memory.

mod duels;
mod games;
mod input_path;
mod inputs;
mod life;
mod panics;
mod posting;
mod refused;
mod retention;
mod seats;
mod sight;
mod tickets;
mod versions;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_shared::ids::Epoch;
use tickstone_shared::ids::ObjectName;
use tickstone_shared::input::{Acknowledged, InputBatch, InputRow};
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::time::{Moment, Tick};
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::{ServerMessage, Welcome};

use super::audit::{Verdict, verify};
use super::class::{Entropy, Games, MatchClass, MatchSettings, Shelf};
use super::input_buffer::InputCounters;
use crate::clock::{Clock, ManualClock};
use crate::metrics::{MATCH_CLASS, Metrics, MetricsRef, ResultLabel};
use crate::object::contract::CallError;
use crate::object::effects::Listing;
use crate::object::id::Identity;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::storage::{Reader, Record, Write, WriteBatch};
use crate::runtime::handle::Objects as _;
use crate::runtime::pool::{Edges, Shared};
use crate::runtime::ports::{JobsInPlace, Outlet, SocketOutput, Store as _};
use crate::runtime::settings::Settings;
use crate::runtime::worker::Scratch;
use crate::store::{MemoryStore, StoreSettings};

/// Every bench is another process.
static NEXT_NODE: AtomicU32 = AtomicU32::new(1);

#[derive(Default)]
struct Collected(Mutex<Vec<SocketOutput>>);

impl Outlet for Collected {
    fn deliver(&self, outputs: &mut Vec<SocketOutput>) {
        self.0.lock().unwrap().append(outputs);
    }
}

/// A server on this thread.
struct Bench {
    clock: Arc<ManualClock>,
    store: MemoryStore,
    outlet: Arc<Collected>,
    metrics: MetricsRef,
    shared: Arc<Shared>,
    games: Arc<Games>,
    settings: MatchSettings,
    scratch: Scratch,
    sockets: u64,
}

fn one() -> Identity {
    Identity::named(MATCH_CLASS, ObjectName::parse("one").unwrap())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Sets the fields of `more` in `whole`.
fn lay_over(whole: &mut Value, more: Value) {
    if let (Value::Object(whole), Value::Object(more)) = (whole, more) {
        whole.extend(more);
    }
}

fn entropy() -> Entropy {
    let next = AtomicU64::new(1);
    Arc::new(move || u128::from(next.fetch_add(1, Ordering::Relaxed)).to_le_bytes())
}

impl Bench {
    fn with(store: MemoryStore, games: Games, settings: MatchSettings) -> Self {
        Self::with_assets(store, games, settings, Assets::default())
    }

    fn with_assets(store: MemoryStore, games: Games, settings: MatchSettings, assets: Assets) -> Self {
        let clock = Arc::new(ManualClock::default());
        clock.advance(seconds(1));
        let (outlet, metrics, games) = (Arc::new(Collected::default()), Metrics::new(), Arc::new(games));
        let shelf = Shelf {
            games: games.clone(),
            assets: Arc::new(assets),
            entropy: entropy(),
            inputs: InputCounters::new(&metrics),
            metrics: metrics.clone(),
            settings,
        };
        let edges = Edges {
            clock: clock.clone(),
            store: Arc::new(store.clone()),
            outlet: outlet.clone(),
            metrics: metrics.clone(),
            jobs: Arc::new(JobsInPlace),
        };
        let node = NEXT_NODE.fetch_add(1, Ordering::Relaxed);
        let shared = Shared::new(
            &Settings { node, ..Settings::default() },
            edges,
            vec![Arc::new(MatchClass::new(shelf))],
        );
        Self {
            clock,
            store,
            outlet,
            metrics,
            shared,
            games,
            settings,
            scratch: Scratch::default(),
            sockets: 0,
        }
    }

    /// Everything is durable at once; the games are pong and a pong that panics on order.
    fn new() -> Self {
        Self::with(MemoryStore::new(), games::pongs(), MatchSettings::default())
    }

    /// With a match of pong already.
    fn playing(body: Value) -> Self {
        let mut bench = Self::new();
        bench.create(body).unwrap();
        bench
    }

    /// The process dies, and another starts on what is durable, with these games.
    fn restart_with(self, games: Games) -> Self {
        self.store.crash();
        let mut bench = Self::with(self.store.clone(), games, self.settings);
        bench.shared.recover().unwrap();
        bench.settle();
        bench
    }

    fn restart(self) -> Self {
        let games = (*self.games).clone();
        self.restart_with(games)
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn settle(&mut self) {
        for _ in 0..6 {
            self.shared.turn_all(&mut self.scratch);
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            self.shared.turn_all(&mut self.scratch);
            self.clock.advance_to((self.now() + Duration::from_millis(5)).min(end));
        }
        self.settle();
    }

    /// Asks; the answer comes in its time.
    fn ask(&mut self, method: &str, body: Value) -> Arc<Mutex<Option<Result<Value, CallError>>>> {
        let answer = Arc::new(Mutex::new(None));
        let to = Arc::clone(&answer);
        self.shared.call(&one(), method, body, Box::new(move |got| *to.lock().unwrap() = Some(got)));
        self.settle();
        answer
    }

    fn call(&mut self, method: &str, body: Value) -> Option<Result<Value, CallError>> {
        self.ask(method, body).lock().unwrap().take()
    }

    fn create(&mut self, body: Value) -> Result<Value, CallError> {
        let mut whole = json!({ "game": "pong" });
        lay_over(&mut whole, body);
        self.call("create", whole).expect("it is answered")
    }

    fn listing(&self) -> Listing {
        self.shared.listing(&one()).expect("it is shown")
    }

    fn tick(&mut self) -> u64 {
        self.call("inspect", Value::Null).unwrap().unwrap()["tick"].as_u64().unwrap()
    }

    fn tell(&mut self, event: SocketEvent) {
        self.shared.socket(&one(), event).unwrap();
        self.settle();
    }

    fn hello(&mut self, hello: Value) -> SocketId {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        let mut whole = json!({ "protocol": 1, "match_id": "one" });
        lay_over(&mut whole, hello);
        let hello = Box::new(serde_json::from_value(whole).unwrap());
        self.tell(SocketEvent::Opened { socket, hello, ticket: None });
        socket
    }

    /// A player joins, and a tick goes by.
    fn join(&mut self, player: &str) -> SocketId {
        let socket = self.hello(json!({ "player": player }));
        self.run_for(Duration::from_millis(40));
        socket
    }

    fn resume(&mut self, token: &str) -> SocketId {
        let socket = self.hello(json!({ "resume": token }));
        self.run_for(Duration::from_millis(40));
        socket
    }

    fn welcome(&self, socket: SocketId) -> Option<Box<Welcome>> {
        let outputs = self.outlet.0.lock().unwrap();
        outputs.iter().find_map(|output| match output {
            SocketOutput::Send { socket: to, message } if *to == socket => match &**message {
                ServerMessage::Welcome(welcome) => Some(welcome.clone()),
                _ => None,
            },
            _ => None,
        })
    }

    fn closed(&self, socket: SocketId) -> Option<CloseCode> {
        let outputs = self.outlet.0.lock().unwrap();
        outputs.iter().find_map(|output| match output {
            SocketOutput::Close { socket: to, code, .. } if *to == socket => Some(*code),
            _ => None,
        })
    }

    /// The data of the last event of this name that a socket was told.
    fn told(&self, socket: SocketId, name: &str) -> Option<Value> {
        let outputs = self.outlet.0.lock().unwrap();
        outputs.iter().rev().find_map(|output| match output {
            SocketOutput::Broadcast { sockets, message } if sockets.contains(&socket) => match &**message {
                ServerMessage::Event(event) if event.name == name => Some(event.data.clone()),
                _ => None,
            },
            _ => None,
        })
    }

    /// The ticks of the states that left.
    fn shown(&self) -> Vec<(Epoch, u64)> {
        let outputs = self.outlet.0.lock().unwrap();
        let states = outputs.iter().filter_map(|output| match output {
            SocketOutput::State(frame) => Some((frame.epoch, frame.snapshot.tick.0)),
            _ => None,
        });
        states.collect()
    }

    fn batch(&self, welcome: &Welcome, first_tick: u64, first_seq: u32, rows: &[u8]) -> InputBatch {
        InputBatch {
            epoch: welcome.epoch,
            first_tick: Tick(first_tick),
            first_seq,
            acknowledged: Acknowledged::only(Tick(0)),
            rows: rows.iter().map(|byte| InputRow::new(&[*byte]).unwrap()).collect(),
        }
    }

    fn inputs(&self, result: &'static str) -> u64 {
        self.metrics.inputs.get_or_create(&ResultLabel { result }).get()
    }

    fn stored(&self) -> Box<dyn Reader + '_> {
        self.store.reader(one().id).unwrap()
    }

    /// Changes what is stored, as nobody but a test does.
    fn tamper(&self, writes: Vec<Write>) {
        let Record { epoch, node, .. } = self.stored().record().unwrap().unwrap();
        let batch = WriteBatch { object: one().id, node, epoch, writes, urgent: true, ticket: None };
        self.store.submit(batch).unwrap();
    }

    /// Flips a bit in a stored value.
    fn damage(&self, key: &[u8]) {
        let mut value = self.stored().get(key).unwrap().unwrap();
        let middle = value.len() / 2;
        value[middle] ^= 1;
        self.tamper(vec![Write::Put { key: key.to_vec(), value }]);
    }

    fn keys(&self, prefix: &[u8]) -> Vec<Vec<u8>> {
        self.stored().keys(prefix).unwrap()
    }

    fn verify(&self) -> Result<Verdict, CallError> {
        verify(&self.games, &*self.stored())
    }
}
