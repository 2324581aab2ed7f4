//! A fleet of bots in one or more matches: start it, watch its matches, stop it.
//!
//! Responsible for: creating the matches over HTTP and running the bots on threads of its own, so
//! that a caller needs no runtime. Not responsible for: judging what was measured.
//!
//! ```no_run
//! use tickstone_loadtest::fleet::{Fleet, FleetOptions, MatchRequest};
//!
//! let mut options = FleetOptions::new("http://127.0.0.1:8080");
//! options.matches = vec![MatchRequest { id: Some("one".into()), ..MatchRequest::default() }];
//! let fleet = Fleet::start(&options).expect("the server is up");
//! let everybody_plays = fleet.all_in_play();
//! let highest_tick = fleet.seen()[0].highest_tick;
//! fleet.stop();
//! ```

use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tickstone_shared::client::session::SessionOptions;
use tickstone_shared::games::arena::map::Map;
use tickstone_shared::net::websocket::{Buffers, READ_BUFFER_BYTES};
use tickstone_shared::time::Moment;
use tickstone_shared::wire::version::{Encoding, StateKind};

use crate::board::{MatchBoard, MatchSeen};
use crate::bot::{Bot, BotPlan, Shared};
use crate::brain::BrainKind;
use crate::clock::Clock;
use crate::hostile::Target;
use crate::http::{Api, CreatedMatch};
use crate::impair::{Counts, Impairment, Proxy};
use crate::link::Transport;
use crate::meter::{Meter, Window};

mod observer;
pub(crate) mod recorder;

use observer::{Observation, observe};
use recorder::Recorder;

/// Beyond so many players a state is larger than the usual read buffer: read it in fewer calls.
const CROWD_PLAYERS: u16 = 64;
const CROWD_READ_BUFFER_BYTES: usize = 4 * READ_BUFFER_BYTES;

/// The body of `POST /v1/matches`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatchRequest {
    /// The game.
    pub game: String,
    /// A preset of the game.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The match's id; the server makes one up otherwise. The same id with the same body is the same match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The match's label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<serde_json::Value>,
    /// The game's options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<serde_json::Value>,
    /// `sync`, `async` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<String>,
}

impl Default for MatchRequest {
    fn default() -> Self {
        Self {
            game: "arena".to_owned(),
            preset: None,
            id: None,
            label: None,
            options: None,
            durability: None,
        }
    }
}

/// What a fleet is.
#[derive(Debug, Clone)]
pub struct FleetOptions {
    /// The server's HTTP address, `http://host:port`.
    pub url: String,
    /// A key with the roles create and seat; not needed in dev mode. With one, bots join by tokens.
    pub admin_key: Option<String>,
    /// The matches to create.
    pub matches: Vec<MatchRequest>,
    /// Bots in each match.
    pub players: u16,
    /// What bots connect over.
    pub transport: Transport,
    /// How messages are written.
    pub encoding: Encoding,
    /// How states are wanted.
    pub state: StateKind,
    /// How much of them the bots look at.
    pub brain: BrainKind,
    /// Messages with inputs a second and bot.
    pub input_hz: u32,
    /// How many ticks early inputs should arrive; none: as the transport asks for.
    pub lead_ticks: Option<f64>,
    /// The time over which the bots are started.
    pub ramp: Duration,
    /// Threads that drive bots.
    pub threads: usize,
    /// The seed of the bots' whims and back-off.
    pub seed: u64,
    /// Where each hash received is written as a JSON line.
    pub record: Option<PathBuf>,
    /// The network between the bots and the server; none: as it is.
    pub impairment: Option<Impairment>,
}

impl FleetOptions {
    /// One arena with two full bots, as fast as they can be started.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            admin_key: None,
            matches: vec![MatchRequest::default()],
            players: 2,
            transport: Transport::Ws,
            encoding: Encoding::Msgpack,
            state: StateKind::Delta,
            brain: BrainKind::Full,
            input_hz: 60,
            lead_ticks: None,
            ramp: Duration::ZERO,
            threads: 1,
            seed: 1,
            record: None,
            impairment: None,
        }
    }
}

