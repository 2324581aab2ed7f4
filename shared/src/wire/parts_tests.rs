//! Rows of the parts are the rows of the whole, and no part is too long.

use super::*;
use crate::input::InputFeedback;
use crate::replication::encode::{Encoder, Pair, Parts};
use crate::replication::history::History;
use crate::replication::layout::Layout;
use crate::schema::{Field, FieldKind, KindSchema, Schema};
use crate::snapshot::{Snapshot, sections};
use crate::wire::state::encode_own;
use crate::wire::version::{Encoding, StateKind};
use proptest::prelude::*;

/// Kinds whose rows have 5, 8 and 260 bytes: the longest there can be.
fn schema() -> Schema {
    let kind = |name: &str, kind, count| KindSchema {
        name: name.to_owned(),
        fields: (0..count)
            .map(|n| Field { name: format!("f{n}"), kind, per_unit: 1, private: false })
            .collect(),
    };
    Schema {
        kinds: vec![kind("a", FieldKind::U8, 1), kind("b", FieldKind::I32, 1), kind("c", FieldKind::I32, 64)],
        input: Vec::new(),
    }
}

/// Bytes of a row of kind `c` in a section of its own.
const LONGEST_ROW: usize = 3 + 4 + 64 * 4;

fn snapshot(schema: &Schema, counts: [usize; 3]) -> Snapshot {
    let mut body = Vec::new();
    let mut id = 0_u32;
    for (kind, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        body.push(kind as u8);
        body.extend_from_slice(&(count as u16).to_le_bytes());
        for _ in 0..count {
            id += 1;
            body.extend_from_slice(&id.to_le_bytes());
            body.extend((4..schema.kinds[kind].row_bytes()).map(|byte| byte as u8 ^ id as u8));
        }
    }
    Snapshot { tick: Tick(u64::MAX), body, places: Vec::new() }
}

/// The datagrams of a state that is told by its difference to one without rows, or whole.
fn datagrams(snapshot: &Snapshot, schema: &Schema, base: Option<Tick>) -> Vec<Vec<u8>> {
    let hash = Some(StateHash(u64::MAX));
    let head = StateHead { epoch: Epoch(u32::MAX), hash, snapshot, schema };
    let mut parts = StateParts::default();
    match base {
        None => parts.encode(&head, None, std::iter::once(snapshot.body.as_slice())),
        Some(_) => {
            let (layout, mut cut) = (Layout::new(schema).unwrap(), Parts::default());
            let pair = Pair { layout: &layout, base: &[], view: &snapshot.body };
            Encoder::default().parts(pair, |_, _| false, PART_BODY_BYTES_MAX, &mut cut);
            parts.encode(&head, base, cut.iter());
        }
    }
    let own = InputFeedback { last_input: u32::MAX, lead: i32::MIN, starved: u16::MAX };
    let with_end = |part: &[u8]| {
        let mut datagram = part.to_vec();
        encode_own(own, Encoding::Msgpack, StateKind::Delta, &mut datagram);
        assert_eq!(datagram.len() - part.len(), OWN_BYTES_MAX, "the longest end");
        datagram
    };
    parts.iter().map(with_end).collect()
}

type Row = (usize, u32, Vec<u8>);

fn rows(body: &[u8], schema: &Schema) -> Vec<Row> {
    let sections = sections(body, schema).unwrap();
    let of = |section: &crate::snapshot::Section<'_>| {
        let kind = section.kind;
        section.entities().map(|(id, fields)| (kind, id.0, fields.to_vec())).collect::<Vec<_>>()
    };
    sections.iter().flat_map(of).collect()
}

proptest! {
    #[test]
    fn rows_of_the_parts_are_the_rows_of_the_whole(a in 0..1500_usize, b in 0..700_usize, c in 0..30_usize) {
        let schema = schema();
        let whole = snapshot(&schema, [a, b, c]);
        let base = Tick(u64::MAX - 1);
        let datagrams = datagrams(&whole, &schema, Some(base));
        let mut history = History::new(Layout::new(&schema).unwrap());
        history.take_whole(base, &[]).unwrap();
        let mut together = Vec::new();
        for (number, datagram) in datagrams.iter().enumerate() {
            prop_assert!(datagram.len() <= STATE_DATAGRAM_BYTES_MAX, "{} bytes", datagram.len());
            prop_assert!(is_part(datagram));
            let part = state_part(datagram).unwrap();
            prop_assert_eq!((usize::from(part.part), usize::from(part.parts)), (number, datagrams.len()));
            prop_assert_eq!((part.epoch, part.tick, part.base), (Epoch(u32::MAX), whole.tick, Some(base)));
            prop_assert_eq!((part.last_input, part.lead, part.starved), (u32::MAX, i32::MIN, u16::MAX));
            let mut body = Vec::new();
            match datagrams.len() {
                1 => body.extend_from_slice(history.take_difference(whole.tick, base, part.body).unwrap()),
                _ => drop(history.read_part(base, part.body, &mut body).unwrap()),
            }
            together.extend(rows(&body, &schema));
        }
        prop_assert_eq!(together, rows(&whole.body, &schema));
        // What the longest head and the longest row could still grow by.
        let full = datagrams.iter().rev().skip(1).all(|datagram| datagram.len() + LONGEST_ROW + 64 > STATE_DATAGRAM_BYTES_MAX);
        prop_assert!(full, "a part leaves room for another row");
    }

    #[test]
    fn bytes_that_are_no_part_are_refused(mut datagram in prop::collection::vec(any::<u8>(), 0..200)) {
        // Whatever it says, it does not panic; nor does it with the head of a part.
        let _ = state_part(&datagram);
        datagram.splice(0..0, [0x9b, 0xa5, b's', b't', b'a', b't', b'e']);
        let _ = state_part(&datagram);
    }
}

#[test]
fn nobody_in_sight_is_one_part_without_rows() {
    let schema = schema();
    let datagrams = datagrams(&snapshot(&schema, [0, 0, 0]), &schema, None);
    let part = state_part(&datagrams[0]).unwrap();
    assert_eq!((datagrams.len(), part.part, part.parts, part.body), (1, 0, 1, &[][..]));
}

#[test]
fn a_part_that_is_cut_or_longer_is_refused() {
    let schema = schema();
    let datagram = &datagrams(&snapshot(&schema, [3, 2, 1]), &schema, None)[0];
    assert!((0..datagram.len()).all(|end| state_part(&datagram[..end]).is_err()));
    assert!(state_part(&[datagram.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn a_whole_state_has_one_part() {
    let schema = schema();
    let snapshot = snapshot(&schema, [3, 0, 0]);
    let head = StateHead { epoch: Epoch(1), hash: None, snapshot: &snapshot, schema: &schema };
    let halves = || snapshot.body.chunks(snapshot.body.len() / 2 + 1);
    let mut parts = StateParts::default();
    for (base, is_read) in [(None, false), (Some(Tick(1)), true)] {
        parts.encode(&head, base, halves());
        for part in parts.iter() {
            let mut datagram = part.to_vec();
            encode_own(InputFeedback::default(), Encoding::Msgpack, StateKind::Delta, &mut datagram);
            assert_eq!(state_part(&datagram).is_ok(), is_read);
        }
    }
    let many = vec![&snapshot.body[..1]; usize::from(STATE_PARTS_MAX) + 1];
    parts.encode(&head, Some(Tick(1)), many.iter().copied());
    assert_eq!(parts.count(), 0);
    parts.encode(&head, Some(Tick(1)), many[1..].iter().copied());
    assert_eq!(parts.count(), usize::from(STATE_PARTS_MAX));
}
