//! The `state` message. The body of a tick is encoded once per encoding, kind and base and shared by every client
//! that has this base; only the last three fields, which are the receiver's own, are written per client.

use serde::{Deserialize, Serialize};
use std::io::Write as _;

use super::encode::VEC;
use super::version::{Encoding, StateKind};
use crate::ids::{Epoch, StateHash};
use crate::input::InputFeedback;
use crate::schema::Schema;
use crate::snapshot::{Snapshot, sections};
use crate::time::Tick;

/// The name of the message in its packed array form.
pub const STATE_TAG: &str = "state";
/// Elements of the packed array form.
pub const STATE_ELEMENTS: u32 = 9;

/// The state of a tick as a client reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateMessage {
    /// The activation it belongs to.
    pub epoch: Epoch,
    /// The tick.
    pub tick: Tick,
    /// The tick whose state this one is relative to; absent: a whole state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Tick>,
    /// The match's state hash, on ticks where it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<StateHash>,
    /// Packed rows, or how they differ from those of `base` (state `delta`); base64 in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "packed")]
    pub body: Option<Vec<u8>>,
    /// Every entity with `id`, `kind` and its fields (state `plain`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entities: Option<Vec<serde_json::Map<String, serde_json::Value>>>,
    /// The number of the receiver's last input that was applied.
    pub last_input: u32,
    /// How early the receiver's inputs arrive, in 1/256 tick.
    pub lead: i32,
    /// Ticks without an input from the receiver, modulo 2^16.
    pub starved: u16,
}

/// What of a tick's state is the same for everybody.
#[derive(Debug, Clone, Copy)]
pub struct StateHead<'a> {
    /// The activation.
    pub epoch: Epoch,
    /// Where the hash is taken, the hash.
    pub hash: Option<StateHash>,
    /// Tick and packed rows.
    pub snapshot: &'a Snapshot,
    /// The schema of the rows.
    pub schema: &'a Schema,
}

/// Appends the shared part of a whole state to `out`.
pub fn encode_shared(head: &StateHead<'_>, encoding: Encoding, kind: StateKind, out: &mut Vec<u8>) {
    match (encoding, kind) {
        (_, StateKind::Delta) => packed(head, None, &head.snapshot.body, encoding, out),
        (Encoding::Msgpack, StateKind::Plain) => msgpack_plain(head, out),
        (Encoding::Json, StateKind::Plain) => json_plain(head, out),
    }
}

/// Appends the shared part of a state of kind `delta` that is told by its difference to the one of `base`.
pub fn encode_relative(
    head: &StateHead<'_>,
    base: Tick,
    difference: &[u8],
    encoding: Encoding,
    out: &mut Vec<u8>,
) {
    packed(head, Some(base), difference, encoding, out);
}

fn packed(head: &StateHead<'_>, base: Option<Tick>, body: &[u8], encoding: Encoding, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Msgpack => {
            rmp::encode::write_array_len(out, STATE_ELEMENTS).expect(VEC);
            msgpack_head(head, base, out);
            rmp::encode::write_bin(out, body).expect(VEC);
        }
        Encoding::Json => {
            use base64::Engine as _;
            json_head(head, base, out);
            let body = base64::engine::general_purpose::STANDARD.encode(body);
            write!(out, r#","body":"{body}""#).expect(VEC);
        }
    }
}

