//! One bot: connects, plays, comes back by itself after a drop, and counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tickstone_shared::client::backoff::Backoff;
use tickstone_shared::client::session::{AppliedInputs, Heard, Session, SessionOptions};
use tickstone_shared::client::view::StateHeader;
use tickstone_shared::games::arena::map::Map;
use tickstone_shared::net::socket::Address;
use tickstone_shared::net::websocket::Incoming;
use tickstone_shared::time::{Moment, TICK_RATE_HZ, Tick};
use tickstone_shared::wire::decode::from_server;
use tickstone_shared::wire::encode::client_message;
use tickstone_shared::wire::message::{ClientMessage, ServerMessage};
use tickstone_shared::wire::parts::is_part;
use tickstone_shared::wire::version::Encoding;

use crate::board::MatchBoard;
use crate::brain::{Brain, BrainKind};
use crate::clock::Clock;
use crate::fleet::FleetError;
use crate::fleet::recorder::Recorder;
use crate::http::Api;
use crate::inputs;
use crate::link::{CONNECT_PATIENCE, Link};
use crate::meter::{Meter, Window, record};
use crate::tally::Tally;

mod ends;
mod sight;

use sight::Sight;

/// A server that has said nothing for so long is taken for gone.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How often a bot looks whether the fleet is being stopped, at least.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// What all bots share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) stopping: AtomicBool,
    pub(crate) window: Window,
    pub(crate) recorder: Option<Recorder>,
}

/// What one bot is to do.
#[derive(Debug, Clone)]
pub(crate) struct BotPlan {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) address: Address,
    pub(crate) session: SessionOptions,
    pub(crate) encoding: Encoding,
    pub(crate) brain: BrainKind,
    pub(crate) input_hz: u32,
    pub(crate) seed: u64,
    pub(crate) start: Moment,
    pub(crate) board: Arc<MatchBoard>,
    /// The map of an arena that is to be seen; none: only states are.
    pub(crate) map: Option<Arc<Map>>,
    /// Where a bot gets a join token before it joins; none in dev mode.
    pub(crate) backend: Option<Api>,
}

/// How a connection ended.
#[derive(Debug, PartialEq)]
enum Ended {
    Stopped,
    TryAgain,
    GaveUp,
}

/// A bot while it runs.
pub(crate) struct Bot {
    plan: BotPlan,
    shared: Arc<Shared>,
    meter: Arc<Mutex<Meter>>,
    session: Session,
    backoff: Backoff,
    brain: Option<Brain>,
    sight: Sight,
    /// What an observer gets is compared from this tick on.
    compared: Tick,
    message: Vec<u8>,
    batch_ticks: usize,
    tally: Tally,
    last_heard: Moment,
    connecting_since: Moment,
    retry_after: Duration,
    welcomes: usize,
}

impl Bot {
    pub(crate) fn new(plan: BotPlan, shared: Arc<Shared>, meter: Arc<Mutex<Meter>>) -> Self {
        Self {
            session: Session::new(plan.session.clone()),
            backoff: Backoff::new(plan.seed),
            brain: None,
            sight: Sight::of(plan.map.as_deref()),
            compared: Tick(0),
            message: Vec::with_capacity(256),
            batch_ticks: 1,
            tally: Tally::of(plan.number),
            last_heard: plan.start,
            connecting_since: plan.start,
            retry_after: Duration::ZERO,
            welcomes: 0,
            plan,
            shared,
            meter,
        }
    }

    /// Plays until the fleet stops or there is nothing to come back to.
    pub(crate) async fn play(mut self) {
        self.wait_until(self.plan.start).await;
        while !self.stopping() {
            let ended = self.connection().await;
            if ended == Ended::Stopped {
                break;
            }
            let asked_for = std::mem::take(&mut self.retry_after);
            let delay = if ended == Ended::TryAgain { self.backoff.next_delay(asked_for) } else { None };
            let Some(delay) = delay else {
                self.plan.board.gave_up();
                self.meter().example(format!("a bot gave up after {} tries", self.backoff.tries()));
                break;
            };
            let until = self.now() + delay;
            self.wait_until(until).await;
        }
        let ticks = self.tally.window_ticks();
        self.meter().ticks_per_bot.push(ticks);
    }

