//! The class.

use super::calls::{Durability, RateCall, Take, Verdict};
use super::http;
use super::usage::Usage;
use crate::classes::no_sockets;
use crate::object::alarm::{AlarmError, AlarmFired, DEFAULT_ALARM};
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, CallId, DurableObject, WakeError, WakeReason};
use crate::object::request::ObjectRequest;
use crate::object::socket::SocketEvent;
use crate::object::typed::{Typed, from_call, to_reply};
use crate::object::values::StorageError;

/// Where it is stored what was taken.
const USAGE: &[u8] = b"usage";

/// One rate limiter.
///
/// A token with a scope is needed for everything: whoever asks says the limit, so it is not for those who are
/// limited.
#[derive(Debug, Default)]
pub struct RateLimiter {
    usage: Option<Usage>,
    /// What was taken is not stored yet.
    is_ahead: bool,
}

impl Typed for RateLimiter {
    const CLASS: &'static str = "rate_limiter";
    type Call = RateCall;
}

impl DurableObject for RateLimiter {
    fn wake(&mut self, ctx: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        self.usage = ctx.storage().get_as(USAGE)?;
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let (verdict, durability) = self.answer(ctx, from_call(call.method, call.body)?)?;
        Ok(released(durability, to_reply::<RateCall>(&verdict)?))
    }

    fn on_http(
        &mut self,
        ctx: &mut Context<'_>,
        _: CallId,
        request: ObjectRequest,
    ) -> Result<Answer, CallError> {
        let (verdict, durability) = self.answer(ctx, http::asked(&request)?)?;
        let Answer::Now(response) = http::response(&verdict.ok_or(CallError::NotFound)?)?.into() else {
            return Err(CallError::NotFound);
        };
        Ok(released(durability, response))
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        no_sockets::refuse(ctx, &event);
    }

    /// Once everything is there again nothing is stored any more.
    fn on_alarm(&mut self, ctx: &mut Context<'_>, _: &AlarmFired) -> Result<(), AlarmError> {
        let full_at_ms = self.usage.as_ref().map_or(0, Usage::full_at_ms);
        if full_at_ms > ctx.unix_ms() {
            ctx.set_alarm(DEFAULT_ALARM, full_at_ms)?;
        } else {
            self.forget(ctx);
        }
        Ok(())
    }

    fn on_sleep(&mut self, ctx: &mut Context<'_>) {
        let now_ms = ctx.unix_ms();
        if self.is_ahead && self.usage.as_ref().is_some_and(|usage| usage.full_at_ms() > now_ms) {
            self.store(ctx).expect("what was taken fits a value");
        }
    }
}

/// What is strict waits for the disk.
fn released(durability: Durability, answer: serde_json::Value) -> Answer {
    if durability == Durability::Strict { Answer::Now(answer) } else { Answer::AtOnce(answer) }
}

impl RateLimiter {
    fn answer(
        &mut self,
        ctx: &mut Context<'_>,
        asked: RateCall,
    ) -> Result<(Option<Verdict>, Durability), CallError> {
        match asked {
            RateCall::Take(take) => Ok((Some(self.take(ctx, &take)?), take.durability)),
            RateCall::Peek(take) => {
                take.check()?;
                let usage = Usage::now(self.usage.as_ref(), &take, ctx.unix_ms());
                Ok((Some(usage.judge(&take)), take.durability))
            }
            RateCall::Reset => {
                self.forget(ctx);
                Ok((None, Durability::Strict))
            }
        }
    }

    /// Who is refused changes nothing, and costs no write.
    fn take(&mut self, ctx: &mut Context<'_>, asked: &Take) -> Result<Verdict, CallError> {
        asked.check()?;
        let mut usage = Usage::now(self.usage.as_ref(), asked, ctx.unix_ms());
        let refused = usage.judge(asked);
        if !refused.allowed {
            return Ok(refused);
        }
        usage.take(asked.cost);
        let left = Verdict { allowed: true, retry_after_ms: 0, ..usage.judge(asked) };
        self.usage = Some(usage);
        self.is_ahead = true;
        if asked.durability != Durability::Memory {
            self.store(ctx)?;
        }
        Ok(left)
    }

    fn store(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let Some(usage) = &self.usage else { return Ok(()) };
        ctx.storage().put_as(USAGE, usage)?;
        // It looks again when it fires: an alarm for every take would be a write more for each.
        if ctx.alarm(DEFAULT_ALARM).is_none() {
            ctx.set_alarm(DEFAULT_ALARM, usage.full_at_ms())?;
        }
        self.is_ahead = false;
        Ok(())
    }

    fn forget(&mut self, ctx: &mut Context<'_>) {
        ctx.storage().delete_all();
        *self = Self::default();
    }
}
