//! A batch of inputs as bytes, in either encoding.

use serde_json::{Map, Value};

use tickstone_shared::input::{InputBatch, InputRow};
use tickstone_shared::schema::{Field, FieldKind};
use tickstone_shared::wire::encode::{client_message, packed_input};
use tickstone_shared::wire::message::{ClientMessage, InputMessage};
use tickstone_shared::wire::version::Encoding;

/// Replaces what is in `out` by the message.
pub(crate) fn encode(batch: &InputBatch, fields: &[Field], encoding: Encoding, out: &mut Vec<u8>) {
    out.clear();
    match encoding {
        Encoding::Msgpack => packed_input(batch, out),
        Encoding::Json => {
            let message = InputMessage {
                epoch: batch.epoch,
                tick: batch.first_tick,
                seq: batch.first_seq,
                ack: batch.acknowledged.tick,
                mask: batch.acknowledged.mask,
                inputs: batch.rows.iter().map(|row| by_name(row, fields)).collect(),
            };
            out.extend_from_slice(&client_message(&ClientMessage::Input(message), encoding));
        }
    }
}

fn by_name(row: &InputRow, fields: &[Field]) -> Value {
    let mut rest = row.as_slice();
    let mut named = Map::with_capacity(fields.len());
    for field in fields {
        let stored = field.kind.read(&mut rest).unwrap_or(0);
        let value =
            if field.kind == FieldKind::Bool { Value::from(stored != 0) } else { Value::from(stored) };
        named.insert(field.name.clone(), value);
    }
    Value::Object(named)
}
