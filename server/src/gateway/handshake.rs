//! The hello: the first message of a connection, checked.
//!
//! Responsible for: encoding, size, version, match, who may join unnamed, the signature of a join token.
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
use crate::access::doorkeeper::Doorkeeper;
use crate::access::join_token::Claims;
use crate::object::socket::{TICKET_REFUSED, Ticket};

/// Who may join without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joins {
    /// Everyone (dev mode).
    Anonymous,
    /// Nobody: who comes has a join token, who comes back a resume token; [`ticket`] says so.
    Nobody,
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

/// Reads the hello for the match of the path. A token of the query string counts as if the hello had it.
pub(super) fn check(
    first: &Message,
    subprotocol: Option<Encoding>,
    path: &ObjectName,
    joins: Joins,
    query_token: Option<String>,
) -> Result<(Hello, Spoken), Ending> {
    let Some(encoding) = encoding_of(first) else { return Err(malformed("the first message must be hello")) };
    if subprotocol.is_some_and(|chosen| chosen != encoding) {
        return Err(WRONG_FRAME);
    }
    let bytes = payload(first);
    if bytes.len() > HELLO_BYTES_MAX {
        return Err(Ending::Coded(CloseCode::TooBig, "a hello is at most 1024 bytes"));
    }
    let mut hello = decode::hello(bytes, encoding).map_err(|error| of_decode_error(&error))?;
    hello.token = hello.token.or(query_token);
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

/// The one answer to a join token that is missing, forged, expired, used or for another match.
pub(super) const TOKEN_REFUSED: Ending = Ending::Coded(CloseCode::TokenRefused, TICKET_REFUSED);

/// Takes the join token out of a hello and checks it. Who comes back needs none, whatever it holds.
pub(super) fn ticket(
    hello: &mut Hello,
    access: &Doorkeeper,
    path: &ObjectName,
    now_ms: u64,
) -> Result<Option<Box<Ticket>>, Ending> {
    let token = hello.token.take();
    if hello.resume.is_some() {
        return Ok(None);
    }
    let Some(token) = token else {
        return if access.is_dev() { Ok(None) } else { Err(TOKEN_REFUSED) };
    };
    let claims = access.check(&token, path, now_ms).map_err(|_| TOKEN_REFUSED)?;
    let Claims { player, seat, nonce, .. } = claims;
    Ok(Some(Box::new(Ticket { player, seat, nonce })))
}

fn check_player(hello: &Hello, joins: Joins) -> Result<(), Ending> {
    if hello.resume.is_some() {
        return Ok(());
    }
    if hello.token.is_some() || joins == Joins::Nobody {
        return Ok(());
    }
    let player = hello.player.as_deref().ok_or(malformed("a player's name is needed"))?;
    PlayerName::parse(player)
        .map_err(|_| malformed("a player's name is 1 to 32 characters, none of them a control"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::doorkeeper::RawAccess;
    use serde_json::{Value, json};

    fn hello(change: impl FnOnce(&mut Value)) -> Message {
        let mut hello = json!({"t": "hello", "protocol": 1, "match_id": "m", "player": "ann"});
        change(&mut hello);
        Message::text(hello.to_string())
    }

    fn code(first: &Message, joins: Joins) -> Option<u16> {
        match check(first, None, &ObjectName::parse("m").unwrap(), joins, None) {
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
        assert_eq!(code(&hello(|_| {}), Joins::Nobody), None, "its token is checked next");
        let returning = hello(|h| (h["resume"], h["player"]) = (json!("token"), Value::Null));
        assert_eq!(code(&returning, Joins::Nobody), None);
        assert_eq!(code(&Message::text("{}"), Joins::Anonymous), Some(4400));
        assert_eq!(code(&Message::text(r#"{"t":"ping","nonce":1}"#), Joins::Anonymous), Some(4400));
    }

    #[test]
    fn a_join_token_is_taken_for_what_it_says() {
        let access = Doorkeeper::dev();
        let (path, ann) = (ObjectName::parse("m").unwrap(), PlayerName::parse("ann").unwrap());
        let (token, claims) = access.mint(&path, &ann, None, 1_000, 15_000);
        let ask = |access: &Doorkeeper, change: &dyn Fn(&mut Hello), now_ms: u64| {
            let message = hello(|h| (h["token"], h["player"]) = (json!(token), json!("eve")));
            let (mut hello, _) = check(&message, None, &path, Joins::Nobody, None).unwrap();
            change(&mut hello);
            let ticket = ticket(&mut hello, access, &path, now_ms);
            assert!(hello.token.is_none(), "it goes no further");
            ticket
        };
        let ticket = ask(&access, &|_| {}, 2_000).unwrap().unwrap();
        assert_eq!((ticket.player, ticket.nonce), (ann, claims.nonce), "not the name beside it");
        assert_eq!(ask(&access, &|_| {}, 16_000), Err(TOKEN_REFUSED));
        assert_eq!(
            ask(&access, &|hello| hello.token = Some("guessed".to_owned()), 2_000),
            Err(TOKEN_REFUSED)
        );
        assert_eq!(ask(&access, &|hello| hello.resume = Some("r".to_owned()), 2_000), Ok(None));
        let raw = RawAccess { secret: Some("s".repeat(32)), ..RawAccess::default() };
        let guarded = Doorkeeper::new(&raw).unwrap();
        let unnamed = |hello: &mut Hello| hello.token = None;
        assert_eq!(ask(&access, &unnamed, 2_000), Ok(None), "in dev mode a name will do");
        assert_eq!(ask(&guarded, &unnamed, 2_000), Err(TOKEN_REFUSED));
        assert_eq!(ask(&guarded, &|_| {}, 2_000), Err(TOKEN_REFUSED), "another server's token");
    }

    #[test]
    fn a_subprotocol_fixes_the_kind_of_frame() {
        let name = ObjectName::parse("m").unwrap();
        let text = hello(|_| {});
        assert_eq!(check(&text, Some(Encoding::Msgpack), &name, Joins::Anonymous, None), Err(WRONG_FRAME));
        let (_, spoken) = check(&text, Some(Encoding::Json), &name, Joins::Anonymous, None).unwrap();
        assert_eq!(spoken.encoding, Encoding::Json);
    }
}
