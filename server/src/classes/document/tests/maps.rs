//! A map of the document for clients that know nothing of Yjs.

use super::*;
use crate::classes::document::{CHANGES_MAX, KEY_BYTES_MAX, MAP_BYTES_MAX, VALUE_BYTES_MAX};

fn see(bed: &mut Testbed, caller: Caller, query: &str) -> SocketId {
    bed.connect_by("document", PLAN, caller, query)
}

fn told(bed: &Testbed, socket: SocketId) -> Vec<Value> {
    bed.client(socket).texts().into_iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn say(bed: &mut Testbed, socket: SocketId, changes: &Value) {
    bed.send("document", PLAN, socket, json!({ "t": "set", "changes": changes }).to_string());
}

fn set(bed: &mut Testbed, changes: &Value) -> Result<Value, CallError> {
    ask(bed, "set", json!({ "map": "map", "changes": changes }))
}

#[test]
fn editors_of_yjs_and_others_edit_the_same_map() {
    for mut bed in beds() {
        let mut ann = Editor::enter(&mut bed, "ann");
        ann.set(&mut bed, "1,1", "wall");
        let (bob, cid) =
            (see(&mut bed, editor("bob"), "map=map"), see(&mut bed, editor("cid"), "a=b&map=map"));
        let first = json!({ "t": "map", "map": "map", "entries": { "1,1": "wall" }, "may_edit": true });
        assert_eq!(told(&bed, bob), [first]);
        say(&mut bed, bob, &json!({ "2,2": "wall", "1,1": null }));
        let change = json!({ "t": "set", "changes": { "1,1": null, "2,2": "wall" } });
        assert_eq!((&told(&bed, bob)[1], &told(&bed, cid)[1]), (&change, &change), "who made it, too");
        ann.hear(&mut bed);
        ann.set(&mut bed, "3,3", "wall");
        ann.type_in(&mut bed, 0, "no entry of the map");
        bed.advance(SECOND * 60);
        bed.restart();
        assert_eq!(told(&bed, bob)[2], json!({ "t": "set", "changes": { "3,3": "wall" } }));
        assert_eq!(told(&bed, bob).len(), 3);
        let late = see(&mut bed, editor("late"), "map=map");
        assert_eq!(told(&bed, late)[0]["entries"], json!({ "2,2": "wall", "3,3": "wall" }));
        ask(&mut bed, "keep", Value::Null).unwrap();
        assert_eq!(
            set(&mut bed, &json!({ "2,2": null, "4,4": [1, { "a": 1.5 }] })),
            Ok(json!({ "changed": 2 }))
        );
        assert_eq!(
            set(&mut bed, &json!({ "2,2": null, "4,4": [1, { "a": 1.5 }] })),
            Ok(json!({ "changed": 0 }))
        );
        ask(&mut bed, "restore", json!({ "version": 1 })).unwrap();
        let mut shown = serde_json::Map::new();
        for message in told(&bed, late) {
            let entries =
                message.get("entries").or(message.get("changes")).unwrap().as_object().unwrap().clone();
            shown.extend(entries);
            shown.retain(|_, value| !value.is_null());
        }
        assert_eq!(Value::Object(shown), content(&mut bed)["map"]);
        ann.connect(&mut bed);
        assert_eq!(ann.doc.get_or_insert_map("map").len(&ann.doc.transact()), 2);
    }
}

#[test]
fn who_may_read_alone_sees_the_map_and_is_told_so() {
    let mut bed = bed();
    let eve = see(&mut bed, reader("eve"), "map=map");
    say(&mut bed, eve, &json!({ "1,1": "wall" }));
    set(&mut bed, &json!({ "2,2": "wall" })).unwrap();
    let told = told(&bed, eve);
    assert_eq!((&told[0]["may_edit"], &told[1]["code"]), (&json!(false), &json!("not_allowed")));
    assert_eq!(told[2]["changes"], json!({ "2,2": "wall" }));
    let refused = call_as(&mut bed, reader("eve"), "set", json!({ "map": "map", "changes": { "a": 1 } }));
    assert_eq!(refused, Err(CallError::Forbidden("an editor does that".to_owned())));
}

#[test]
fn changes_have_their_limits_and_are_all_or_none() {
    let mut bed = bed();
    let many = |count: usize| Value::Object((0..count).map(|n| (n.to_string(), json!(n))).collect());
    set(&mut bed, &many(CHANGES_MAX)).unwrap();
    let long = |bytes: usize| "x".repeat(bytes);
    let deep = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    set(&mut bed, &json!({ long(KEY_BYTES_MAX): long(VALUE_BYTES_MAX - 2), "deep": deep(32) })).unwrap();
    let before = content(&mut bed);
    for beyond in [
        many(0),
        many(CHANGES_MAX + 1),
        json!({ "fits": 1, long(KEY_BYTES_MAX + 1): 1 }),
        json!({ "fits": 1, "key": long(VALUE_BYTES_MAX - 1) }),
        json!({ "fits": 1, "key": deep(33) }),
        json!({ "fits": 1, "0": u64::MAX }),
        json!({ "a\nb": 1 }),
        json!([]),
    ] {
        let refused = set(&mut bed, &beyond);
        assert!(matches!(refused, Err(CallError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(content(&mut bed), before);
    for (name, fits) in
        [(long(MAP_BYTES_MAX), true), (long(MAP_BYTES_MAX + 1), false), (String::new(), false)]
    {
        let done = ask(&mut bed, "set", json!({ "map": name, "changes": { "a": 1 } }));
        assert_eq!(done.is_ok(), fits, "{name}");
        let socket = see(&mut bed, editor("ann"), &format!("map={name}"));
        assert_eq!(closed(&bed, socket), (!fits).then_some(4400), "{name}");
    }
}

#[test]
fn what_is_no_message_is_answered_with_an_error_and_the_socket_stays() {
    for mut bed in beds() {
        let ann = see(&mut bed, editor("ann"), "map=map");
        for text in ["", "hello", "[]", r#"{"t":"set"}"#, r#"{"t":"map","changes":{}}"#, &"[".repeat(10_000)]
        {
            bed.send("document", PLAN, ann, text);
        }
        bed.send("document", PLAN, ann, vec![0, 0]);
        say(&mut bed, ann, &json!({}));
        let told = told(&bed, ann);
        assert_eq!(told.len(), 9);
        assert!(
            told[1..]
                .iter()
                .all(|told| told["code"] == "invalid" && !told["detail"].to_string().contains("hello"))
        );
        assert_eq!(closed(&bed, ann), None);
    }
}
