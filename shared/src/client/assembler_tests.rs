//! Parts in every order, with losses.

use super::*;
use crate::input::InputFeedback;
use crate::replication::encode::{Encoder, Pair};
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

fn take(assembler: &mut Assembler, datagram: &[u8]) -> Option<(u64, Vec<u8>)> {
    let state = assembler.take_part(&state_part(datagram).unwrap()).unwrap()?;
    Some((state.tick.0, state.body.unwrap()))
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
        let mut assembler = Assembler::new(Epoch(1), &schema);
        let given: Vec<_> =
            places.iter().filter_map(|place| take(&mut assembler, &datagrams[*place])).collect();
        prop_assert_eq!(given, vec![(5, whole)]);
    }

    #[test]
    fn what_is_lost_is_as_it_was(a in 200..900_u32, b in 50..300_u32, lost in any::<prop::sample::Index>()) {
        let schema = schema();
        let [before, after] = [1, 2].map(|value| body(&schema, [&ids(a), &ids(b)], value));
        let mut assembler = Assembler::new(Epoch(1), &schema);
        for datagram in datagrams(&schema, 1, 1, &before) {
            take(&mut assembler, &datagram);
        }
        let mut second = datagrams(&schema, 1, 2, &after);
        let lost = second.remove(lost.index(second.len()));
        for datagram in &second {
            prop_assert_eq!(take(&mut assembler, datagram), None);
        }
        let third = datagrams(&schema, 1, 3, &after);
        prop_assert!(third.len() > 1);
        let (tick, partial) = take(&mut assembler, &third[0]).unwrap();
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
    let mut assembler = Assembler::new(Epoch(1), &schema);
    assert_eq!(take(&mut assembler, &large[0]), None);
    assert_eq!(take(&mut assembler, &datagrams(&schema, 1, 2, &small)[0]), Some((2, small)));
    assert_eq!(take(&mut assembler, &large[1]), None, "too late");
}

#[test]
fn who_went_away_in_a_lost_part_stays_for_one_tick() {
    let schema = schema();
    let all = ids(600);
    let mut assembler = Assembler::new(Epoch(1), &schema);
    let first = datagrams(&schema, 1, 1, &body(&schema, [&all, &[]], 1));
    assert_eq!(first.len(), 3);
    first.iter().for_each(|datagram| drop(take(&mut assembler, datagram)));
    let gone: Vec<u32> = all.iter().copied().filter(|id| *id != 300).collect();
    let fewer = body(&schema, [&gone, &[]], 1);
    let second = datagrams(&schema, 1, 2, &fewer);
    take(&mut assembler, &second[0]);
    take(&mut assembler, &second[2]);
    let third = datagrams(&schema, 1, 3, &fewer);
    let (_, still) = take(&mut assembler, &third[0]).unwrap();
    assert_eq!(still, body(&schema, [&all, &[]], 1));
    take(&mut assembler, &third[1]);
    assert_eq!(take(&mut assembler, &third[2]), Some((3, fewer)));
}

#[test]
fn another_epoch_and_another_number_of_parts_do_not_belong() {
    let schema = schema();
    let small = body(&schema, [&[3], &[]], 2);
    let mut assembler = Assembler::new(Epoch(2), &schema);
    assert!(take(&mut assembler, &datagrams(&schema, 1, 9, &small)[0]).is_none());
    assert!(take(&mut assembler, &datagrams(&schema, 2, 4, &small)[0]).is_some());
    let large = datagrams(&schema, 2, 5, &body(&schema, [&ids(900), &[]], 1));
    assert_eq!(take(&mut assembler, &large[1]), None);
    let mut foreign = state_part(&large[0]).unwrap();
    foreign.body = &[9, 1, 0];
    assert!(assembler.take_part(&foreign).is_err(), "a kind that is not in the schema");
    let whole = state_part(&large[0]).unwrap();
    foreign.parts = 3;
    foreign.body = whole.body;
    assert_eq!(assembler.take_part(&foreign), Ok(None));
    let given = large.iter().filter_map(|datagram| take(&mut assembler, datagram)).count();
    assert_eq!(given, 1, "it changed nothing");
}

/// A state as it comes on a stream.
fn state(tick: u64, base: Option<u64>, body: Vec<u8>) -> StateMessage {
    let body = Some(body);
    let (epoch, tick, base) = (Epoch(1), Tick(tick), base.map(Tick));
    StateMessage { epoch, tick, base, hash: None, body, entities: None, last_input: 0, lead: 0, starved: 0 }
}

#[test]
fn a_difference_comes_out_as_the_whole_state_and_needs_its_base() {
    let schema = schema();
    let layout = Layout::new(&schema).unwrap();
    let [first, second] = [1, 2].map(|value| body(&schema, [&[3, 4], &[7]], value));
    let mut difference = Vec::new();
    let pair = Pair { layout: &layout, base: &first, view: &second };
    Encoder::default().whole(pair, |_, _| false, &mut difference);
    let mut assembler = Assembler::new(Epoch(1), &schema);
    let relative = state(6, Some(5), difference.clone());
    assert_eq!(assembler.take_state(relative.clone()), Err(DeltaError::Base));
    assert_eq!(assembler.received(), Acknowledged::default());
    assert_eq!(assembler.take_state(state(5, None, first.clone())), Ok(Some(state(5, None, first.clone()))));
    assert_eq!(assembler.take_state(relative), Ok(Some(state(6, None, second))));
    assert_eq!(assembler.received(), Acknowledged { tick: Tick(6), mask: 1 });
    assert_eq!(assembler.take_state(state(6, Some(5), difference.clone())), Ok(None), "no newer");
    let longer = [difference, vec![0]].concat();
    assert_eq!(assembler.take_state(state(7, Some(5), longer)), Err(DeltaError::LeftOver));
    assert_eq!(assembler.take_state(state(7, None, vec![9])), Err(DeltaError::Body));
    let plain = StateMessage { body: None, entities: Some(Vec::new()), ..state(8, None, first) };
    assert_eq!(assembler.take_state(plain.clone()), Ok(Some(plain)), "by name it is whole as it is");
}
