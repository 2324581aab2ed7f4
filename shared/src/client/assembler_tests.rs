//! Parts in every order, with losses.

use super::*;
use crate::input::InputFeedback;
use crate::schema::{Field, FieldKind, KindSchema};
use crate::snapshot::Snapshot;
use crate::wire::parts::{StateParts, state_part};
use crate::wire::state::{StateHead, encode_own};
use crate::wire::version::{Encoding, StateKind};
use proptest::prelude::*;

fn schema() -> Schema {
    let kind = |name: &str, kind, fields: usize| KindSchema {
        name: name.to_owned(),
        fields: (0..fields)
            .map(|n| Field { name: format!("f{n}"), kind, per_unit: 1, private: false })
            .collect(),
    };
    Schema { kinds: vec![kind("a", FieldKind::U8, 1), kind("b", FieldKind::I32, 6)], input: Vec::new() }
}

/// A body with these ids of each kind, every field `value`.
fn body(schema: &Schema, ids: [&[u32]; 2], value: u8) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, ids) in ids.into_iter().enumerate().filter(|(_, ids)| !ids.is_empty()) {
        body.push(kind as u8);
        body.extend_from_slice(&(ids.len() as u16).to_le_bytes());
        for id in ids {
            body.extend_from_slice(&id.to_le_bytes());
            body.extend(std::iter::repeat_n(value, schema.kinds[kind].row_bytes() - 4));
        }
    }
    body
}

fn datagrams(schema: &Schema, epoch: u32, tick: u64, body: &[u8]) -> Vec<Vec<u8>> {
    let snapshot = Snapshot { tick: Tick(tick), body: body.to_vec(), places: Vec::new() };
    let mut parts = StateParts::default();
    parts.encode(&StateHead { epoch: Epoch(epoch), hash: None, snapshot: &snapshot, schema });
    let with_end = |part: &[u8]| {
        let mut datagram = part.to_vec();
        encode_own(InputFeedback::default(), Encoding::Msgpack, StateKind::Delta, &mut datagram);
        datagram
    };
    parts.iter().map(with_end).collect()
}

fn take(assembler: &mut Assembler, schema: &Schema, datagram: &[u8]) -> Option<(u64, Vec<u8>)> {
    let state = assembler.take(&state_part(datagram).unwrap(), schema).unwrap()?;
    Some((state.tick.0, state.body.unwrap()))
}

#[test]
fn relative_rows_are_refused_and_never_stand_in_for_whole_ones() {
    let schema = schema();
    let whole = datagrams(&schema, 1, 5, &body(&schema, [&ids(4), &[]], 7));
    let mut relative = state_part(&whole[0]).unwrap();
    relative.base = Some(Tick(4));
    let mut assembler = Assembler::default();
    assert_eq!(assembler.take(&relative, &schema), Err(SnapshotError::Relative(Tick(4))));
    assert!(take(&mut assembler, &schema, &whole[0]).is_some(), "it changed nothing");
}

fn ids(count: u32) -> Vec<u32> {
    (1..=count).collect()
}

