//! Every reader of bytes that others send, or that lie on a disk, as a function of bytes alone.
//!
//! Responsible for: what the fuzzers in `tests/fuzz` call, and the tests that repeat what they have found.
//! Invariant: none of these panics, whatever the bytes.

use std::sync::Arc;

use tickstone_shared::client::view::View;
use tickstone_shared::games::arena::Arena;
use tickstone_shared::ids::Epoch;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::registered::{AnyGame, register};
use tickstone_shared::wire::decode;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::version::Encoding;
use twox_hash::XxHash3_64;

use crate::classes::matches::checkpoint::Checkpoint;
use crate::classes::matches::header::{Header, parse_request};
use crate::classes::matches::journal::{TickRecord, entries};
use crate::gateway::fuzzed;

/// A reader: its name and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every reader.
pub const TARGETS: [Target; 11] = [
    ("checkpoint", checkpoint),
    ("client_message", client_message),
    ("create_body", create_body),
    ("frames", fuzzed::frames),
    ("hello", hello),
    ("input_row", input_row),
    ("journal", journal),
    ("map", map),
    ("query", fuzzed::query),
    ("server_message", server_message),
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

/// A saved world.
fn world(bytes: &[u8]) {
    if let Ok(mut simulation) = game().restore(rules(), bytes) {
        let mut saved = Vec::new();
        simulation.save(&mut saved);
    }
}

/// A stored checkpoint and header, as they are and with a checksum that fits.
fn checkpoint(bytes: &[u8]) {
    let mut summed = [&[1], bytes].concat();
    summed.extend_from_slice(&XxHash3_64::oneshot(&summed).to_le_bytes());
    for stored in [bytes, &summed] {
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
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use tickstone_shared::ids::{PlayerName, Seat};
    use tickstone_shared::sim::event::Event;
    use tickstone_shared::time::Tick;

    use super::*;
    use crate::classes::matches::admissions::AdmissionRecord;
    use crate::classes::matches::journal::{JournalEvent, Segment};
    use crate::classes::matches::roster::SeatRecord;

    fn folder(name: &str) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz")).join(name)
    }

    fn names_in(folder: &PathBuf) -> BTreeSet<String> {
        let entries =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn every_reader_has_a_fuzzer_and_kept_inputs() {
        let readers: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        let fuzzers: BTreeSet<_> = readers.iter().map(|name| format!("{name}.rs")).collect();
        assert_eq!(names_in(&folder("fuzz_targets")), fuzzers);
        assert_eq!(names_in(&folder("kept")), readers);
    }

    #[test]
    fn kept_inputs_harm_nobody() {
        for (name, read) in TARGETS {
            let kept = folder("kept").join(name);
            let inputs = names_in(&kept);
            assert!(!inputs.is_empty(), "{name}");
            for input in inputs {
                read(&std::fs::read(kept.join(input)).unwrap());
            }
        }
    }

    /// A world with a player in it, a while after the start.
    fn saved_world() -> Vec<u8> {
        let mut simulation = game().start(7, rules()).unwrap();
        let join = Event::Join { seat: Seat(0), player: PlayerName::parse("ann").unwrap() };
        simulation.apply(&join).unwrap();
        (0..90).for_each(|_| simulation.step());
        let mut saved = Vec::new();
        simulation.save(&mut saved);
        saved
    }

    fn checkpoint_of(world: Vec<u8>) -> Vec<u8> {
        let seat = SeatRecord {
            seat: Seat(0),
            player: PlayerName::parse("ann").unwrap(),
            token: [3; 32],
            dropped_at: Some(Tick(7)),
            last_input: 4,
            effective: game().idle_input(),
        };
        let checkpoint = Checkpoint {
            tick: Tick(90),
            hash: 77,
            game_version: game().version(),
            schema_hash: game().schema().hash(),
            build: "b".to_owned(),
            seats: vec![seat],
            admission: AdmissionRecord::default(),
            world,
        };
        checkpoint.encode()
    }

    fn segment() -> Vec<u8> {
        let mut segment = Segment::default();
        for tick in 1..=3 {
            let join = Event::Join { seat: Seat(0), player: PlayerName::parse("ann").unwrap() };
            let events =
                vec![JournalEvent::World(join), JournalEvent::Token { seat: Seat(0), hash: [7; 32] }];
            let mut entry = Vec::new();
            TickRecord { epoch: Epoch(1), tick: Tick(tick), events, hash: Some(9) }.encode(&mut entry);
            segment.push(Tick(tick), &entry);
        }
        segment.take().unwrap().1
    }

    #[test]
    fn what_is_stored_can_be_cut_anywhere() {
        let world = saved_world();
        assert!(game().restore(rules(), &world).is_ok());
        let stored = checkpoint_of(world.clone());
        assert!(Checkpoint::decode(&stored).is_ok());
        let segment = segment();
        assert_eq!(entries(&segment).flatten().count(), 3);
        for (name, bytes) in [("world", &world), ("checkpoint", &stored), ("journal", &segment)] {
            (0..bytes.len()).for_each(|length| call(name, &bytes[..length]));
        }
        // Without its format and checksum, which the reader adds.
        (1..stored.len() - 8).for_each(|end| call("checkpoint", &stored[1..end]));
    }
}
