//! The class.

use std::collections::BTreeMap;
use std::time::Duration;

use super::calls::{
    Begin, Finish, Forget, Get, Kind, Outcome, SingleFlightCall, SingleFlightReply, check_key,
};
use super::errand;
use super::flight::{self, Flight, Id, Stage, Stored};
use crate::access::scope::{Access, ClassAccess};
use crate::classes::no_sockets;
use crate::classes::waiting::{Waiter, holder_of};
use crate::object::alarm::{AlarmError, AlarmFired};
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, DurableObject, WakeError, WakeReason};
use crate::object::job::{Job, JobId, JobResult};
use crate::object::socket::SocketEvent;
use crate::object::typed::{Typed, from_call, to_reply};
use crate::object::values::StorageError;

/// Keys of one object: each has an alarm.
pub const KEYS_MAX: usize = 1000;
/// Who may wait at one object, for all of its keys. Who is to finish can always be heard beside them.
pub const WAITERS_MAX: usize = 512;

/// Between two looks at who has waited long enough.
const LOOK: Duration = Duration::from_millis(250);
/// Where the newest number is stored.
const NUMBER: &[u8] = b"number";

/// Work by key.
///
/// A token with a scope is needed to call it: whoever leads a key says for everybody what it comes to. Having the object
/// itself ask others wants more: see [`SingleFlightCall::Do`].
#[derive(Debug, Default)]
pub struct SingleFlight {
    pub(super) flights: BTreeMap<Id, Flight>,
    /// The newest; it outlives every key.
    number: u64,
    /// The look that is to come.
    look: Option<JobId>,
}

impl Typed for SingleFlight {
    const CLASS: &'static str = "single_flight";
    type Call = SingleFlightCall;

    fn rules() -> ClassRules {
        let access = ClassAccess { call: Access::Token, ..ClassAccess::all(Access::Admin) };
        ClassRules { access, ..ClassRules::default() }
    }
}

impl DurableObject for SingleFlight {
    /// What was being asked when the memory went is asked again.
    fn wake(&mut self, ctx: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        self.number = ctx.storage().get_as(NUMBER)?.unwrap_or_default();
        self.flights = Flight::all(ctx)?.into_iter().collect();
        let ids: Vec<Id> = self.flights.keys().cloned().collect();
        ids.iter().for_each(|id| self.ask(ctx, id));
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let Call { id, caller, method, body, awaited } = call;
        let asked = from_call(method, body)?;
        let waiter = |holder: String, seconds: u64, wait_seconds: u64| {
            let until = ctx.now() + Duration::from_secs(wait_seconds);
            Waiter { call: id, awaited, holder, seconds, until }
        };
        let reply = match asked {
            SingleFlightCall::Begin(begin) => {
                begin.check()?;
                let waiter = waiter(holder_of(&caller)?, begin.lease_seconds, begin.wait_seconds);
                self.begin(ctx, &begin, waiter)?
            }
            SingleFlightCall::Do(asked) => {
                errand::check_may(&caller)?;
                asked.check()?;
                let waiter = waiter(String::new(), 0, asked.wait_seconds);
                self.have_done(ctx, &asked, waiter)?
            }
            SingleFlightCall::Finish(finish) => Some(self.finish(ctx, &holder_of(&caller)?, &finish)?),
            SingleFlightCall::Get(get) => {
                get.check()?;
                let waiter = waiter(String::new(), 0, get.wait_seconds);
                self.get(ctx, &get, waiter)?
            }
            SingleFlightCall::Forget(forget) => {
                if forget.of == Kind::Do {
                    errand::check_may(&caller)?;
                }
                Some(self.forget(ctx, &forget)?)
            }
        };
        Ok(match reply {
            Some(reply) => Answer::Now(to_reply::<SingleFlightCall>(&reply)?),
            None => Answer::Later,
        })
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        no_sockets::refuse(ctx, &event);
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, alarm: &AlarmFired) -> Result<(), AlarmError> {
        let Some(id) = Id::parse(&alarm.name) else { return Ok(()) };
        Ok(self.look_at(ctx, &id)?)
    }

