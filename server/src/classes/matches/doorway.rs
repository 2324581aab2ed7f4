//! Coming in, coming back, leaving: everything a socket can bring to a running match.

use std::sync::Arc;

use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::input::{InputBatch, InputRow};
use tickstone_shared::sim::event::{Event, LeaveReason};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::{Hello, ServerMessage, Welcome};
use tickstone_shared::wire::version::PROTOCOL_VERSION;

use super::class::Shelf;
use super::journal::JournalEvent;
use super::roster::{SeatRecord, token_hash};
use super::running::Running;
use crate::object::context::Context;
use crate::object::effects::Release;
use crate::object::socket::SocketId;

/// Data messages a seat may send between two ticks; more are dropped.
pub const MESSAGES_PER_TICK_MAX: u32 = 4;

/// Why somebody does not get in.
struct Refused(CloseCode, &'static str);

impl Running {
    /// A connection said hello.
    pub(super) fn open(&mut self, ctx: &mut Context<'_>, shelf: &Shelf, socket: SocketId, hello: &Hello) {
        if let Err(Refused(code, reason)) = self.admit(ctx, shelf, socket, hello) {
            ctx.close(Release::Ungated, socket, code, reason);
        }
    }

    fn admit(
        &mut self,
        ctx: &mut Context<'_>,
        shelf: &Shelf,
        socket: SocketId,
        hello: &Hello,
    ) -> Result<(), Refused> {
        if hello.schema_hash.is_some_and(|hash| hash != self.game.schema().hash()) {
            return Err(Refused(CloseCode::Version, "this match has another schema"));
        }
        if let Some(token) = &hello.resume {
            let seat = self.roster.seat_of_token(token);
            let seat = seat.ok_or(Refused(CloseCode::ResumeFailed, "the resume token does not hold"))?;
            return self.come_back(ctx, socket, seat, token.clone());
        }
        let name = hello.player.as_deref().ok_or(Refused(CloseCode::Malformed, "hello names no player"))?;
        let player =
            PlayerName::parse(name).map_err(|_| Refused(CloseCode::Malformed, "hello.player is no name"))?;
        let token: String = (shelf.entropy)().iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(seat) = self.roster.seat_of_player(&player) {
            self.give_token(seat, &token);
            return self.come_back(ctx, socket, seat, token);
        }
        self.sit_down(ctx, socket, player, token)
    }

    fn sit_down(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        player: PlayerName,
        token: String,
    ) -> Result<(), Refused> {
        if self.cool_down.is_on(&player, self.tick(), self.game.tick_rate_hz()) {
            return Err(Refused(CloseCode::TooFast, "you have just left: wait a second"));
        }
        let seat = self.roster.free_seat().ok_or(Refused(CloseCode::Full, "the match is full"))?;
        let join = Event::Join { seat, player: player.clone() };
        self.happen(join).map_err(|_| Refused(CloseCode::Full, "the game refused the player"))?;
        let record = SeatRecord {
            seat,
            player,
            token: token_hash(&token),
            dropped_at: None,
            last_input: 0,
            effective: self.game.idle_input(),
        };
        self.roster.sit(record, Some(socket));
        self.empty_since = None;
        self.give_token(seat, &token);
        self.welcome(ctx, socket, seat, token);
        Ok(())
    }

    fn come_back(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        seat: Seat,
        token: String,
    ) -> Result<(), Refused> {
        let was_dropped = self.roster.seated(seat).is_some_and(|seated| seated.record.dropped_at.is_some());
        if let Some(older) = self.roster.connect(seat, socket) {
            ctx.close(Release::Ungated, older, CloseCode::Replaced, "the player connected anew");
        }
        if was_dropped {
            self.happen(Event::Return { seat }).expect("only joins are refused");
        }
        self.welcome(ctx, socket, seat, token);
        Ok(())
    }

    fn give_token(&mut self, seat: Seat, token: &str) {
        let hash = token_hash(token);
        if let Some(seated) = self.roster.seated_mut(seat) {
            seated.record.token = hash;
        }
        self.record.events.push(JournalEvent::Token { seat, hash });
    }

    /// The welcome leaves once the tick that has the join is in the journal.
    fn welcome(&mut self, ctx: &Context<'_>, socket: SocketId, seat: Seat, resume_token: String) {
        let Some(seated) = self.roster.seated(seat) else { return };
        let welcome = Welcome {
            protocol: PROTOCOL_VERSION,
            match_id: ctx.identity().name.to_string(),
            game: self.game.name().to_owned(),
            game_version: self.game.version(),
            epoch: ctx.epoch(),
            tick: self.tick(),
            tick_rate_hz: self.game.tick_rate_hz(),
            player: seated.record.player.to_string(),
            seat,
            resume_token,
            resume_seconds: u32::try_from(self.settings.resume_window.as_secs()).unwrap_or(u32::MAX),
            durability: self.header.request.durability.name().to_owned(),
            last_input: seated.inputs.feedback().last_input,
            schema_hash: self.game.schema().hash(),
            schema: Arc::clone(self.game.schema()),
        };
        self.held.push((socket, Arc::new(ServerMessage::Welcome(Box::new(welcome)))));
    }

    /// Inputs came.
    pub(super) fn take_inputs(
        &mut self,
        ctx: &Context<'_>,
        shelf: &Shelf,
        socket: SocketId,
        batch: &InputBatch,
    ) {
        let counters = &shelf.inputs;
        let next = self.tick().next();
        let seated = self.roster.seat_of(socket).and_then(|seat| self.roster.seated_mut(seat));
        let rows = batch.rows.len() as u64;
        let Some(seated) = seated else {
            counters.no_seat.inc_by(rows);
            return;
        };
        if batch.epoch != ctx.epoch() {
            counters.other_epoch.inc_by(rows);
            return;
        }
        for (index, row) in (0_u32..).zip(&batch.rows) {
            let tick = Tick(batch.first_tick.0.saturating_add(u64::from(index)));
            let seq = batch.first_seq.saturating_add(index);
            counters.count(seated.inputs.offer(tick, seq, *row, next));
        }
        let newest = batch.first_tick.0.saturating_add(batch.rows.len().saturating_sub(1) as u64);
        seated.inputs.note_lead(Tick(newest), next);
    }

    /// Data for the game came.
    pub(super) fn take_message(&mut self, socket: SocketId, data: String) {
        let Some(seat) = self.roster.seat_of(socket) else { return };
        let Some(seated) = self.roster.seated_mut(seat) else { return };
        seated.messages_since_tick += 1;
        if seated.messages_since_tick <= MESSAGES_PER_TICK_MAX {
            self.happen(Event::Message { seat, data }).expect("only joins are refused");
        }
    }

    /// The player gives the seat up.
    pub(super) fn walk_out(&mut self, ctx: &mut Context<'_>, socket: SocketId) {
        if let Some(seat) = self.roster.seat_of(socket) {
            if let Some(seated) = self.roster.seated(seat) {
                self.cool_down.note(seated.record.player.clone(), self.tick());
            }
            self.leave(seat, LeaveReason::Left);
            ctx.close(Release::Ungated, socket, CloseCode::Left, "you left");
        }
    }

    /// The connection is gone; seat and body stay for a while.
    pub(super) fn lose(&mut self, socket: SocketId) {
        self.held.retain(|(held, _)| *held != socket);
        self.leaving.retain(|(leaving, _)| *leaving != socket);
        let Some(seat) = self.roster.disconnect(socket, self.tick()) else { return };
        self.happen(Event::Drop { seat }).expect("only joins are refused");
        let idle = self.game.idle_input();
        self.set_effective(seat, idle);
    }

    /// Notes what a seat does until another input comes, where the world was told by an event.
    pub(super) fn set_effective(&mut self, seat: Seat, row: InputRow) {
        if let Some(seated) = self.roster.seated_mut(seat) {
            seated.record.effective = row;
        }
    }
}
