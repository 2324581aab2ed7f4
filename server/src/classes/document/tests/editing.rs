//! Editing together.

use super::*;

#[test]
fn two_editors_see_what_the_other_writes_and_a_third_all_of_it() {
    for mut bed in beds() {
        let (mut ann, mut bob) = (Editor::enter(&mut bed, "ann"), Editor::enter(&mut bed, "bob"));
        ann.type_in(&mut bed, 0, "hello");
        bob.hear(&mut bed);
        bob.type_in(&mut bed, 5, " world \u{1F30D}");
        ann.hear(&mut bed);
        assert_eq!((ann.text(), bob.text()), (bob.text(), "hello world \u{1F30D}".to_owned()));
        bed.advance(SECOND * 60);
        bed.restart();
        let mut cid = Editor::enter(&mut bed, "cid");
        cid.hear(&mut bed);
        assert_eq!(cid.text(), ann.text());
        assert_eq!(content(&mut bed), json!({ "text": ann.text() }));
    }
}

#[test]
fn what_is_written_at_the_same_time_and_alone_is_merged() {
    for mut bed in beds() {
        let (mut ann, mut bob) = (Editor::enter(&mut bed, "ann"), Editor::enter(&mut bed, "bob"));
        ann.type_in(&mut bed, 0, "()");
        bob.hear(&mut bed);
        let (one, two) = (ann.write(1, "aaa"), bob.write(1, "bbb"));
        send(&mut bed, ann.socket, messages::update(&one));
        send(&mut bed, bob.socket, messages::update(&two));
        ann.hear(&mut bed);
        bob.hear(&mut bed);
        assert_eq!(ann.text(), bob.text());
        bob.leave(&mut bed);
        bob.write(0, "offline: ");
        ann.type_in(&mut bed, 0, "online: ");
        bob.connect(&mut bed);
        ann.hear(&mut bed);
        assert_eq!(ann.text(), bob.text());
        assert!(["aaa", "bbb", "offline: ", "online: "].iter().all(|part| ann.text().contains(part)));
        assert_eq!(content(&mut bed)["text"], ann.text());
    }
}

#[test]
fn an_edit_that_comes_before_what_it_builds_on_is_asked_for_and_nothing_is_kept_back() {
    for mut bed in beds() {
        let mut ann = Editor::enter(&mut bed, "ann");
        let bob = Editor::enter(&mut bed, "bob");
        ann.write(0, "lost on the way, ");
        let second = ann.write(0, "and then ");
        let before = frames(&bed, bob.socket).len();
        send(&mut bed, ann.socket, messages::update(&second));
        assert_eq!(content(&mut bed), json!({}));
        assert_eq!(frames(&bed, bob.socket).len(), before);
        ann.hear(&mut bed);
        assert_eq!(content(&mut bed), json!({ "text": "and then lost on the way, " }));
        let told = frames(&bed, ann.socket).len();
        let third = ann.write(0, "x");
        ann.write(0, "y");
        let gap = ann.write(0, "z");
        send(&mut bed, ann.socket, messages::answer(&gap));
        assert_eq!(frames(&bed, ann.socket).len(), told, "who was asked is not asked again");
        send(&mut bed, ann.socket, messages::update(&third));
        assert_eq!(content(&mut bed)["text"], "xand then lost on the way, ");
    }
}

#[test]
fn what_is_told_again_is_neither_stored_nor_told_to_others() {
    for mut bed in beds() {
        let (mut ann, bob) = (Editor::enter(&mut bed, "ann"), Editor::enter(&mut bed, "bob"));
        let update = ann.write(0, "once");
        send(&mut bed, ann.socket, messages::update(&update));
        let (commits, told) = (bed.commits(), frames(&bed, bob.socket).len());
        send(&mut bed, ann.socket, messages::update(&update));
        send(&mut bed, bob.socket, messages::answer(&update));
        assert_eq!((bed.commits(), frames(&bed, bob.socket).len()), (commits, told));
        assert_eq!(content(&mut bed)["text"], "once");
    }
}

#[test]
fn who_may_read_alone_sees_everything_and_changes_nothing() {
    for mut bed in beds() {
        let mut ann = Editor::enter(&mut bed, "ann");
        let mut eve = Editor::as_caller(&mut bed, 66, reader("eve"));
        ann.type_in(&mut bed, 0, "hello");
        eve.hear(&mut bed);
        assert_eq!((eve.text(), eve.is_denied()), ("hello".to_owned(), false));
        let commits = bed.commits();
        eve.type_in(&mut bed, 0, "graffiti ");
        let all = eve.doc.transact().encode_state_as_update_v1(&StateVector::default());
        send(&mut bed, eve.socket, messages::answer(&all));
        eve.hear(&mut bed);
        assert_eq!((eve.denied, closed(&bed, eve.socket), bed.commits()), (2, None, commits));
        send(&mut bed, eve.socket, messages::answer(&[0, 0]));
        eve.hear(&mut bed);
        assert_eq!(eve.denied, 2, "who has nothing to say is not told off");
        ann.hear(&mut bed);
        assert_eq!((ann.text(), content(&mut bed)["text"].as_str()), ("hello".to_owned(), Some("hello")));
        for method in ["keep", "restore"] {
            let refused = call_as(&mut bed, reader("eve"), method, json!({ "version": 1 }));
            assert!(matches!(refused, Err(CallError::Forbidden(_) | CallError::Invalid(_))), "{refused:?}");
        }
        let refused = call_as(&mut bed, reader("eve"), "keep", Value::Null);
        assert_eq!(refused, Err(CallError::Forbidden("an editor does that".to_owned())));
        call_as(&mut bed, reader("eve"), "get", Value::Null).unwrap();
    }
}

#[test]
fn who_is_nobody_is_not_let_in() {
    let mut bed = bed();
    for caller in [Caller::Anonymous, Caller::Operator] {
        let socket = connect(&mut bed, caller);
        assert_eq!(closed(&bed, socket), Some(4401));
    }
}

#[test]
fn a_document_hibernates_between_edits_and_who_only_looks_stores_nothing() {
    let mut bed = bed();
    let mut ann = Editor::enter(&mut bed, "ann");
    let commits = bed.commits();
    assert_eq!(content(&mut bed), json!({}));
    ann.leave(&mut bed);
    bed.advance(SECOND * 60);
    assert_eq!(bed.commits(), commits, "nothing was stored");
    ann.connect(&mut bed);
    let mut bob = Editor::enter(&mut bed, "bob");
    for n in 0..3 {
        ann.type_in(&mut bed, 0, &n.to_string());
        bed.advance(SECOND * 60);
        assert!(!bed.is_awake("document", PLAN));
        assert!(bed.alarms("document", PLAN).is_empty(), "nothing wakes it but edits");
    }
    bob.hear(&mut bed);
    assert_eq!(bob.text(), "210");
}

#[test]
fn a_text_in_a_socket_is_refused() {
    let mut bed = bed();
    let ann = Editor::enter(&mut bed, "ann");
    bed.send("document", PLAN, ann.socket, "hello");
    assert_eq!(closed(&bed, ann.socket), Some(4400));
    assert!(!bed.client(ann.socket).received.iter().any(is_text));
}
