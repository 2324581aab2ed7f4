//! The clients: one thread on processor 1 that plays all of them, the same for both sides.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tickstone_server::clock::{Clock as _, SystemClock};
use tickstone_shared::client::assembler::Assembler;
use tickstone_shared::client::session::{Session, SessionOptions};
use tickstone_shared::client::view::StateHeader;
use tickstone_shared::ids::Epoch;
use tickstone_shared::input::{InputBatch, InputRow};
use tickstone_shared::net::quic::Quic;
use tickstone_shared::net::trust::Trust;
use tickstone_shared::net::websocket::Incoming;
use tickstone_shared::time::{TICK_RATE_HZ, Tick};
use tickstone_shared::wire::decode::from_server;
use tickstone_shared::wire::encode::{client_message, packed_input};
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::version::Encoding;

use crate::created::{PLAYERS, create};
use crate::measure::{CLIENTS_CORE, GENERATOR_BOUND, Run, cpu_seconds, prepare_part, rss_bytes};
use crate::moves::Moves;
use crate::{ClientsPlan, Fallible};

/// Inputs that each datagram repeats: about what is on its way over a short path.
const ROWS: usize = 5;
/// Inputs are for the tick so far ahead of the newest state, as long as they stay between these.
const LEAD_TICKS: u64 = 4;
const LEAD_TICKS_MIN: u64 = 2;
const LEAD_TICKS_MAX: u64 = 8;
/// The bare side counts ticks from here, so that its inputs are as long as the server's.
const BARE_FIRST_TICK: u64 = 1_000;
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);
/// Sizes told of a run.
const QUANTILES: usize = 64;

/// What all clients count.
#[derive(Default)]
struct Counted {
    gone: AtomicU64,
    inputs: AtomicU64,
    input_bytes: AtomicU64,
    in_window: AtomicBool,
    /// Distinct ticks of each client.
    ticks: Vec<AtomicU64>,
    /// Of datagrams.
    sizes: Mutex<Vec<u32>>,
}

