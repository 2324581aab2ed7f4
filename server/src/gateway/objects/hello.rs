//! Sockets of objects that speak the protocol of this server: hello first, then messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use tickstone_shared::limits::MESSAGE_DATA_BYTES_MAX;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::decode::{self, FromClient};
use tickstone_shared::wire::encode;
use tickstone_shared::wire::message::{ClientMessage, DataMessage, Pong, ServerMessage};
use tickstone_shared::wire::version::Encoding;
use tokio_tungstenite::tungstenite::Message;

use super::peer::Peer;
use crate::gateway::close_reason::{self, Ending};
use crate::gateway::frames;
use crate::gateway::guard::strip_text;
use crate::gateway::handshake::{self, Joins, WRONG_FRAME};
use crate::gateway::talk::NoGame;
use crate::object::peer::Payload;

/// The client said that it goes.
pub(super) const LEFT: Ending = Ending::Coded(CloseCode::Left, "left");

/// Reads the hello of a framed socket: its token and its resume token, as far as it has them.
pub(super) fn read(
    peer: &Peer,
    first: &Message,
    subprotocol: Option<Encoding>,
    query_token: Option<String>,
) -> Result<(Option<String>, Option<String>), Ending> {
    let name = &peer.group.object.name;
    let (hello, spoken) = handshake::check(first, subprotocol, name, Joins::Nobody, query_token)?;
    peer.spoken.get_or_init(|| spoken.encoding);
    Ok((hello.token, hello.resume))
}

/// What a message of a framed socket means: data for the object, or nothing.
pub(super) fn take(peer: &Peer, message: &Message, encoding: Encoding) -> Result<Option<Payload>, Ending> {
    if handshake::encoding_of(message) != Some(encoding) {
        return Err(WRONG_FRAME);
    }
    let read = decode::from_client(handshake::payload(message), encoding, &NoGame);
    match read.map_err(|error| close_reason::of_decode_error(&error))? {
        FromClient::Other(ClientMessage::Message(mut message)) => {
            strip_text(&mut message.data);
            let data = message.data.to_string();
            if data.len() > peer.group.rules.message_bytes_max.max(MESSAGE_DATA_BYTES_MAX) {
                return Err(Ending::Coded(CloseCode::TooBig, "a message is longer than its limit"));
            }
            Ok(Some(data.into()))
        }
        FromClient::Other(ClientMessage::Ping(ping)) => {
            let pong = ServerMessage::Pong(Pong { nonce: ping.nonce });
            peer.send_reliable(frames::message(&encode::server_message(&pong, encoding), encoding));
            Ok(None)
        }
        FromClient::Other(ClientMessage::Leave {}) => Err(LEFT),
        FromClient::Other(_) | FromClient::Inputs(_) => {
            Err(Ending::Coded(CloseCode::Malformed, "not a message for an object"))
        }
    }
}

/// A message to a framed socket: `data` is the JSON of a text, or the text where it is none; bytes are base64.
pub(super) fn framed(payload: &Payload, encoding: Encoding) -> Bytes {
    let data = match payload {
        Payload::Text(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.as_ref().to_owned()))
        }
        Payload::Bytes(bytes) => Value::String(STANDARD.encode(bytes)),
    };
    let message = ServerMessage::Message(DataMessage { data });
    frames::message(&encode::server_message(&message, encoding), encoding)
}
