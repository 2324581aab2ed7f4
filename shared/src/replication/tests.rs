//! Differences between views, there and back, and what is refused.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::bits::BitWriter;
use super::decode::Decoder;
use super::delta_error::DeltaError;
use super::encode::{Encoder, Pair, Parts};
use super::history::{History, VIEWS_MAX};
use super::layout::{Layout, Range, VIEW_BYTES_MAX};
use crate::ids::NetId;
use crate::schema::{Field, FieldKind, KindSchema, Schema};
use crate::time::Tick;

/// Rows by kind and id, without their ids.
type Rows = BTreeMap<(u8, u32), Vec<u8>>;

fn schema() -> Schema {
    use FieldKind::{Bool, I8, I16, I32, U8, U16, U32};
    let kind = |name: &str, kinds: &[FieldKind]| {
        let field =
            |kind: &FieldKind| Field { name: format!("{kind:?}"), kind: *kind, per_unit: 1, private: false };
        KindSchema { name: name.to_owned(), fields: kinds.iter().map(field).collect() }
    };
    let kinds = vec![
        kind("everything", &[U8, U16, U32, I8, I16, I32, Bool]),
        kind("nothing", &[]),
        kind("flag", &[Bool]),
        kind("place", &[I32, I32]),
    ];
    Schema { kinds, input: Vec::new() }
}

fn layout() -> Layout {
    Layout::new(&schema()).unwrap()
}

fn body(rows: &Rows) -> Vec<u8> {
    let mut body = Vec::new();
    for kind in 0..4 {
        let of_kind: Vec<_> = rows.range((kind, 0)..=(kind, u32::MAX)).collect();
        if of_kind.is_empty() {
            continue;
        }
        body.push(kind);
        body.extend_from_slice(&u16::try_from(of_kind.len()).unwrap().to_le_bytes());
        for ((_, id), row) in of_kind {
            body.extend_from_slice(&id.to_le_bytes());
            body.extend_from_slice(row);
        }
    }
    body
}

fn difference(base: &[u8], view: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::default().whole(Pair { layout: &layout(), base, view }, |_, _| false, &mut out);
    out
}

fn read(base: &[u8], bytes: &[u8]) -> Result<Vec<u8>, DeltaError> {
    let mut out = Vec::new();
    Decoder::default().whole(&layout(), base, bytes, &mut out).map(|()| out)
}

/// Fields of a kind from random bytes.
fn row(kind: u8, bytes: &[u8; 15]) -> Vec<u8> {
    let mut row: Vec<u8> = bytes[..schema().kinds[usize::from(kind)].row_bytes() - 4].to_vec();
    if let (0 | 2, Some(last)) = (kind, row.last_mut()) {
        *last &= 1;
    }
    row
}

/// Rows with ids from a small range and from the whole one.
fn rows(most: usize) -> impl Strategy<Value = Rows> {
    let id = prop_oneof![4 => 1_u32..60, 1 => any::<u32>()];
    btree_map((0_u8..4, id), any::<[u8; 15]>(), 0..most)
        .prop_map(|rows| rows.into_iter().map(|(place, bytes)| (place, row(place.0, &bytes))).collect())
}

/// What becomes of a row of the base: goes, changes a little, stays.
fn next_view(base: &Rows, fates: &[u8], fresh: Rows) -> Rows {
    let mut view = fresh;
    for ((place, old), fate) in base.iter().zip(fates.iter().cycle()) {
        match fate % 4 {
            0 => continue,
            1 => {
                let mut changed = old.clone();
                if let Some(byte) = changed.first_mut() {
                    *byte = if place.0 == 2 { *byte ^ 1 } else { byte.wrapping_add(fate / 4) };
                }
                view.insert(*place, changed);
            }
            _ => {
                view.insert(*place, old.clone());
            }
        }
    }
    view
}

