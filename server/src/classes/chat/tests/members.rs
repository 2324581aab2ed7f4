//! Who comes and goes, and what everybody may see of a room.

use super::*;
use crate::store::{MemoryStore, StoreSettings};

/// What is published of rooms.
fn listed(bed: &mut Testbed) -> Vec<Value> {
    let found = bed.objects().listings("chat", None, 10, &|_| true);
    found.into_iter().map(|listing| listing.entry).collect()
}

#[test]
fn joins_and_leaves_are_told_once_a_user() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        let (bob, window) = (enter(&mut bed, "bob"), enter(&mut bed, "bob"));
        assert_eq!(told(&bed, bob)[0]["members"], 2);
        leave(&mut bed, bob);
        bed.advance(Duration::from_secs(60));
        leave(&mut bed, window);
        let notices: Vec<_> = told(&bed, ann).into_iter().skip(1).collect();
        let join = json!({ "t": "join", "user": "bob", "members": 2 });
        assert_eq!(notices, [join, json!({ "t": "leave", "user": "bob", "members": 1 })]);
        assert!(told_of(&bed, window, "join").is_empty(), "nobody is told of themselves");
        assert_eq!(ask(&mut bed, "members", Value::Null).unwrap(), json!({ "members": 1, "users": ["ann"] }));
    }
}

#[test]
fn who_says_not_who_they_are_is_not_let_in() {
    let mut bed = Testbed::new().object::<Chat>();
    for caller in [Caller::Anonymous, Caller::Operator] {
        let socket = bed.connect("chat", ROOM, caller);
        assert_eq!(bed.client(socket).closed.map(|(code, _)| code), Some(4401));
        leave(&mut bed, socket);
    }
    assert_eq!(ask(&mut bed, "members", Value::Null).unwrap()["members"], 0);
    assert!(matches!(
        call_as(&mut bed, Caller::Anonymous, "say", json!({ "text": "x" })),
        Err(CallError::Forbidden(_))
    ));
}

#[test]
fn a_room_is_listed_with_its_members_while_somebody_is_there() {
    for mut bed in beds() {
        assert!(listed(&mut bed).is_empty());
        let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        bed.advance(Duration::from_secs(60));
        assert_eq!(listed(&mut bed), [json!({ "name": "lobby", "members": 2 })], "while it sleeps, too");
        leave(&mut bed, bob);
        assert_eq!(listed(&mut bed)[0]["members"], 1);
        ask(&mut bed, "configure", json!({ "listed": false })).unwrap();
        assert!(listed(&mut bed).is_empty());
        ask(&mut bed, "configure", json!({ "listed": true })).unwrap();
        assert_eq!(listed(&mut bed).len(), 1);
        leave(&mut bed, ann);
        assert!(listed(&mut bed).is_empty());
    }
}

#[test]
fn a_room_that_was_reset_is_listed_again_and_has_its_members() {
    let settings = StoreSettings { object_bytes_max: 400, ..StoreSettings::new("") };
    let mut bed = Testbed::on(MemoryStore::with(&settings)).object::<Chat>();
    let ann = enter(&mut bed, "ann");
    say(&mut bed, ann, &"over the quota ".repeat(30));
    assert!(told_of(&bed, ann, "message").is_empty(), "it was not stored, so the room was reset");
    assert_eq!(ask(&mut bed, "members", Value::Null).unwrap()["users"], json!(["ann"]));
    assert_eq!(listed(&mut bed), [json!({ "name": "lobby", "members": 1 })]);
}

#[test]
fn a_socket_that_comes_back_after_a_drain_is_welcomed_and_one_that_does_not_has_left() {
    let mut bed = Testbed::new().object::<Chat>();
    let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
    say(&mut bed, ann, "before");
    let mut tokens = bed.drain();
    assert!(listed(&mut bed).is_empty());
    let again = bed.resume("chat", ROOM, tokens.remove(&ann).unwrap()).unwrap();
    let welcome = &told_of(&bed, again, "welcome")[0];
    assert_eq!((&welcome["user"], &welcome["members"]), (&json!("ann"), &json!(1)));
    assert_eq!(texts(welcome["messages"].as_array().unwrap()), ["before"]);
    assert_eq!(listed(&mut bed)[0]["members"], 1);
    assert!(tokens.contains_key(&bob));
    bed.advance(Duration::from_secs(120));
    assert_eq!(told_of(&bed, again, "leave"), [json!({ "t": "leave", "user": "bob", "members": 1 })]);
}
