//! Every message in every encoding.

use std::sync::Arc;

use serde_json::{Value, json};
use tickstone_shared::ids::{Epoch, Seat, StateHash};
use tickstone_shared::input::{Acknowledged, InputBatch, InputCodec, InputError, InputFeedback, InputRow};
use tickstone_shared::schema::{Field, FieldKind, KindSchema, Schema};
use tickstone_shared::snapshot::Snapshot;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::decode::{self, FromClient};
use tickstone_shared::wire::encode;
use tickstone_shared::wire::message::{
    Ack, Bye, ClientMessage, DataMessage, EventMessage, Hello, InputMessage, Ping, Pong, ServerMessage,
    Welcome,
};
use tickstone_shared::wire::state::{StateHead, encode_own, encode_relative, encode_shared};
use tickstone_shared::wire::version::{Encoding, StateKind};

use super::{expect_kept, hex, unhex};

/// The schema of pong, as PROTOCOL.md shows it.
pub(crate) fn pong() -> Schema {
    let field = |name: &str, kind| Field { name: name.to_owned(), kind, per_unit: 1, private: false };
    let paddle =
        vec![field("seat", FieldKind::U16), field("y", FieldKind::I16), field("points", FieldKind::U8)];
    let ball = vec![field("x", FieldKind::I16), field("y", FieldKind::I16)];
    let kind = |name: &str, fields| KindSchema { name: name.to_owned(), fields };
    Schema {
        kinds: vec![kind("paddle", paddle), kind("ball", ball)],
        input: vec![field("direction", FieldKind::I8)],
    }
}

/// Inputs of one byte.
struct OneByte;

impl InputCodec for OneByte {
    fn row_bytes(&self) -> usize {
        1
    }
    fn packed(&self, bytes: &[u8]) -> Result<InputRow, InputError> {
        Ok(InputRow::new(bytes).unwrap())
    }
    fn by_name(&self, value: Value) -> Result<InputRow, InputError> {
        Ok(InputRow::new(&[value["direction"].as_i64().unwrap() as u8]).unwrap())
    }
}

fn from_client() -> Vec<(&'static str, ClientMessage)> {
    let join = Hello {
        protocol: 1,
        match_id: "friday-1".to_owned(),
        token: None,
        resume: None,
        player: Some("ann".to_owned()),
        state: StateKind::Delta,
        schema_hash: Some(305_419_896),
        epoch: None,
    };
    let back = Hello {
        resume: Some("0f3c6f0e5d8d4a7c9b1e2a3d4c5b6a79".to_owned()),
        player: None,
        state: StateKind::Plain,
        schema_hash: None,
        epoch: Some(Epoch(3)),
        ..join.clone()
    };
    let inputs = vec![json!({"direction": -1}), json!({"direction": 0})];
    let input = InputMessage { epoch: Epoch(1), tick: Tick(304), seq: 8, ack: Tick(300), mask: 0, inputs };
    vec![
        ("hello that joins", ClientMessage::Hello(join)),
        ("hello that resumes", ClientMessage::Hello(back)),
        ("input by name", ClientMessage::Input(input.clone())),
        ("input by name with a mask", ClientMessage::Input(InputMessage { mask: 0x8000_0001, ..input })),
        ("ack", ClientMessage::Ack(Ack { epoch: Epoch(1), tick: Tick(300), mask: 0 })),
        ("ack with a mask", ClientMessage::Ack(Ack { epoch: Epoch(1), tick: Tick(300), mask: 5 })),
        ("ping", ClientMessage::Ping(Ping { nonce: u32::MAX })),
        ("message from a client", ClientMessage::Message(DataMessage { data: json!({"emote": 3}) })),
        ("leave", ClientMessage::Leave {}),
    ]
}

fn from_server() -> Vec<(&'static str, ServerMessage)> {
    let schema = Arc::new(pong());
    let welcome = Welcome {
        protocol: 1,
        match_id: "friday-1".to_owned(),
        game: "pong".to_owned(),
        game_version: 1,
        epoch: Epoch(1),
        tick: Tick(312),
        tick_rate_hz: 60,
        player: "ann".to_owned(),
        seat: Seat(0),
        resume_token: "0f3c6f0e5d8d4a7c9b1e2a3d4c5b6a79".to_owned(),
        resume_seconds: 30,
        durability: "async".to_owned(),
        last_input: 0,
        schema_hash: schema.hash(),
        schema,
        chat_token: None,
    };
    let event =
        EventMessage { tick: Tick(301), name: "point".to_owned(), data: json!({"seat": 1, "points": 4}) };
    let bye = |retry_after_ms| Bye {
        code: CloseCode::Restarting,
        reason: "the server restarts".to_owned(),
        retry_after_ms,
        resume: None,
    };
    vec![
        ("welcome", ServerMessage::Welcome(Box::new(welcome))),
        ("event", ServerMessage::Event(event)),
        ("pong", ServerMessage::Pong(Pong { nonce: 17 })),
        (
            "message from a game",
            ServerMessage::Message(DataMessage { data: json!([1, -1, "\u{e4}", null, true]) }),
        ),
        ("bye", ServerMessage::Bye(bye(None))),
        ("bye with a time", ServerMessage::Bye(bye(Some(1_650)))),
    ]
}

