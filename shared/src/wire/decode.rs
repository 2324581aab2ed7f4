//! Bytes to messages. Every length is checked before use; an error says what was wrong and never echoes it.

use arrayvec::ArrayVec;
use rmp::Marker;

use super::encode::{INPUT_ELEMENTS, INPUT_ELEMENTS_WITH_MASK, INPUT_TAG};
use super::message::{ClientMessage, Hello, InputMessage, ServerMessage};
use super::nesting;
use super::state::{STATE_ELEMENTS, STATE_TAG, StateMessage};
use super::version::Encoding;
use crate::ids::{Epoch, StateHash};
use crate::input::{Acknowledged, InputBatch, InputCodec, InputError};
use crate::limits::INPUTS_PER_MESSAGE_MAX;
use crate::time::Tick;

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not the encoding, or not a message of it.
    #[error("not a message: {0}")]
    Malformed(String),
    /// A message whose inputs do not fit.
    #[error(transparent)]
    Input(#[from] InputError),
    /// More inputs than a message may carry.
    #[error("a message has {got} inputs; at most {max} are allowed")]
    TooManyInputs {
        /// How many it has.
        got: usize,
        /// How many it may have.
        max: usize,
    },
    /// No hello where one was expected.
    #[error("the first message must be hello")]
    NotHello,
}

/// A client's message, its inputs packed and checked.
#[derive(Debug, Clone, PartialEq)]
pub enum FromClient {
    /// Inputs for the game.
    Inputs(InputBatch),
    /// Anything else but `input`.
    Other(ClientMessage),
}

/// Reads the first message of a connection.
pub fn hello(bytes: &[u8], encoding: Encoding) -> Result<Hello, DecodeError> {
    nesting::check(bytes, encoding).map_err(|error| malformed(&error))?;
    match map_form(bytes, encoding)? {
        ClientMessage::Hello(hello) => Ok(hello),
        _ => Err(DecodeError::NotHello),
    }
}

/// Reads any message of a client.
pub fn from_client(
    bytes: &[u8],
    encoding: Encoding,
    codec: &dyn InputCodec,
) -> Result<FromClient, DecodeError> {
    if encoding == Encoding::Msgpack && is_array(bytes) {
        return packed_input(bytes, codec).map(FromClient::Inputs);
    }
    nesting::check(bytes, encoding).map_err(|error| malformed(&error))?;
    match map_form(bytes, encoding)? {
        ClientMessage::Input(message) => named_input(message, codec).map(FromClient::Inputs),
        other => Ok(FromClient::Other(other)),
    }
}

/// Reads a server's message, as a client does.
pub fn from_server(bytes: &[u8], encoding: Encoding) -> Result<ServerMessage, DecodeError> {
    if encoding == Encoding::Msgpack && is_array(bytes) {
        return packed_state(bytes).map(ServerMessage::State);
    }
    map_form(bytes, encoding)
}

fn is_array(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0xf0 == 0x90)
}

fn map_form<T: serde::de::DeserializeOwned>(bytes: &[u8], encoding: Encoding) -> Result<T, DecodeError> {
    match encoding {
        Encoding::Json => serde_json::from_slice(bytes).map_err(|error| malformed(&error)),
        Encoding::Msgpack => {
            let mut rest = bytes;
            let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
            deserializer.set_max_depth(DEPTH_MAX);
            let message = T::deserialize(&mut deserializer).map_err(|error| malformed(&error))?;
            if rest.is_empty() { Ok(message) } else { Err(malformed(&"bytes after the message")) }
        }
    }
}

/// Nesting of a msgpack message: each level of a map costs several of the decoder's.
const DEPTH_MAX: usize = 32;

fn malformed(error: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::Malformed(error.to_string())
}

fn named_input(message: InputMessage, codec: &dyn InputCodec) -> Result<InputBatch, DecodeError> {
    let got = message.inputs.len();
    if got > INPUTS_PER_MESSAGE_MAX {
        return Err(DecodeError::TooManyInputs { got, max: INPUTS_PER_MESSAGE_MAX });
    }
    let rows = message.inputs.into_iter().map(|value| codec.by_name(value)).collect::<Result<_, _>>()?;
    Ok(InputBatch {
        epoch: message.epoch,
        first_tick: message.tick,
        first_seq: message.seq,
        acknowledged: Acknowledged { tick: message.ack, mask: message.mask },
        rows,
    })
}

