//! The simple way to write a class: a struct that is stored whole, an enum of methods, and the handlers that are
//! wanted. What is larger than a struct goes to `ctx.storage()` beside it.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::alarm::{AlarmError, AlarmFired};
use super::caller::Caller;
use super::class::ClassRules;
use super::context::Context;
use super::contract::{Answer, Call, CallError, Class, DurableObject, WakeError, WakeReason};
use super::id::Identity;
use super::job::{JobId, JobResult};
use super::socket::SocketEvent;
use super::typed::{self, Methods, Typed};
use super::values::StorageError;

/// Where the struct is stored; keys of a class begin with anything else.
const STATE: &[u8] = b"\0state";

/// An object whose state is this struct. It is stored when a handler has changed it, in the same commit as
/// everything else the handler wrote; a handler that fails changes nothing.
pub trait Simple: Default + Serialize + DeserializeOwned + Send + 'static {
    /// The name of the class.
    const CLASS: &'static str;
    /// Its methods.
    type Call: Methods;

    /// What holds for every object of the class.
    fn rules() -> ClassRules {
        ClassRules::default()
    }
    /// It has been woken: what was kept in memory alone, such as its entry in listings, may be gone.
    fn on_wake(&mut self, _ctx: &mut Context<'_>, _reason: &WakeReason) {}
    /// Somebody calls a method.
    fn call(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        call: Self::Call,
    ) -> Result<<Self::Call as Methods>::Reply, CallError>;
    /// Something happened on a socket.
    fn on_socket(&mut self, _ctx: &mut Context<'_>, _event: SocketEvent) {}
    /// An alarm is due.
    fn on_alarm(&mut self, _ctx: &mut Context<'_>, _alarm: &AlarmFired) -> Result<(), AlarmError> {
        Ok(())
    }
    /// A call failed, so it is as it was stored: here it may take over what `failed` had in memory alone.
    fn remember(&mut self, _failed: Self) {}
    /// A job has ended.
    fn on_done(&mut self, _ctx: &mut Context<'_>, _job: JobId, _result: JobResult) {}
}

impl<T: Simple> Typed for T {
    const CLASS: &'static str = <T as Simple>::CLASS;
    type Call = <T as Simple>::Call;

    fn rules() -> ClassRules {
        <T as Simple>::rules()
    }
}

/// The class of a [`Simple`] object.
pub struct SimpleClass<T>(PhantomData<fn() -> T>);

impl<T> Default for SimpleClass<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Simple> Class for SimpleClass<T> {
    fn name(&self) -> &'static str {
        <T as Simple>::CLASS
    }

    fn instantiate(&self, _: &Identity) -> Box<dyn DurableObject> {
        let state = T::default();
        // One that cannot be encoded says so when it is to be stored.
        let stored = postcard::to_stdvec(&state).unwrap_or_default();
        Box::new(Alive { state, stored })
    }

    fn rules(&self) -> ClassRules {
        <T as Simple>::rules()
    }
}

struct Alive<T> {
    state: T,
    /// As it is stored; as it begins while nothing is, so that who only reads stores nothing.
    stored: Vec<u8>,
}

impl<T: Simple> Alive<T> {
    /// Stores what has changed.
    fn keep(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let bytes =
            postcard::to_stdvec(&self.state).map_err(|error| StorageError::Type(error.to_string()))?;
        if bytes != self.stored {
            ctx.storage().put(STATE, bytes.clone())?;
            self.stored = bytes;
        }
        Ok(())
    }

    /// As it was before the handler that failed: that one's state is answered.
    fn take_back(&mut self) -> T {
        let before = if self.stored.is_empty() {
            T::default()
        } else {
            postcard::from_bytes(&self.stored).expect("it was written as this type")
        };
        std::mem::replace(&mut self.state, before)
    }

    fn call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let method = typed::from_call(call.method, call.body)?;
        let reply = self.state.call(ctx, &call.caller, method)?;
        let reply = typed::to_reply::<<T as Simple>::Call>(&reply)?;
        self.keep(ctx)?;
        Ok(Answer::Now(reply))
    }

    /// What a handler without a result did is kept, or, over a limit of the store, loudly not: then nothing of it
    /// is (contract: GATE 4).
    fn keep_or_say(&mut self, ctx: &mut Context<'_>) {
        if let Err(problem) = self.keep(ctx) {
            tracing::error!(class = <T as Simple>::CLASS, name = %ctx.identity().name, %problem, "the state is not stored");
            ctx.take_back();
            self.take_back();
        }
    }
}

impl<T: Simple> DurableObject for Alive<T> {
    fn wake(&mut self, ctx: &mut Context<'_>, reason: &WakeReason) -> Result<(), WakeError> {
        if let Some(stored) = ctx.storage().get(STATE)? {
            self.state = postcard::from_bytes(&stored)
                .map_err(|error| WakeError(format!("its state is not of this version: {error}")))?;
            self.stored = stored;
        }
        self.state.on_wake(ctx, reason);
        Ok(self.keep(ctx)?)
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let answer = self.call(ctx, call);
        if answer.is_err() {
            let failed = self.take_back();
            self.state.remember(failed);
        }
        answer
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        self.state.on_socket(ctx, event);
        self.keep_or_say(ctx);
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, alarm: &AlarmFired) -> Result<(), AlarmError> {
        let done = self.state.on_alarm(ctx, alarm).and_then(|()| Ok(self.keep(ctx)?));
        if done.is_err() {
            self.take_back();
        }
        done
    }

    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        self.state.on_done(ctx, job, result);
        self.keep_or_say(ctx);
    }
}
