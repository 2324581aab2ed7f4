//! Coming in, coming back, leaving: everything a socket can bring to a running match.

use std::sync::Arc;
use std::time::Duration;

use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::input::{InputBatch, InputRow};
use tickstone_shared::sim::event::{Event, LeaveReason};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::{Hello, ServerMessage, Welcome};
use tickstone_shared::wire::version::PROTOCOL_VERSION;

use super::admissions::Nonce;
use super::class::Shelf;
use super::journal::JournalEvent;
use super::roster::{SeatRecord, TokenHash, token_hash};
use super::running::Running;
use crate::object::context::Context;
use crate::object::effects::Release;
use crate::object::socket::{SocketId, TICKET_REFUSED, Ticket};

/// Data messages a seat may send between two ticks; more are dropped.
pub const MESSAGES_PER_TICK_MAX: u32 = 4;

fn named(hello: &Hello) -> Result<PlayerName, Refused> {
    let name = hello.player.as_deref().ok_or(Refused(CloseCode::Malformed, "hello names no player"))?;
    PlayerName::parse(name).map_err(|_| Refused(CloseCode::Malformed, "hello.player is no name"))
}

/// Why somebody does not get in.
struct Refused(CloseCode, &'static str);

impl Running {
    /// A connection said hello.
    pub(super) fn open(
        &mut self,
        ctx: &mut Context<'_>,
        shelf: &Shelf,
        socket: SocketId,
        hello: &Hello,
        ticket: Option<&Ticket>,
    ) {
        if let Err(Refused(code, reason)) = self.admit(ctx, shelf, socket, hello, ticket) {
            ctx.close(Release::Ungated, socket, code, reason);
        }
    }

    fn admit(
        &mut self,
        ctx: &mut Context<'_>,
        shelf: &Shelf,
        socket: SocketId,
        hello: &Hello,
        ticket: Option<&Ticket>,
    ) -> Result<(), Refused> {
        if hello.schema_hash.is_some_and(|hash| hash != self.game.schema().hash()) {
            return Err(Refused(CloseCode::Version, "this match has another schema"));
        }
        let token: String = (shelf.entropy)().iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(offered) = &hello.resume {
            return self.resume(ctx, socket, &token_hash(offered), token);
        }
        let player = match ticket {
            Some(ticket) => ticket.player.clone(),
            None => named(hello)?,
        };
        let seated = self.roster.seat_of_player(&player);
        let seat = self.seat_to_take(seated, ticket, &player)?;
        if let Some(ticket) = ticket {
            self.use_up(ticket.nonce)?;
        }
        if seated.is_some() {
            self.give_token(seat, &token);
            return self.come_back(ctx, socket, seat, token);
        }
        self.sit_down(ctx, socket, seat, player, token)
    }

    /// The seat of a player who is seated already, that of the ticket, or any.
    fn seat_to_take(
        &self,
        seated: Option<Seat>,
        ticket: Option<&Ticket>,
        player: &PlayerName,
    ) -> Result<Seat, Refused> {
        if ticket.is_some_and(|ticket| self.roster.used.contains(&ticket.nonce)) {
            return Err(Refused(CloseCode::TokenRefused, TICKET_REFUSED));
        }
        if let Some(seat) = seated {
            return Ok(seat);
        }
        match ticket.and_then(|ticket| ticket.seat) {
            Some(seat) if self.roster.is_free_for(seat, player) => Ok(seat),
            Some(_) => Err(Refused(CloseCode::Full, "the seat of the token is taken")),
            None => self.roster.seat_for(player).ok_or(Refused(CloseCode::Full, "the match is full")),
        }
    }

    /// A token holds once: its use is in the journal before what it gives.
    fn use_up(&mut self, nonce: Nonce) -> Result<(), Refused> {
        if self.roster.used.is_full() {
            return Err(Refused(CloseCode::Overloaded, "too many come in at once"));
        }
        self.roster.note_use(nonce, self.tick().next());
        self.record.events.push(JournalEvent::Used { nonce });
        Ok(())
    }

    /// Somebody comes back: every use of a resume token gives the next one.
    fn resume(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        offered: &TokenHash,
        token: String,
    ) -> Result<(), Refused> {
        let seat = self.roster.seat_of_token(offered);
        let seat = seat.ok_or(Refused(CloseCode::ResumeFailed, "the resume token does not hold"))?;
        let hash = token_hash(&token);
        self.roster.set_token(seat, hash, Some(*offered));
        self.record.events.push(JournalEvent::Rotated { seat, hash, before: *offered });
        self.come_back(ctx, socket, seat, token)
    }

    /// Something came that only who has read the welcome can send: the token in it has arrived.
    fn token_arrived(&mut self, seat: Seat) {
        if self.roster.confirm_token(seat) {
            self.record.events.push(JournalEvent::Arrived { seat });
        }
    }

    fn sit_down(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        seat: Seat,
        player: PlayerName,
        token: String,
    ) -> Result<(), Refused> {
        if self.cool_down.is_on(&player, self.tick(), self.game.tick_rate_hz()) {
            return Err(Refused(CloseCode::TooFast, "you have just left: wait a second"));
        }
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
        self.roster.set_token(seat, hash, None);
        self.record.events.push(JournalEvent::Token { seat, hash });
    }

    /// The welcome leaves once the tick that has the join is in the journal.
    fn welcome(&mut self, ctx: &Context<'_>, socket: SocketId, seat: Seat, resume_token: String) {
        let Some(seated) = self.roster.seated(seat) else { return };
        // Without ticks nothing takes a seat away but the game.
        let resume_window = if self.game.has_ticks() { self.settings.resume_window } else { Duration::MAX };
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
            resume_seconds: u32::try_from(resume_window.as_secs()).unwrap_or(u32::MAX),
            durability: self.header.request.durability.name().to_owned(),
            last_input: seated.inputs.feedback().last_input,
            schema_hash: self.game.schema().hash(),
            schema: Arc::clone(self.game.schema()),
            // Only the gateway has keys.
            chat_token: None,
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
        if seated.token_before.is_some() {
            let seat = seated.record.seat;
            self.token_arrived(seat);
        }
    }

    /// Data for the game came.
    pub(super) fn take_message(&mut self, socket: SocketId, data: String) {
        let Some(seat) = self.roster.seat_of(socket) else { return };
        let Some(seated) = self.roster.seated_mut(seat) else { return };
        seated.messages_since_tick += 1;
        let is_within = seated.messages_since_tick <= MESSAGES_PER_TICK_MAX;
        self.token_arrived(seat);
        if is_within {
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
