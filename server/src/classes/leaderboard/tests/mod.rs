//! What a leaderboard promises.

mod bounds;
mod crashes;
mod model;
mod ranks;
mod seasons;
mod shown;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_shared::ids::ObjectName;

use super::*;
use crate::access::scope::{Scope, Subject};
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::id::Identity;
use crate::object::typed::TypedClass;
use crate::testing::Testbed;

pub(super) fn bed() -> Testbed {
    Testbed::new().class(Arc::new(TypedClass::<Leaderboard>::default()))
}

/// One that remembers, and one that forgets after every event.
pub(super) fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

pub(super) fn board() -> Identity {
    Identity::named("leaderboard", ObjectName::parse("b").unwrap())
}

/// What a board answers, or the code of why not.
#[track_caller]
pub(super) fn ask(bed: &mut Testbed, method: &str, body: Value) -> Result<Value, String> {
    bed.call("leaderboard", "b", method, body).map_err(code)
}

pub(super) fn ask_as(bed: &mut Testbed, caller: Caller, method: &str, body: Value) -> Result<Value, String> {
    let pending = bed.begin_call(caller, "leaderboard", "b", method, body);
    bed.settle();
    pending.answer().expect("it answers").map_err(code)
}

pub(super) fn code(error: CallError) -> String {
    match error {
        CallError::Conflict { code, .. } | CallError::Missing { code, .. } => code.to_owned(),
        CallError::Invalid(_) => "invalid".to_owned(),
        CallError::Forbidden(_) => "forbidden".to_owned(),
        other => format!("{other:?}"),
    }
}

pub(super) fn refused(code: &str) -> Result<Value, String> {
    Err(code.to_owned())
}

#[track_caller]
pub(super) fn submit(bed: &mut Testbed, user: &str, score: i64) -> Value {
    let answer = ask(bed, "submit", json!({ "scores": { user: score } })).unwrap();
    assert_eq!(answer["counted"], true);
    answer["placed"][user].clone()
}

#[track_caller]
pub(super) fn configure(bed: &mut Testbed, rules: Value) {
    ask(bed, "configure", rules).unwrap();
}

/// Users and scores of a page, in order.
pub(super) fn top(bed: &mut Testbed) -> Vec<(String, i64)> {
    pairs(&ask(bed, "top", json!({ "limit": PAGE_MAX })).unwrap()["entries"])
}

pub(super) fn pairs(entries: &Value) -> Vec<(String, i64)> {
    let entries: Vec<Entry> = serde_json::from_value(entries.clone()).unwrap();
    entries.into_iter().map(|entry| (entry.user, entry.score)).collect()
}

#[track_caller]
pub(super) fn assert_top(bed: &mut Testbed, expected: &[(&str, i64)]) {
    let expected: Vec<(String, i64)> =
        expected.iter().map(|(user, score)| ((*user).to_owned(), *score)).collect();
    assert_eq!(top(bed), expected);
}

/// Lets much time pass at once, and what is due then happen.
pub(super) fn pass(bed: &mut Testbed, time: Duration) {
    bed.settle();
    bed.clock().advance(time);
    bed.advance(Duration::from_millis(200));
}

pub(super) fn object(name: &str) -> Caller {
    Caller::Object { class: "match", name: ObjectName::parse(name).unwrap() }
}

pub(super) fn user(scopes: &[&str]) -> Caller {
    let scopes = scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect();
    Caller::User { subject: Subject::parse("ann").unwrap(), scopes }
}
