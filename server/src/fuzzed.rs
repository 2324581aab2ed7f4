//! Every reader of bytes that others send, or that lie on a disk, as a function of bytes alone.
//!
//! Responsible for: what the fuzzers in `tests/fuzz` call, and the tests that repeat what they have found.
//! Invariant: none of these panics, whatever the bytes.

use std::sync::Arc;

use tickstone_shared::client::assembler::Assembler;
use tickstone_shared::client::view::View;
use tickstone_shared::games::arena::Arena;
use tickstone_shared::ids::{Epoch, ObjectName};
use tickstone_shared::replication::decode::Decoder;
use tickstone_shared::replication::encode::{Encoder, Pair};
use tickstone_shared::replication::history::History;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::registered::{AnyGame, register};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::decode;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::parts::{is_part, state_part};
use tickstone_shared::wire::version::Encoding;
use twox_hash::XxHash3_64;

use crate::access::join_token;
use crate::access::signing::{SigningKey, SigningKeys};
use crate::classes::document;
use crate::classes::matches::checkpoint::{CHECKPOINT_FORMAT, Checkpoint, FORMAT_WITHOUT_ADMISSION};
use crate::classes::matches::header::{Header, parse_request};
use crate::classes::matches::journal::{TickRecord, entries};
use crate::gateway::fuzzed;

/// A reader: its name and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every reader.
pub const TARGETS: [Target; 15] = [
    ("checkpoint", checkpoint),
    ("client_message", client_message),
    ("create_body", create_body),
    ("difference", difference),
    ("document_message", document_message),
    ("frames", fuzzed::frames),
    ("hello", hello),
    ("input_row", input_row),
    ("join_token", join_token),
    ("journal", journal),
    ("map", map),
    ("query", fuzzed::query),
    ("server_message", server_message),
    ("state_parts", state_parts),
    ("world", world),
];

/// Calls one of [`TARGETS`].
///
/// # Panics
/// If there is none of this name, or if the reader panics: that is what is looked for.
pub fn call(name: &str, bytes: &[u8]) {
    let (_, read) = TARGETS.iter().find(|(target, _)| *target == name).expect("a reader of this name");
    read(bytes);
}

const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Msgpack];

fn game() -> &'static Arc<dyn AnyGame> {
    static GAME: std::sync::OnceLock<Arc<dyn AnyGame>> = std::sync::OnceLock::new();
    GAME.get_or_init(register::<Arena>)
}

fn assets() -> Assets {
    let mut assets = Assets::default();
    assets.insert("maps/dust.json", include_str!("../../assets/maps/dust.json"));
    assets.insert("maps/plains.json", include_str!("../../assets/maps/plains.json"));
    assets
}

/// Rules that are good, for what is read beside them.
fn rules() -> &'static [u8] {
    static RULES: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    RULES.get_or_init(|| game().rules(None, serde_json::json!({}), &assets()).expect("the default rules"))
}

/// The first message of a connection.
fn hello(bytes: &[u8]) {
    for encoding in ENCODINGS {
        if let Ok(hello) = decode::hello(bytes, encoding) {
            assert!(hello.match_id.len() <= bytes.len());
        }
    }
}

/// Any message of a client.
fn client_message(bytes: &[u8]) {
    for encoding in ENCODINGS {
        if let Ok(decode::FromClient::Inputs(batch)) = decode::from_client(bytes, encoding, &**game()) {
            assert!(batch.rows.iter().all(|row| row.as_slice().len() == game().row_bytes()));
        }
    }
}

/// One input, packed and by name: what the game makes of it is in canonical form.
fn input_row(bytes: &[u8]) {
    let named = serde_json::from_slice(bytes).ok().and_then(|value| game().by_name(value).ok());
    for row in game().packed(bytes).ok().into_iter().chain(named) {
        let again = game().packed(row.as_slice()).expect("a row that was packed can be read");
        assert_eq!(again, row, "a clamped input is clamped already");
    }
}

/// What a server says, as a client reads it.
fn server_message(bytes: &[u8]) {
    for encoding in ENCODINGS {
        if let Ok(ServerMessage::State(state)) = decode::from_server(bytes, encoding) {
            let mut view = View::default();
            if view.replace(&state, game().schema()).is_ok() {
                view.entities().for_each(drop);
            }
        }
    }
}

/// Datagrams of states, each behind its length as `u16` little-endian, put together as a client does.
fn state_parts(bytes: &[u8]) {
    let mut assembler = Assembler::new(Epoch(1), game().schema());
    let mut newest = None;
    for part in datagrams(bytes).filter(|datagram| is_part(datagram)).flat_map(state_part) {
        let Ok(Some(state)) = assembler.take_part(&part) else { continue };
        assert!(newest.is_none_or(|tick| tick < state.tick));
        newest = Some(state.tick);
        View::default()
            .replace(&state, game().schema())
            .expect("the rows of parts that were read can be read");
    }
}

