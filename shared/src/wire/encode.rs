//! Messages to bytes. States have their own path in [`super::state`].

use super::message::{ClientMessage, ServerMessage};
use super::version::Encoding;
use crate::input::InputBatch;
use serde::Serialize;

/// Why an encoder never fails.
pub(super) const VEC: &str = "writing to a Vec cannot fail";
const PLAIN_DATA: &str = "messages are plain data: they always encode";

/// A server's message in the client's encoding.
pub fn server_message(message: &ServerMessage, encoding: Encoding) -> Vec<u8> {
    encode(message, encoding)
}

/// A client's message.
pub fn client_message(message: &ClientMessage, encoding: Encoding) -> Vec<u8> {
    encode(message, encoding)
}

fn encode<T: Serialize>(message: &T, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Msgpack => rmp_serde::to_vec_named(message).expect(PLAIN_DATA),
        Encoding::Json => serde_json::to_vec(message).expect(PLAIN_DATA),
    }
}

/// The name of the packed form of `input`.
pub const INPUT_TAG: &str = "input";
/// Elements of the packed form of `input` ...
pub const INPUT_ELEMENTS: u32 = 6;
/// ... and of the one with a mask.
pub const INPUT_ELEMENTS_WITH_MASK: u32 = 7;

/// Appends the packed form of an input message (msgpack only):
/// `["input", epoch, tick, seq, ack, rows]`, or with a mask that is not 0
/// `["input", epoch, tick, seq, ack, mask, rows]`; `rows` is one `bin` of packed rows of equal length.
pub fn packed_input(batch: &InputBatch, out: &mut Vec<u8>) {
    let mask = batch.acknowledged.mask;
    let elements = if mask == 0 { INPUT_ELEMENTS } else { INPUT_ELEMENTS_WITH_MASK };
    rmp::encode::write_array_len(out, elements).expect(VEC);
    rmp::encode::write_str(out, INPUT_TAG).expect(VEC);
    rmp::encode::write_uint(out, batch.epoch.0.into()).expect(VEC);
    rmp::encode::write_uint(out, batch.first_tick.0).expect(VEC);
    rmp::encode::write_uint(out, batch.first_seq.into()).expect(VEC);
    rmp::encode::write_uint(out, batch.acknowledged.tick.0).expect(VEC);
    if mask != 0 {
        rmp::encode::write_uint(out, mask.into()).expect(VEC);
    }
    let length: usize = batch.rows.iter().map(|row| row.as_slice().len()).sum();
    rmp::encode::write_bin_len(out, u32::try_from(length).expect("rows are bounded")).expect(VEC);
    for row in &batch.rows {
        out.extend_from_slice(row.as_slice());
    }
}
