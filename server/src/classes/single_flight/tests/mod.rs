//! A single flight on a testbed.

mod bounds;
mod errands;
mod flights;
mod matches;
mod model;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::access::scope::{Scope, Subject};
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::typed::TypedClass;
use crate::testing::{Pending, Testbed};

const SECOND: Duration = Duration::from_secs(1);

fn bed() -> Testbed {
    Testbed::new().class(Arc::new(TypedClass::<SingleFlight>::default()))
}

fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

fn user_with(name: &str, scope: &str) -> Caller {
    Caller::User { subject: Subject::parse(name).unwrap(), scopes: Scope::parse(scope).into_iter().collect() }
}

fn user(name: &str) -> Caller {
    user_with(name, "single_flight:*:call")
}

fn begin_as(bed: &mut Testbed, caller: Caller, method: &str, body: Value) -> Pending {
    let pending = bed.begin_call(caller, "single_flight", "work", method, body);
    bed.settle();
    pending
}

/// Asks on behalf of a user, and has it answered.
fn ask(bed: &mut Testbed, who: &str, method: &str, body: Value) -> Result<Value, &'static str> {
    outcome(&begin_as(bed, user(who), method, body))
}

/// What it came to, or why not.
#[track_caller]
fn outcome(pending: &Pending) -> Result<Value, &'static str> {
    match pending.answer().unwrap_or(Err(CallError::Reset)) {
        Ok(reply) => Ok(reply),
        Err(CallError::Conflict { code, .. } | CallError::Missing { code, .. }) => Err(code),
        Err(CallError::Invalid(_)) => Err("invalid"),
        Err(CallError::Forbidden(_)) => Err("forbidden"),
        Err(CallError::Overloaded) => Err("overloaded"),
        Err(CallError::Reset) => Err("reset"),
        Err(CallError::TimedOut) => Err("timed_out"),
        Err(other) => panic!("{other:?}"),
    }
}

/// The number by which somebody leads.
#[track_caller]
fn lead(reply: &Result<Value, &'static str>) -> u64 {
    reply.as_ref().ok().and_then(|reply| reply["lead"].as_u64()).unwrap_or_else(|| panic!("{reply:?}"))
}

fn begin(bed: &mut Testbed, who: &str, key: &str) -> Pending {
    begin_as(bed, user(who), "begin", json!({ "key": key }))
}

fn finish(bed: &mut Testbed, who: &str, lead: u64, more: Value) -> Result<Value, &'static str> {
    let Value::Object(mut body) = more else { panic!("what is finished with has names") };
    body.extend([("key".to_owned(), json!("k")), ("lead".to_owned(), json!(lead))]);
    ask(bed, who, "finish", Value::Object(body))
}