/// Reads an input message in its packed form, which is the only one in datagrams.
pub fn packed_input(bytes: &[u8], codec: &dyn InputCodec) -> Result<InputBatch, DecodeError> {
    let mut rest = bytes;
    let has_mask = bytes.first() == Some(&(0x90 | INPUT_ELEMENTS_WITH_MASK as u8));
    let elements = if has_mask { INPUT_ELEMENTS_WITH_MASK } else { INPUT_ELEMENTS };
    expect_array(&mut rest, elements, INPUT_TAG)?;
    let epoch = Epoch(integer(&mut rest)?);
    let first_tick = Tick(integer(&mut rest)?);
    let first_seq = integer(&mut rest)?;
    let newest = Tick(integer(&mut rest)?);
    let mask = if has_mask { integer(&mut rest)? } else { 0 };
    let acknowledged = Acknowledged { tick: newest, mask };
    let packed = binary(&mut rest)?;
    if !rest.is_empty() {
        return Err(malformed(&"bytes after the message"));
    }
    let row_bytes = codec.row_bytes().max(1);
    let got = packed.len() / row_bytes;
    if packed.len() % row_bytes != 0 {
        return Err(InputError::Length { got: packed.len() % row_bytes, expected: row_bytes }.into());
    }
    if got > INPUTS_PER_MESSAGE_MAX {
        return Err(DecodeError::TooManyInputs { got, max: INPUTS_PER_MESSAGE_MAX });
    }
    let rows: ArrayVec<_, INPUTS_PER_MESSAGE_MAX> =
        packed.chunks_exact(row_bytes).map(|row| codec.packed(row)).collect::<Result<_, _>>()?;
    Ok(InputBatch { epoch, first_tick, first_seq, acknowledged, rows })
}

fn packed_state(bytes: &[u8]) -> Result<StateMessage, DecodeError> {
    let mut rest = bytes;
    expect_array(&mut rest, STATE_ELEMENTS, STATE_TAG)?;
    let epoch = Epoch(integer(&mut rest)?);
    let tick = Tick(integer(&mut rest)?);
    let base = if nil(&mut rest) { None } else { Some(Tick(integer(&mut rest)?)) };
    let hash = if nil(&mut rest) { None } else { Some(state_hash(&mut rest)?) };
    let body = Some(binary(&mut rest)?.to_vec());
    let last_input = integer(&mut rest)?;
    let lead = integer(&mut rest)?;
    let starved = integer(&mut rest)?;
    Ok(StateMessage { epoch, tick, base, hash, body, entities: None, last_input, lead, starved })
}

pub(super) fn expect_array(rest: &mut &[u8], elements: u32, tag: &str) -> Result<(), DecodeError> {
    let got = rmp::decode::read_array_len(rest).map_err(|error| malformed(&error))?;
    if got != elements {
        return Err(malformed(&format_args!("an array of {got}; {tag} has {elements} elements")));
    }
    if text(rest)? == tag { Ok(()) } else { Err(malformed(&format_args!("an array that is no {tag}"))) }
}

pub(super) fn integer<T: TryFrom<i128>>(rest: &mut &[u8]) -> Result<T, DecodeError> {
    let marker = rmp::decode::read_marker(rest).map_err(|_| malformed(&"expected an integer"))?;
    let number: i128 = match marker {
        Marker::FixPos(value) => value.into(),
        Marker::FixNeg(value) => value.into(),
        Marker::U8 => u8::from_be_bytes(fixed(rest)?).into(),
        Marker::U16 => u16::from_be_bytes(fixed(rest)?).into(),
        Marker::U32 => u32::from_be_bytes(fixed(rest)?).into(),
        Marker::U64 => u64::from_be_bytes(fixed(rest)?).into(),
        Marker::I8 => i8::from_be_bytes(fixed(rest)?).into(),
        Marker::I16 => i16::from_be_bytes(fixed(rest)?).into(),
        Marker::I32 => i32::from_be_bytes(fixed(rest)?).into(),
        Marker::I64 => i64::from_be_bytes(fixed(rest)?).into(),
        _ => return Err(malformed(&"expected an integer")),
    };
    T::try_from(number).map_err(|_| malformed(&"an integer does not fit its field"))
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (bytes, after) = rest.split_first_chunk::<N>().ok_or_else(|| malformed(&"the message ends early"))?;
    *rest = after;
    Ok(*bytes)
}

fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, DecodeError> {
    let (text, after) = rmp::decode::read_str_from_slice(*rest).map_err(|error| malformed(&error))?;
    *rest = after;
    Ok(text)
}

pub(super) fn state_hash(rest: &mut &[u8]) -> Result<StateHash, DecodeError> {
    StateHash::try_from(text(rest)?.to_owned()).map_err(|error| malformed(&error))
}

pub(super) fn nil(rest: &mut &[u8]) -> bool {
    let is_nil = rest.first() == Some(&0xc0);
    if is_nil {
        *rest = &rest[1..];
    }
    is_nil
}

pub(super) fn binary<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let length = rmp::decode::read_bin_len(rest).map_err(|error| malformed(&error))? as usize;
    let (bytes, after) =
        rest.split_at_checked(length).ok_or_else(|| malformed(&"a bin longer than the message"))?;
    *rest = after;
    Ok(bytes)
}
