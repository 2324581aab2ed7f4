//! A match that is played: its world, its players, and the one way both move.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tickstone_shared::ids::{Epoch, StateHash};
use tickstone_shared::limits::HASH_INTERVAL_TICKS;
use tickstone_shared::replication::interest::Interest;
use tickstone_shared::sim::event::{Event, LeaveReason, Output};
use tickstone_shared::sim::registered::{AnyGame, AnySimulation};
use tickstone_shared::time::{TICK_RATE_HZ, Tick};
use tickstone_shared::wire::message::ServerMessage;

use super::admissions::USE_REMEMBERED;
use super::broadcast::{FramePool, ViewCounters};
use super::checkpoint::Checkpoint;
use super::class::{MatchSettings, Shelf};
use super::cool_down::CoolDown;
use super::header::{BUILD, Durability, Header};
use super::input_buffer::{Consumed, InputCounters};
use super::journal::{JournalEvent, Segment, TickRecord};
use super::roster::{Roster, Seated};
use super::store_keys::{self, CHECKPOINTS, SEGMENTS};
use crate::object::context::{Context, WriteRefused};
use crate::object::contract::CallId;
use crate::object::effects::Release;
use crate::object::socket::SocketId;

/// Checkpoints kept whatever the retention says.
const GENERATIONS_MIN: usize = 3;
/// After the store refused a write: ticks until a checkpoint is tried.
const GAP_RETRY_TICKS: u64 = 15;

/// A match that is played.
pub struct Running {
    /// What it was created as.
    pub header: Header,
    /// Its game.
    pub game: Arc<dyn AnyGame>,
    /// Its world.
    pub simulation: Box<dyn AnySimulation>,
    /// Its players.
    pub roster: Roster,
    /// Numbers of this server.
    pub settings: MatchSettings,
    /// Who has just left.
    pub cool_down: CoolDown,
    /// Since when nobody has had a seat.
    pub empty_since: Option<Tick>,
    /// The alarm that ends an empty match is set.
    pub(super) end_is_set: bool,
    /// It asked for ticks.
    pub(super) is_ticking: bool,
    /// The number of the deadline whose alarm is set.
    pub(super) deadline_set: Option<u32>,
    /// The newest hash and its tick.
    pub newest_hash: Option<(Tick, StateHash)>,
    /// What coming back came to, if it did.
    pub recovered: Option<super::recovery::Recovered>,
    /// Calls that are answered once the next tick is in the journal.
    pub(super) answers: Vec<(CallId, serde_json::Value)>,
    /// Reliable messages that leave once the next tick is in the journal.
    pub held: Vec<(SocketId, Arc<ServerMessage>)>,
    /// Those of the last tick: held again if the store does not take its record.
    pub(super) leaving: Vec<(SocketId, Arc<ServerMessage>)>,
    pub(super) frames: FramePool,
    /// Who sees what; empty where everybody sees everything.
    pub(super) interest: Interest,
    pub(super) views: ViewCounters,
    pub(super) record: TickRecord,
    pub(super) stored: Stored,
    counters: InputCounters,
    outputs: Vec<Output>,
    entry: Vec<u8>,
}

/// What of the match the store has.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// Entries since the last checkpoint.
    pub(super) segment: Segment,
    /// The ticks of stored checkpoints, ascending.
    pub(super) checkpoints: VecDeque<Tick>,
    /// The ticks of stored segments, ascending.
    pub(super) segments: VecDeque<Tick>,
    /// The journal has a gap: only a checkpoint closes it.
    pub(super) gap: bool,
    /// Created by the last handler: nothing says yet that the store took the header.
    pub(super) is_new: bool,
    /// A checkpoint was stored after the last tick: the next one tells whose input numbers grow.
    tell_again: bool,
    checkpoint_due: Tick,
}

impl Running {
    /// A match around a world, as of the tick it is at.
    pub fn new(
        header: Header,
        game: Arc<dyn AnyGame>,
        simulation: Box<dyn AnySimulation>,
        roster: Roster,
        shelf: &Shelf,
    ) -> Self {
        let tick = simulation.tick();
        let record = TickRecord { epoch: Epoch(0), tick, events: Vec::new(), hash: None };
        let empty_since = (roster.taken() == 0).then_some(tick);
        Self {
            header,
            game,
            simulation,
            roster,
            settings: shelf.settings,
            cool_down: CoolDown::default(),
            empty_since,
            end_is_set: false,
            is_ticking: false,
            deadline_set: None,
            newest_hash: None,
            recovered: None,
            answers: Vec::new(),
            held: Vec::new(),
            leaving: Vec::new(),
            frames: FramePool::default(),
            interest: Interest::default(),
            views: ViewCounters::new(&shelf.metrics),
            record,
            stored: Stored::default(),
            counters: shelf.inputs.clone(),
            outputs: Vec::new(),
            entry: Vec::new(),
        }
    }

    /// The newest tick.
    pub fn tick(&self) -> Tick {
        self.simulation.tick()
    }