/// A state of tick 300 and so on, in every form.
fn states() -> Vec<(String, Encoding, Vec<u8>)> {
    let schema = pong();
    let body = vec![1, 1, 0, 1, 0, 0, 0, 0x90, 1, 0x2c, 1];
    let snapshot = Snapshot { tick: Tick(300), body, places: Vec::new() };
    let hashes = [None, Some(StateHash(0x0123_4567_89ab_cdef))];
    let own = InputFeedback { last_input: 7, lead: -768, starved: 2 };
    let mut states = Vec::new();
    for encoding in [Encoding::Msgpack, Encoding::Json] {
        for hash in hashes {
            let head = StateHead { epoch: Epoch(1), hash, snapshot: &snapshot, schema: &schema };
            let with = if hash.is_some() { " with a hash" } else { "" };
            for kind in [StateKind::Delta, StateKind::Plain] {
                let mut bytes = Vec::new();
                encode_shared(&head, encoding, kind, &mut bytes);
                encode_own(own, encoding, kind, &mut bytes);
                states.push((format!("state {kind:?}{with}").to_lowercase(), encoding, bytes));
            }
            let mut bytes = Vec::new();
            encode_relative(&head, Tick(299), &[0b0100_0101], encoding, &mut bytes);
            encode_own(own, encoding, StateKind::Delta, &mut bytes);
            states.push((format!("state relative{with}"), encoding, bytes));
        }
    }
    states
}

fn packed_inputs() -> Vec<(&'static str, InputBatch)> {
    let rows = [0xff, 0].iter().map(|row| InputRow::new(&[*row]).unwrap()).collect();
    let acknowledged = Acknowledged::only(Tick(300));
    let batch = InputBatch { epoch: Epoch(1), first_tick: Tick(304), first_seq: 8, acknowledged, rows };
    let acknowledged = Acknowledged { mask: 0x8000_0001, ..acknowledged };
    vec![("input", batch.clone()), ("input with a mask", InputBatch { acknowledged, ..batch })]
}

fn vector(name: &str, from: &str, encoding: Encoding, bytes: &[u8], value: &Value) -> Value {
    let (form, written) = match encoding {
        Encoding::Json => ("json", String::from_utf8(bytes.to_vec()).unwrap()),
        Encoding::Msgpack => ("msgpack", hex(bytes)),
    };
    json!({"name": name, "from": from, form: written, "value": value})
}

fn vectors() -> Vec<Value> {
    let mut vectors = Vec::new();
    for encoding in [Encoding::Msgpack, Encoding::Json] {
        for (name, message) in from_client() {
            let bytes = encode::client_message(&message, encoding);
            vectors.push(vector(name, "client", encoding, &bytes, &serde_json::to_value(&message).unwrap()));
        }
        for (name, message) in from_server() {
            let bytes = encode::server_message(&message, encoding);
            vectors.push(vector(name, "server", encoding, &bytes, &serde_json::to_value(&message).unwrap()));
        }
    }
    for (name, batch) in packed_inputs() {
        let mut bytes = Vec::new();
        encode::packed_input(&batch, &mut bytes);
        let Acknowledged { tick, mask } = batch.acknowledged;
        let rows: Vec<u8> = batch.rows.iter().flat_map(|row| row.as_slice().to_vec()).collect();
        let value = json!({"t": "input", "epoch": batch.epoch, "tick": batch.first_tick, "seq": batch.first_seq,
                           "ack": tick, "mask": mask, "rows": hex(&rows)});
        vectors.push(vector(name, "client", Encoding::Msgpack, &bytes, &value));
    }
    for (name, encoding, bytes) in states() {
        let message = decode::from_server(&bytes, encoding).unwrap();
        vectors.push(vector(&name, "server", encoding, &bytes, &serde_json::to_value(&message).unwrap()));
    }
    vectors
}

#[test]
fn every_message_in_every_encoding_is_what_is_kept() {
    expect_kept("messages.json", &Value::Array(vectors()));
}

#[test]
fn what_is_kept_is_read_as_what_it_says() {
    for vector in vectors() {
        let (encoding, bytes) = match &vector["json"] {
            Value::String(text) => (Encoding::Json, text.as_bytes().to_vec()),
            _ => (Encoding::Msgpack, unhex(&vector["msgpack"])),
        };
        let read = if vector["from"] == "server" {
            serde_json::to_value(decode::from_server(&bytes, encoding).unwrap()).unwrap()
        } else if vector["value"]["t"] == "hello" {
            serde_json::to_value(ClientMessage::Hello(decode::hello(&bytes, encoding).unwrap())).unwrap()
        } else {
            match decode::from_client(&bytes, encoding, &OneByte).unwrap() {
                FromClient::Other(message) => serde_json::to_value(message).unwrap(),
                FromClient::Inputs(batch) => {
                    let expected = packed_inputs().into_iter().map(|(_, batch)| batch);
                    assert!(expected.into_iter().any(|expected| expected == batch), "{vector}");
                    continue;
                }
            }
        };
        assert_eq!(read, vector["value"], "{}", vector["name"]);
    }
}
