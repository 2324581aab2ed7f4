//! The view against states as the server's own encoder writes them.

use super::*;
use crate::input::InputFeedback;
use crate::schema::{Field, FieldKind, KindSchema};
use crate::snapshot::Snapshot;
use crate::wire::decode::from_server;
use crate::wire::message::{Pong, ServerMessage};
use crate::wire::parts::StateParts;
use crate::wire::state::{StateHead, encode_own, encode_shared};
use crate::wire::version::StateKind;

const FORMS: [(Encoding, StateKind); 4] = [
    (Encoding::Msgpack, StateKind::Delta),
    (Encoding::Msgpack, StateKind::Plain),
    (Encoding::Json, StateKind::Delta),
    (Encoding::Json, StateKind::Plain),
];

fn field(name: &str, kind: FieldKind, per_unit: u32) -> Field {
    Field { name: name.into(), kind, per_unit, private: false }
}

fn schema() -> Schema {
    let player = vec![field("seat", FieldKind::U16, 1), field("x", FieldKind::I32, 256)];
    let pickup = vec![field("open", FieldKind::Bool, 1)];
    let kinds = vec![
        KindSchema { name: "player".into(), fields: player },
        KindSchema { name: "pickup".into(), fields: pickup },
    ];
    Schema { kinds, input: Vec::new() }
}

fn state(hash: Option<StateHash>, encoding: Encoding, kind: StateKind) -> Vec<u8> {
    let mut body = vec![0, 2, 0];
    for (id, seat, x) in [(1_u32, 0_u16, 384_i32), (2, 1, -256)] {
        body.extend_from_slice(&id.to_le_bytes());
        body.extend_from_slice(&seat.to_le_bytes());
        body.extend_from_slice(&x.to_le_bytes());
    }
    body.extend_from_slice(&[1, 1, 0, 9, 0, 0, 0, 1]);
    let snapshot = Snapshot { tick: Tick(1 << 40), body, places: Vec::new() };
    let schema = schema();
    let head = StateHead { epoch: Epoch(70_000), hash, snapshot: &snapshot, schema: &schema };
    let mut out = Vec::new();
    encode_shared(&head, encoding, kind, &mut out);
    encode_own(InputFeedback { last_input: 300, lead: -700, starved: 65_535 }, encoding, kind, &mut out);
    out
}

#[test]
fn a_header_is_the_same_in_every_form() {
    for hash in [None, Some(StateHash(0x00ab_cdef))] {
        for (encoding, kind) in FORMS {
            let bytes = state(hash, encoding, kind);
            let expected = StateHeader {
                epoch: Epoch(70_000),
                tick: Tick(1 << 40),
                hash,
                last_input: 300,
                lead: -700,
                starved: 65_535,
                parts: 1,
            };
            assert_eq!(StateHeader::read(&bytes, encoding), Ok(Some(expected)), "{encoding:?} {kind:?}");
            let Ok(ServerMessage::State(message)) = from_server(&bytes, encoding) else { panic!("a state") };
            assert_eq!(StateHeader::of(&message), expected);
        }
    }
}

#[test]
fn another_message_has_no_header_and_cut_bytes_are_an_error() {
    for encoding in [Encoding::Msgpack, Encoding::Json] {
        let pong = crate::wire::encode::server_message(&ServerMessage::Pong(Pong { nonce: 1 }), encoding);
        assert_eq!(StateHeader::read(&pong, encoding), Ok(None));
    }
    let bytes = state(Some(StateHash(1)), Encoding::Msgpack, StateKind::Delta);
    for length in 0..bytes.len() {
        assert!(StateHeader::read(&bytes[..length], Encoding::Msgpack).is_err(), "{length} bytes");
    }
}

#[test]
fn entities_are_the_same_in_every_form() {
    let schema = schema();
    let x = FieldPlace::find(&schema.kinds[0], "x").unwrap();
    let mut view = View::default();
    for (encoding, kind) in FORMS {
        let bytes = state(None, encoding, kind);
        let Ok(ServerMessage::State(message)) = from_server(&bytes, encoding) else { panic!("a state") };
        view.replace(&message, &schema).unwrap();
        let seen: Vec<_> =
            view.entities().map(|entity| (entity.id.0, entity.kind, entity.values.to_vec())).collect();
        let expected = [(1, 0, vec![0, 384]), (2, 0, vec![1, -256]), (9, 1, vec![1])];
        assert_eq!(seen, expected, "{encoding:?} {kind:?}");
        assert_eq!(view.of_kind(0).map(|entity| x.of(entity)).collect::<Vec<_>>(), [1.5, -1.0]);
    }
}

#[test]
fn a_state_relative_to_another_is_refused() {
    let bytes = state(None, Encoding::Msgpack, StateKind::Delta);
    let Ok(ServerMessage::State(mut message)) = from_server(&bytes, Encoding::Msgpack) else {
        panic!("a state")
    };
    message.base = Some(Tick(3));
    assert_eq!(View::default().replace(&message, &schema()), Err(SnapshotError::Relative(Tick(3)).into()));
    message.base = None;
    message.body = Some(vec![7, 0, 0]);
    assert!(matches!(View::default().replace(&message, &schema()), Err(ViewError::Rows(_))));
}

#[test]
fn a_part_has_the_header_of_its_state() {
    let schema = Schema { kinds: Vec::new(), input: Vec::new() };
    let snapshot = Snapshot { tick: Tick(9), body: Vec::new(), places: Vec::new() };
    let head = StateHead { epoch: Epoch(2), hash: Some(StateHash(7)), snapshot: &snapshot, schema: &schema };
    let mut parts = StateParts::default();
    parts.encode(&head, Some(Tick(8)), [&[1, 2][..], &[3]].into_iter());
    let own = InputFeedback { last_input: 300, lead: -700, starved: 6 };
    for part in parts.iter() {
        let mut datagram = part.to_vec();
        encode_own(own, Encoding::Msgpack, StateKind::Delta, &mut datagram);
        let expected = StateHeader {
            epoch: Epoch(2),
            tick: Tick(9),
            hash: Some(StateHash(7)),
            last_input: 300,
            lead: -700,
            starved: 6,
            parts: 2,
        };
        assert_eq!(StateHeader::read(&datagram, Encoding::Msgpack), Ok(Some(expected)));
    }
}