proptest! {
    #[test]
    fn in_any_order_and_twice_the_whole_comes_out_once(
        a in 0..900_u32, b in 0..300_u32, order in any::<prop::sample::Index>(), seed in any::<u64>(),
    ) {
        let schema = schema();
        let whole = body(&schema, [&ids(a), &ids(b)], 7);
        let datagrams = datagrams(&schema, 1, 5, &whole);
        let mut places: Vec<usize> = (0..datagrams.len()).chain([order.index(datagrams.len())]).collect();
        places.sort_by_key(|place| (*place as u64 + 1).wrapping_mul(seed | 1));
        let mut assembler = Assembler::default();
        let given: Vec<_> =
            places.iter().filter_map(|place| take(&mut assembler, &schema, &datagrams[*place])).collect();
        prop_assert_eq!(given, vec![(5, whole)]);
    }

    #[test]
    fn what_is_lost_is_as_it_was(a in 200..900_u32, b in 50..300_u32, lost in any::<prop::sample::Index>()) {
        let schema = schema();
        let [before, after] = [1, 2].map(|value| body(&schema, [&ids(a), &ids(b)], value));
        let mut assembler = Assembler::default();
        for datagram in datagrams(&schema, 1, 1, &before) {
            take(&mut assembler, &schema, &datagram);
        }
        let mut second = datagrams(&schema, 1, 2, &after);
        let lost = second.remove(lost.index(second.len()));
        for datagram in &second {
            prop_assert_eq!(take(&mut assembler, &schema, datagram), None);
        }
        let third = datagrams(&schema, 1, 3, &after);
        prop_assert!(third.len() > 1);
        let (tick, partial) = take(&mut assembler, &schema, &third[0]).unwrap();
        prop_assert_eq!(tick, 2);
        let lost_rows = |kind, id| {
            let part = state_part(&lost).unwrap();
            sections(part.body, &schema).unwrap().iter().any(|section| {
                section.kind == kind && section.entities().any(|(other, _)| other.0 == id)
            })
        };
        let mut seen = 0;
        for section in sections(&partial, &schema).unwrap() {
            for (id, fields) in section.entities() {
                let expected = if lost_rows(section.kind, id.0) { 1 } else { 2 };
                prop_assert!(fields.iter().all(|field| *field == expected), "{} {:?}", section.kind, id);
                seen += 1;
            }
        }
        prop_assert_eq!(seen, a + b, "nobody is lost, nobody is there twice");
    }
}

#[test]
fn a_newer_state_that_is_whole_goes_before_an_older_one_that_is_not() {
    let schema = schema();
    let large = datagrams(&schema, 1, 1, &body(&schema, [&ids(900), &[]], 1));
    let small = body(&schema, [&[3], &[]], 2);
    let mut assembler = Assembler::default();
    assert_eq!(take(&mut assembler, &schema, &large[0]), None);
    assert_eq!(take(&mut assembler, &schema, &datagrams(&schema, 1, 2, &small)[0]), Some((2, small)));
    assert_eq!(take(&mut assembler, &schema, &large[1]), None, "too late");
}

#[test]
fn who_went_away_in_a_lost_part_stays_for_one_tick() {
    let schema = schema();
    let all = ids(600);
    let mut assembler = Assembler::default();
    let first = datagrams(&schema, 1, 1, &body(&schema, [&all, &[]], 1));
    assert_eq!(first.len(), 3);
    first.iter().for_each(|datagram| drop(take(&mut assembler, &schema, datagram)));
    let gone: Vec<u32> = all.iter().copied().filter(|id| *id != 300).collect();
    let fewer = body(&schema, [&gone, &[]], 1);
    let second = datagrams(&schema, 1, 2, &fewer);
    take(&mut assembler, &schema, &second[0]);
    take(&mut assembler, &schema, &second[2]);
    let third = datagrams(&schema, 1, 3, &fewer);
    let (_, still) = take(&mut assembler, &schema, &third[0]).unwrap();
    assert_eq!(still, body(&schema, [&all, &[]], 1));
    take(&mut assembler, &schema, &third[1]);
    assert_eq!(take(&mut assembler, &schema, &third[2]), Some((3, fewer)));
}

#[test]
fn another_epoch_begins_anew_and_another_number_of_parts_does_not_belong() {
    let schema = schema();
    let small = body(&schema, [&[3], &[]], 2);
    let mut assembler = Assembler::default();
    assert!(take(&mut assembler, &schema, &datagrams(&schema, 1, 9, &small)[0]).is_some());
    assert!(take(&mut assembler, &schema, &datagrams(&schema, 2, 4, &small)[0]).is_some());
    let large = datagrams(&schema, 2, 5, &body(&schema, [&ids(900), &[]], 1));
    assert_eq!(take(&mut assembler, &schema, &large[1]), None);
    assert_eq!(take(&mut assembler, &schema, &datagrams(&schema, 2, 5, &small)[0]), None);
    let mut foreign = state_part(&large[0]).unwrap();
    foreign.body = &[9, 1, 0];
    assert!(assembler.take(&foreign, &schema).is_err(), "a kind that is not in the schema");
}
