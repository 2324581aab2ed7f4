//! Every limit, and one beyond it; when a snapshot is made.

use super::*;
use crate::classes::document::{
    DOCUMENT_BYTES_MAX, QUIET_MS, ROWS_MAX, SNAPSHOT_EVERY_MS, SOCKETS_PER_USER_MAX, VERSION_EVERY_MS,
    VERSIONS_MAX,
};

fn rows(bed: &Testbed) -> usize {
    bed.stored("document", PLAN).keys(b"row/").unwrap().len()
}

fn has_snapshot(bed: &Testbed) -> bool {
    bed.stored("document", PLAN).get(b"snapshot").unwrap().is_some()
}

fn versions(bed: &mut Testbed) -> Vec<Value> {
    ask(bed, "versions", Value::Null).unwrap()["versions"].as_array().unwrap().clone()
}

#[test]
fn every_edit_is_a_row_until_nobody_has_edited_for_two_seconds() {
    for mut bed in beds() {
        let mut ann = Editor::enter(&mut bed, "ann");
        ann.type_in(&mut bed, 0, "a");
        bed.advance(Duration::from_millis(QUIET_MS - 1));
        ann.type_in(&mut bed, 0, "b");
        bed.advance(Duration::from_millis(QUIET_MS - 1));
        assert_eq!((rows(&bed), has_snapshot(&bed)), (2, false));
        bed.advance(Duration::from_millis(1));
        assert_eq!((rows(&bed), has_snapshot(&bed)), (0, true));
        assert!(bed.alarms("document", PLAN).is_empty());
        assert_eq!(content(&mut bed)["text"], "ba");
    }
}

#[test]
fn a_snapshot_is_made_in_the_middle_of_editing_after_half_a_minute() {
    for mut bed in beds() {
        let mut ann = Editor::enter(&mut bed, "ann");
        for _ in 0..SNAPSHOT_EVERY_MS / 1_000 {
            ann.type_in(&mut bed, 0, "a");
            assert!(!has_snapshot(&bed));
            bed.advance(SECOND);
        }
        assert!(has_snapshot(&bed));
    }
}

#[test]
fn so_many_edits_are_rows_and_one_more_makes_the_snapshot_at_once() {
    let mut bed = bed();
    let mut ann = Editor::enter(&mut bed, "ann");
    for _ in 0..ROWS_MAX {
        ann.type_in(&mut bed, 0, "a");
    }
    assert_eq!((rows(&bed), has_snapshot(&bed)), (ROWS_MAX, false));
    ann.type_in(&mut bed, 0, "a");
    assert_eq!((rows(&bed), has_snapshot(&bed)), (0, true));
    bed.restart();
    assert_eq!(content(&mut bed)["text"], "a".repeat(ROWS_MAX + 1));
}

#[test]
fn a_document_has_its_bytes_and_what_would_be_one_too_many_is_refused_whole() {
    for mut bed in beds() {
        let mut ann = Editor::enter(&mut bed, "ann");
        let around = ann.doc.transact().state_vector().encode_v1().len();
        let mut probe = Editor::as_caller(&mut bed, 5, reader("probe"));
        let overhead = probe.write(0, &"x".repeat(DOCUMENT_BYTES_MAX / 2)).len() - DOCUMENT_BYTES_MAX / 2;
        assert!(around < 32 && overhead < 64);
        let mut bob = Editor::as_caller(&mut bed, 6, editor("bob"));
        bob.type_in(&mut bed, 0, &"x".repeat(DOCUMENT_BYTES_MAX - overhead));
        let reply = ask(&mut bed, "get", Value::Null).unwrap();
        assert_eq!(
            (closed(&bed, bob.socket), reply["bytes"].as_u64()),
            (None, Some(DOCUMENT_BYTES_MAX as u64))
        );
        ann.hear(&mut bed);
        bob.type_in(&mut bed, 0, "x");
        assert_eq!(closed(&bed, bob.socket), Some(4423));
        assert_eq!(ask(&mut bed, "get", Value::Null).unwrap()["bytes"], DOCUMENT_BYTES_MAX);
        let removed = ann.edit(|txn| txn.get_or_insert_text("text").remove_range(txn, 0, 1_000));
        send(&mut bed, ann.socket, messages::update(&removed));
        assert_eq!(closed(&bed, ann.socket), None, "there is room again");
        let bytes = ask(&mut bed, "get", Value::Null).unwrap()["bytes"].as_u64().unwrap();
        assert!(bytes < DOCUMENT_BYTES_MAX as u64 - 900, "{bytes}");
    }
}

#[test]
fn a_user_has_so_many_sockets() {
    let mut bed = bed();
    let sockets: Vec<_> = (0..=SOCKETS_PER_USER_MAX).map(|_| connect(&mut bed, editor("ann"))).collect();
    let refused: Vec<_> = sockets.iter().filter(|socket| closed(&bed, **socket) == Some(4423)).collect();
    assert_eq!(refused, [&sockets[SOCKETS_PER_USER_MAX]]);
}

#[test]
fn a_version_is_kept_every_five_minutes_of_editing_and_never_more_than_32() {
    for mut bed in beds() {
        let mut ann = Editor::enter(&mut bed, "ann");
        ann.type_in(&mut bed, 0, "a");
        let first_ms = bed.unix_ms();
        bed.advance(Duration::from_millis(VERSION_EVERY_MS - 1));
        assert_eq!(versions(&mut bed).len(), 1);
        ann.type_in(&mut bed, 0, "b");
        bed.advance(SECOND * 10);
        assert_eq!(versions(&mut bed).len(), 1);
        ann.type_in(&mut bed, 0, "c");
        bed.advance(SECOND * 10);
        let kept = versions(&mut bed);
        assert_eq!((kept.len(), &kept[0]["unix_ms"], &kept[1]["version"]), (2, &json!(first_ms), &json!(2)));
        bed.advance(Duration::from_millis(VERSION_EVERY_MS * 2));
        assert_eq!(versions(&mut bed).len(), 2, "where nobody edits there is nothing to keep");
        for n in 2..VERSIONS_MAX + 3 {
            ann.type_in(&mut bed, 0, "d");
            assert_eq!(ask(&mut bed, "keep", Value::Null).unwrap()["version"], n + 1);
        }
        assert_eq!(
            ask(&mut bed, "keep", Value::Null).unwrap()["version"],
            VERSIONS_MAX + 3,
            "it is that one"
        );
        let kept = versions(&mut bed);
        assert_eq!((kept.len(), &kept[0]["version"]), (VERSIONS_MAX, &json!(4)));
        assert_eq!(bed.stored("document", PLAN).keys(b"version/").unwrap().len(), VERSIONS_MAX);
        let gone = ask(&mut bed, "get", json!({ "version": 3 }));
        assert!(matches!(gone, Err(CallError::Missing { code: "no_such_version", .. })), "{gone:?}");
    }
}
