//! A match as a durable object: every handler, each a few lines. What a tick does is [`DurableMatch::on_tick`].

use std::sync::Arc;

use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::wire::close::CloseCode;

use super::class::Shelf;
use super::header::{Durability, Header};
use super::lifecycle::{EMPTY, EndRecord, Ended, FORGET, Life, MAX_DURATION, has_outcome, set_alarm};
use super::posting::{POST, Posting};
use super::recovery::{recover, ticks_under};
use super::running::Running;
use super::store_keys::{self, CHECKPOINTS, HEADER, RESULT, SEGMENTS, SOCKETS};
use crate::object::alarm::{AlarmError, AlarmFired};
use crate::object::context::{Context, WakeAtStart};
use crate::object::contract::{
    AfterRefusal, Answer, Call, CallError, DurableObject, TickDue, WakeError, WakeReason,
};
use crate::object::effects::Release;
use crate::object::job::{JobId, JobResult};
use crate::object::socket::SocketEvent;

/// A match.
pub struct DurableMatch {
    pub(super) shelf: Arc<Shelf>,
    pub(super) life: Life,
}

impl DurableMatch {
    /// A match that has not been woken.
    pub fn new(shelf: Arc<Shelf>) -> Self {
        Self { shelf, life: Life::Nothing }
    }
}

impl DurableObject for DurableMatch {
    fn wake(&mut self, ctx: &mut Context<'_>, reason: &WakeReason) -> Result<(), WakeError> {
        let stored = &*ctx.reader()?;
        let Some(header) = stored.get(HEADER)? else { return Ok(()) };
        let header = Header::decode(&header).map_err(WakeError)?;
        if let Some(result) = stored.get(RESULT)? {
            let result = serde_json::from_slice(&result)
                .map_err(|error| WakeError(format!("the stored result is damaged: {error}")))?;
            let checkpoints = ticks_under(stored, CHECKPOINTS)?;
            let segments = ticks_under(stored, SEGMENTS)?;
            if ctx.alarm(FORGET).is_none() && !checkpoints.is_empty() {
                set_alarm(ctx, FORGET, self.shelf.settings.journal_retention);
            }
            let posting = Posting::stored(stored)?;
            self.life = Life::Ended(Box::new(Ended { header, result, posting, checkpoints, segments }));
        } else {
            let mut running = recover(ctx, &self.shelf, header, reason, stored)?;
            self.report(ctx, &running);
            running.end_is_set = ctx.alarm(EMPTY).is_some();
            running.mind_emptiness(ctx);
            running.find_deadline(ctx);
            if *reason != WakeReason::Hibernation || running.is_wanted() {
                running.start_ticks(ctx);
            }
            self.life = Life::Running(Box::new(running));
        }
        self.go_on(ctx);
        self.publish(ctx);
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        self.answer(ctx, call)
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        let Life::Running(running) = &mut self.life else {
            return self.turn_away(ctx, &event);
        };
        match event {
            SocketEvent::Opened { socket, hello, ticket } => {
                running.open(ctx, &self.shelf, socket, &hello, ticket.as_deref());
            }
            SocketEvent::Inputs { socket, batch } => running.take_inputs(ctx, &self.shelf, socket, &batch),
            SocketEvent::Message { socket, data } => running.take_message(socket, data),
            SocketEvent::Leave { socket } => running.walk_out(ctx, socket),
            SocketEvent::Closed { socket } => running.lose(socket),
            // Sockets of a match speak this server's protocol.
            SocketEvent::Connected { .. }
            | SocketEvent::Resumed { .. }
            | SocketEvent::Received { .. }
            | SocketEvent::Failed { .. }
            | SocketEvent::Disconnected { .. } => {}
        }
        if !running.is_ticking {
            self.go_on(ctx);
        }
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, alarm: &AlarmFired) -> Result<(), AlarmError> {
        match (&self.life, alarm.name.as_str()) {
            (Life::Running(_), MAX_DURATION) => self.end(ctx, MAX_DURATION),
            (Life::Running(running), EMPTY) if running.empty_since.is_some() => self.end(ctx, EMPTY),
            (Life::Ended(_), FORGET) => self.forget(ctx),
            (Life::Ended(_), POST) => self.post(ctx),
            (Life::Running(_), deadline) => self.overdue(ctx, deadline),
            _ => {}
        }
        Ok(())
    }

    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        let Life::Ended(ended) = &mut self.life else { return };
        if let Some(posting) = &mut ended.posting {
            posting.answered(ctx, job, result);
            self.publish(ctx);
        }
    }

    fn on_tick(&mut self, ctx: &mut Context<'_>, due: TickDue) {
        let Life::Running(running) = &mut self.life else { return };
        running.advance(ctx, !due.catching_up);
        if has_outcome(running) {
            return self.end(ctx, "outcome");
        }
        if running.may_rest() {
            running.rest(ctx);
        }
        if due.tick.0.is_multiple_of(u64::from(running.game.tick_rate_hz())) {
            self.publish(ctx);
        }
    }

    fn on_writes_refused(&mut self) -> AfterRefusal {
        // What a match is created as, and that it ended, is written once: only what is stored counts. Without
        // ticks no later checkpoint makes up for what is missing.
        let Life::Running(running) = &mut self.life else { return AfterRefusal::Reset };
        if running.stored.is_new || !running.game.has_ticks() {
            return AfterRefusal::Reset;
        }
        running.note_gap();
        self.shelf.metrics.journal_gaps.inc();
        AfterRefusal::GoOn
    }

    fn on_sleep(&mut self, ctx: &mut Context<'_>) {
        let Life::Running(running) = &mut self.life else { return };
        if running.header.request.durability == Durability::None {
            ctx.wake_at_start(WakeAtStart::Yes);
        }
        running.finish_tick(ctx);
        if let Err(problem) = running.store_checkpoint(ctx).and_then(|()| running.store_sockets(ctx)) {
            tracing::error!(name = %ctx.identity().name, %problem, "the last checkpoint is over the limits of the store");
        }
    }
}