    /// Ticks in a duration. A game without ticks counts so many steps, however long they take.
    pub fn ticks_in(&self, duration: Duration) -> u64 {
        let rate = if self.game.has_ticks() { self.game.tick_rate_hz() } else { TICK_RATE_HZ };
        (duration.as_millis() * u128::from(rate) / 1000) as u64
    }

    /// When states leave.
    pub fn release(&self) -> Release {
        match self.header.request.durability {
            Durability::Sync => Release::Gated,
            Durability::Async | Durability::None => Release::Ungated,
        }
    }

    /// Brings something to the world and notes it for the journal.
    pub fn happen(&mut self, event: Event) -> Result<(), tickstone_shared::sim::game::JoinRefused> {
        self.simulation.apply(&event)?;
        self.record.events.push(JournalEvent::World(event));
        Ok(())
    }

    /// One tick: inputs, step, hash, journal. Its state can then be shown.
    pub fn step(&mut self, ctx: &mut Context<'_>) -> Option<StateHash> {
        let tick = self.tick().next();
        self.stored.is_new = false;
        self.leaving.clear();
        if self.game.has_ticks() {
            self.expire(tick);
        }
        self.consume_inputs(tick);
        self.record.epoch = ctx.epoch();
        self.record.tick = tick;
        self.record.hash = None;
        self.encode_record();
        ctx.attempt(&self.entry);
        self.simulation.step();
        let is_hashed = tick.0.is_multiple_of(HASH_INTERVAL_TICKS) || !self.game.has_ticks();
        let hash = is_hashed.then(|| self.simulation.state_hash());
        if let Some(hash) = hash {
            self.newest_hash = Some((tick, hash));
            self.record.hash = Some(hash.0);
            self.encode_record();
        }
        self.write_record(ctx);
        self.record.events.clear();
        hash
    }

    /// One tick and all that follows from it; whether it is `shown` to the players.
    pub(super) fn advance(&mut self, ctx: &mut Context<'_>, shown: bool) {
        let hash = self.step(ctx);
        if let Err(problem) = self.keep_stored(ctx) {
            tracing::error!(name = %ctx.identity().name, %problem, "a checkpoint is over the limits of the store");
        }
        self.tell(ctx);
        if shown {
            self.show_state(ctx, hash);
        }
        self.mind_emptiness(ctx);
    }

    /// Something has happened since the last tick.
    pub(super) fn has_news(&self) -> bool {
        !self.record.events.is_empty() || !self.answers.is_empty()
    }

    /// Steps once more if anything has happened since the last tick: a checkpoint stands at the end of a tick,
    /// or its journal would not lead to it.
    pub(super) fn finish_tick(&mut self, ctx: &mut Context<'_>) {
        if self.has_news() {
            self.step(ctx);
            self.tell(ctx);
        }
    }

    /// The store did not take what the last handler wrote: the journal ends before it.
    pub(super) fn note_gap(&mut self) {
        self.stored.gap = true;
        let retry = Tick(self.tick().0 + GAP_RETRY_TICKS);
        self.stored.checkpoint_due = self.stored.checkpoint_due.min(retry);
        self.held.splice(..0, self.leaving.drain(..));
    }

    /// What is sent now would be taken for durable, and is not.
    pub(super) fn is_behind_gap(&self) -> bool {
        self.stored.gap && self.header.request.durability != Durability::None
    }

    pub(super) fn encode_record(&mut self) {
        self.entry.clear();
        self.record.encode(&mut self.entry);
    }

    /// Appends the tick's record to the journal, by the match's durability.
    pub(super) fn write_record(&mut self, ctx: &mut Context<'_>) {
        if self.header.request.durability == Durability::None || self.stored.gap {
            return;
        }
        self.stored.segment.push(self.record.tick, &self.entry);
        if let Err(problem) = ctx.storage().append(self.entry.clone()) {
            tracing::error!(name = %ctx.identity().name, %problem, "a tick's journal entry is over the limit");
            self.stored.gap = true;
        }
    }

    fn consume_inputs(&mut self, tick: Tick) {
        let tell_again = std::mem::take(&mut self.stored.tell_again);
        let Self { roster, simulation, record, game, counters, .. } = self;
        for seated in roster.iter_mut() {
            seated.messages_since_tick = 0;
            let before = seated.record.effective;
            let row = match seated.inputs.take(tick) {
                Consumed::Input(row) => row,
                Consumed::Starved(ticks) => {
                    counters.starved.inc();
                    game.starved_input(&seated.inputs.newest(), ticks)
                }
                Consumed::Silent => continue,
            };
            if let Some(last_input) = seated.note_applied(tell_again) {
                let seat = seated.record.seat;
                record.events.push(JournalEvent::Applied { seat, last_input });
            }
            if row != before {
                seated.record.effective = row;
                let event = Event::Input { seat: seated.record.seat, row };
                simulation.apply(&event).expect("only joins are refused");
                record.events.push(JournalEvent::World(event));
            }
        }
    }

