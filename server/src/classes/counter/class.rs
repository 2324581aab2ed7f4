//! The class.

use serde_json::{Value, json};
use tickstone_shared::ids::ObjectName;

use super::calls::{CounterCall, CounterReply, Of, Take};
use super::counts::{COUNT_MAX, Counts, check_by, check_key};
use super::sums::{Asker, Sum, Sums, What};
use crate::access::scope::Verb;
use crate::classes::children::child;
use crate::object::caller::Caller;
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, DurableObject, WakeError, WakeReason};
use crate::object::job::{JobError, JobId, JobResult};
use crate::object::peer::{Payload, SocketRules};
use crate::object::socket::SocketEvent;
use crate::object::typed::{Typed, from_call, reply_of, to_reply};

/// Children of one counter.
pub const CHILDREN_MAX: u32 = 32;
/// Bytes of a message on a socket.
pub const MESSAGE_BYTES_MAX: usize = 1024;

/// Where the number of children is stored.
const CHILDREN: &[u8] = b"children";

/// One counter.
///
/// A token with a scope is needed for everything: who may count what is for those to say who give out tokens, and an
/// open counter is full of keys within a minute.
#[derive(Debug, Default)]
pub struct Counter {
    counts: Counts,
    children: u32,
    sums: Sums,
}

impl Typed for Counter {
    const CLASS: &'static str = "counter";
    type Call = CounterCall;

    fn rules() -> ClassRules {
        let sockets = SocketRules { message_bytes_max: MESSAGE_BYTES_MAX, ..SocketRules::default() };
        ClassRules { sockets, ..ClassRules::default() }
    }
}

impl DurableObject for Counter {
    fn wake(&mut self, ctx: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        self.counts = Counts::stored(ctx)?;
        self.children = ctx.storage().get_as(CHILDREN)?.unwrap_or_default();
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let asked = from_call(call.method, call.body)?;
        Ok(match self.answer(ctx, &call.caller, Asker::Call(call.id), asked)? {
            Some(reply) => Answer::Now(to_reply::<CounterCall>(&reply)?),
            None => Answer::Later,
        })
    }

    /// A message is the name of a method, or `{"method": body}`; each is answered.
    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        match event {
            SocketEvent::Connected { socket, .. } => {
                ctx.peers().accept(socket, [""; 0]).expect("no tag is too many");
            }
            SocketEvent::Received { socket, payload } => {
                let counted = counting(&payload);
                // Who has a socket counts; what else there is, is for calls.
                let answer = counted
                    .and_then(|asked| self.answer(ctx, &Caller::Anonymous, Asker::Socket(socket), asked));
                match answer {
                    Ok(None) => {}
                    Ok(Some(reply)) => tell(ctx, Asker::Socket(socket), Ok(reply)),
                    Err(error) => tell(ctx, Asker::Socket(socket), Err(error)),
                }
            }
            _ => {}
        }
    }

    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        let part = reply_of::<Self>(result).map_err(|error| match error {
            JobError::Call(error) => error,
            JobError::TimedOut => CallError::TimedOut,
            JobError::Failed(_) | JobError::Overloaded => CallError::Overloaded,
        });
        let part = part.and_then(|reply| match reply {
            CounterReply::Count(part) => Ok(part),
            CounterReply::Counts(_) => Err(CallError::Reset),
        });
        if let Some(sum) = self.sums.done(job, part, ctx.now()) {
            self.tell_all(ctx, sum);
        }
    }
}

impl Counter {
    /// The answer; none: it comes later.
    fn answer(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        asker: Asker,
        asked: CounterCall,
    ) -> Result<Option<CounterReply>, CallError> {
        let count = match asked {
            CounterCall::Get(of) => return self.get(ctx, asker, &checked(of)?),
            CounterCall::Reset(of) => return self.reset(ctx, asker, &checked(of)?),
            CounterCall::List => return Ok(Some(CounterReply::Counts(self.counts.all().clone()))),
            CounterCall::Part(of) => self.counts.of(&checked(of)?),
            CounterCall::ResetPart(of) => self.reset_own(ctx, &checked(of)?)?,
            CounterCall::Spread(children) => self.spread(ctx, caller, children)?,
            CounterCall::Add(step) => {
                let step = step.unwrap_or_default();
                check_key(&step.key)?;
                check_by(step.by)?;
                self.counts.change(ctx, &step.key, step.by)?
            }
            CounterCall::Subtract(take) => self.subtract(ctx, &take.unwrap_or_default())?,
        };
        Ok(Some(CounterReply::Count(count)))
    }

    fn subtract(&mut self, ctx: &mut Context<'_>, take: &Take) -> Result<i64, CallError> {
        check_key(&take.key)?;
        check_by(take.by)?;
        if take.floor.saturating_abs() > COUNT_MAX {
            return Err(CallError::Invalid(format!("floor: expected -{COUNT_MAX} to {COUNT_MAX}")));
        }
        let (count, by, floor) = (self.counts.of(&take.key), take.by, take.floor);
        if count.saturating_sub(by) < floor {
            let reason = format!("the count is {count}: {by} less is below the floor of {floor}");
            return Err(CallError::Conflict { code: "below_floor", reason });
        }
        self.counts.change(ctx, &take.key, -by)
    }

