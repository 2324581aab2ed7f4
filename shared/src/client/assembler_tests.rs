//! Parts in every order, with losses.

use super::*;
use crate::input::InputFeedback;
use crate::replication::encode::{Encoder, Pair, Parts};
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

/// The datagrams of a state that differs from the one of tick 1, which is `base`, or of a whole one.
fn datagrams(schema: &Schema, epoch: u32, tick: u64, base: Option<&[u8]>, body: &[u8]) -> Vec<Vec<u8>> {
    let snapshot = Snapshot { tick: Tick(tick), body: body.to_vec(), places: Vec::new() };
    let head = StateHead { epoch: Epoch(epoch), hash: None, snapshot: &snapshot, schema };
    let mut parts = StateParts::default();
    match base {
        None => parts.encode(&head, None, std::iter::once(body)),
        Some(base) => {
            let (layout, mut cut) = (Layout::new(schema).unwrap(), Parts::default());
            Encoder::default().parts(Pair { layout: &layout, base, view: body }, |_, _| true, 200, &mut cut);
            parts.encode(&head, Some(Tick(1)), cut.iter());
        }
    }
    let with_end = |part: &[u8]| {
        let mut datagram = part.to_vec();
        encode_own(InputFeedback::default(), Encoding::Msgpack, StateKind::Delta, &mut datagram);
        datagram
    };
    parts.iter().map(with_end).collect()
}

