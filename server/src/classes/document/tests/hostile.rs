//! Bytes that no client of Yjs makes: whoever sends them is closed, and the document stays as it was.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use yrs::{Any, ArrayPrelim, MapPrelim};

use super::*;
use crate::classes::document::ledger::{Ledger, Refused, TYPE_DEPTH_MAX};
use crate::classes::document::replica::{NotApplied, Replica};
use crate::classes::document::update::{Update as Read, VALUE_DEPTH_MAX};
use crate::classes::document::wire::{Malformed, put_buffer, put_number};

/// A run of one client that begins at a clock: pieces as bytes, and nothing removed.
fn update(client: u64, clock: u64, pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![1];
    put_number(&mut bytes, pieces.len() as u64);
    put_number(&mut bytes, client);
    put_number(&mut bytes, clock);
    pieces.iter().for_each(|piece| bytes.extend(piece));
    bytes.push(0);
    bytes
}

/// The first of a named root.
fn first(root: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![content[0], 1];
    put_buffer(&mut bytes, root.as_bytes());
    bytes.extend(&content[1..]);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![4];
    put_buffer(&mut bytes, text.as_bytes());
    bytes
}

/// Something between two others.
fn between(left: (u8, u8), right: (u8, u8)) -> Vec<u8> {
    vec![0xC0 | 4, left.0, left.1, right.0, right.1, 1, b'x']
}

fn judge(bytes: &[u8]) -> Result<(), Refused> {
    Ledger::default().take(&Read::read(bytes)?)
}

#[test]
fn what_is_malformed_closes_its_sender_alone_and_changes_nothing() {
    let cases: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        vec![0, 0, 0],
        vec![0xff; 12],
        vec![1, 1, 9, 0],
        update(9, 0, &[vec![0, 0]]),
        update(9, 0, &[vec![10, 0]]),
        update(9, 0, &[first("r", &[2, 1, 1, b'1'])]),
        update(9, 0, &[first("r", &[9, 1, b'g', 127])]),
        update(9, 0, &[first("r", &[11, 0])]),
        update(9, 0, &[first("r", &[7, 5, 1, b'h'])]),
        update(9, 0, &[first("r", &[7, 9])]),
        update(9, 0, &[first("r", &[5, 1, b'{'])]),
        update(9, 0, &[first("r", &[8, 1, 0])]),
        update(9, 0, &[first("r", &[8, 0xff, 0xff, 0xff, 0xff, 0x07])]),
        update(9, 0, &[first("r", &[4, 1, 0xff])]),
        update(9, (1 << 31) - 1, &[first("r", &text("x"))]),
        update(9, 1 << 53, &[first("r", &text("x"))]),
        update(9, 0, &[vec![4, 2, 1, b'r', 1, b'x']]),
        [&[2][..], &update(9, 0, &[first("r", &text("x"))])[1..7], &update(9, 1, &[vec![0, 1]])[1..]]
            .concat(),
        vec![0, 1, 9, 1, 0xff, 0xff, 0xff, 0xff, 0x07, 1],
        [update(9, 0, &[first("r", &text("x"))]), vec![0]].concat(),
    ];
    for mut bed in beds() {
        let (mut ann, mut bob) = (Editor::enter(&mut bed, "ann"), Editor::enter(&mut bed, "bob"));
        ann.type_in(&mut bed, 0, "whole");
        let stored = bed.commits();
        for (case, bytes) in cases.iter().enumerate() {
            for frame in [messages::update(bytes), messages::answer(bytes)] {
                let eve = connect(&mut bed, editor(&format!("eve-{case}")));
                send(&mut bed, eve, frame);
                assert_eq!(closed(&bed, eve), Some(4400), "case {case}");
            }
        }
        for vector in [&[1][..], &[1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f], &[0xff; 9]] {
            let eve = connect(&mut bed, editor("eve"));
            send(&mut bed, eve, messages::ask(vector));
            assert_eq!(closed(&bed, eve), Some(4400), "{vector:?}");
        }
        assert_eq!((bed.commits(), content(&mut bed)), (stored, json!({ "text": "whole" })));
        bob.hear(&mut bed);
        bob.type_in(&mut bed, 0, "still ");
        ann.hear(&mut bed);
        assert_eq!(ann.text(), "still whole");
    }
}

