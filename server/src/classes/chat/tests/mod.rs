//! A room on a testbed.

mod bounds;
mod crashes;
mod members;
mod model;
mod moderating;
mod split;
mod split_model;
mod talking;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::words::{ChatCall, ChatReply, HistoryPage, Message};
use super::{Chat, ChatPart};
use crate::access::scope::{Scope, Subject};
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::socket::SocketId;
use crate::object::typed::TypedClass;
use crate::testing::Testbed;

/// The room of most tests.
const ROOM: &str = "lobby";

fn beds() -> [Testbed; 2] {
    [Testbed::new(), Testbed::new().forgetful()].map(split_bed)
}

/// With the class of parts.
fn split_bed(bed: Testbed) -> Testbed {
    bed.object::<Chat>().class(Arc::new(TypedClass::<ChatPart>::default()))
}

fn user_with(name: &str, scopes: &[&str]) -> Caller {
    let scopes = scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect();
    Caller::User { subject: Subject::parse(name).unwrap(), scopes }
}

fn user(name: &str) -> Caller {
    user_with(name, &["chat:*:*"])
}

fn enter(bed: &mut Testbed, name: &str) -> SocketId {
    bed.connect("chat", ROOM, user(name))
}

fn leave(bed: &mut Testbed, socket: SocketId) {
    bed.disconnect("chat", ROOM, socket);
}

fn say(bed: &mut Testbed, socket: SocketId, text: &str) {
    bed.send("chat", ROOM, socket, json!({ "t": "say", "text": text }).to_string());
}

/// A call as somebody.
fn call_as(bed: &mut Testbed, caller: Caller, method: &str, body: Value) -> Result<Value, CallError> {
    let pending = bed.begin_call(caller, "chat", ROOM, method, body);
    bed.settle();
    pending.answer().unwrap_or(Err(CallError::Reset))
}

/// A call as an operator.
fn ask(bed: &mut Testbed, method: &str, body: Value) -> Result<Value, CallError> {
    call_as(bed, Caller::Operator, method, body)
}

fn history(bed: &mut Testbed) -> Vec<Message> {
    let page = HistoryPage { limit: Some(200), ..HistoryPage::default() };
    match bed.ask::<Chat>(ROOM, &ChatCall::History(Some(page))) {
        Ok(ChatReply::History { messages, more: false }) => messages,
        other => panic!("{other:?}"),
    }
}

/// What a client was told, as JSON.
fn told(bed: &Testbed, socket: SocketId) -> Vec<Value> {
    bed.client(socket).texts().into_iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// What a client was told of one kind.
fn told_of(bed: &Testbed, socket: SocketId, kind: &str) -> Vec<Value> {
    told(bed, socket).into_iter().filter(|told| told["t"] == kind).collect()
}

/// The texts of messages.
fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["text"].as_str().unwrap()).collect()
}

fn invalid(result: Result<Value, CallError>) -> String {
    match result {
        Err(CallError::Invalid(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

const SECOND: Duration = Duration::from_secs(1);