/// A view, then differences, each behind its length as `u16` little-endian: to the view, and to what the one before
/// made of it. What comes out is a view again, and told as a difference it comes out the same.
fn difference(bytes: &[u8]) {
    let shape = game().shape();
    let mut pieces = datagrams(bytes);
    let Some(first) = pieces.next().filter(|first| shape.layout.check(first).is_ok()) else { return };
    let (mut history, mut base) = (History::new(shape.layout.clone()), first.to_vec());
    let mut tick = Tick(1);
    history.take_whole(tick, first).expect("it was checked");
    for bits in pieces {
        // Refused or not: nothing is kept of a part.
        let _ = history.read_part(tick, bits, &mut Vec::new());
        let Ok(view) = history.take_difference(tick.next(), tick, bits).map(<[u8]>::to_vec) else { continue };
        tick = tick.next();
        assert_eq!(shape.layout.check(&view), Ok(()));
        let mut told = Vec::new();
        let pair = Pair { layout: &shape.layout, base: &base, view: &view };
        Encoder::default().whole(pair, |_, _| false, &mut told);
        let mut again = Vec::new();
        let read = Decoder::default().whole(&shape.layout, &base, &told, &mut again);
        assert_eq!((read, &again), (Ok(()), &view));
        base = view;
    }
}

/// Frames of a client of a document, each behind its length as `u16` little-endian, one after the other.
fn document_message(bytes: &[u8]) {
    document::fuzzed(datagrams(bytes));
}

fn datagrams(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (datagram, after) = after.split_at_checked(u16::from_le_bytes(*length).into())?;
        rest = after;
        Some(datagram)
    })
}

/// A key that is known, so that what it signed is read to the end.
fn keys() -> &'static SigningKeys {
    static KEYS: std::sync::OnceLock<SigningKeys> = std::sync::OnceLock::new();
    KEYS.get_or_init(|| {
        let key = SigningKey::new("k", &[7; 32]).expect("a key");
        SigningKeys::new(vec![key]).expect("one key")
    })
}

/// A join token as text, and one that a key of ours signed whatever is in it.
fn join_token(bytes: &[u8]) {
    let keys = keys();
    let id = ObjectName::parse("m").expect("a name");
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    for token in [text.to_owned(), join_token::sealed(keys.newest(), bytes)] {
        for now_ms in [0, 1_000, u64::MAX] {
            if let Ok(claims) = join_token::check(keys, &token, "c", &id, now_ms) {
                assert!(claims.expires_ms > now_ms && claims.match_id == id);
            }
        }
    }
}

/// A saved world.
fn world(bytes: &[u8]) {
    if let Ok(mut simulation) = game().restore(rules(), bytes) {
        let mut saved = Vec::new();
        simulation.save(&mut saved);
    }
}

/// A stored checkpoint and header, as they are and with a checksum that fits.
fn checkpoint(bytes: &[u8]) {
    let [today, before] = [CHECKPOINT_FORMAT, FORMAT_WITHOUT_ADMISSION].map(|format| summed(format, bytes));
    for stored in [bytes, &today, &before] {
        if let Ok(checkpoint) = Checkpoint::decode(stored) {
            world(&checkpoint.world);
            let again = Checkpoint::decode(&checkpoint.encode()).expect("what is written can be read");
            assert_eq!(again, checkpoint);
        }
    }
    if let Ok(header) = Header::decode(bytes) {
        // Refused or not: they say so.
        let _ = game().seats(header.rules.as_bytes());
        let _ = game().start(header.seed, header.rules.as_bytes());
    }
}

/// A checkpoint of this format and content.
fn summed(format: u8, content: &[u8]) -> Vec<u8> {
    let mut stored = [&[format], content].concat();
    stored.extend_from_slice(&XxHash3_64::oneshot(&stored).to_le_bytes());
    stored
}

/// A segment of a journal, and one entry with a checksum that fits.
fn journal(bytes: &[u8]) {
    assert!(entries(bytes).count() <= bytes.len());
    let sum = (XxHash3_64::oneshot(bytes) & 0xffff_ffff) as u32;
    let entry = [bytes, &sum.to_le_bytes()].concat();
    if let Some(record) = TickRecord::decode(&entry) {
        let mut again = Vec::new();
        record.encode(&mut again);
        assert_eq!(TickRecord::decode(&again).map(|record| record.epoch), Some(record.epoch));
        assert!(record.epoch >= Epoch(0));
    }
}

/// The body of a creation, to the rules that the game makes of it.
fn create_body(bytes: &[u8]) {
    let Some(body) = fuzzed::create_body(bytes) else { return };
    if let Ok(request) = parse_request(body) {
        // Refused or not: it says so.
        let _ = game().rules(request.preset.as_deref(), request.options, &assets());
    }
}

/// A map of a directory of assets.
fn map(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut assets = Assets::default();
    assets.insert("maps/fuzzed.json", text);
    if let Ok(rules) = game().rules(None, serde_json::json!({"map": "fuzzed"}), &assets) {
        game().start(1, &rules).expect("a map that is accepted can be played");
    }
}

#[cfg(test)]
#[path = "fuzzed_tests.rs"]
mod tests;