    /// What has had its time ends. Steps without ticks tell no time: there a seat is its player's until the game
    /// says otherwise, and what is held or remembered stays.
    fn expire(&mut self, tick: Tick) {
        self.expire_seats(tick);
        self.roster.reservations.expire(tick);
        let remembered = self.ticks_in(USE_REMEMBERED);
        self.roster.used.forget_before(Tick(tick.0.saturating_sub(remembered)));
    }

    /// Frees the seats of players who dropped and did not come back in time.
    fn expire_seats(&mut self, tick: Tick) {
        let window = self.ticks_in(self.settings.resume_window);
        let expired = |dropped_at: Tick| tick.0.saturating_sub(dropped_at.0) > window;
        let gone = |seated: &Seated| seated.record.dropped_at.is_some_and(expired);
        loop {
            let next = self.roster.iter().find(|seated| gone(seated)).map(|seated| seated.record.seat);
            let Some(seat) = next else { return };
            self.leave(seat, LeaveReason::TimedOut);
        }
    }

    /// Frees a seat; answers the socket it had.
    pub fn leave(&mut self, seat: tickstone_shared::ids::Seat, reason: LeaveReason) -> Option<SocketId> {
        let seated = self.roster.stand(seat)?;
        self.happen(Event::Leave { seat, reason }).expect("only joins are refused");
        if self.roster.taken() == 0 {
            self.empty_since = Some(self.tick());
        }
        seated.socket
    }

    /// What the world told the outside in the last step.
    pub(super) fn take_outputs(&mut self) -> Vec<Output> {
        let mut outputs = std::mem::take(&mut self.outputs);
        self.simulation.take_outputs(&mut outputs);
        outputs
    }

    /// Gives the buffer of [`Running::take_outputs`] back.
    pub(super) fn reuse_outputs(&mut self, outputs: Vec<Output>) {
        self.outputs = outputs;
    }

    /// The match at its newest tick, to be stored.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let mut world = Vec::new();
        self.simulation.save(&mut world);
        let hash = twox_hash::XxHash3_64::oneshot(&world);
        Checkpoint {
            tick: self.tick(),
            hash,
            game_version: self.game.version(),
            schema_hash: self.game.schema().hash(),
            build: BUILD.to_owned(),
            seats: self.roster.iter().map(|seated| seated.record.clone()).collect(),
            world,
            admission: self.roster.admission(),
        }
    }

    /// Stores a checkpoint if one is due, or a segment that has grown too long.
    pub fn keep_stored(&mut self, ctx: &mut Context<'_>) -> Result<(), WriteRefused> {
        if self.header.request.durability == Durability::None {
            return Ok(());
        }
        if self.tick() >= self.stored.checkpoint_due {
            return self.store_checkpoint(ctx);
        }
        if self.stored.segment.is_full() {
            self.store_segment(ctx)?;
            ctx.storage().cut_journal();
        }
        Ok(())
    }

    /// Stores a checkpoint and everything of the journal before it, and forgets what is too old.
    pub fn store_checkpoint(&mut self, ctx: &mut Context<'_>) -> Result<(), WriteRefused> {
        self.store_segment(ctx)?;
        let tick = self.tick();
        ctx.storage().put(store_keys::key(CHECKPOINTS, tick), self.checkpoint().encode())?;
        ctx.storage().cut_journal();
        if self.stored.checkpoints.back() != Some(&tick) {
            self.stored.checkpoints.push_back(tick);
        }
        self.stored.checkpoint_due = Tick(tick.0 + self.ticks_in(self.settings.checkpoint_interval).max(1));
        self.stored.gap = false;
        self.stored.tell_again = true;
        self.forget_old(ctx);
        Ok(())
    }

    fn store_segment(&mut self, ctx: &mut Context<'_>) -> Result<(), WriteRefused> {
        if let Some((first, bytes)) = self.stored.segment.take() {
            // After a recovery it replaces the one it was read from.
            if !self.stored.segments.contains(&first) {
                self.stored.segments.push_back(first);
            }
            ctx.storage().put(store_keys::key(SEGMENTS, first), bytes)?;
        }
        Ok(())
    }

    fn forget_old(&mut self, ctx: &mut Context<'_>) {
        let kept_ticks = self.ticks_in(self.settings.journal_retention);
        let horizon = Tick(self.tick().0.saturating_sub(kept_ticks));
        while self.stored.checkpoints.len() > GENERATIONS_MIN && self.stored.checkpoints[1] <= horizon {
            self.stored
                .checkpoints
                .pop_front()
                .into_iter()
                .for_each(|old| ctx.storage().delete(store_keys::key(CHECKPOINTS, old)));
        }
        let oldest = self.stored.checkpoints.front().copied().unwrap_or_default();
        while self.stored.segments.len() > 1 && self.stored.segments[1] <= oldest.next() {
            self.stored
                .segments
                .pop_front()
                .into_iter()
                .for_each(|old| ctx.storage().delete(store_keys::key(SEGMENTS, old)));
        }
    }
}