proptest! {
    #[test]
    fn a_difference_makes_the_one_view_of_the_other(
        base in rows(80),
        fates in vec(any::<u8>(), 1..80),
        fresh in rows(30),
    ) {
        let view = body(&next_view(&base, &fates, fresh));
        let base = body(&base);
        prop_assert_eq!(read(&base, &difference(&base, &view)), Ok(view.clone()));
        prop_assert_eq!(read(&view, &difference(&view, &base)), Ok(base));
    }

    #[test]
    fn parts_are_each_read_by_themselves_and_together_make_the_view(
        base in rows(200),
        fates in vec(any::<u8>(), 1..80),
        fresh in rows(60),
        bytes_max in 80_usize..300,
    ) {
        let layout = layout();
        let view = body(&next_view(&base, &fates, fresh));
        let base = body(&base);
        let mut parts = Parts::default();
        let pair = Pair { layout: &layout, base: &base, view: &view };
        Encoder::default().parts(pair, |_, _| false, bytes_max, &mut parts);
        prop_assert!(parts.iter().all(|part| part.len() <= bytes_max));
        if parts.count() == 1 {
            prop_assert_eq!(read(&base, parts.iter().next().unwrap()), Ok(view));
            return Ok(());
        }
        let (mut joined, mut at) = (Rows::new(), Range::ALL.from);
        // The last first: none needs another.
        let mut ranges: Vec<(Range, Vec<u8>)> = Vec::new();
        for part in parts.iter().collect::<Vec<_>>().into_iter().rev() {
            let mut rows = Vec::new();
            let range = Decoder::default().part(&layout, &base, part, &mut rows).unwrap();
            ranges.insert(0, (range, rows));
        }
        for (range, rows) in ranges {
            prop_assert_eq!(range.from, at);
            at = range.until;
            for section in crate::snapshot::sections(&rows, &schema()).unwrap() {
                let kind = section.kind as u8;
                joined.extend(section.entities().map(|(id, row)| ((kind, id.0), row.to_vec())));
            }
        }
        prop_assert_eq!(at, Range::ALL.until);
        prop_assert_eq!(body(&joined), view);
    }

    #[test]
    fn whatever_the_bytes_a_view_or_an_error(base in rows(40), bytes in vec(any::<u8>(), 0..400)) {
        let base = body(&base);
        for bytes in [&bytes[..], &[&[0; 1], &bytes[..]].concat()] {
            if let Ok(view) = read(&base, bytes) {
                prop_assert_eq!(layout().check(&view), Ok(()));
            }
            let mut out = Vec::new();
            if Decoder::default().part(&layout(), &base, bytes, &mut out).is_ok() {
                prop_assert_eq!(layout().check(&out), Ok(()));
            }
        }
    }

    #[test]
    fn a_difference_that_is_cut_or_goes_on_is_refused(base in rows(40), fresh in rows(20)) {
        let (base, view) = (body(&base), body(&fresh));
        let bytes = difference(&base, &view);
        for length in 0..bytes.len() {
            let cut = read(&base, &bytes[..length]);
            prop_assert!(cut != Ok(view.clone()), "{} of {} bytes", length, bytes.len());
        }
        let longer = [&bytes[..], &[0]].concat();
        prop_assert_eq!(read(&base, &longer), Err(DeltaError::LeftOver));
    }
}

fn places(rows: &[(u32, i32)]) -> Vec<u8> {
    let row = |(id, x): &(u32, i32)| ((3, *id), [x.to_le_bytes(), 0_i32.to_le_bytes()].concat());
    body(&rows.iter().map(row).collect())
}

#[test]
fn what_stays_the_same_costs_a_bit_each() {
    let rows: Vec<_> = (1..=80).map(|id| (id, 0)).collect();
    let view = places(&rows);
    assert_eq!(difference(&view, &view).len(), (80_usize + 4).div_ceil(8), "and one for each kind");
}

