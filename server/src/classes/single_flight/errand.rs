//! Calls that the object makes for those who ask it: stored before they are made, and made again until it is known what
//! they came to.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::ObjectName;

use super::calls::{Do, Kind, Outcome, SingleFlightReply, text_of};
use super::class::SingleFlight;
use super::flight::{self, Flight, Id, Stage, Stored};
use crate::access::scope::{Scope, Verb};
use crate::classes::waiting::Waiter;
use crate::object::caller::Caller;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::job::{JobError, JobId, JobResult};

/// Calls of one object that are on their way.
pub const ERRANDS_MAX: usize = 64;
/// A call of which nothing is known is made again after this, and each time after twice as long.
pub(super) const RETRY_FIRST: Duration = Duration::from_secs(1);
/// Doublings of that: at most 256 s.
const RETRY_DOUBLINGS_MAX: u32 = 8;

/// A call that is on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Errand {
    class: String,
    name: ObjectName,
    method: String,
    /// As JSON.
    body: String,
    pub(super) keep_seconds: u64,
    /// How often it was looked at again.
    retries: u32,
}

impl Errand {
    pub(super) fn of(asked: &Do) -> Result<Self, CallError> {
        let Do { class, name, method, body, keep_seconds, .. } = asked;
        Ok(Self {
            class: class.clone(),
            name: name.clone(),
            method: method.clone(),
            body: text_of("body", body)?,
            keep_seconds: *keep_seconds,
            retries: 0,
        })
    }

    /// Until it is looked at again.
    pub(super) fn patience_ms(&self) -> u64 {
        RETRY_FIRST.as_millis() as u64 * (1 << self.retries.min(RETRY_DOUBLINGS_MAX))
    }

    pub(super) fn ask(&self, ctx: &mut Context<'_>) -> JobId {
        let body = serde_json::from_str(&self.body).expect("it was written from JSON");
        ctx.call(&self.class, self.name.clone(), &self.method, body)
    }

    /// One look more.
    pub(super) fn again(&self) -> Self {
        Self { retries: self.retries.saturating_add(1), ..self.clone() }
    }
}

impl SingleFlight {
    /// Makes the call of a flight, unless it is being made.
    pub(super) fn ask(&mut self, ctx: &mut Context<'_>, id: &Id) {
        if let Some(flight) = self.flights.get_mut(id)
            && let Stage::Asked(errand) = &flight.stored.stage
            && flight.job.is_none()
        {
            flight.job = Some(errand.ask(ctx));
        }
    }

    /// Has another object asked, unless it is being asked or has answered.
    pub(super) fn have_done(
        &mut self,
        ctx: &mut Context<'_>,
        asked: &Do,
        waiter: Waiter,
    ) -> Result<Option<SingleFlightReply>, CallError> {
        let (id, now_ms) = (Id::of(Kind::Do, &asked.key), ctx.unix_ms());
        match self.flights.get(&id) {
            Some(flight) if matches!(flight.stored.stage, Stage::Asked(_)) => self.wait(ctx, &id, waiter)?,
            Some(flight) if !flight.is_over(now_ms) => return flight.kept(ctx, &id).map(Some),
            _ => {
                let on_their_way =
                    self.flights.values().filter(|flight| matches!(flight.stored.stage, Stage::Asked(_)));
                if on_their_way.count() >= ERRANDS_MAX {
                    return Err(CallError::Overloaded);
                }
                self.check_room(&id)?;
                self.check_waiters()?;
                let errand = Errand::of(asked)?;
                self.depart(ctx, &id, errand, waiter)?;
            }
        }
        self.ask(ctx, &id);
        Ok(None)
    }

    /// What is to be asked is stored first, and asked once that is durable.
    fn depart(
        &mut self,
        ctx: &mut Context<'_>,
        id: &Id,
        errand: Errand,
        waiter: Waiter,
    ) -> Result<(), CallError> {
        let number = self.next_number(ctx)?;
        let look_ms = ctx.unix_ms() + errand.patience_ms();
        flight::forget(ctx, id);
        let mut flight = Flight::new(Stored { number, stage: Stage::Asked(errand) });
        flight.store(ctx, id, look_ms)?;
        flight.first = Some(waiter.call);
        flight.waiting.push(waiter);
        self.flights.insert(id.clone(), flight);
        self.look_again(ctx);
        Ok(())
    }

    /// Another object has answered, or nobody knows.
    pub(super) fn answered(
        &mut self,
        ctx: &mut Context<'_>,
        id: &Id,
        result: JobResult,
    ) -> Result<(), CallError> {
        let Some(flight) = self.flights.get_mut(id) else { return Ok(()) };
        flight.job = None;
        let Stage::Asked(errand) = &flight.stored.stage else { return Ok(()) };
        let keep_seconds = errand.keep_seconds;
        let error = match result.map(|reply| text_of("the reply", &reply)) {
            Ok(Ok(text)) => return self.land(ctx, id, &Outcome::Result(text), keep_seconds).map(drop),
            Ok(Err(too_long)) => too_long,
            Err(error) if is_unknown(&error) => {
                // The alarm asks again.
                let error = told(error);
                let waiting = flight.waiting.take_all();
                waiting.into_iter().for_each(|waiter| ctx.reply(waiter.call, Err(error.clone())));
                return Ok(());
            }
            Err(error) => told(error),
        };
        let waiting = flight.waiting.take_all();
        self.flights.remove(id);
        flight::forget(ctx, id);
        waiting.into_iter().for_each(|waiter| ctx.reply(waiter.call, Err(error.clone())));
        Ok(())
    }
}

/// Who may have the object make calls: it makes them in its own name, which other classes trust.
pub(super) fn check_may(caller: &Caller) -> Result<(), CallError> {
    let has_all = |scope: &Scope| scope.allows_all("*", Verb::Call);
    let may = match caller {
        Caller::Operator | Caller::Object { .. } => true,
        Caller::User { scopes, .. } => scopes.iter().any(has_all),
        Caller::Anonymous => false,
    };
    let reason = || "expected a key, or a token with the scope *:*:call".to_owned();
    if may { Ok(()) } else { Err(CallError::Forbidden(reason())) }
}

/// Whether the other object may have done it all the same.
pub(super) fn is_unknown(error: &JobError) -> bool {
    matches!(error, JobError::TimedOut | JobError::Call(CallError::Reset | CallError::TimedOut))
}

/// Why there is no reply, as callers are told.
pub(super) fn told(error: JobError) -> CallError {
    match error {
        JobError::Call(error) => error,
        JobError::TimedOut => CallError::TimedOut,
        JobError::Failed(_) | JobError::Overloaded => CallError::Overloaded,
    }
}
