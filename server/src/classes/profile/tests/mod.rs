//! What a profile promises.

mod bounds;
mod crashes;
mod model;
mod telling;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::access::scope::{Scope, Subject};
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::socket::SocketId;
use crate::testing::Testbed;
use tickstone_shared::ids::ObjectName;

fn bed() -> Testbed {
    Testbed::new().object::<Profile>()
}

/// One that remembers, and one that forgets after every event.
fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

fn user(name: &str, scopes: &[&str]) -> Caller {
    let scopes = scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect();
    Caller::User { subject: Subject::parse(name).unwrap(), scopes }
}

fn ann() -> Caller {
    user("ann", &["profile:ann:*"])
}

/// What ann's profile answers, or the code of why not.
fn ask_as(bed: &mut Testbed, caller: Caller, method: &str, body: Value) -> Result<Value, String> {
    let pending = bed.begin_call(caller, "profile", "ann", method, body);
    bed.settle();
    pending.answer().unwrap_or(Err(CallError::Reset)).map_err(|error| match error {
        CallError::Conflict { code, .. } => code.to_owned(),
        CallError::Invalid(_) => "invalid".to_owned(),
        CallError::Forbidden(_) => "forbidden".to_owned(),
        other => format!("{other:?}"),
    })
}

fn ask(bed: &mut Testbed, method: &str, body: Value) -> Result<Value, String> {
    ask_as(bed, ann(), method, body)
}

fn refused(code: &str) -> Result<Value, String> {
    Err(code.to_owned())
}

#[track_caller]
fn notify(bed: &mut Testbed, body: impl Into<Value>) -> u64 {
    let note = json!({ "kind": "test", "body": body.into() });
    ask_as(bed, Caller::Operator, "notify", note).unwrap()["id"].as_u64().unwrap()
}

/// The ids that are not read, the newest first.
fn unread(bed: &mut Testbed) -> Vec<u64> {
    let (mut ids, mut before) = (Vec::new(), Value::Null);
    loop {
        let page = ask(bed, "list", json!({ "before": before, "limit": PAGE_MAX })).unwrap();
        let page: Listed = serde_json::from_value(page).unwrap();
        ids.extend(page.notifications.iter().map(|notification| notification.id));
        let Some(next) = page.next else {
            assert_eq!(ids.len() as u64, page.unread);
            return ids;
        };
        before = json!(next);
    }
}

fn preferences(bed: &mut Testbed) -> Value {
    ask(bed, "get", Value::Null).unwrap()["preferences"].clone()
}

fn enter(bed: &mut Testbed) -> SocketId {
    bed.connect("profile", "ann", ann())
}

fn say(bed: &mut Testbed, socket: SocketId, message: Value) {
    bed.send("profile", "ann", socket, message.to_string());
}

/// What a client was told, as JSON.
fn told(bed: &Testbed, socket: SocketId) -> Vec<Value> {
    bed.client(socket).texts().into_iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}