/// Has received this as the whole state of tick 1.
fn with_base(schema: &Schema, epoch: u32, base: &[u8]) -> Assembler {
    let mut assembler = Assembler::new(Epoch(epoch), schema);
    let whole = StateMessage { epoch: Epoch(epoch), ..state(1, None, base.to_vec()) };
    assembler.take_state(whole).unwrap().unwrap();
    assembler
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
        let datagrams = datagrams(&schema, 1, 5, Some(&[]), &whole);
        let mut places: Vec<usize> = (0..datagrams.len()).chain([order.index(datagrams.len())]).collect();
        places.sort_by_key(|place| (*place as u64 + 1).wrapping_mul(seed | 1));
        let mut assembler = with_base(&schema, 1, &[]);
        let given: Vec<_> =
            places.iter().filter_map(|place| take(&mut assembler, &datagrams[*place])).collect();
        prop_assert_eq!(given, vec![(5, whole)]);
        prop_assert!(assembler.received().has(Tick(5)));
    }

    #[test]
    fn what_is_lost_is_as_it_was(a in 200..900_u32, b in 50..300_u32, lost in any::<prop::sample::Index>()) {
        let schema = schema();
        let [before, after] = [1, 2].map(|value| body(&schema, [&ids(a), &ids(b)], value));
        let mut assembler = with_base(&schema, 1, &before);
        let mut second = datagrams(&schema, 1, 2, Some(&before), &after);
        let lost = second.remove(lost.index(second.len()));
        for datagram in &second {
            prop_assert_eq!(take(&mut assembler, datagram), None);
        }
        let third = datagrams(&schema, 1, 3, Some(&before), &after);
        prop_assert!(third.len() > 1);
        let (tick, partial) = take(&mut assembler, &third[0]).unwrap();
        prop_assert_eq!(tick, 2);
        prop_assert!(!assembler.received().has(Tick(2)), "nothing may be relative to it");
        let range = Range::take(&mut state_part(&lost).unwrap().body).unwrap();
        let mut seen = 0;
        for section in sections(&partial, &schema).unwrap() {
            for (id, fields) in section.entities() {
                let is_lost = range.contains(Place { kind: section.kind as u8, id });
                let expected = if is_lost { 1 } else { 2 };
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
    let large = datagrams(&schema, 1, 2, Some(&[]), &body(&schema, [&ids(900), &[]], 1));
    let small = body(&schema, [&[3], &[]], 2);
    let mut assembler = with_base(&schema, 1, &[]);
    assert_eq!(take(&mut assembler, &large[0]), None);
    assert_eq!(take(&mut assembler, &datagrams(&schema, 1, 3, None, &small)[0]), Some((3, small)));
    assert_eq!(take(&mut assembler, &large[1]), None, "too late");
}

#[test]
fn who_went_away_in_a_lost_part_stays_for_one_tick() {
    let schema = schema();
    let all = ids(600);
    let before = body(&schema, [&all, &[]], 1);
    let mut assembler = with_base(&schema, 1, &before);
    let left: Vec<u32> = all.iter().copied().filter(|id| *id != 300 && *id != 20).collect();
    let fewer = body(&schema, [&left, &[]], 2);
    let second = datagrams(&schema, 1, 2, Some(&before), &fewer);
    let is_of = |id: u32, part: &Vec<u8>| {
        let range = Range::take(&mut state_part(part).unwrap().body).unwrap();
        range.contains(Place { kind: 0, id: NetId(id) })
    };
    second.iter().filter(|part| !is_of(300, part)).for_each(|part| drop(take(&mut assembler, part)));
    let third = datagrams(&schema, 1, 3, Some(&before), &fewer);
    let (_, still) = take(&mut assembler, &third[0]).unwrap();
    let has = |id: u32| sections(&still, &schema).unwrap()[0].entities().any(|(other, _)| other.0 == id);
    assert!(has(300) && !has(20));
    assert_eq!(assembler.left_view(), [NetId(20)]);
    let given: Vec<_> = third[1..].iter().filter_map(|part| take(&mut assembler, part)).collect();
    assert_eq!(given, [(3, fewer)]);
    assert_eq!(assembler.left_view(), [NetId(20), NetId(300)], "of every part");
}

#[test]
fn another_epoch_and_another_number_of_parts_do_not_belong() {
    let schema = schema();
    let small = body(&schema, [&[3], &[]], 2);
    let mut assembler = with_base(&schema, 2, &[]);
    assert!(take(&mut assembler, &datagrams(&schema, 1, 9, None, &small)[0]).is_none());
    assert!(take(&mut assembler, &datagrams(&schema, 2, 4, None, &small)[0]).is_some());
    let large = datagrams(&schema, 2, 5, Some(&[]), &body(&schema, [&ids(900), &[]], 1));
    assert_eq!(take(&mut assembler, &large[1]), None);
    let first = state_part(&large[0]).unwrap();
    let foreign = StatePart { body: &[9, 1, 0], ..first.clone() };
    assert!(assembler.take_part(&foreign).is_err(), "no range and no bits");
    let foreign = StatePart { parts: first.parts + 1, ..first.clone() };
    assert_eq!(assembler.take_part(&foreign), Ok(None));
    let foreign = StatePart { base: None, ..first };
    assert!(assembler.take_part(&foreign).is_err(), "a whole state has one part");
    let given = large.iter().filter_map(|datagram| take(&mut assembler, datagram)).count();
    assert_eq!(given, 1, "it changed nothing");
}

#[test]
fn parts_that_leave_a_gap_or_overlap_are_refused() {
    let schema = schema();
    let [before, after] = [1, 2].map(|value| body(&schema, [&[], &ids(200)], value));
    let large = datagrams(&schema, 1, 5, Some(&before), &after);
    let parts: Vec<_> = large.iter().map(|part| state_part(part).unwrap()).collect();
    assert!(parts.len() > 3);
    let last = parts.len() as u16 - 1;
    let as_number = |at: usize, part: u16| StatePart { part, ..parts[at].clone() };
    for (came, refused) in [
        (vec![], as_number(1, 0)),
        (vec![], as_number(1, last)),
        (vec![as_number(0, 0)], as_number(2, 1)),
        (vec![as_number(0, 0)], as_number(0, 1)),
        (vec![as_number(2, 2)], as_number(0, 1)),
        (vec![as_number(0, 0), as_number(2, 2)], as_number(3, 1)),
    ] {
        let mut assembler = with_base(&schema, 1, &before);
        came.iter().for_each(|part| assert_eq!(assembler.take_part(part), Ok(None)));
        assert_eq!(assembler.take_part(&refused), Err(DeltaError::Place), "{}", refused.part);
    }
}

#[test]
fn what_is_skipped_is_received_with_the_last_of_its_parts() {
    let mut assembler = Assembler::new(Epoch(1), &schema());
    for (tick, parts, is_received) in
        [(5, 1, true), (6, 3, false), (6, 3, false), (7, 2, false), (6, 3, false), (7, 2, true), (8, 1, true)]
    {
        assembler.skip(Tick(tick), parts);
        assert_eq!(assembler.received().has(Tick(tick)), is_received, "{tick}");
    }
    assert_eq!(assembler.received(), Acknowledged { tick: Tick(8), mask: 0b101 });
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
