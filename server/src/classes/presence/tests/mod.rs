//! A space on a testbed.

mod bounds;
mod crashes;
mod model;
mod statuses;
mod watching;

use std::time::Duration;

use serde_json::{Value, json};

use super::Presence;
use crate::access::scope::Subject;
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::socket::SocketId;
use crate::testing::Testbed;

const SPACE: &str = "team";
const SECOND: Duration = Duration::from_secs(1);

fn beds() -> [Testbed; 2] {
    [Testbed::new(), Testbed::new().forgetful()].map(Testbed::object::<Presence>)
}

fn user(name: &str) -> Caller {
    Caller::User { subject: Subject::parse(name).unwrap(), scopes: [].into() }
}

fn enter(bed: &mut Testbed, name: &str) -> SocketId {
    bed.connect("presence", SPACE, user(name))
}

fn leave(bed: &mut Testbed, socket: SocketId) {
    bed.disconnect("presence", SPACE, socket);
}

fn send(bed: &mut Testbed, socket: SocketId, message: &Value) {
    bed.send("presence", SPACE, socket, message.to_string());
}

fn call_as(bed: &mut Testbed, caller: Caller, method: &str, body: Value) -> Result<Value, CallError> {
    let pending = bed.begin_call(caller, "presence", SPACE, method, body);
    bed.settle();
    pending.answer().unwrap_or(Err(CallError::Reset))
}

fn ask(bed: &mut Testbed, method: &str, body: Value) -> Result<Value, CallError> {
    call_as(bed, Caller::Operator, method, body)
}

/// Everybody who is there, in short: `ann` online, `(ann)` away, `ann...` typing.
fn there(bed: &mut Testbed) -> Vec<String> {
    let listed = ask(bed, "list", json!({ "limit": 1000 })).unwrap();
    listed["users"].as_array().unwrap().iter().map(short).collect()
}

/// One of them in short; `-ann` is offline.
fn short(seen: &Value) -> String {
    let user = seen["user"].as_str().unwrap();
    let typing = if seen["typing"] == true { "..." } else { "" };
    match seen["status"].as_str().unwrap() {
        "online" => format!("{user}{typing}"),
        "away" => format!("({user}){typing}"),
        _ => format!("-{user}{typing}"),
    }
}

/// What a client was told, as JSON.
fn told(bed: &Testbed, socket: SocketId) -> Vec<Value> {
    bed.client(socket).texts().into_iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// The batches of changes that a client was told, in short.
fn changes(bed: &Testbed, socket: SocketId) -> Vec<Vec<String>> {
    let batches = told(bed, socket).into_iter().filter(|told| told["t"] == "changes");
    batches.map(|told| told["users"].as_array().unwrap().iter().map(short).collect()).collect()
}

fn invalid(result: Result<Value, CallError>) -> String {
    match result {
        Err(CallError::Invalid(reason)) => reason,
        other => panic!("{other:?}"),
    }
}