#[test]
fn what_left_the_view_is_told_from_what_is_gone() {
    let layout = layout();
    let (base, view) = (places(&[(1, 0), (2, 0), (3, 0)]), places(&[(2, 0)]));
    let (mut bytes, mut out, mut decoder) = (Vec::new(), Vec::new(), Decoder::default());
    let pair = Pair { layout: &layout, base: &base, view: &view };
    Encoder::default().whole(pair, |kind, id| (kind, id) == (3, NetId(3)), &mut bytes);
    decoder.whole(&layout, &base, &bytes, &mut out).unwrap();
    assert_eq!((out, decoder.left_view()), (view, &[NetId(3)][..]));
}

#[test]
fn a_row_comes_between_others_at_its_place() {
    let (base, view) = (places(&[(5, 1), (9, 2)]), places(&[(2, 3), (5, 1), (7, 4), (9, 2), (11, 5)]));
    assert_eq!(read(&base, &difference(&base, &view)), Ok(view));
}

/// A difference to `base`, which has rows of the last kind alone: bits for those, then new rows of that kind.
fn crafted(kept: &[(u32, u32)], count: u32, fresh: impl FnOnce(&mut BitWriter)) -> Vec<u8> {
    let (mut bits, mut bytes) = (BitWriter::default(), Vec::new());
    (0..3).for_each(|_| bits.push_number(0, 0));
    kept.iter().for_each(|(value, width)| bits.push(*value, *width));
    bits.push_number(count, 0);
    fresh(&mut bits);
    bits.copy_to(&mut bytes);
    bytes
}

#[test]
fn a_new_row_in_the_place_of_another_is_refused() {
    let base = places(&[(5, 1), (9, 2)]);
    let new = |id: i32| {
        move |bits: &mut BitWriter| {
            bits.push_signed(id - 9, 2);
            bits.push(0, 1);
        }
    };
    assert!(read(&base, &crafted(&[(0, 2)], 1, new(7))).is_ok());
    for there in [5, 9] {
        assert_eq!(
            read(&base, &crafted(&[(0, 2)], 1, new(there))),
            Err(DeltaError::Place),
            "{there} is there"
        );
    }
    let beyond = crafted(&[(0, 2)], 2, |bits| {
        bits.push_signed(0, 2);
        bits.push(0, 1);
        bits.push_number(u32::MAX - 9, 2);
        bits.push(0, 1);
    });
    assert_eq!(read(&base, &beyond), Err(DeltaError::Place), "an id of more than 32 bits");
}

#[test]
fn counts_and_sizes_have_their_limits() {
    let many = |count| crafted(&[], count, |_| {});
    assert_eq!(read(&[], &many(65_536)), Err(DeltaError::Rows));
    assert_eq!(read(&[], &many(65_535)), Err(DeltaError::Truncated), "one below it is read on");
    let crowd: Vec<_> = (1..=65_535).map(|id| (id, 0)).collect();
    let crowd = places(&crowd);
    assert_eq!(read(&[], &difference(&[], &crowd)), Ok(crowd.clone()), "the most rows of a kind");
    let mut kept = vec![(0, 32); 2047];
    kept.push((0, 31));
    let one_more = crafted(&kept, 1, |bits| {
        bits.push_signed(1, 2);
        bits.push(0, 1);
    });
    assert_eq!(read(&crowd, &one_more), Err(DeltaError::Rows), "one more than a section can say");
}

/// Rows of 4 + 14 bytes, so many that the limit of a view is near.
fn large(count: u32) -> Vec<u8> {
    body(&(0..count).map(|id| ((0, id), vec![0; 15])).collect())
}

#[test]
fn a_view_is_at_most_a_mebibyte() {
    let most = (VIEW_BYTES_MAX / 19) as u32;
    assert!(layout().check(&large(most)).is_ok());
    assert_eq!(layout().check(&large(most + 1)), Err(DeltaError::Size));
    assert_eq!(read(&[], &difference(&[], &large(most + 1))), Err(DeltaError::Size));
    assert!(read(&[], &difference(&[], &large(most))).is_ok());
}