/// Why a fleet cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The address is none.
    #[error("{0:?} is not http://host:port")]
    Url(String),
    /// Nothing answers there.
    #[error("the server does not answer: {0}")]
    Unreachable(String),
    /// It will not create the match.
    #[error("the server refused: {status} {code}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
        /// The problem's detail.
        detail: String,
    },
    /// It stays too busy to create matches.
    #[error("the server stayed too busy to create a match")]
    Busy,
    /// Its answer lacks something.
    #[error("the server's answer lacks {0}")]
    Answer(&'static str),
    /// A file or a thread.
    #[error("the system refused: {0}")]
    System(#[from] std::io::Error),
}

/// A running fleet. Dropping it stops the bots without waiting for them.
#[derive(Debug)]
pub struct Fleet {
    shared: Arc<Shared>,
    boards: Vec<Arc<MatchBoard>>,
    meters: Vec<Arc<Mutex<Meter>>>,
    threads: Vec<JoinHandle<()>>,
    network: Option<Proxy>,
    targets: Vec<Target>,
    /// The matches as they are found without the network between.
    created: Vec<CreatedMatch>,
    /// Their maps by name, where bots see.
    maps: BTreeMap<String, Arc<Map>>,
    backend: Option<Api>,
}

impl Fleet {
    /// Creates the matches and starts the bots. Returns when the matches are there; the bots come in during
    /// the ramp. Blocks; call it from outside of an async runtime.
    pub fn start(options: &FleetOptions) -> Result<Self, FleetError> {
        let api = Api::new(&options.url, options.admin_key.as_deref())?;
        let created = options.matches.iter().map(|request| api.create_match(request));
        let created: Vec<CreatedMatch> = created.collect::<Result<_, _>>()?;
        let targets = created.iter().map(CreatedMatch::target).collect::<Result<_, _>>()?;
        let start = |impairment| Proxy::start(impairment, options.seed);
        let network = options.impairment.map(start).transpose()?;
        let mut reached = created.clone();
        if let Some(network) = &network {
            reached.iter_mut().try_for_each(|found| found.go_through(network))?;
        }
        let recorder = options.record.as_ref().map(File::create).transpose()?.map(Recorder::new);
        let clock = Clock::start();
        let window = Window::closed();
        let shared = Arc::new(Shared { clock, stopping: AtomicBool::new(false), window, recorder });
        let players = usize::from(options.players);
        let boards: Vec<_> =
            created.iter().map(|found| Arc::new(MatchBoard::new(found.match_id.clone(), players))).collect();
        let maps = if options.brain == BrainKind::Full { maps(&api, &created) } else { BTreeMap::new() };
        let backend = options.admin_key.is_some().then_some(api);
        let (meters, threads) = (Vec::new(), Vec::new());
        let mut fleet = Self { shared, boards, meters, threads, network, targets, created, maps, backend };
        let plans = fleet.plans(options, &reached)?;
        let thread_count = options.threads.clamp(1, plans.len().max(1));
        for thread in 0..thread_count {
            let share = plans.iter().skip(thread).step_by(thread_count).cloned().collect();
            fleet.spawn_thread(thread, share)?;
        }
        Ok(fleet)
    }

    /// One plan a bot, the matches filled evenly over the ramp.
    fn plans(&self, options: &FleetOptions, created: &[CreatedMatch]) -> Result<Vec<BotPlan>, FleetError> {
        let bots = created.len() * usize::from(options.players);
        let crowd = options.players > CROWD_PLAYERS;
        let read_bytes = if crowd { CROWD_READ_BUFFER_BYTES } else { READ_BUFFER_BYTES };
        let started = self.shared.clock.now();
        let plan = |index: usize| {
            let (player, number) = (index / created.len(), index % created.len());
            let name = format!("bot-{player}");
            let mut session = SessionOptions::new(&created[number].match_id, &name);
            session.state = options.state;
            // Phases of inputs are spread over a tick, within what the pace leaves alone.
            let is_quic = options.transport.is_quic(player, number);
            let address = created[number].address(is_quic, options.encoding, Buffers { read_bytes })?;
            let lead_ticks = options.lead_ticks.unwrap_or_else(|| address.lead_ticks());
            session.lead_ticks = lead_ticks + (index as f64 + 0.5) / bots as f64 - 0.5;
            Ok(BotPlan {
                number: index,
                name,
                address,
                session,
                encoding: if is_quic { Encoding::Msgpack } else { options.encoding },
                brain: options.brain,
                input_hz: options.input_hz.max(1),
                seed: options.seed.wrapping_mul(1_000_003).wrapping_add(index as u64),
                start: started + options.ramp.mul_f64(index as f64 / bots as f64),
                board: Arc::clone(&self.boards[number]),
                map: self.map_of(&created[number]).cloned(),
                backend: self.backend.clone(),
            })
        };
        (0..bots).map(plan).collect()
    }

    fn spawn_thread(&mut self, number: usize, plans: Vec<BotPlan>) -> Result<(), FleetError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let meter = Arc::new(Mutex::new(Meter::new()));
        self.meters.push(Arc::clone(&meter));
        let shared = Arc::clone(&self.shared);
        let run = move || {
            runtime.block_on(async {
                let play =
                    |plan| tokio::spawn(Bot::new(plan, Arc::clone(&shared), Arc::clone(&meter)).play());
                let bots: Vec<_> = plans.into_iter().map(play).collect();
                for bot in bots {
                    if let Err(error) = bot.await {
                        meter
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .error(format!("a bot broke: {error}"));
                    }
                }
            });
        };
        self.threads.push(std::thread::Builder::new().name(format!("bots-{number}")).spawn(run)?);
        Ok(())
    }

    /// The clock the fleet runs by.
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// What the bots of each match have seen so far, in the order of the options.
    pub fn seen(&self) -> Vec<MatchSeen> {
        self.boards.iter().map(|board| board.seen()).collect()
    }

    /// Does every bot have a connection on which it has received a state?
    pub fn all_in_play(&self) -> bool {
        self.boards.iter().all(|board| board.all_in_play())
    }

    /// Waits until every bot is in play, at most for `patience`; did it come to that?
    pub fn wait_all_in_play(&self, patience: Duration) -> bool {
        let clock = self.shared.clock;
        let end = clock.now() + patience;
        while !self.all_in_play() && clock.now() < end {
            clock.wait_until((clock.now() + Duration::from_millis(10)).min(end));
        }
        self.all_in_play()
    }

    /// What the network between has done so far; none where there is none.
    pub fn network(&self) -> Option<Counts> {
        self.network.as_ref().map(Proxy::counts)
    }

    fn map_of(&self, found: &CreatedMatch) -> Option<&Arc<Map>> {
        self.maps.get(found.map.as_ref()?)
    }

    /// Lets bots that see compare what they have with what an observer of their match gets, for a second. An
    /// observer takes a seat: where none is free nothing is compared, nor where players see only what is near them,
    /// as an observer does not see what they see. Blocks.
    pub fn compare(&self) -> Result<(), FleetError> {
        let is_seen = |found: &CreatedMatch| self.map_of(found).is_some() && found.is_seen_whole();
        let seen = self.created.iter().zip(&self.boards).filter(|(found, _)| is_seen(found));
        let observation = |(found, board): (&CreatedMatch, &Arc<MatchBoard>)| {
            let token = self.backend.as_ref().map(|backend| backend.seat(&found.match_id, "observer"));
            Ok(Observation {
                address: found.address(false, Encoding::Msgpack, Buffers::default())?,
                match_id: found.match_id.clone(),
                token: token.transpose()?,
                board: Arc::clone(board),
            })
        };
        let observations = seen.map(observation).collect::<Result<_, FleetError>>()?;
        let refused = observe(observations, self.shared.clock)?;
        if let (1.., Some(meter)) = (refused, self.meters.first()) {
            let what = format!("{refused} matches let no observer in");
            meter.lock().unwrap_or_else(PoisonError::into_inner).example(what);
        }
        Ok(())
    }

    /// The matches as attackers find them.
    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Counts what happens from `start` to `end` as measured. May be called once.
    pub(crate) fn open_window(&self, start: Moment, end: Moment) {
        self.shared.window.open(start, end);
    }

    /// Lets every bot leave its match, waits for them and gives back what they measured.
    pub fn stop(mut self) -> Meter {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let mut total = Meter::new();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                total.error("a thread of bots broke".to_owned());
            }
        }
        for meter in &self.meters {
            total.merge(&meter.lock().unwrap_or_else(PoisonError::into_inner));
        }
        if let Some(recorder) = &self.shared.recorder {
            self.boards.iter().for_each(|board| recorder.highest(&board.seen()));
        }
        total
    }
}

/// The maps of these matches that can be read.
fn maps(api: &Api, created: &[CreatedMatch]) -> BTreeMap<String, Arc<Map>> {
    let names: std::collections::BTreeSet<&String> =
        created.iter().filter_map(|found| found.map.as_ref()).collect();
    names.into_iter().filter_map(|name| Some((name.clone(), Arc::new(api.map(name)?)))).collect()
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }
}