#[test]
fn neighbours_are_in_one_list_and_nothing_waits_for_what_is_not_there() {
    let two = [first("one", &text("a")), first("two", &text("b"))];
    let mut ledger = Ledger::default();
    ledger.take(&Read::read(&update(9, 0, &two)).unwrap()).unwrap();
    let mut take = |bytes: &[u8]| ledger.take(&Read::read(bytes).unwrap());
    let torn = update(9, 2, &[between((9, 0), (9, 1))]);
    assert_eq!(take(&torn), Err(Refused::Malformed(Malformed("neighbours in different lists"))));
    for incomplete in [
        update(9, 3, &[first("one", &text("c"))]),
        update(9, 2, &[vec![10, 1], first("one", &text("c"))]),
        update(9, 2, &[between((9, 2), (9, 0))]),
        update(9, 2, &[between((9, 0), (8, 0))]),
        vec![0, 1, 9, 1, 1, 2],
    ] {
        assert_eq!(take(&incomplete), Err(Refused::Incomplete), "{incomplete:?}");
    }
    let around =
        [&[2, 1, 7, 0][..], &between((8, 0), (9, 0)), &[1, 8, 0], &between((7, 0), (9, 0)), &[0]].concat();
    assert_eq!(take(&around), Err(Refused::Incomplete), "each waits for the other");
    let ahead =
        [&[2, 1, 7, 0][..], &[0x84, 8, 0, 1, b'x'], &[1, 8, 0], &[0x84, 9, 0, 1, b'x'], &[0]].concat();
    take(&ahead).unwrap();
    take(&[0, 1, 9, 1, 0, 2]).unwrap();
}

#[test]
fn values_and_types_are_as_deep_as_they_may_be() {
    let value = |depth: u32| {
        let nested = (0..depth).fold(Any::Null, |inner, _| Any::from(vec![inner]));
        let doc = Doc::with_client_id(9);
        let mut txn = doc.transact_mut();
        txn.get_or_insert_map("map").insert(&mut txn, "key", nested);
        txn.encode_update_v1()
    };
    judge(&value(VALUE_DEPTH_MAX)).unwrap();
    let deep = Err(Refused::Malformed(Malformed("a value is nested too deep")));
    assert_eq!(judge(&value(VALUE_DEPTH_MAX + 1)), deep);
    let types = |depth: u32| {
        let mut pieces = vec![first("root", &[7, 0])];
        pieces.extend((1..depth).map(|n| vec![7, 0, 9, n as u8 - 1, 0]));
        update(9, 0, &pieces)
    };
    judge(&types(TYPE_DEPTH_MAX - 1)).unwrap();
    let mut replica = Replica::new(1);
    replica.apply(&types(TYPE_DEPTH_MAX - 1)).unwrap();
    assert!(replica.json()["root"].is_array());
    let deep = Refused::Malformed(Malformed("shared types are nested too deep"));
    assert_eq!(replica.apply(&types(TYPE_DEPTH_MAX + 1)), Err(NotApplied::Refused(deep)));
}

/// An update with everything in it that there is.
fn rich() -> Vec<u8> {
    let doc = Doc::with_client_id(9);
    let mut txn = doc.transact_mut();
    let text = txn.get_or_insert_text("text");
    text.insert(&mut txn, 0, "some text");
    text.format(&mut txn, 2, 3, [("bold".into(), true.into())].into());
    text.remove_range(&mut txn, 0, 2);
    let map = txn.get_or_insert_map("map");
    map.insert(&mut txn, "a", MapPrelim::from([("b", ArrayPrelim::from([1, 2]))]));
    map.insert(&mut txn, "a", Any::from(vec![Any::from(1.5), Any::Null]));
    txn.encode_update_v1()
}

#[test]
fn an_update_that_is_changed_at_random_is_refused_or_applied_whole() {
    let mut rng = Pcg64Mcg::seed_from_u64(6);
    let (good, mut applied) = (rich(), 0);
    for n in 0..4_000 {
        let mut bytes = good.clone();
        for _ in 0..1 + n % 3 {
            let at = (rng.next_u64() % bytes.len() as u64) as usize;
            match n % 4 {
                0 => bytes[at] = rng.next_u64() as u8,
                1 => bytes[at] ^= 1 << (rng.next_u64() % 8),
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, rng.next_u64() as u8),
            }
        }
        let mut replica = Replica::of(1, [&*good]).unwrap();
        let before = replica.state();
        match replica.apply(&bytes) {
            Ok(_) => {
                applied += 1;
                let again = Replica::of(2, [&*replica.state()]).unwrap();
                assert_eq!(again.json(), replica.json(), "{bytes:?}");
            }
            Err(NotApplied::Refused(_)) => assert_eq!(replica.state(), before, "{bytes:?}"),
            Err(NotApplied::Broken(_)) => panic!("the library took it badly: {bytes:?}"),
        }
    }
    assert!(applied > 100, "{applied}");
}
