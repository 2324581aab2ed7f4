//! Becoming an earlier version again.

use yrs::types::Attrs;
use yrs::{Any, Array as _, ArrayPrelim, MapPrelim, XmlElementPrelim, XmlFragment as _, XmlTextPrelim};

use super::*;

fn keep(bed: &mut Testbed) -> u64 {
    ask(bed, "keep", Value::Null).unwrap()["version"].as_u64().unwrap()
}

fn restore(bed: &mut Testbed, version: u64) {
    ask(bed, "restore", json!({ "version": version })).unwrap();
}

fn told(editor: &mut Editor, bed: &mut Testbed, work: impl FnOnce(&mut TransactionMut<'_>)) {
    let update = editor.edit(work);
    send(bed, editor.socket, messages::update(&update));
}

#[test]
fn live_editors_see_the_old_text_and_go_on_from_there() {
    for mut bed in beds() {
        let (mut ann, mut bob) = (Editor::enter(&mut bed, "ann"), Editor::enter(&mut bed, "bob"));
        ann.type_in(&mut bed, 0, "the good text");
        let good = keep(&mut bed);
        bob.hear(&mut bed);
        bob.type_in(&mut bed, 4, "not so ");
        bob.set(&mut bed, "a key", "a value");
        ann.hear(&mut bed);
        let restored = ask(&mut bed, "restore", json!({ "version": good })).unwrap();
        assert_eq!(
            (&restored["restored"]["version"], &restored["before"]["version"]),
            (&json!(1), &json!(2))
        );
        ann.hear(&mut bed);
        bob.hear(&mut bed);
        assert_eq!((ann.text(), bob.text()), (bob.text(), "the good text".to_owned()));
        assert_eq!(content(&mut bed), json!({ "text": "the good text", "map": {} }));
        ann.type_in(&mut bed, 0, "still ");
        bob.hear(&mut bed);
        assert_eq!(bob.text(), "still the good text");
        restore(&mut bed, 2);
        bob.hear(&mut bed);
        assert_eq!(bob.text(), "the not so good text", "and forth again");
        assert_eq!(content(&mut bed)["map"], json!({ "a key": "a value" }));
        assert_eq!(
            ask(&mut bed, "get", json!({ "version": 1 })).unwrap()["content"]["text"],
            "the good text"
        );
    }
}

#[test]
fn maps_lists_types_in_types_and_xml_are_as_they_were() {
    for mut bed in beds() {
        let (mut ann, mut bob) = (Editor::enter(&mut bed, "ann"), Editor::enter(&mut bed, "bob"));
        told(&mut ann, &mut bed, |txn| {
            let map = txn.get_or_insert_map("map");
            map.insert(txn, "inner", MapPrelim::from([("list", ArrayPrelim::from([1, 2]))]));
            map.insert(txn, "plain", Any::from(vec![Any::Null, Any::from(1.5), Any::from("x")]));
            let list = txn.get_or_insert_array("list");
            list.insert_range(txn, 0, [1, 2, 3]);
            list.push_back(txn, ArrayPrelim::from(["deep"]));
            let xml = txn.get_or_insert_xml_fragment("xml");
            let paragraph = xml.push_back(txn, XmlElementPrelim::empty("p"));
            paragraph.push_back(txn, XmlTextPrelim::new("hello"));
        });
        let kept = content(&mut bed);
        let wanted = json!({
            "map": { "inner": { "list": [1, 2] }, "plain": [null, 1.5, "x"] },
            "list": [1, 2, 3, ["deep"]],
            "xml": ["<p>hello</p>"],
        });
        assert_eq!(kept, wanted);
        let version = keep(&mut bed);
        bob.hear(&mut bed);
        told(&mut bob, &mut bed, |txn| {
            let map = txn.get_or_insert_map("map");
            map.insert(txn, "plain", 7);
            map.remove(txn, "inner");
            txn.get_or_insert_array("list").remove_range(txn, 1, 3);
            let xml = txn.get_or_insert_xml_fragment("xml");
            xml.remove_range(txn, 0, 1);
        });
        assert_ne!(content(&mut bed), kept);
        restore(&mut bed, version);
        assert_eq!(content(&mut bed), kept);
        bed.advance(SECOND * 60);
        bed.restart();
        assert_eq!(content(&mut bed), kept);
    }
}

#[test]
fn a_text_keeps_its_formatting() {
    for mut bed in beds() {
        let mut ann = Editor::enter(&mut bed, "ann");
        let bold = Attrs::from([("bold".into(), true.into())]);
        told(&mut ann, &mut bed, |txn| {
            let text = txn.get_or_insert_text("text");
            text.insert(txn, 0, "a bold word");
            text.format(txn, 2, 4, bold);
        });
        let chunks = |editor: &Editor| {
            let text = editor.doc.get_or_insert_text("text");
            let txn = editor.doc.transact();
            let chunks = text.diff(&txn, yrs::types::text::YChange::identity);
            chunks
                .iter()
                .map(|chunk| (chunk.insert.clone().to_string(&txn), chunk.attributes.is_some()))
                .collect::<Vec<_>>()
        };
        let before = chunks(&ann);
        assert_eq!(before[1], ("bold".to_owned(), true));
        let version = keep(&mut bed);
        told(&mut ann, &mut bed, |txn| txn.get_or_insert_text("text").remove_range(txn, 0, 11));
        restore(&mut bed, version);
        ann.hear(&mut bed);
        assert_eq!(chunks(&ann), before);
    }
}

#[test]
fn a_version_is_found_by_the_time_it_was_there_and_others_are_missing() {
    for mut bed in beds() {
        let mut ann = Editor::enter(&mut bed, "ann");
        ann.type_in(&mut bed, 0, "first");
        let first_ms = bed.unix_ms();
        keep(&mut bed);
        bed.advance(SECOND * 60);
        ann.type_in(&mut bed, 0, "second ");
        let missing = ask(&mut bed, "restore", json!({ "at_unix_ms": first_ms - 1 }));
        assert!(matches!(missing, Err(CallError::Missing { code: "no_such_version", .. })), "{missing:?}");
        for body in [json!({}), json!({ "version": 1, "at_unix_ms": 1 }), json!({ "version": "1" }), json!(1)]
        {
            let refused = ask(&mut bed, "restore", body);
            assert!(matches!(refused, Err(CallError::Invalid(_))), "{refused:?}");
        }
        assert_eq!(content(&mut bed)["text"], "second first");
        let now_ms = bed.unix_ms();
        ask(&mut bed, "restore", json!({ "at_unix_ms": now_ms - 1 })).unwrap();
        assert_eq!(content(&mut bed)["text"], "first");
    }
}

#[test]
fn what_somebody_wrote_at_the_same_time_is_merged_into_it() {
    let mut bed = bed();
    let mut ann = Editor::enter(&mut bed, "ann");
    ann.type_in(&mut bed, 0, "old");
    let version = keep(&mut bed);
    ann.type_in(&mut bed, 0, "new ");
    let late = ann.write(0, "late ");
    restore(&mut bed, version);
    send(&mut bed, ann.socket, messages::update(&late));
    ann.hear(&mut bed);
    assert_eq!(content(&mut bed)["text"], ann.text());
    assert!(ann.text().contains("late ") && ann.text().contains("old") && !ann.text().contains("new"));
}
