//! Coming back: the newest checkpoint that can be read, and the journal after it, re-run and compared.

use tickstone_shared::ids::StateHash;
use tickstone_shared::sim::event::Event;
use tickstone_shared::sim::registered::{AnyGame, AnySimulation};
use tickstone_shared::time::Tick;

use super::checkpoint::Checkpoint;
use super::class::Shelf;
use super::header::{Durability, Header};
use super::input_buffer::InputBuffer;
use super::journal::{JournalEvent, TickRecord, entries};
use super::roster::{Roster, SeatRecord};
use super::running::Running;
use super::store_keys::{CHECKPOINTS, SEGMENTS, tick_of};
use crate::object::context::Context;
use crate::object::contract::{WakeError, WakeReason};
use crate::object::storage::{ReadError, Reader};

/// What coming back came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Recovered {
    /// The tick it goes on from.
    pub tick: Tick,
    /// The state hash there.
    pub hash: StateHash,
    /// Ticks that were re-run from the journal.
    pub ticks_rerun: u64,
    /// Ticks the journal shows beyond the one it goes on from.
    pub ticks_lost: u64,
}

/// Rebuilds a running match from what is stored.
pub fn recover(
    ctx: &mut Context<'_>,
    shelf: &Shelf,
    header: Header,
    reason: &WakeReason,
    stored: &dyn Reader,
) -> Result<Running, WakeError> {
    let game = shelf.games.get(header.request.game.as_str()).cloned();
    let game = game.ok_or_else(|| WakeError(format!("this build has no game {}", header.request.game)))?;
    let (checkpoint, mut simulation) = newest_checkpoint(&header, &*game, stored)?;
    let mut roster = roster_of(&header, &checkpoint);
    let same_code =
        checkpoint.game_version == game.version() && checkpoint.schema_hash == game.schema().hash();
    let records = read_records(stored, checkpoint.tick)?;
    let seen = records.iter().map(|record| record.tick).max().unwrap_or(checkpoint.tick);
    let replayable = if same_code { records } else { Vec::new() };
    let rerun = replayable.len() as u64;
    for record in &replayable {
        rerun_tick(&mut *simulation, &mut roster, record)
            .map_err(|difference| WakeError(difference.to_string()))?;
    }
    simulation.take_outputs(&mut Vec::new());
    let (tick, hash) = (simulation.tick(), simulation.state_hash());
    let mut running = Running::new(header, game, simulation, roster, shelf);
    running.stored.checkpoints = ticks_under(stored, CHECKPOINTS)?.into();
    running.stored.segments = ticks_under(stored, SEGMENTS)?.into();
    keep_tail(&mut running, &replayable);
    let ticks_lost = seen.0.saturating_sub(tick.0);
    running.newest_hash = newest_hash(&checkpoint, &replayable);
    if let WakeReason::Crash { attempt: Some(attempt), panics } = reason {
        finish_attempt(ctx, &mut running, attempt, *panics);
    }
    if *reason == WakeReason::Hibernation {
        running.find_sockets(ctx, stored)?;
    } else {
        running.recovered = Some(Recovered { tick, hash, ticks_rerun: rerun, ticks_lost });
        drop_everybody(&mut running);
    }
    Ok(running)
}

fn newest_hash(checkpoint: &Checkpoint, records: &[TickRecord]) -> Option<(Tick, StateHash)> {
    let newest = records.iter().rev().find_map(|record| Some((record.tick, record.state_hash()?)));
    newest.or(Some((checkpoint.tick, checkpoint.state_hash())))
}

/// What was re-run from the journal's tail is not in a stored segment yet: it goes into the next one.
fn keep_tail(running: &mut Running, records: &[TickRecord]) {
    let mut entry = Vec::new();
    for record in records {
        entry.clear();
        record.encode(&mut entry);
        running.stored.segment.push(record.tick, &entry);
    }
}

/// The newest checkpoint that can be read and restored; older generations stand behind it.
fn newest_checkpoint(
    header: &Header,
    game: &dyn AnyGame,
    stored: &dyn Reader,
) -> Result<(Checkpoint, Box<dyn AnySimulation>), WakeError> {
    let mut problems = Vec::new();
    for key in stored.keys(CHECKPOINTS)?.iter().rev() {
        match restore(header, game, stored, key) {
            Ok(restored) => return Ok(restored),
            Err(problem) => {
                let tick = tick_of(CHECKPOINTS, key).unwrap_or_default().0;
                tracing::error!(tick, problem, "a checkpoint cannot be used: trying the one before it");
                problems.push(format!("checkpoint of tick {tick}: {problem}"));
            }
        }
    }
    if problems.is_empty() && header.request.durability == Durability::None {
        return Err(WakeError(
            "it was created with durability none, and the server ended without a drain".to_owned(),
        ));
    }
    Err(WakeError(format!("no checkpoint can be used: {}", problems.join("; "))))
}

fn restore(
    header: &Header,
    game: &dyn AnyGame,
    stored: &dyn Reader,
    key: &[u8],
) -> Result<(Checkpoint, Box<dyn AnySimulation>), String> {
    let bytes = stored.get(key).map_err(|error| error.to_string())?.ok_or("it is gone")?;
    let checkpoint = Checkpoint::decode(&bytes)?;
    let mut simulation =
        game.restore(header.rules.as_bytes(), &checkpoint.world).map_err(|error| error.to_string())?;
    let hash = simulation.state_hash();
    if hash != checkpoint.state_hash() {
        return Err(format!("it restores to {hash}, but was written as {}", checkpoint.state_hash()));
    }
    Ok((checkpoint, simulation))
}