    fn reset_own(&mut self, ctx: &mut Context<'_>, key: &str) -> Result<i64, CallError> {
        let count = self.counts.of(key);
        self.counts.change(ctx, key, -count)?;
        Ok(count)
    }

    fn get(
        &mut self,
        ctx: &mut Context<'_>,
        asker: Asker,
        key: &str,
    ) -> Result<Option<CounterReply>, CallError> {
        let parts = if self.children == 0 { Some(0) } else { self.sums.newest(key, ctx.now()) };
        if let Some(parts) = parts {
            return Ok(Some(CounterReply::Count(parts.saturating_add(self.counts.of(key)))));
        }
        if !self.sums.join(key, asker, ctx.now())? {
            self.ask_children(ctx, (key, What::Part), (asker, 0))?;
        }
        Ok(None)
    }

    fn reset(
        &mut self,
        ctx: &mut Context<'_>,
        asker: Asker,
        key: &str,
    ) -> Result<Option<CounterReply>, CallError> {
        if self.children > 0 && self.sums.is_full() {
            return Err(CallError::Overloaded);
        }
        let own = self.reset_own(ctx, key)?;
        if self.children == 0 {
            return Ok(Some(CounterReply::Count(own)));
        }
        self.ask_children(ctx, (key, What::Reset), (asker, own))?;
        Ok(None)
    }

    fn ask_children(
        &mut self,
        ctx: &mut Context<'_>,
        (key, what): (&str, What),
        who: (Asker, i64),
    ) -> Result<(), CallError> {
        if self.sums.is_full() {
            return Err(CallError::Overloaded);
        }
        let of = Some(Of { key: key.to_owned() });
        let call = match what {
            What::Part => CounterCall::Part(of),
            What::Reset => CounterCall::ResetPart(of),
        };
        let parent = &ctx.identity().name;
        let jobs = (0..self.children).map(|number| ctx.ask::<Self>(child(parent, number)?, &call));
        let jobs = jobs.collect::<Result<_, CallError>>()?;
        self.sums.begin((key, what), who, jobs, ctx.now());
        Ok(())
    }

    fn tell_all(&self, ctx: &mut Context<'_>, sum: Sum) {
        let own = match sum.what {
            What::Part => self.counts.of(&sum.key),
            What::Reset => sum.own,
        };
        let reply = sum.result.map(|parts| CounterReply::Count(parts.saturating_add(own)));
        sum.waiting.into_iter().for_each(|asker| tell(ctx, asker, reply.clone()));
    }

    /// Children are only ever added: those there were have counts.
    fn spread(&mut self, ctx: &mut Context<'_>, caller: &Caller, children: u32) -> Result<i64, CallError> {
        if !(1..=CHILDREN_MAX).contains(&children) {
            return Err(CallError::Invalid(format!("expected 1 to {CHILDREN_MAX} children")));
        }
        let last = child(&ctx.identity().name, children - 1)?;
        if !may_call(caller, &last) {
            let reason = "expected a key, or a token whose scope has the children, too".to_owned();
            return Err(CallError::Forbidden(reason));
        }
        if children < self.children {
            let reason = format!("there are {} children, who are not given up", self.children);
            return Err(CallError::Conflict { code: "fewer_children", reason });
        }
        if children != self.children {
            ctx.storage().put_as(CHILDREN, &children)?;
            self.children = children;
            self.sums.forget();
        }
        Ok(i64::from(children))
    }
}

fn checked(of: Option<Of>) -> Result<String, CallError> {
    let key = of.unwrap_or_default().key;
    check_key(&key)?;
    Ok(key)
}

fn may_call(caller: &Caller, name: &ObjectName) -> bool {
    match caller {
        Caller::Operator | Caller::Object { .. } => true,
        Caller::User { scopes, .. } => {
            scopes.iter().any(|scope| scope.allows(Counter::CLASS, name, Verb::Call))
        }
        Caller::Anonymous => false,
    }
}

/// What a message asks for: counting, nothing else.
fn counting(payload: &Payload) -> Result<CounterCall, CallError> {
    let expected = "expected get, add or subtract, alone or as {\"add\": {\"key\": \"...\", \"by\": 1}}";
    let none = || CallError::Invalid(expected.to_owned());
    let Payload::Text(text) = payload else { return Err(none()) };
    let (method, body) = match serde_json::from_str(text) {
        Ok(Value::Object(call)) if call.len() == 1 => call.into_iter().next().ok_or_else(none)?,
        _ => (text.to_string(), Value::Null),
    };
    let is_counting = matches!(&*method, "get" | "add" | "subtract");
    if is_counting { from_call(method, body).map_err(|_| none()) } else { Err(none()) }
}

fn tell(ctx: &mut Context<'_>, asker: Asker, result: Result<CounterReply, CallError>) {
    let result = result.and_then(|reply| to_reply::<CounterCall>(&reply));
    match asker {
        Asker::Call(call) => ctx.reply(call, result),
        Asker::Socket(socket) => {
            let said = result.unwrap_or_else(|error| json!({ "error": error.to_string() }));
            ctx.peers().send(socket, said.to_string());
        }
    }
}