    /// A look at who has waited long enough, or another object's answer.
    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        if self.look == Some(job) {
            self.look = None;
            let now = ctx.now();
            let over = self.flights.values_mut().flat_map(|flight| flight.waiting.over(now));
            over.for_each(|waiter| ctx.reply(waiter.call, Err(in_flight())));
            return self.look_again(ctx);
        }
        let asked = self.flights.iter().find(|(_, flight)| flight.job == Some(job));
        if let Some(id) = asked.map(|(id, _)| id.clone()) {
            self.answered(ctx, &id, result).expect("what was checked fits the store");
        }
    }
}

impl SingleFlight {
    /// The caller leads, waits, or is told at once. Nothing is changed before the last error that there may be.
    fn begin(
        &mut self,
        ctx: &mut Context<'_>,
        begin: &Begin,
        waiter: Waiter,
    ) -> Result<Option<SingleFlightReply>, CallError> {
        let id = Id::of(Kind::Begin, &begin.key);
        let now_ms = ctx.unix_ms();
        match self.flights.get(&id) {
            Some(flight) if !flight.is_over(now_ms) => match flight.stored.stage {
                Stage::Kept { .. } => return flight.kept(ctx, &id).map(Some),
                _ => self.wait(ctx, &id, waiter)?,
            },
            Some(flight) if !flight.waiting.is_empty() => {
                self.wait(ctx, &id, waiter)?;
                self.look_at(ctx, &id)?;
            }
            _ => {
                self.check_room(&id)?;
                return self.lead(ctx, &id, waiter.holder, waiter.seconds).map(Some);
            }
        }
        Ok(None)
    }

    /// Somebody does the work from now on.
    fn lead(
        &mut self,
        ctx: &mut Context<'_>,
        id: &Id,
        holder: String,
        seconds: u64,
    ) -> Result<SingleFlightReply, CallError> {
        let until_ms = ctx.unix_ms() + seconds * 1000;
        let number = self.next_number(ctx)?;
        flight::forget(ctx, id);
        let stored = Stored { number, stage: Stage::Led { holder, until_ms } };
        let flight = self.flights.entry(id.clone()).or_insert_with(|| Flight::new(stored.clone()));
        flight.stored = stored;
        flight.store(ctx, id, until_ms)?;
        Ok(SingleFlightReply::Lead { lead: number, until_unix_ms: until_ms })
    }

    pub(super) fn next_number(&mut self, ctx: &mut Context<'_>) -> Result<u64, StorageError> {
        self.number += 1;
        ctx.storage().put_as(NUMBER, &self.number)?;
        Ok(self.number)
    }

    pub(super) fn check_room(&self, id: &Id) -> Result<(), CallError> {
        if self.flights.contains_key(id) || self.flights.len() < KEYS_MAX {
            return Ok(());
        }
        let reason =
            format!("{KEYS_MAX} keys are in flight or kept: keep them for less long, or use more objects");
        Err(CallError::Conflict { code: "too_many_keys", reason })
    }

    /// Waits for what it comes to.
    pub(super) fn wait(&mut self, ctx: &mut Context<'_>, id: &Id, waiter: Waiter) -> Result<(), CallError> {
        if waiter.until == ctx.now() {
            return Err(in_flight());
        }
        self.check_waiters()?;
        if let Some(flight) = self.flights.get_mut(id) {
            flight.waiting.push(waiter);
        }
        self.look_again(ctx);
        Ok(())
    }

    pub(super) fn check_waiters(&self) -> Result<(), CallError> {
        let waiting: usize = self.flights.values().map(|flight| flight.waiting.len()).sum();
        if waiting < WAITERS_MAX { Ok(()) } else { Err(CallError::Overloaded) }
    }

    pub(super) fn look_again(&mut self, ctx: &mut Context<'_>) {
        let somebody_waits = self.flights.values().any(|flight| !flight.waiting.is_empty());
        if self.look.is_none() && somebody_waits {
            self.look = Some(ctx.start(Job::Sleep(LOOK)));
        }
    }

    fn finish(
        &mut self,
        ctx: &mut Context<'_>,
        holder: &str,
        finish: &Finish,
    ) -> Result<SingleFlightReply, CallError> {
        let (outcome, keep_seconds) = finish.outcome()?;
        let id = Id::of(Kind::Begin, &finish.key);
        let now_ms = ctx.unix_ms();
        let leads = |flight: &&Flight| match &flight.stored.stage {
            Stage::Led { holder: leader, until_ms } => {
                leader == holder && flight.stored.number == finish.lead && *until_ms > now_ms
            }
            _ => false,
        };
        if self.flights.get(&id).filter(leads).is_none() {
            let reason = "this caller does not lead by this number, or no longer".to_owned();
            return Err(CallError::Conflict { code: "not_leading", reason });
        }
        let told = self.land(ctx, &id, &outcome, keep_seconds)?;
        Ok(SingleFlightReply::Finished { told })
    }