fn roster_of(header: &Header, checkpoint: &Checkpoint) -> Roster {
    let mut roster = Roster::new(header.seats);
    for record in &checkpoint.seats {
        roster.sit(record.clone(), None);
    }
    roster.readmit(&checkpoint.admission);
    roster
}

/// The ticks of the keys under a prefix, ascending.
pub fn ticks_under(stored: &dyn Reader, prefix: &[u8]) -> Result<Vec<Tick>, ReadError> {
    Ok(stored.keys(prefix)?.iter().filter_map(|key| tick_of(prefix, key)).collect())
}

/// Every record after `from`, without a gap, oldest first: stored segments, then the journal. It ends where
/// the first one is missing or damaged.
pub fn read_records(stored: &dyn Reader, from: Tick) -> Result<Vec<TickRecord>, ReadError> {
    let mut found: Vec<TickRecord> = Vec::new();
    let mut next = from.next();
    let mut take = |record: TickRecord| {
        if record.tick == next {
            next = next.next();
            found.push(record);
        }
    };
    for key in stored.keys(SEGMENTS)? {
        let segment = stored.get(&key)?.unwrap_or_default();
        entries(&segment).flatten().for_each(&mut take);
    }
    stored.journal()?.iter().filter_map(|entry| TickRecord::decode(entry)).for_each(&mut take);
    Ok(found)
}

/// A re-run that came to another state than the match did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("tick {}: the journal has state {expected}, its re-run {got}", tick.0)]
pub struct Difference {
    /// The first tick that differs.
    pub tick: Tick,
    /// The hash in the journal.
    pub expected: StateHash,
    /// The hash of the re-run.
    pub got: StateHash,
}

/// Re-runs one tick from its record.
pub fn rerun_tick(
    simulation: &mut dyn AnySimulation,
    roster: &mut Roster,
    record: &TickRecord,
) -> Result<(), Difference> {
    for event in &record.events {
        rerun_event(simulation, roster, record.tick, event);
    }
    roster.advance();
    simulation.step();
    let Some(expected) = record.state_hash() else { return Ok(()) };
    let got = simulation.state_hash();
    if got == expected { Ok(()) } else { Err(Difference { tick: record.tick, expected, got }) }
}

fn rerun_event(simulation: &mut dyn AnySimulation, roster: &mut Roster, tick: Tick, event: &JournalEvent) {
    match event {
        JournalEvent::World(event) => {
            // What the journal has was accepted once; a refusal now would show as another hash.
            if simulation.apply(event).is_ok() {
                follow(roster, tick, event);
            }
        }
        JournalEvent::Token { seat, hash } => {
            roster.set_token(*seat, *hash, None);
        }
        JournalEvent::Applied { seat, last_input } => {
            if let Some(seated) = roster.seated_mut(*seat) {
                seated.set_applied(*last_input);
            }
        }
        JournalEvent::Used { nonce } => roster.note_use(*nonce, tick),
        JournalEvent::Rotated { seat, hash, before } => roster.set_token(*seat, *hash, Some(*before)),
        JournalEvent::Arrived { seat } => {
            roster.confirm_token(*seat);
        }
    }
}

/// What an event means for the roster.
fn follow(roster: &mut Roster, tick: Tick, event: &Event) {
    match event {
        Event::Join { seat, player } => roster.sit(
            SeatRecord {
                seat: *seat,
                player: player.clone(),
                token: [0; 32],
                dropped_at: None,
                last_input: 0,
                effective: Default::default(),
            },
            None,
        ),
        Event::Leave { seat, .. } => drop(roster.stand(*seat)),
        Event::Drop { seat } => set_dropped(roster, *seat, Some(tick)),
        Event::Return { seat } => set_dropped(roster, *seat, None),
        Event::Input { seat, row } => {
            if let Some(seated) = roster.seated_mut(*seat) {
                seated.record.effective = *row;
            }
        }
        Event::Message { .. } | Event::Signal { .. } | Event::Overdue { .. } => {}
    }
}

fn set_dropped(roster: &mut Roster, seat: tickstone_shared::ids::Seat, dropped_at: Option<Tick>) {
    if let Some(seated) = roster.seated_mut(seat) {
        seated.record.dropped_at = dropped_at;
        seated.advancing &= dropped_at.is_none();
    }
}

/// The tick that panicked runs again: once as it was, then without what players sent.
fn finish_attempt(ctx: &mut Context<'_>, running: &mut Running, attempt: &[u8], panics: u32) {
    let Some(mut record) = TickRecord::decode(attempt) else { return };
    if record.tick != running.tick().next() {
        return;
    }
    if panics > 1 {
        let sent = |event: &JournalEvent| {
            matches!(
                event,
                JournalEvent::World(Event::Input { .. } | Event::Message { .. } | Event::Signal { .. })
            )
        };
        record.events.retain(|event| !sent(event));
    }
    ctx.attempt(attempt);
    for event in &record.events {
        rerun_event(&mut *running.simulation, &mut running.roster, record.tick, event);
    }
    running.roster.advance();
    running.simulation.step();
    running.simulation.take_outputs(&mut Vec::new());
    running.record = record;
    running.record.epoch = ctx.epoch();
    running.encode_record();
    running.write_record(ctx);
    running.record.events.clear();
}

/// Every connection is gone: seats and bodies stay for those who come back.
fn drop_everybody(running: &mut Running) {
    let tick = running.tick();
    let idle = running.game.idle_input();
    for seat in running.roster.disconnect_all(tick) {
        running.happen(Event::Drop { seat }).expect("only joins are refused");
    }
    for seated in running.roster.iter_mut() {
        seated.record.dropped_at = Some(tick);
        seated.record.effective = idle;
        seated.advancing = false;
        seated.inputs = InputBuffer::resumed(seated.record.last_input);
    }
}