/// Appends the receiver's own part; together with the shared part it is the whole message.
pub fn encode_own(feedback: InputFeedback, encoding: Encoding, kind: StateKind, out: &mut Vec<u8>) {
    let InputFeedback { last_input, lead, starved } = feedback;
    match (encoding, kind) {
        (Encoding::Json, _) => {
            write!(out, r#","last_input":{last_input},"lead":{lead},"starved":{starved}}}"#).expect(VEC);
        }
        (Encoding::Msgpack, StateKind::Delta) => {
            rmp::encode::write_uint(out, last_input.into()).expect(VEC);
            rmp::encode::write_sint(out, lead.into()).expect(VEC);
            rmp::encode::write_uint(out, starved.into()).expect(VEC);
        }
        (Encoding::Msgpack, StateKind::Plain) => {
            rmp::encode::write_str(out, "last_input").expect(VEC);
            rmp::encode::write_uint(out, last_input.into()).expect(VEC);
            rmp::encode::write_str(out, "lead").expect(VEC);
            rmp::encode::write_sint(out, lead.into()).expect(VEC);
            rmp::encode::write_str(out, "starved").expect(VEC);
            rmp::encode::write_uint(out, starved.into()).expect(VEC);
        }
    }
}

/// What a state and each of its parts begin with, behind the array's head.
pub(super) fn msgpack_head(head: &StateHead<'_>, base: Option<Tick>, out: &mut Vec<u8>) {
    rmp::encode::write_str(out, STATE_TAG).expect(VEC);
    rmp::encode::write_uint(out, head.epoch.0.into()).expect(VEC);
    rmp::encode::write_uint(out, head.snapshot.tick.0).expect(VEC);
    match base {
        Some(base) => {
            rmp::encode::write_uint(out, base.0).expect(VEC);
        }
        None => rmp::encode::write_nil(out).expect(VEC),
    }
    match head.hash {
        Some(hash) => rmp::encode::write_str(out, &hash.to_string()).expect(VEC),
        None => rmp::encode::write_nil(out).expect(VEC),
    }
}

fn msgpack_plain(head: &StateHead<'_>, out: &mut Vec<u8>) {
    rmp::encode::write_map_len(out, 7 + u32::from(head.hash.is_some())).expect(VEC);
    rmp::encode::write_str(out, "t").expect(VEC);
    rmp::encode::write_str(out, STATE_TAG).expect(VEC);
    rmp::encode::write_str(out, "epoch").expect(VEC);
    rmp::encode::write_uint(out, head.epoch.0.into()).expect(VEC);
    rmp::encode::write_str(out, "tick").expect(VEC);
    rmp::encode::write_uint(out, head.snapshot.tick.0).expect(VEC);
    if let Some(hash) = head.hash {
        rmp::encode::write_str(out, "hash").expect(VEC);
        rmp::encode::write_str(out, &hash.to_string()).expect(VEC);
    }
    rmp::encode::write_str(out, "entities").expect(VEC);
    rmp_serde::encode::write_named(out, &plain_entities(head)).expect(VEC);
}

fn json_head(head: &StateHead<'_>, base: Option<Tick>, out: &mut Vec<u8>) {
    write!(out, r#"{{"t":"state","epoch":{},"tick":{}"#, head.epoch.0, head.snapshot.tick.0).expect(VEC);
    if let Some(base) = base {
        write!(out, r#","base":{}"#, base.0).expect(VEC);
    }
    if let Some(hash) = head.hash {
        write!(out, r#","hash":"{hash}""#).expect(VEC);
    }
}

fn json_plain(head: &StateHead<'_>, out: &mut Vec<u8>) {
    json_head(head, None, out);
    out.extend_from_slice(br#","entities":"#);
    serde_json::to_writer(out, &plain_entities(head)).expect(VEC);
}

/// The rows by name: what state `plain` shows. Values are as stored; `per_unit` in the schema scales them.
pub fn plain_entities(head: &StateHead<'_>) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let sections =
        sections(&head.snapshot.body, head.schema).expect("the simulation packs by its own schema");
    let mut entities = Vec::new();
    for section in sections {
        let kind = &head.schema.kinds[section.kind];
        for (id, mut row) in section.entities() {
            let mut entity = serde_json::Map::with_capacity(kind.fields.len() + 2);
            entity.insert("id".into(), id.0.into());
            entity.insert("kind".into(), kind.name.as_str().into());
            for field in &kind.fields {
                let value = field.kind.read(&mut row).expect("a row is as long as its fields");
                let is_bool = field.kind == crate::schema::FieldKind::Bool;
                let shown = if is_bool { (value != 0).into() } else { value.into() };
                entity.insert(field.name.clone(), shown);
            }
            entities.push(entity);
        }
    }
    entities
}

/// Bytes in msgpack, base64 text in JSON.
mod packed {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(body: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match body {
            Some(body) if serializer.is_human_readable() => STANDARD.encode(body).serialize(serializer),
            Some(body) => serializer.serialize_bytes(body),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        if deserializer.is_human_readable() {
            let text = Option::<String>::deserialize(deserializer)?;
            return text.map(|text| STANDARD.decode(text).map_err(D::Error::custom)).transpose();
        }
        Option::<serde_bytes::ByteBuf>::deserialize(deserializer)
            .map(|body| body.map(serde_bytes::ByteBuf::into_vec))
    }
}
