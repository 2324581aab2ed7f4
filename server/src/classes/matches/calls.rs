//! What can be asked of a match: create, inspect, end, reserve, kick, signal.

use std::time::Duration;

use serde_json::{Value, json};
use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::sim::event::{Event, LeaveReason};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::close::CloseCode;

use super::admissions::RESERVATION;
use super::durable_match::DurableMatch;
use super::header::{BUILD, CreateRequest, Durability, Header, MATCH_FORMAT, parse_request};
use super::lifecycle::{Life, MAX_DURATION, set_alarm};
use super::posting::{Posting, board_of};
use super::roster::Roster;
use super::running::Running;
use super::store_keys::HEADER;
use crate::object::class::HIBERNATES_AFTER;
use crate::object::context::{Context, WakeAtStart};
use crate::object::contract::{Answer, Call, CallError, CallId};
use crate::object::effects::{Listing, Release};

/// Calls that may wait for one tick; more are refused as overload.
const ANSWERS_PER_TICK_MAX: usize = 64;

impl DurableMatch {
    pub(super) fn answer(
        &mut self,
        ctx: &mut Context<'_>,
        Call { id, method, body, .. }: Call,
    ) -> Result<Answer, CallError> {
        let answer = match method.as_str() {
            "create" => self.create(ctx, body).map(Answer::Now),
            "inspect" => self.inspect(ctx).map(Answer::AtOnce),
            "end" => self.end_by_request(ctx).map(Answer::Now),
            "reserve" => self.reserve(&body).map(Answer::AtOnce),
            "kick" => self.kick(ctx, id, &body).map(|()| Answer::Later),
            "signal" => self.signal(id, &body),
            _ => Err(CallError::Invalid(
                "methods of a match: create inspect end reserve kick signal".to_owned(),
            )),
        };
        match &mut self.life {
            Life::Nothing => ctx.finish(),
            Life::Running(running) if running.is_ticking => {}
            Life::Running(_) => self.go_on(ctx),
            Life::Ended(_) => {}
        }
        answer
    }

    fn create(&mut self, ctx: &mut Context<'_>, body: Value) -> Result<Value, CallError> {
        let request = parse_request(body)?;
        let existing = match &self.life {
            Life::Nothing => return self.begin(ctx, request),
            Life::Running(running) => &running.header.request,
            Life::Ended(ended) => &ended.header.request,
        };
        if !existing.asks_the_same(&request) {
            let reason = "a match with this id exists and was created with another body".to_owned();
            return Err(CallError::Conflict { code: "match_exists", reason });
        }
        Ok(with_created(self.entry(ctx), false))
    }

    fn begin(&mut self, ctx: &mut Context<'_>, request: CreateRequest) -> Result<Value, CallError> {
        let Some(game) = self.shelf.games.get(request.game.as_str()).cloned() else {
            let names: Vec<_> = self.shelf.games.keys().copied().collect();
            return Err(CallError::Invalid(format!(
                "game: no game of that name; this server has {}",
                names.join(", ")
            )));
        };
        let rules = game
            .rules(request.preset.as_deref(), request.options.clone(), &self.shelf.assets)
            .map_err(|error| CallError::Invalid(error.to_string()))?;
        let invalid =
            |error: tickstone_shared::sim::save::RestoreError| CallError::Invalid(error.to_string());
        let seats = game.seats(&rules).map_err(invalid)?;
        if !game.has_ticks() && request.durability == Durability::None {
            let problem = "durability: a game without ticks sleeps, so it is async or sync";
            return Err(CallError::Invalid(problem.to_owned()));
        }
        let entropy = (self.shelf.entropy)();
        let seed = u64::from_le_bytes(*entropy.first_chunk().expect("16 bytes hold 8"));
        let simulation = game.start(seed, &rules).map_err(invalid)?;
        let header = Header {
            format: MATCH_FORMAT,
            build: BUILD.to_owned(),
            game_version: game.version(),
            schema_hash: game.schema().hash(),
            seed,
            rules: String::from_utf8(rules).expect("rules are JSON"),
            seats,
            request,
        };
        let mut running = Running::new(header, game, simulation, Roster::new(seats), &self.shelf);
        ctx.storage().put(HEADER, running.header.encode())?;
        let stored = running.header.request.durability != Durability::None;
        ctx.wake_at_start(if stored { WakeAtStart::Yes } else { WakeAtStart::No });
        if stored {
            running.store_checkpoint(ctx)?;
        }
        running.stored.is_new = true;
        if let Some(seconds) = running.header.request.max_duration_s {
            set_alarm(ctx, MAX_DURATION, Duration::from_secs(seconds.into()));
        }
        running.mind_emptiness(ctx);
        running.start_ticks(ctx);
        self.life = Life::Running(Box::new(running));
        self.publish(ctx);
        Ok(with_created(self.entry(ctx), true))
    }

