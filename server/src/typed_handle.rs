//! Typed handles: how Rust code outside of objects calls them.

use std::marker::PhantomData;
use std::sync::mpsc;

use tickstone_shared::ids::ObjectName;

use crate::object::contract::CallError;
use crate::object::id::Identity;
use crate::object::typed::{ReplyOf, Typed, from_reply, to_call};
use crate::runtime::handle::ObjectsRef;

/// An object by its name. Making one neither creates nor wakes it; the first call does.
pub struct Handle<T> {
    objects: ObjectsRef,
    identity: Identity,
    class: PhantomData<fn() -> T>,
}

/// A handle of an object.
pub fn handle<T: Typed>(objects: &ObjectsRef, name: ObjectName) -> Handle<T> {
    Handle { objects: objects.clone(), identity: Identity::named(T::CLASS, name), class: PhantomData }
}

impl<T: Typed> Handle<T> {
    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Calls a method; `then` gets the reply, on whatever thread has it, and must not block.
    pub fn call(&self, call: &T::Call, then: impl FnOnce(Result<ReplyOf<T>, CallError>) + Send + 'static) {
        match to_call(call) {
            Ok((method, body)) => {
                let reply = move |answer: Result<_, _>| then(answer.and_then(from_reply::<T::Call>));
                self.objects.call(&self.identity, &method, body, Box::new(reply));
            }
            Err(error) => then(Err(error)),
        }
    }

    /// Calls a method and waits for the reply, at most 30 s. Never from a handler: there it is
    /// [`Context::ask`](crate::object::context::Context::ask).
    pub fn ask(&self, call: &T::Call) -> Result<ReplyOf<T>, CallError>
    where
        ReplyOf<T>: Send + 'static,
    {
        let (sender, receiver) = mpsc::channel();
        self.call(call, move |reply| {
            // Nobody waits any more: nothing is lost.
            let _gone = sender.send(reply);
        });
        receiver.recv().unwrap_or(Err(CallError::Reset))
    }
}