#[test]
fn bodies_that_are_no_views_are_refused() {
    let refused = Err(DeltaError::Body);
    for body in [
        &[1][..],
        &[1, 1, 0],
        &[1, 1, 0, 1, 0, 0],
        &[4, 0, 0],
        &[1, 2, 0, 2, 0, 0, 0, 2, 0, 0, 0],
        &[1, 2, 0, 2, 0, 0, 0, 1, 0, 0, 0],
        &[2, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 2, 0, 0, 0],
        &[1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 2, 0, 0, 0],
        &[2, 1, 0, 1, 0, 0, 0, 2],
    ] {
        assert_eq!(layout().check(body), refused, "{body:?}");
    }
    assert_eq!(layout().check(&[1, 2, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 0, 1, 0, 0, 0, 0]), Ok(()));
}

#[test]
fn a_part_keeps_to_its_range() {
    let layout = layout();
    let base = places(&[(5, 1), (9, 2)]);
    let from = super::layout::Place { kind: 3, id: NetId(6) };
    let part = |id: i32| {
        let mut bits = BitWriter::default();
        bits.push(0, 1);
        bits.push_number(1, 0);
        bits.push_signed(id - 9, 2);
        bits.push(0, 1);
        let mut bytes = Range { from, until: Range::ALL.until }.to_bytes().to_vec();
        bits.copy_to(&mut bytes);
        let mut out = Vec::new();
        Decoder::default().part(&layout, &base, &bytes, &mut out).map(|_| out)
    };
    assert_eq!(part(7), Ok(places(&[(7, 2), (9, 2)])), "told by the last row of the base");
    assert_eq!(part(4), Err(DeltaError::Place));
    assert_eq!(Decoder::default().part(&layout, &base, &[0; 9], &mut Vec::new()), Err(DeltaError::Truncated));
}

#[test]
fn a_schema_with_too_much_is_refused() {
    let field = Field { name: "f".to_owned(), kind: FieldKind::U8, per_unit: 1, private: false };
    let with = |kinds, fields| {
        let kind = KindSchema { name: "k".to_owned(), fields: vec![field.clone(); fields] };
        Layout::new(&Schema { kinds: vec![kind; kinds], input: Vec::new() }).map(drop)
    };
    assert_eq!(with(64, 64), Ok(()));
    assert_eq!(with(65, 1), Err(DeltaError::Schema));
    assert_eq!(with(1, 65), Err(DeltaError::Schema));
}

#[test]
fn the_history_has_the_last_views_and_no_other() {
    let mut history = History::new(layout());
    for tick in 0..=VIEWS_MAX as u64 {
        history.take_whole(Tick(tick), &places(&[(1, tick as i32)])).unwrap();
    }
    assert_eq!(history.view(Tick(0)), Err(DeltaError::Base));
    assert_eq!(history.view(Tick(1)), Ok(&places(&[(1, 1)])[..]));
    let (base, view) = (places(&[(1, 1)]), places(&[(1, 77), (2, 3)]));
    let bytes = difference(&base, &view);
    assert_eq!(history.take_difference(Tick(40), Tick(0), &bytes), Err(DeltaError::Base));
    assert_eq!(
        history.take_difference(Tick(40), Tick(1), &bytes),
        Ok(&view[..]),
        "the oldest is still a base"
    );
    assert_eq!(history.view(Tick(1)), Err(DeltaError::Base), "and makes room");
    assert_eq!(history.view(Tick(40)), Ok(&view[..]));
    assert_eq!(history.take_difference(Tick(41), Tick(40), &[]), Err(DeltaError::Truncated));
    assert_eq!(history.take_whole(Tick(41), &[9]), Err(DeltaError::Body));
    assert_eq!(history.view(Tick(41)), Err(DeltaError::Base), "what was refused is not kept");
    assert_eq!(history.view(Tick(2)), Ok(&places(&[(1, 2)])[..]));
}