    fn inspect(&self, ctx: &Context<'_>) -> Result<Value, CallError> {
        match self.life {
            Life::Nothing => Err(CallError::NotFound),
            Life::Running(ref running) => {
                let mut entry = self.entry(ctx);
                entry["roster"] = roster(running);
                entry["options"] = running.header.request.options.clone();
                Ok(entry)
            }
            Life::Ended(ref ended) => {
                let mut entry = self.entry(ctx);
                entry["options"] = ended.header.request.options.clone();
                Ok(entry)
            }
        }
    }

    fn end_by_request(&mut self, ctx: &mut Context<'_>) -> Result<Value, CallError> {
        if matches!(self.life, Life::Nothing) {
            return Err(CallError::NotFound);
        }
        self.end(ctx, "ended");
        Ok(self.entry(ctx))
    }

    fn running(&mut self) -> Result<&mut Running, CallError> {
        match &mut self.life {
            Life::Nothing => Err(CallError::NotFound),
            Life::Running(running) => Ok(running),
            Life::Ended(_) => Err(CallError::Over),
        }
    }

    /// Holds a seat for a player who has not come yet; who is seated has one.
    fn reserve(&mut self, body: &Value) -> Result<Value, CallError> {
        let running = self.running()?;
        let player = body.get("player").and_then(Value::as_str).and_then(|name| PlayerName::parse(name).ok());
        let player = player.ok_or_else(|| CallError::Invalid("expected a player's name".to_owned()))?;
        let full = || CallError::Conflict { code: "match_full", reason: "the match is full".to_owned() };
        let seat = match running.roster.seat_of_player(&player) {
            Some(seat) => seat,
            None => {
                let seat = running.roster.seat_for(&player).ok_or_else(full)?;
                let until = Tick(running.tick().0 + running.ticks_in(RESERVATION));
                running.roster.reservations.hold(seat, player, until);
                seat
            }
        };
        let held = if running.game.has_ticks() { RESERVATION } else { RESERVATION.min(HIBERNATES_AFTER) };
        Ok(json!({ "seat": seat, "reserved_seconds": held.as_secs() }))
    }

    /// Asks the game. What it wants changed happens in the next tick, and is answered once that is journaled.
    fn signal(&mut self, id: CallId, body: &Value) -> Result<Answer, CallError> {
        let running = self.running()?;
        if running.answers.len() >= ANSWERS_PER_TICK_MAX {
            return Err(CallError::Overloaded);
        }
        let name = body.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| CallError::Invalid("expected the name of a signal".to_owned()))?;
        let data = body.get("data").unwrap_or(&Value::Null);
        let answer = running
            .simulation
            .signal(name, data)
            .map_err(|refused| CallError::Invalid(refused.to_string()))?;
        let reply = json!({ "reply": answer.reply });
        let Some(change) = answer.change else { return Ok(Answer::AtOnce(reply)) };
        running.happen(Event::Signal { data: change.to_string() }).expect("only joins are refused");
        running.answers.push((id, reply));
        Ok(Answer::Later)
    }

    /// Answered once the leave is journaled.
    fn kick(&mut self, ctx: &mut Context<'_>, id: CallId, body: &Value) -> Result<(), CallError> {
        let running = self.running()?;
        if running.answers.len() >= ANSWERS_PER_TICK_MAX {
            return Err(CallError::Overloaded);
        }
        let seat = wanted_seat(running, body)?;
        if let Some(socket) = running.leave(seat, LeaveReason::Kicked) {
            ctx.close(Release::Ungated, socket, CloseCode::Kicked, "kicked");
        }
        running.answers.push((id, json!({ "kicked": seat })));
        Ok(())
    }

    /// Shows the match in listings.
    pub(super) fn publish(&self, ctx: &mut Context<'_>) {
        let state = match &self.life {
            Life::Nothing => return,
            Life::Running(_) => "running",
            Life::Ended(_) => "ended",
        };
        let entry = self.entry(ctx);
        ctx.publish(Listing { state, entry });
    }

    /// The match as HTTP shows it.
    fn entry(&self, ctx: &Context<'_>) -> Value {
        let id = ctx.identity().name.as_str();
        match &self.life {
            Life::Nothing => Value::Null,
            Life::Running(running) => running_entry(id, ctx, running),
            Life::Ended(ended) => json!({
                "match_id": id,
                "game": ended.header.request.game,
                "state": "ended",
                "tick": ended.result.tick,
                "tick_rate_hz": self.rate_of(&ended.header),
                "players": 0,
                "seats": ended.header.seats,
                "label": ended.header.request.label,
                "durability": ended.header.request.durability,
                "private": ended.header.request.private,
                "creator": ended.header.request.creator,
                "end_reason": ended.result.reason,
                "outcome": ended.result.outcome,
                "board": ended.posting.as_ref().map(Posting::shown),
            }),
        }
    }

    fn rate_of(&self, header: &Header) -> Option<u32> {
        self.shelf.games.get(header.request.game.as_str()).map(|game| game.tick_rate_hz())
    }
}