    /// One connection, from the upgrade to its end.
    async fn connection(&mut self) -> Ended {
        self.connecting_since = self.now();
        if let Err(ended) = self.fetch_token().await {
            return ended;
        }
        let mut link = match Link::connect(&self.plan.address).await {
            Ok(link) => link,
            Err(error) => return self.connect_failed(&error),
        };
        self.last_heard = self.now();
        let hello = client_message(&self.session.hello(), self.plan.encoding);
        if !self.send(&mut link, &hello).await {
            return self.closed(None, "the hello could not be sent");
        }
        let ended = self.converse(&mut link).await;
        if ended == Ended::Stopped {
            let leave = client_message(&ClientMessage::Leave {}, self.plan.encoding);
            self.send(&mut link, &leave).await;
            link.close().await;
        }
        if self.tally.leave_play() {
            self.plan.board.left_play();
        }
        ended
    }

    /// Outside dev mode whoever joins anew needs a token that has not been used.
    async fn fetch_token(&mut self) -> Result<(), Ended> {
        let Some(backend) = self.plan.backend.clone().filter(|_| !self.session.resumes_next()) else {
            return Ok(());
        };
        let (match_id, player) = (self.plan.session.match_id.clone(), self.plan.name.clone());
        let asked = tokio::task::spawn_blocking(move || backend.seat(&match_id, &player)).await;
        let error = match asked {
            Ok(Ok(token)) => {
                self.session.set_token(token);
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(broken) => FleetError::Unreachable(broken.to_string()),
        };
        let again = matches!(
            error,
            FleetError::Unreachable(_) | FleetError::Refused { status: 409 | 429 | 500..=599, .. }
        );
        self.meter().error(error.to_string());
        Err(if again { Ended::TryAgain } else { Ended::GaveUp })
    }

    async fn converse(&mut self, link: &mut Link) -> Ended {
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        while !self.stopping() {
            let now = self.now();
            let patience = if self.session.welcome().is_some() { SILENCE_MAX } else { CONNECT_PATIENCE };
            if now.since(self.last_heard) > patience {
                return self.closed(None, "the server fell silent");
            }
            let is_said = self.send_due_inputs(link, now).await.is_some()
                && link.acknowledge(&mut self.session).await.is_ok();
            if !is_said {
                return self.closed(None, "a message could not be sent");
            }
            timer.as_mut().reset(self.shared.clock.instant(self.next_wake(now)));
            tokio::select! {
                incoming = link.receive() => match incoming {
                    Incoming::Message(bytes) => {
                        self.count_bytes(link);
                        self.on_message(&bytes);
                    }
                    Incoming::Closed { code, reason } => return self.closed(code, &reason),
                },
                () = &mut timer => {}
            }
        }
        Ended::Stopped
    }

    fn next_wake(&self, now: Moment) -> Moment {
        let due = self.session.next_due(self.batch_ticks).unwrap_or(now + STOP_CHECK);
        due.min(now + STOP_CHECK)
    }

    /// Sends the inputs that are due; none if the connection does not take them.
    async fn send_due_inputs(&mut self, link: &mut Link, now: Moment) -> Option<()> {
        let Some(due) = self.session.due_inputs(self.batch_ticks, now) else { return Some(()) };
        let Some(brain) = &mut self.brain else { return Some(()) };
        let rows = (0..due.count as u64).map(|offset| brain.row(Tick(due.first_tick.0 + offset)));
        let batch = self.session.inputs(due, rows, now)?;
        self.sight.on_inputs(&batch);
        let beyond_ticks = self.sight.beyond_ticks(now);
        if self.shared.window.contains(now) {
            let mut meter = self.meter();
            beyond_ticks.into_iter().for_each(|ticks| meter.feel.looked(ticks));
            meter.inputs_sent += batch.rows.len() as u64;
            if let Some(second) = meter.second(&self.shared.window, now) {
                second.inputs_sent += batch.rows.len() as u64;
            }
        }
        let batch = link.inputs_to_send(&self.session, batch);
        let fields = &self.session.welcome()?.schema.input;
        inputs::encode(&batch, fields, self.plan.encoding, &mut self.message);
        let sent = link.send_inputs(&self.message).await;
        self.count_bytes(link);
        sent.ok()
    }

    async fn send(&mut self, link: &mut Link, message: &[u8]) -> bool {
        let sent = link.send(message).await;
        self.count_bytes(link);
        sent.is_ok()
    }

    fn count_bytes(&self, link: &mut Link) {
        let bytes = link.take_transferred();
        let now = self.now();
        if self.shared.window.contains(now) {
            let mut meter = self.meter();
            meter.bytes_up += bytes.up;
            meter.bytes_down += bytes.down;
            if let Some(second) = meter.second(&self.shared.window, now) {
                second.bytes_up += bytes.up;
                second.bytes_down += bytes.down;
            }
        }
    }

    fn on_message(&mut self, bytes: &[u8]) {
        let now = self.now();
        self.last_heard = now;
        let heard = if self.plan.brain == BrainKind::Light { self.glance(bytes, now) } else { None };
        let Some(()) = heard else { return self.read(bytes, now) };
    }

    /// The light path: only a state's header. None if the message is no state.
    fn glance(&mut self, bytes: &[u8], now: Moment) -> Option<()> {
        let header = StateHeader::read(bytes, self.plan.encoding).ok().flatten()?;
        let heard = self.session.on_header(header, now);
        self.on_heard(heard, Some(header), now);
        Some(())
    }

    /// A part of a state: it counts once the state is ready.
    fn read_part(&mut self, bytes: &[u8], now: Moment) {
        match self.session.on_part(bytes, now) {
            Ok(heard @ Heard::NewState { .. }) => {
                self.look(now);
                let header = self.session.newest().map(StateHeader::of);
                self.on_heard(heard, header, now);
            }
            Ok(_) => {}
            Err(error) => self.meter().error(error.to_string()),
        }
    }

    fn read(&mut self, bytes: &[u8], now: Moment) {
        if self.plan.encoding == Encoding::Msgpack && is_part(bytes) {
            return self.read_part(bytes, now);
        }
        let message = match from_server(bytes, self.plan.encoding) {
            Ok(message) => message,
            Err(error) => return self.meter().error(error.to_string()),
        };
        let header =
            if let ServerMessage::State(state) = &message { Some(StateHeader::of(state)) } else { None };
        if let ServerMessage::Bye(bye) = &message {
            self.retry_after = Duration::from_millis(u64::from(bye.retry_after_ms.unwrap_or(0)));
        }
        let heard = self.session.on_message(message, now);
        if let Heard::Unreadable(error) = heard {
            self.meter().error(error.to_string());
        }
        if header.is_some() && matches!(heard, Heard::NewState { .. }) {
            self.look(now);
        }
        self.on_heard(heard, header, now);
    }

    fn on_heard(&mut self, heard: Heard, header: Option<StateHeader>, now: Moment) {
        match (heard, header) {
            (Heard::Welcomed { applied }, _) => self.on_welcome(applied, now),
            (Heard::NewState { applied }, Some(header)) => self.on_state(&header, applied, now),
            _ => {}
        }
    }

    fn on_welcome(&mut self, applied: AppliedInputs, now: Moment) {
        let Some(welcome) = self.session.welcome() else { return };
        let rate = welcome.tick_rate_hz;
        self.batch_ticks = (rate / self.plan.input_hz).clamp(1, 10) as usize;
        if self.brain.is_none() {
            self.brain = Some(Brain::new(self.plan.brain, &welcome.schema, welcome.seat, self.plan.seed));
        }
        self.sight.begin(welcome);
        let again = usize::from(self.welcomes > 0);
        self.plan.board.welcomed(welcome.epoch, again);
        self.backoff.reset();
        self.welcomes += 1;
        let mut meter = self.meter();
        for sent in applied.numbers().filter_map(|seq| self.session.sent_at(seq)) {
            meter.inputs_applied += u64::from(self.shared.window.contains(sent));
            if let Some(second) = meter.second(&self.shared.window, sent) {
                second.inputs_applied += 1;
            }
        }
        meter.tick_rate_hz = Some(rate);
        meter.reconnects += again as u64;
        if again == 0 {
            record(&mut meter.join_us, now.since(self.connecting_since));
        }
    }

    fn on_state(&mut self, header: &StateHeader, applied: AppliedInputs, now: Moment) {
        let board = &self.plan.board;
        board.saw(header);
        if let (Some(recorder), Some(hash)) = (&self.shared.recorder, header.hash) {
            recorder.hash(board.match_id(), &self.plan.name, header, hash);
        }
        if !self.tally.is_in_play() {
            board.entered_play();
        }
        let rate = self.session.welcome().map_or(TICK_RATE_HZ, |welcome| welcome.tick_rate_hz);
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        self.tally.on_state(header, now, rate, &self.shared.window, &mut meter);
        for sent in applied.numbers().filter_map(|seq| self.session.sent_at(seq)) {
            if self.shared.window.contains(sent) {
                meter.inputs_applied += 1;
                record(&mut meter.effect_us, now.since(sent));
                if let Some(second) = meter.second(&self.shared.window, sent) {
                    second.inputs_applied += 1;
                    second.effect(now.since(sent));
                }
            }
        }
    }

    async fn wait_until(&self, moment: Moment) {
        while !self.stopping() && self.now() < moment {
            let next = moment.min(self.now() + STOP_CHECK);
            tokio::time::sleep_until(self.shared.clock.instant(next)).await;
        }
    }

    fn now(&self) -> Moment {
        self.shared.clock.now()
    }

    fn stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