impl DurableMatch {
    fn report(&self, ctx: &Context<'_>, running: &Running) {
        let Some(recovered) = running.recovered else { return };
        self.shelf.metrics.recovery_ticks_lost.inc_by(recovered.ticks_lost);
        tracing::info!(
            name = %ctx.identity().name, epoch = ctx.epoch().0, tick = recovered.tick.0, hash = %recovered.hash,
            rerun = recovered.ticks_rerun, lost = recovered.ticks_lost, "a match is back"
        );
    }

    /// Somebody comes to a match that is not played.
    fn turn_away(&self, ctx: &mut Context<'_>, event: &SocketEvent) {
        if let SocketEvent::Opened { socket, .. } = event {
            let (code, reason) = match self.life {
                Life::Nothing => (CloseCode::NoSuchMatch, "no such match"),
                _ => (CloseCode::MatchOver, "the match is over"),
            };
            ctx.close(Release::Ungated, *socket, code, reason);
        }
        if matches!(self.life, Life::Nothing) {
            ctx.finish();
        }
    }

    /// Ends the match: its result is stored, then everybody is told.
    pub(super) fn end(&mut self, ctx: &mut Context<'_>, reason: &str) {
        if !matches!(self.life, Life::Running(_)) {
            return;
        }
        let Life::Running(running) = std::mem::replace(&mut self.life, Life::Nothing) else { return };
        let mut running = *running;
        running.finish_tick(ctx);
        running.cancel_deadline(ctx);
        ctx.storage().delete(SOCKETS);
        let posting = Posting::begin(ctx, &running);
        let result = EndRecord {
            tick: running.tick(),
            reason: reason.to_owned(),
            outcome: running.simulation.outcome(),
        };
        let encoded = serde_json::to_vec(&result).expect("a result is plain data");
        let stored = running.store_checkpoint(ctx).and_then(|()| ctx.storage().put(RESULT, encoded));
        if let Err(problem) = stored {
            tracing::error!(name = %ctx.identity().name, %problem, "the end of a match is over the limits of the store");
        }
        for socket in running.roster.iter().filter_map(|seated| seated.socket) {
            ctx.close(Release::Gated, socket, CloseCode::MatchEnded, "the match ended");
        }
        ctx.wake_at_start(WakeAtStart::Yes);
        ctx.stop_ticks();
        ctx.place(WorkerGroup::General);
        [MAX_DURATION, EMPTY].into_iter().for_each(|name| ctx.cancel_alarm(name));
        set_alarm(ctx, FORGET, self.shelf.settings.journal_retention);
        let Running { header, stored, .. } = running;
        let (checkpoints, segments) = (stored.checkpoints.into(), stored.segments.into());
        self.life = Life::Ended(Box::new(Ended { header, result, posting, checkpoints, segments }));
        self.publish(ctx);
    }

    /// Asks the leaderboard to count the result.
    fn post(&mut self, ctx: &mut Context<'_>) {
        let Life::Ended(ended) = &mut self.life else { return };
        ended.posting.iter_mut().for_each(|posting| posting.ask(ctx));
    }

    /// Forgets the journal of a match that ended long enough ago; header and result stay.
    fn forget(&mut self, ctx: &mut Context<'_>) {
        let Life::Ended(ended) = &mut self.life else { return };
        for tick in ended.checkpoints.drain(..) {
            ctx.storage().delete(store_keys::key(CHECKPOINTS, tick));
        }
        for tick in ended.segments.drain(..) {
            ctx.storage().delete(store_keys::key(SEGMENTS, tick));
        }
        ctx.storage().cut_journal();
        ctx.wake_at_start(WakeAtStart::No);
    }
}
