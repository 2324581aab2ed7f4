//! Readers and fuzzers belong together, and what is kept for the fuzzers harms nobody and reaches deep.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::input::InputFeedback;
use tickstone_shared::sim::event::{Event, LeaveReason};
use tickstone_shared::snapshot::Snapshot;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::parts::StateParts;
use tickstone_shared::wire::state::{StateHead, encode_own};
use tickstone_shared::wire::version::StateKind;

use super::*;
use crate::classes::matches::admissions::AdmissionRecord;
use crate::classes::matches::journal::{JournalEvent, Segment};
use crate::classes::matches::roster::SeatRecord;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz")).join(name)
}

fn names_in(folder: &PathBuf) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
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

/// A tick with every kind of event, as it is stored.
fn entry(tick: u64) -> Vec<u8> {
    let (seat, row) = (Seat(0), game().idle_input());
    let events = vec![
        JournalEvent::Used { nonce: [5; 16] },
        JournalEvent::World(Event::Join { seat, player: PlayerName::parse("ann").unwrap() }),
        JournalEvent::Token { seat, hash: [7; 32] },
        JournalEvent::World(Event::Input { seat, row }),
        JournalEvent::Rotated { seat, hash: [8; 32], before: [7; 32] },
        JournalEvent::Applied { seat, last_input: 400 },
        JournalEvent::Arrived { seat },
        JournalEvent::World(Event::Leave { seat, reason: LeaveReason::Left }),
    ];
    let mut entry = Vec::new();
    TickRecord { epoch: Epoch(1), tick: Tick(tick), events, hash: Some(9) }.encode(&mut entry);
    entry
}

fn segment() -> Vec<u8> {
    let mut segment = Segment::default();
    (1..=3).for_each(|tick| segment.push(Tick(tick), &entry(tick)));
    segment.take().unwrap().1
}

/// Two states of several parts each, one part of the first lost.
fn parts() -> Vec<u8> {
    let mut sent = Vec::new();
    for tick in 1..=2 {
        let row_bytes = game().schema().kinds[0].row_bytes();
        let mut body = vec![0, 90, 0];
        for id in 1..=90_u32 {
            body.extend_from_slice(&id.to_le_bytes());
            body.resize(3 + id as usize * row_bytes, tick);
        }
        let snapshot = Snapshot { tick: Tick(tick.into()), body, places: Vec::new() };
        let mut cut = StateParts::default();
        cut.encode(&StateHead { epoch: Epoch(1), hash: None, snapshot: &snapshot, schema: game().schema() });
        for (number, part) in cut.iter().enumerate().filter(|(number, _)| (tick, *number) != (1, 1)) {
            let mut datagram = part.to_vec();
            encode_own(InputFeedback::default(), Encoding::Msgpack, StateKind::Delta, &mut datagram);
            assert!(is_part(&datagram) && number < 8);
            sent.extend_from_slice(&u16::try_from(datagram.len()).unwrap().to_le_bytes());
            sent.extend_from_slice(&datagram);
        }
    }
    sent
}

/// A state, and how two later ones differ.
fn differences() -> Vec<u8> {
    let layout = &game().shape().layout;
    let mut simulation = game().start(7, rules()).unwrap();
    let mut bodies = Vec::new();
    for seat in 0..3 {
        let join = Event::Join { seat: Seat(seat), player: PlayerName::parse("ann").unwrap() };
        simulation.apply(&join).unwrap();
        (0..20).for_each(|_| simulation.step());
        let mut snapshot = Snapshot::default();
        simulation.snapshot(&mut snapshot);
        bodies.push(snapshot.body);
    }
    let mut sent = Vec::new();
    let mut piece = |bytes: &[u8]| {
        sent.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_le_bytes());
        sent.extend_from_slice(bytes);
    };
    piece(&bodies[0]);
    for pair in bodies.windows(2) {
        let mut told = Vec::new();
        Encoder::default().whole(Pair { layout, base: &pair[0], view: &pair[1] }, |_, _| false, &mut told);
        piece(&told);
    }
    sent
}

/// What the key of the fuzzer signs: the bytes of a good token before their hash.
fn token() -> Vec<u8> {
    let mut bytes = b"\x01\x01k\x01c\x01m\x03ann".to_vec();
    bytes.extend_from_slice(&u16::MAX.to_le_bytes());
    bytes.extend_from_slice(&500_u64.to_le_bytes());
    bytes.extend_from_slice(&2_000_u64.to_le_bytes());
    bytes.extend_from_slice(&[9; 16]);
    bytes
}

/// Inputs that follow what is stored and sent today. With TICKSTONE_KEEP set they are written anew.
#[test]
fn kept_inputs_are_of_today() {
    let world = saved_world();
    let stored = checkpoint_of(world.clone());
    let entry = entry(1);
    let today: [(&str, &[u8]); 7] = [
        ("checkpoint/arena", &stored[1..stored.len() - 8]),
        ("difference/arena", &differences()),
        ("join_token/good", &token()),
        ("journal/entry", &entry[..entry.len() - 4]),
        ("journal/segment", &segment()),
        ("state_parts/lost", &parts()),
        ("world/arena", &world),
    ];
    for (name, bytes) in today {
        let path = folder("kept").join(name);
        if std::env::var_os("TICKSTONE_KEEP").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
        }
        assert!(
            std::fs::read(&path).is_ok_and(|kept| kept == bytes),
            "{name}: write it with TICKSTONE_KEEP=1"
        );
    }
}

#[test]
fn the_token_that_is_kept_is_accepted() {
    let keys = keys();
    let sealed = join_token::sealed(keys.newest(), &token());
    let id = ObjectName::parse("m").unwrap();
    assert!(join_token::check(keys, &sealed, "c", &id, 1_000).is_ok());
}

#[test]
fn what_is_stored_can_be_cut_anywhere() {
    let world = saved_world();
    assert!(game().restore(rules(), &world).is_ok());
    let stored = checkpoint_of(world.clone());
    assert!(Checkpoint::decode(&stored).is_ok());
    let (segment, parts, differences) = (segment(), parts(), differences());
    assert_eq!(entries(&segment).flatten().count(), 3);
    for (name, bytes) in [
        ("world", &world),
        ("checkpoint", &stored),
        ("journal", &segment),
        ("state_parts", &parts),
        ("difference", &differences),
    ] {
        (0..bytes.len()).for_each(|length| call(name, &bytes[..length]));
    }
    // Without its format and checksum, which the reader adds.
    (1..stored.len() - 8).for_each(|end| call("checkpoint", &stored[1..end]));
}