    /// It is known what it came to: whoever waits is told, and later ones for as long as it is kept.
    pub(super) fn land(
        &mut self,
        ctx: &mut Context<'_>,
        id: &Id,
        outcome: &Outcome,
        keep_seconds: u64,
    ) -> Result<usize, CallError> {
        let Some(mut flight) = self.flights.remove(id) else { return Ok(0) };
        let (number, first, waiting) = (flight.stored.number, flight.first.take(), flight.waiting.take_all());
        if keep_seconds == 0 {
            flight::forget(ctx, id);
        } else {
            let until_ms = ctx.unix_ms() + keep_seconds * 1000;
            flight.stored.stage = Stage::Kept { until_ms };
            flight.store(ctx, id, until_ms)?;
            flight::keep(ctx, id, outcome)?;
            self.flights.insert(id.clone(), flight);
        }
        for waiter in &waiting {
            let reply = flight::told(outcome, number, Some(waiter.call) != first);
            ctx.reply(waiter.call, reply.and_then(|reply| to_reply::<SingleFlightCall>(&reply)));
        }
        Ok(waiting.len())
    }

    /// What is to happen at the time of a key's alarm.
    fn look_at(&mut self, ctx: &mut Context<'_>, id: &Id) -> Result<(), StorageError> {
        let now_ms = ctx.unix_ms();
        let Some(flight) = self.flights.get_mut(id) else { return Ok(()) };
        if let Stage::Asked(errand) = &flight.stored.stage {
            let errand = errand.again();
            let look_ms = now_ms + errand.patience_ms();
            flight.stored.stage = Stage::Asked(errand);
            flight.store(ctx, id, look_ms)?;
            self.ask(ctx, id);
            return Ok(());
        }
        if !flight.is_over(now_ms) {
            return Ok(());
        }
        let Some(next) = flight.waiting.next(ctx.now()) else {
            // Whoever is left has waited long enough.
            let waiting = flight.waiting.take_all();
            waiting.into_iter().for_each(|waiter| ctx.reply(waiter.call, Err(in_flight())));
            self.flights.remove(id);
            flight::forget(ctx, id);
            return Ok(());
        };
        let reply = self.lead(ctx, id, next.holder, next.seconds);
        ctx.reply(next.call, reply.and_then(|reply| to_reply::<SingleFlightCall>(&reply)));
        Ok(())
    }

    fn get(
        &mut self,
        ctx: &mut Context<'_>,
        get: &Get,
        waiter: Waiter,
    ) -> Result<Option<SingleFlightReply>, CallError> {
        let (id, now_ms) = (Id::of(get.of, &get.key), ctx.unix_ms());
        match self.flights.get(&id).filter(|flight| !flight.is_over(now_ms)) {
            Some(flight) if matches!(flight.stored.stage, Stage::Kept { .. }) => {
                flight.kept(ctx, &id).map(Some)
            }
            Some(_) => {
                self.wait(ctx, &id, waiter)?;
                self.ask(ctx, &id);
                Ok(None)
            }
            None => {
                let reason = "nothing is kept of this key".to_owned();
                Err(CallError::Missing { code: "nothing_kept", reason })
            }
        }
    }

    fn forget(&mut self, ctx: &mut Context<'_>, forget: &Forget) -> Result<SingleFlightReply, CallError> {
        check_key(&forget.key)?;
        let id = Id::of(forget.of, &forget.key);
        let is_meant = |flight: &&Flight| forget.number.is_none_or(|number| number == flight.stored.number);
        let Some(flight) = self.flights.get(&id).filter(is_meant) else {
            return Ok(SingleFlightReply::Forgotten { forgotten: false });
        };
        if !matches!(flight.stored.stage, Stage::Kept { .. }) {
            return Err(in_flight());
        }
        self.flights.remove(&id);
        flight::forget(ctx, &id);
        Ok(SingleFlightReply::Forgotten { forgotten: true })
    }
}

fn in_flight() -> CallError {
    CallError::Conflict { code: "in_flight", reason: "somebody does this just now".to_owned() }
}