fn running_entry(id: &str, ctx: &Context<'_>, running: &Running) -> Value {
    let request = &running.header.request;
    let connected = running.roster.iter().filter(|seated| seated.socket.is_some()).count();
    let mut entry = json!({
        "match_id": id,
        "game": request.game,
        "state": "running",
        "tick": running.tick(),
        "tick_rate_hz": running.game.tick_rate_hz(),
        "players": running.roster.taken(),
        "connected": connected,
        "reserved": running.roster.reservations.len(),
        "seats": running.header.seats,
        "label": label(running),
        "durability": request.durability,
        "private": request.private,
        "creator": request.creator,
        "epoch": ctx.epoch(),
        "state_hash": running.newest_hash.map(|(tick, hash)| json!({ "tick": tick, "hash": hash })),
        "recovered": running.recovered,
        "board": board_of(running).map(|board| json!({ "name": board, "state": "open" })),
    });
    if running.game.has_secrets() {
        hide_hashes(&mut entry);
    }
    entry
}

/// A hash tells who can guess well what it was taken of.
fn hide_hashes(entry: &mut Value) {
    entry["state_hash"] = Value::Null;
    if let Value::Object(recovered) = &mut entry["recovered"] {
        recovered.remove("hash");
    }
}

/// Who sits where: what somebody who comes later is told of those who are there.
fn roster(running: &Running) -> Value {
    let seated = running.roster.iter().map(|seated| {
        let record = &seated.record;
        json!({ "seat": record.seat, "player": record.player, "connected": seated.socket.is_some() })
    });
    Value::Array(seated.collect())
}

/// The game's label with the creator's laid over it.
fn label(running: &Running) -> Value {
    let mut label = running.simulation.label();
    match (&mut label, &running.header.request.label) {
        (_, None) => {}
        (Value::Object(game), Some(own)) => game.extend(own.clone()),
        (other, Some(own)) => *other = Value::Object(own.clone()),
    }
    label
}

fn with_created(mut entry: Value, created: bool) -> Value {
    if let Value::Object(entry) = &mut entry {
        entry.insert("created".to_owned(), created.into());
    }
    entry
}

fn no_such_player() -> CallError {
    CallError::Missing {
        code: "no_such_player",
        reason: "no such player has a seat in this match".to_owned(),
    }
}

fn wanted_seat(running: &Running, body: &Value) -> Result<Seat, CallError> {
    let by_player = |name: &str| running.roster.seat_of_player(&PlayerName::parse(name).ok()?);
    let by_number = |number: u64| {
        let seat = Seat(u16::try_from(number).ok()?);
        running.roster.seated(seat).map(|_| seat)
    };
    match (body.get("player").and_then(Value::as_str), body.get("seat").and_then(Value::as_u64)) {
        (Some(player), None) => by_player(player).ok_or_else(no_such_player),
        (None, Some(seat)) => by_number(seat).ok_or_else(no_such_player),
        _ => Err(CallError::Invalid("expected either player or seat".to_owned())),
    }
}