/// Joins, warms up, measures.
pub(crate) fn run(plan: &ClientsPlan) -> Fallible<Run> {
    prepare_part(CLIENTS_CORE)?;
    let matches = plan.http.as_deref().map(|http| create(http, plan.matches)).transpose()?;
    let players = plan.matches * PLAYERS;
    let ticks = (0..players).map(|_| AtomicU64::new(0)).collect();
    let counted = Arc::new(Counted { ticks, ..Counted::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(plan, matches, counted))
}

async fn measure(plan: &ClientsPlan, matches: Option<Vec<String>>, counted: Arc<Counted>) -> Fallible<Run> {
    let trust = Trust::pin(&plan.pin)?;
    let url = format!("quic://{}", plan.quic);
    let players = counted.ticks.len();
    let joined = async {
        for number in 0..players {
            let quic = Quic::connect(&url, &trust).await?;
            let mut client = Client::new(quic, number, Arc::clone(&counted));
            if let Some(matches) = &matches {
                client.join(&matches[number / PLAYERS]).await?;
            }
            tokio::spawn(client.play());
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    };
    tokio::time::timeout(JOIN_TIMEOUT, joined)
        .await
        .map_err(|_| "not everybody has joined in a minute")??;
    tokio::time::sleep(Duration::from_secs(plan.warmup)).await;
    let clock = SystemClock::new();
    let (subject, own, began) = (cpu_seconds(plan.pid)?, cpu_seconds(std::process::id())?, clock.now());
    counted.in_window.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(plan.seconds)).await;
    counted.in_window.store(false, Ordering::Relaxed);
    let seconds = clock.now().since(began).as_secs_f64();
    let cpu_seconds_used = cpu_seconds(plan.pid)? - subject;
    let generator_cpu_fraction = (cpu_seconds(std::process::id())? - own) / seconds;
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let player_ticks: u64 = counted.ticks.iter().map(load).sum();
    let fewest = counted.ticks.iter().map(load).min().unwrap_or(0);
    let mut sizes = std::mem::take(&mut *counted.sizes.lock().unwrap_or_else(PoisonError::into_inner));
    sizes.sort_unstable();
    let quantile = |of: usize| sizes.get((2 * of + 1) * sizes.len() / (2 * QUANTILES)).copied();
    let inputs = load(&counted.inputs);
    Ok(Run {
        matches: plan.matches,
        players,
        seconds,
        cpu_seconds: cpu_seconds_used,
        player_ticks,
        cpu_us_per_player_tick: cpu_seconds_used * 1e6 / player_ticks.max(1) as f64,
        tick_hz_min: fewest as f64 / seconds,
        generator_cpu_fraction,
        generator_bound: generator_cpu_fraction >= GENERATOR_BOUND,
        inputs_per_player_s: inputs as f64 / players as f64 / seconds,
        input_frame_bytes: (load(&counted.input_bytes) / inputs.max(1)) as usize,
        frame_bytes_mean: sizes.iter().map(|size| f64::from(*size)).sum::<f64>() / sizes.len().max(1) as f64,
        frame_bytes: (0..QUANTILES).filter_map(quantile).collect(),
        disconnects: load(&counted.gone) as usize,
        rss_bytes: rss_bytes(plan.pid)?,
    })
}

/// A client.
struct Client {
    quic: Quic,
    number: usize,
    counted: Arc<Counted>,
    /// Which states came; none of a bare server.
    states: Option<Assembler>,
    epoch: Epoch,
    newest: u64,
    next_tick: u64,
    next_seq: u32,
    moves: Moves,
    rows: [InputRow; ROWS],
    message: Vec<u8>,
}

impl Client {
    fn new(quic: Quic, number: usize, counted: Arc<Counted>) -> Self {
        let mut moves = Moves::new(number as u32);
        let rows = std::array::from_fn(|_| moves.next());
        Self {
            quic,
            number,
            counted,
            states: None,
            epoch: Epoch(1),
            newest: BARE_FIRST_TICK,
            next_tick: 0,
            next_seq: ROWS as u32,
            moves,
            rows,
            message: Vec::new(),
        }
    }

    async fn join(&mut self, match_id: &str) -> Fallible<()> {
        let session = Session::new(SessionOptions::new(match_id, &format!("player {}", self.number)));
        self.quic.send(&client_message(&session.hello(), Encoding::Msgpack)).await?;
        loop {
            let Incoming::Message(bytes) = self.quic.receive().await else {
                return Err("a client was not let in".into());
            };
            if let Ok(ServerMessage::Welcome(welcome)) = from_server(&bytes, Encoding::Msgpack) {
                (self.epoch, self.newest) = (welcome.epoch, welcome.tick.0);
                self.states = Some(Assembler::new(welcome.epoch, &welcome.schema));
                return Ok(());
            }
        }
    }

    /// Until the benchmark ends.
    async fn play(mut self) {
        let mut turns = tokio::time::interval(Duration::from_secs(1) / TICK_RATE_HZ);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                came = self.quic.receive() => match came {
                    Incoming::Message(bytes) => self.heard(&bytes),
                    Incoming::Closed { .. } => break,
                },
                _ = turns.tick() => self.send_inputs(),
            }
        }
        self.counted.gone.fetch_add(1, Ordering::Relaxed);
    }

    fn heard(&mut self, bytes: &[u8]) {
        let tick = match &mut self.states {
            None => self.newest + 1,
            Some(states) => {
                let Ok(Some(header)) = StateHeader::read(bytes, Encoding::Msgpack) else { return };
                states.skip(header.tick, header.parts);
                header.tick.0
            }
        };
        let is_new = tick > self.newest;
        self.newest = self.newest.max(tick);
        if self.counted.in_window.load(Ordering::Relaxed) {
            self.counted.ticks[self.number].fetch_add(u64::from(is_new), Ordering::Relaxed);
            let mut sizes = self.counted.sizes.lock().unwrap_or_else(PoisonError::into_inner);
            sizes.push(bytes.len() as u32);
        }
    }

    /// The input of the next tick, and the ones before it again.
    fn send_inputs(&mut self) {
        self.next_tick += 1;
        if !(LEAD_TICKS_MIN..=LEAD_TICKS_MAX).contains(&self.next_tick.saturating_sub(self.newest)) {
            self.next_tick = self.newest + LEAD_TICKS;
        }
        self.next_seq += 1;
        self.rows.rotate_left(1);
        self.rows[ROWS - 1] = self.moves.next();
        let batch = InputBatch {
            epoch: self.epoch,
            first_tick: Tick(self.next_tick.saturating_sub(ROWS as u64 - 1)),
            first_seq: self.next_seq - (ROWS as u32 - 1),
            acknowledged: self.states.as_ref().map(Assembler::received).unwrap_or_default(),
            rows: self.rows.into_iter().collect(),
        };
        self.message.clear();
        packed_input(&batch, &mut self.message);
        // A connection that is gone is noticed when it is read.
        let _ = self.quic.send_datagram(&self.message);
        if self.counted.in_window.load(Ordering::Relaxed) {
            self.counted.inputs.fetch_add(1, Ordering::Relaxed);
            self.counted.input_bytes.fetch_add(self.message.len() as u64, Ordering::Relaxed);
        }
    }
}
