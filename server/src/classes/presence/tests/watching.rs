//! Who is told what.

use super::*;

/// What a client was told first.
fn first(bed: &Testbed, socket: SocketId) -> Vec<String> {
    let told = &told(bed, socket)[0];
    assert_eq!(told["t"], "state");
    told["users"].as_array().unwrap().iter().map(short).collect()
}

#[test]
fn who_comes_is_told_everybody_and_then_what_changes() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        let bob = enter(&mut bed, "bob");
        assert_eq!(
            (first(&bed, ann), first(&bed, bob)),
            (vec!["ann".to_owned()], vec!["ann".to_owned(), "bob".to_owned()])
        );
        assert_eq!(told(&bed, bob)[0]["user"], "bob");
        bed.advance(SECOND);
        send(&mut bed, ann, &json!({ "t": "beat", "status": "away" }));
        bed.advance(SECOND);
        assert_eq!(changes(&bed, bob), [vec!["ann", "bob"], vec!["(ann)"]]);
    }
}

#[test]
fn changes_of_a_tenth_of_a_second_are_one_message() {
    for mut bed in beds() {
        let watcher = enter(&mut bed, "watcher");
        bed.advance(SECOND);
        for n in 0..50 {
            call_as(&mut bed, user(&format!("u{n:02}")), "beat", Value::Null).unwrap();
        }
        bed.advance(Duration::from_millis(99));
        assert_eq!(changes(&bed, watcher).len(), 1, "it waits for more");
        bed.advance(Duration::from_millis(1));
        let batches = changes(&bed, watcher);
        assert_eq!((batches.len(), batches[1].len()), (2, 50));
        bed.advance(SECOND * 75);
        let batches = changes(&bed, watcher);
        assert_eq!(batches.iter().flatten().filter(|seen| seen.starts_with('-')).count(), 51);
        let sizes: Vec<_> = batches.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 50, 1, 50], "those who expire together are told together");
    }
}

#[test]
fn a_socket_watches_many_users_and_is_told_of_no_others() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        let friends: Vec<String> = (0..500).map(|n| format!("friend-{n}")).collect();
        send(&mut bed, ann, &json!({ "t": "watch", "users": friends }));
        let state = told(&bed, ann).pop().unwrap();
        assert_eq!(state["users"].as_array().unwrap().len(), 500);
        assert!(state["users"].as_array().unwrap().iter().all(|seen| seen["status"] == "offline"));
        bed.advance(Duration::from_secs(30));
        for name in ["friend-7", "stranger", "friend-9"] {
            call_as(&mut bed, user(name), "beat", Value::Null).unwrap();
        }
        bed.advance(SECOND);
        assert_eq!(changes(&bed, ann), [["friend-7", "friend-9"]], "in one message, over a hibernation");
        call_as(&mut bed, user("stranger"), "beat", json!({ "status": "away" })).unwrap();
        bed.advance(SECOND);
        assert_eq!(changes(&bed, ann).len(), 1);
        send(&mut bed, ann, &json!({ "t": "watch" }));
        let state = told(&bed, ann).pop().unwrap();
        let seen: Vec<_> = state["users"].as_array().unwrap().iter().map(short).collect();
        assert_eq!(seen, ["ann", "friend-7", "friend-9", "(stranger)"]);
    }
}

#[test]
fn who_comes_back_after_a_drain_goes_on_watching() {
    let mut bed = Testbed::new().object::<Presence>();
    let (ann, _bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
    send(&mut bed, ann, &json!({ "t": "watch", "users": ["bob"] }));
    bed.advance(SECOND);
    let mut tokens = bed.drain();
    let again = bed.resume("presence", SPACE, tokens.remove(&ann).unwrap()).unwrap();
    assert_eq!(first(&bed, again), ["bob"]);
    bed.advance(SECOND * 80);
    assert_eq!(changes(&bed, again), [["-bob"]]);
}

#[test]
fn what_is_no_message_is_answered_with_an_error_and_the_socket_stays() {
    let hostile = [
        "",
        "{",
        "null",
        r#"{"t":"say"}"#,
        r#"{"t":"beat","status":"king"}"#,
        r#"{"t":"beat","status":"away","user":"bob"}"#,
        r#"{"t":"beat","typing":1}"#,
        r#"{"t":"watch","users":"bob"}"#,
        r#"{"t":"watch","users":["bob",1]}"#,
        r#"{"t":"watch","users":[""]}"#,
    ];
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        for text in hostile {
            bed.send("presence", SPACE, ann, text);
        }
        bed.send("presence", SPACE, ann, vec![0xFF]);
        let errors: Vec<_> = told(&bed, ann).into_iter().filter(|told| told["t"] == "error").collect();
        assert_eq!(errors.len(), hostile.len() + 1);
        assert!(errors.iter().all(|error| error["code"] == "invalid"), "{errors:?}");
        assert_eq!((bed.client(ann).closed, there(&mut bed)), (None, vec!["ann".to_owned()]));
    }
}
