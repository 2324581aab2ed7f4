//! Who comes and goes, and what everybody may see of a room.

use super::*;
use crate::classes::chat::notices::{BETWEEN, NAMED_MAX};
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

/// What a client was told of who came and went.
fn notices(bed: &Testbed, socket: SocketId) -> Vec<Value> {
    let kinds = ["join", "leave", "members"];
    told(bed, socket).into_iter().filter(|told| kinds.contains(&told["t"].as_str().unwrap())).collect()
}

#[test]
fn many_who_come_at_once_are_told_of_in_one_message_which_names_200() {
    for (crowd, named) in [(NAMED_MAX, NAMED_MAX), (NAMED_MAX + 1, NAMED_MAX)] {
        let mut bed = Testbed::new().object::<Chat>();
        let ann = enter(&mut bed, "ann");
        enter(&mut bed, "bob");
        let sockets: Vec<_> = (0..crowd).map(|n| enter(&mut bed, &format!("user-{n:03}"))).collect();
        let first = json!({ "t": "join", "user": "bob", "members": 2 });
        assert_eq!(notices(&bed, ann), std::slice::from_ref(&first), "at once");
        bed.advance(BETWEEN);
        let joined: Vec<_> = (0..named).map(|n| format!("user-{n:03}")).collect();
        let rest = json!({ "t": "members", "members": crowd + 2, "joined": joined, "left": [] });
        assert_eq!(notices(&bed, ann), [first, rest.clone()]);
        assert_eq!(notices(&bed, sockets[0]), [rest], "those who came, too");
        bed.advance(SECOND);
        assert_eq!(notices(&bed, ann).len(), 2);
    }
}

#[test]
fn who_comes_and_goes_in_a_moment_is_not_told_of_and_one_alone_is_by_name() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        let bob = enter(&mut bed, "bob");
        leave(&mut bed, bob);
        let cid = enter(&mut bed, "cid");
        leave(&mut bed, cid);
        bed.advance(BETWEEN);
        let came = json!({ "t": "join", "user": "bob", "members": 2 });
        assert_eq!(notices(&bed, ann), [came, json!({ "t": "leave", "user": "bob", "members": 1 })]);
        bed.advance(BETWEEN);
        let dan = enter(&mut bed, "dan");
        assert_eq!(notices(&bed, ann)[2]["user"], "dan", "at once again");
        let eve = enter(&mut bed, "eve");
        bed.advance(BETWEEN);
        assert_eq!(notices(&bed, ann)[3], json!({ "t": "join", "user": "eve", "members": 3 }));
        assert_eq!(notices(&bed, dan)[0]["user"], "eve");
        assert!(notices(&bed, eve).is_empty(), "nobody is told of themselves alone");
    }
}

#[test]
fn a_call_that_fails_takes_no_notice_away() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        for name in ["bob", "cid", "dan"] {
            enter(&mut bed, name);
        }
        assert!(call_as(&mut bed, user("ann"), "say", json!({ "text": "" })).is_err());
        bed.advance(BETWEEN);
        let rest = json!({ "t": "members", "members": 4, "joined": ["cid", "dan"], "left": [] });
        assert_eq!(notices(&bed, ann)[1..], [rest]);
    }
}

#[test]
fn a_room_that_was_reset_counts_those_whom_it_does_not_name() {
    let settings = StoreSettings { object_bytes_max: 400, ..StoreSettings::new("") };
    let mut bed = Testbed::on(MemoryStore::with(&settings)).object::<Chat>();
    let ann = enter(&mut bed, "ann");
    for name in ["bob", "cid", "dan"] {
        enter(&mut bed, name);
    }
    say(&mut bed, ann, &"over the quota ".repeat(30));
    bed.advance(SECOND);
    assert_eq!(notices(&bed, ann).len(), 1, "of bob alone");
    enter(&mut bed, "eve");
    assert_eq!(notices(&bed, ann)[1], json!({ "t": "join", "user": "eve", "members": 5 }));
}
