//! A document on a testbed, and editors of it as y-websocket has them.

mod crashes;
mod editing;
mod hostile;
mod limits;
mod maps;
mod model;
mod presence;
mod restoring;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use yrs::updates::decoder::Decode as _;
use yrs::updates::encoder::Encode as _;
use yrs::{
    ClientID, Doc, GetString as _, Map as _, OffsetKind, Options, ReadTxn as _, StateVector, Text as _,
    Transact as _, TransactionMut, Update, WriteTxn as _,
};

use super::Document;
use super::messages::{self, Heard};
use crate::access::scope::{Scope, Subject};
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::peer::Payload;
use crate::object::socket::SocketId;
use crate::object::typed::TypedClass;
use crate::testing::Testbed;

/// The document of most tests.
const PLAN: &str = "plan";
const SECOND: Duration = Duration::from_secs(1);

fn bed() -> Testbed {
    Testbed::new().class(Arc::new(TypedClass::<Document>::default()))
}

fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

fn user_with(name: &str, scopes: &[&str]) -> Caller {
    let scopes = scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect();
    Caller::User { subject: Subject::parse(name).unwrap(), scopes }
}

fn editor(name: &str) -> Caller {
    user_with(name, &["document:*:*", "document_editor:*:call"])
}

fn reader(name: &str) -> Caller {
    user_with(name, &["document:*:*"])
}

/// A call as somebody.
fn call_as(bed: &mut Testbed, caller: Caller, method: &str, body: Value) -> Result<Value, CallError> {
    let pending = bed.begin_call(caller, "document", PLAN, method, body);
    bed.settle();
    pending.answer().unwrap_or(Err(CallError::Reset))
}

/// A call as an operator.
fn ask(bed: &mut Testbed, method: &str, body: Value) -> Result<Value, CallError> {
    call_as(bed, Caller::Operator, method, body)
}

/// What is in the document.
fn content(bed: &mut Testbed) -> Value {
    ask(bed, "get", Value::Null).unwrap()["content"].clone()
}

fn send(bed: &mut Testbed, socket: SocketId, frame: Vec<u8>) {
    bed.send("document", PLAN, socket, frame);
}

fn connect(bed: &mut Testbed, caller: Caller) -> SocketId {
    bed.connect("document", PLAN, caller)
}

/// The frames a client was sent.
fn frames(bed: &Testbed, socket: SocketId) -> Vec<Vec<u8>> {
    bed.client(socket).received.iter().map(|payload| payload.bytes().to_vec()).collect()
}

/// Somebody who edits: the library's document, and a socket.
struct Editor {
    doc: Doc,
    caller: Caller,
    socket: SocketId,
    heard: usize,
    /// They were told that they may not edit.
    denied: usize,
}

impl Editor {
    fn as_caller(bed: &mut Testbed, client: u64, caller: Caller) -> Self {
        let options =
            Options { offset_kind: OffsetKind::Utf16, ..Options::with_client_id(ClientID::new(client)) };
        let doc = Doc::with_options(options);
        let mut editor = Self { doc, caller, socket: SocketId(0), heard: 0, denied: 0 };
        editor.connect(bed);
        editor
    }

    fn enter(bed: &mut Testbed, name: &str) -> Self {
        let client = name.bytes().fold(7, |hash, byte| hash * 31 + u64::from(byte));
        Self::as_caller(bed, client, editor(name))
    }

    /// Comes, or comes back after a cut.
    fn connect(&mut self, bed: &mut Testbed) {
        self.socket = connect(bed, self.caller.clone());
        self.heard = 0;
        let ask = messages::ask(&self.doc.transact().state_vector().encode_v1());
        send(bed, self.socket, ask);
        self.hear(bed);
    }

    fn leave(&mut self, bed: &mut Testbed) {
        bed.disconnect("document", PLAN, self.socket);
    }

    /// Hears what came, and answers what is asked.
    fn hear(&mut self, bed: &mut Testbed) {
        loop {
            let frames = frames(bed, self.socket);
            let Some(frame) = frames.get(self.heard) else { return };
            self.heard += 1;
            match Heard::read(frame).unwrap() {
                Heard::Ask(vector) => {
                    let vector = StateVector::decode_v1(vector).unwrap();
                    let update = self.doc.transact().encode_state_as_update_v1(&vector);
                    send(bed, self.socket, messages::answer(&update));
                }
                Heard::Answer(update) | Heard::Update(update) => {
                    self.doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
                }
                Heard::Auth => self.denied += 1,
                Heard::Awareness(_) | Heard::QueryAwareness => {}
            }
        }
    }

    /// Edits alone; answers the update.
    fn edit(&mut self, work: impl FnOnce(&mut TransactionMut<'_>)) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        work(&mut txn);
        txn.encode_update_v1()
    }

    fn write(&mut self, at: u32, text: &str) -> Vec<u8> {
        self.edit(|txn| txn.get_or_insert_text("text").insert(txn, at, text))
    }

    /// Writes, and tells.
    fn type_in(&mut self, bed: &mut Testbed, at: u32, text: &str) {
        let update = self.write(at, text);
        send(bed, self.socket, messages::update(&update));
    }

    fn set(&mut self, bed: &mut Testbed, key: &str, value: &str) {
        let update = self.edit(|txn| {
            txn.get_or_insert_map("map").insert(txn, key, value);
        });
        send(bed, self.socket, messages::update(&update));
    }

    fn text(&self) -> String {
        let text = self.doc.get_or_insert_text("text");
        text.get_string(&self.doc.transact())
    }

    fn is_denied(&self) -> bool {
        self.denied > 0
    }
}

fn closed(bed: &Testbed, socket: SocketId) -> Option<u16> {
    bed.client(socket).closed.map(|(code, _)| code)
}

fn is_text(payload: &Payload) -> bool {
    matches!(payload, Payload::Text(_))
}
