//! The hello: the first message of a connection, checked.
//!
//! Responsible for: encoding, size, version, match and who may join unnamed.
//! Not responsible for: whether the match exists or has a seat; the match says so.

use tickstone_shared::ids::{ObjectName, PlayerName};
use tickstone_shared::limits::HELLO_BYTES_MAX;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::decode;
use tickstone_shared::wire::message::Hello;
use tickstone_shared::wire::version::{Encoding, PROTOCOL_VERSION};
use tokio_tungstenite::tungstenite::Message;

use super::close_reason::{Ending, of_decode_error};
use super::link::Spoken;

/// Who may join without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joins {
    /// Everyone (dev mode).
    Anonymous,
    /// Only those who come back, until join tokens are checked here.
    Returning,
}

const fn malformed(reason: &'static str) -> Ending {
    Ending::Coded(CloseCode::Malformed, reason)
}

/// The encoding a frame's kind stands for; none for control frames.
pub(super) fn encoding_of(message: &Message) -> Option<Encoding> {
    match message {
        Message::Text(_) => Some(Encoding::Json),
        Message::Binary(_) => Some(Encoding::Msgpack),
        _ => None,
    }
}

/// The bytes of a data frame.
pub(super) fn payload(message: &Message) -> &[u8] {
    match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes,
        _ => &[],
    }
}

/// Reads the hello for the match of the path.
pub(super) fn check(
    first: &Message,
    subprotocol: Option<Encoding>,
    path: &ObjectName,
    joins: Joins,
) -> Result<(Hello, Spoken), Ending> {
    let Some(encoding) = encoding_of(first) else { return Err(malformed("the first message must be hello")) };
    if subprotocol.is_some_and(|chosen| chosen != encoding) {
        return Err(WRONG_FRAME);
    }
    let bytes = payload(first);
    if bytes.len() > HELLO_BYTES_MAX {
        return Err(Ending::Coded(CloseCode::TooBig, "a hello is at most 1024 bytes"));
    }
    let hello = decode::hello(bytes, encoding).map_err(|error| of_decode_error(&error))?;
    if hello.protocol != PROTOCOL_VERSION {
        return Err(Ending::Coded(CloseCode::Version, "this server speaks protocol version 1"));
    }
    if hello.match_id != path.as_str() {
        return Err(malformed("the hello names another match than the path"));
    }
    check_player(&hello, joins)?;
    let spoken = Spoken { encoding, kind: hello.state };
    Ok((hello, spoken))
}

/// Text on a msgpack connection or bytes on a JSON one.
pub(super) const WRONG_FRAME: Ending =
    malformed("text frames are JSON, binary frames msgpack: keep to the one chosen");

fn check_player(hello: &Hello, joins: Joins) -> Result<(), Ending> {
    if hello.resume.is_some() {
        return Ok(());
    }
    if joins == Joins::Returning {
        return Err(Ending::Coded(CloseCode::TokenRefused, "a token is needed, and holds once"));
    }
    let player = hello.player.as_deref().ok_or(malformed("a player's name is needed"))?;
    PlayerName::parse(player)
        .map_err(|_| malformed("a player's name is 1 to 32 characters, none of them a control"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn hello(change: impl FnOnce(&mut Value)) -> Message {
        let mut hello = json!({"t": "hello", "protocol": 1, "match_id": "m", "player": "ann"});
        change(&mut hello);
        Message::text(hello.to_string())
    }

    fn code(first: &Message, joins: Joins) -> Option<u16> {
        match check(first, None, &ObjectName::parse("m").unwrap(), joins) {
            Ok(_) => None,
            Err(Ending::Coded(code, _)) => Some(code.number()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        assert_eq!(code(&hello(|_| {}), Joins::Anonymous), None);
        assert_eq!(code(&hello(|h| h["protocol"] = json!(2)), Joins::Anonymous), Some(4426));
        assert_eq!(code(&hello(|h| h["match_id"] = json!("n")), Joins::Anonymous), Some(4400));
        assert_eq!(code(&hello(|h| h["player"] = Value::Null), Joins::Anonymous), Some(4400));
        assert_eq!(code(&hello(|h| h["player"] = json!("a\u{202e}b")), Joins::Anonymous), Some(4400));
        assert_eq!(code(&hello(|h| h["token"] = json!("x".repeat(1024))), Joins::Anonymous), Some(1009));
        assert_eq!(code(&hello(|_| {}), Joins::Returning), Some(4401));
        let returning = hello(|h| (h["resume"], h["player"]) = (json!("token"), Value::Null));
        assert_eq!(code(&returning, Joins::Returning), None);
        assert_eq!(code(&Message::text("{}"), Joins::Anonymous), Some(4400));
        assert_eq!(code(&Message::text(r#"{"t":"ping","nonce":1}"#), Joins::Anonymous), Some(4400));
    }

    #[test]
    fn a_subprotocol_fixes_the_kind_of_frame() {
        let name = ObjectName::parse("m").unwrap();
        let text = hello(|_| {});
        assert_eq!(check(&text, Some(Encoding::Msgpack), &name, Joins::Anonymous), Err(WRONG_FRAME));
        let (_, spoken) = check(&text, Some(Encoding::Json), &name, Joins::Anonymous).unwrap();
        assert_eq!(spoken.encoding, Encoding::Json);
    }
}
