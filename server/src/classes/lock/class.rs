//! The class.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::calls::{Acquire, LockCall, LockReply, Release, Renew, check_seconds};
use crate::access::scope::{Access, ClassAccess};
use crate::classes::no_sockets;
use crate::classes::waiting::{Queue, Waiter, holder_of};
use crate::object::alarm::{AlarmError, AlarmFired};
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, DurableObject, WakeError, WakeReason};
use crate::object::job::{Job, JobId, JobResult};
use crate::object::socket::SocketEvent;
use crate::object::typed::{Typed, from_call, to_reply};

/// Who may wait for one lock.
pub const WAITERS_MAX: usize = 128;

/// Between two looks at who has waited long enough.
const LOOK: Duration = Duration::from_millis(250);
/// The alarm at the end of a lease.
const END: &str = "end";
/// Where the lock is stored.
const STATE: &[u8] = b"lock";

/// One lock.
///
/// A token with a scope is needed to call it: whoever takes a lock keeps others from their work.
#[derive(Debug, Default)]
pub struct Lock {
    stored: Stored,
    queue: Queue,
    /// The look that is to come.
    look: Option<JobId>,
}

/// What is stored: the number outlives every lease.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Stored {
    token: u64,
    lease: Option<Lease>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lease {
    holder: String,
    until_ms: u64,
}

impl Typed for Lock {
    const CLASS: &'static str = "lock";
    type Call = LockCall;

    fn rules() -> ClassRules {
        let access = ClassAccess { call: Access::Token, ..ClassAccess::all(Access::Admin) };
        ClassRules { access, ..ClassRules::default() }
    }
}

impl DurableObject for Lock {
    fn wake(&mut self, ctx: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        self.stored = ctx.storage().get_as(STATE)?.unwrap_or_default();
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let holder = holder_of(&call.caller)?;
        match from_call(call.method, call.body)? {
            LockCall::Acquire(wanted) => {
                let Acquire { seconds, wait_seconds } = {
                    let wanted = wanted.unwrap_or_default();
                    wanted.check()?;
                    wanted
                };
                let is_over = self.stored.lease.as_ref().is_some_and(|lease| lease.until_ms <= ctx.unix_ms());
                if self.stored.lease.is_some() && !(is_over && self.queue.is_empty()) {
                    let until = ctx.now() + Duration::from_secs(wait_seconds);
                    let waiter = Waiter { call: call.id, awaited: call.awaited, holder, seconds, until };
                    return self.wait(ctx, waiter);
                }
                self.give(ctx, holder, seconds);
            }
            LockCall::Renew(Renew { token, seconds }) => {
                check_seconds(seconds)?;
                self.check_holder(ctx, &holder, token)?;
                self.hold(ctx, holder, seconds);
            }
            LockCall::Release(Release { token }) => {
                self.check_holder(ctx, &holder, token)?;
                self.free(ctx);
            }
            LockCall::Get => {}
        }
        Ok(Answer::Now(to_reply::<LockCall>(&self.shown(ctx))?))
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        no_sockets::refuse(ctx, &event);
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, _: &AlarmFired) -> Result<(), AlarmError> {
        self.end_if_over(ctx);
        Ok(())
    }

    /// A look at who has waited long enough.
    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, _: JobResult) {
        if self.look != Some(job) {
            return;
        }
        self.look = None;
        for waiter in self.queue.over(ctx.now()) {
            ctx.reply(waiter.call, Err(held()));
        }
        self.look_again(ctx);
    }
}

impl Lock {
    fn wait(&mut self, ctx: &mut Context<'_>, waiter: Waiter) -> Result<Answer, CallError> {
        if waiter.until == ctx.now() {
            return Err(held());
        }
        if self.queue.len() >= WAITERS_MAX {
            return Err(CallError::Overloaded);
        }
        self.queue.push(waiter);
        self.look_again(ctx);
        Ok(Answer::Later)
    }

    fn look_again(&mut self, ctx: &mut Context<'_>) {
        if self.look.is_none() && !self.queue.is_empty() {
            self.look = Some(ctx.start(Job::Sleep(LOOK)));
        }
    }

    /// The lease of its holder, which is not over.
    fn check_holder(&self, ctx: &Context<'_>, holder: &str, token: u64) -> Result<(), CallError> {
        let is_theirs = |lease: &Lease| lease.holder == holder && lease.until_ms > ctx.unix_ms();
        if token == self.stored.token && self.stored.lease.as_ref().is_some_and(is_theirs) {
            return Ok(());
        }
        let reason = "this caller has no lease of this number, or it is over".to_owned();
        Err(CallError::Conflict { code: "not_held", reason })
    }

    fn end_if_over(&mut self, ctx: &mut Context<'_>) {
        if self.stored.lease.as_ref().is_some_and(|lease| lease.until_ms <= ctx.unix_ms()) {
            self.free(ctx);
        }
    }

    /// Nobody has it, unless somebody waits.
    fn free(&mut self, ctx: &mut Context<'_>) {
        match self.queue.next(ctx.now()) {
            Some(next) => {
                self.give(ctx, next.holder, next.seconds);
                let reply = to_reply::<LockCall>(&self.shown(ctx));
                ctx.reply(next.call, reply);
            }
            None => {
                self.stored.lease = None;
                ctx.cancel_alarm(END);
                self.store(ctx);
            }
        }
    }

    /// A lease begins: its number is greater than every one before.
    fn give(&mut self, ctx: &mut Context<'_>, holder: String, seconds: u64) {
        self.stored.token += 1;
        self.hold(ctx, holder, seconds);
    }

    fn hold(&mut self, ctx: &mut Context<'_>, holder: String, seconds: u64) {
        let until_ms = ctx.unix_ms() + seconds * 1000;
        self.stored.lease = Some(Lease { holder, until_ms });
        ctx.set_alarm(END, until_ms).expect("it has the one alarm");
        self.store(ctx);
    }

    fn store(&self, ctx: &mut Context<'_>) {
        ctx.storage().put_as(STATE, &self.stored).expect("a name and two numbers fit a value");
    }

    fn shown(&self, ctx: &Context<'_>) -> LockReply {
        let lease = self.stored.lease.as_ref().filter(|lease| lease.until_ms > ctx.unix_ms());
        LockReply {
            holder: lease.map(|lease| lease.holder.clone()),
            token: self.stored.token,
            expires_unix_ms: lease.map(|lease| lease.until_ms),
            waiting: self.queue.len(),
        }
    }
}

fn held() -> CallError {
    CallError::Conflict { code: "held", reason: "somebody else has the lock".to_owned() }
}
