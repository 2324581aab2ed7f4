//! Typed calls: the methods of a class are one serde enum. Over HTTP a method's name is the variant's, and the
//! body is what the variant holds.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tickstone_shared::ids::ObjectName;

use super::class::ClassRules;
use super::context::Context;
use super::contract::{CallError, Class, DurableObject};
use super::id::Identity;
use super::job::{JobError, JobId, JobResult};

/// The methods of a class: an enum, with serde's usual tagging; `rename_all = "snake_case"` suits routes.
pub trait Methods: Serialize + DeserializeOwned {
    /// What all of them answer with; an enum where they differ.
    type Reply: Serialize + DeserializeOwned;
}

/// A class whose callers know its methods.
pub trait Typed {
    /// Its name.
    const CLASS: &'static str;
    /// Its methods.
    type Call: Methods;

    /// What holds for every object of the class.
    fn rules() -> ClassRules {
        ClassRules::default()
    }
}

/// The class of an object that is its default until it wakes.
pub struct TypedClass<T>(PhantomData<fn() -> T>);

impl<T> Default for TypedClass<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Typed + DurableObject + Default + 'static> Class for TypedClass<T> {
    fn name(&self) -> &'static str {
        T::CLASS
    }

    fn instantiate(&self, _: &Identity) -> Box<dyn DurableObject> {
        Box::<T>::default()
    }

    fn rules(&self) -> ClassRules {
        T::rules()
    }
}

/// The reply to a call of a class.
pub type ReplyOf<T> = <<T as Typed>::Call as Methods>::Reply;

/// A call as it travels: the method's name, and its body.
pub fn to_call<M: Methods>(call: &M) -> Result<(String, Value), CallError> {
    match serde_json::to_value(call) {
        Ok(Value::String(method)) => Ok((method, Value::Null)),
        Ok(Value::Object(variant)) if variant.len() == 1 => {
            Ok(variant.into_iter().next().expect("it has one entry"))
        }
        _ => Err(CallError::Invalid("the methods of a class are an enum, tagged as serde does".to_owned())),
    }
}

/// The call that a method's name and a body are.
pub fn from_call<M: Methods>(method: String, body: Value) -> Result<M, CallError> {
    let bare = match &body {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    if bare && let Ok(call) = serde_json::from_value(Value::String(method.clone())) {
        return Ok(call);
    }
    // What came is not repeated, so not in serde's words.
    let variant = Value::Object(Map::from_iter([(method, body)]));
    serde_json::from_value(variant)
        .map_err(|_| CallError::Invalid("the class has no such method, or it takes another body".to_owned()))
}

/// A reply as it travels.
pub fn to_reply<M: Methods>(reply: &M::Reply) -> Result<Value, CallError> {
    serde_json::to_value(reply).map_err(|error| CallError::Invalid(error.to_string()))
}

/// The reply in an answer.
pub fn from_reply<M: Methods>(answer: Value) -> Result<M::Reply, CallError> {
    serde_json::from_value(answer).map_err(|error| CallError::Invalid(error.to_string()))
}

/// The reply in what a job came to that [`Context::ask`] had started.
pub fn reply_of<T: Typed>(result: JobResult) -> Result<ReplyOf<T>, JobError> {
    Ok(from_reply::<T::Call>(result?)?)
}

impl Context<'_> {
    /// Asks an object of a class that is known; [`reply_of`] reads the answer.
    pub fn ask<T: Typed>(&mut self, name: ObjectName, call: &T::Call) -> Result<JobId, CallError> {
        let (method, body) = to_call(call)?;
        Ok(self.call(T::CLASS, name, &method, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Calls {
        Get,
        Add(u64),
        MoveTo { x: i32, y: i32 },
    }

    impl Methods for Calls {
        type Reply = u64;
    }

    #[test]
    fn every_kind_of_variant_is_a_method_and_a_body() {
        for (call, method, body) in [
            (Calls::Get, "get", Value::Null),
            (Calls::Add(3), "add", json!(3)),
            (Calls::MoveTo { x: 1, y: -1 }, "move_to", json!({ "x": 1, "y": -1 })),
        ] {
            assert_eq!(to_call(&call), Ok((method.to_owned(), body.clone())));
            assert_eq!(from_call(method.to_owned(), body), Ok(call));
        }
        assert_eq!(from_call("get".to_owned(), json!({})), Ok(Calls::Get), "an empty body is no body");
    }

    #[test]
    fn what_is_no_call_is_refused_and_not_repeated() {
        for (method, body) in [("secret", json!(1)), ("add", json!("secret")), ("get", json!(1))] {
            let refused = from_call::<Calls>(method.to_owned(), body).unwrap_err();
            assert!(
                matches!(&refused, CallError::Invalid(reason) if !reason.contains("secret")),
                "{refused}"
            );
        }
    }
}
