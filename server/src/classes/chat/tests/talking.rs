//! Saying something, and being told.

use super::*;

#[test]
fn everybody_gets_every_message_in_order_with_user_and_time() {
    for mut bed in beds() {
        let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        say(&mut bed, ann, "hello");
        bed.advance(SECOND);
        say(&mut bed, bob, "hi \u{1F44B}\nyou");
        let messages = told_of(&bed, ann, "message");
        assert_eq!(messages, told_of(&bed, bob, "message"), "the same for everybody, the author too");
        let now_ms = bed.unix_ms();
        let first =
            json!({ "t": "message", "id": 1, "user": "ann", "text": "hello", "unix_ms": now_ms - 1000 });
        let second = json!({
            "t": "message", "id": 2, "user": "bob", "text": "hi \u{1F44B}\nyou", "unix_ms": now_ms,
        });
        assert_eq!(messages, [first, second]);
    }
}

#[test]
fn who_comes_later_is_told_the_history_on_joining_and_over_http() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        for text in ["one", "two", "three"] {
            say(&mut bed, ann, text);
        }
        bed.restart();
        let bob = enter(&mut bed, "bob");
        let welcome = &told(&bed, bob)[0];
        assert_eq!((&welcome["t"], &welcome["room"]), (&json!("welcome"), &json!("lobby")));
        assert_eq!((&welcome["user"], &welcome["members"]), (&json!("bob"), &json!(1)));
        assert_eq!(texts(welcome["messages"].as_array().unwrap()), ["one", "two", "three"]);
        assert_eq!(welcome["more"], false);
        let asked = call_as(&mut bed, user("cid"), "history", json!({ "limit": 2 })).unwrap();
        assert_eq!(
            (texts(asked["messages"].as_array().unwrap()), &asked["more"]),
            (vec!["two", "three"], &json!(true))
        );
        let older = call_as(&mut bed, user("cid"), "history", json!({ "before": 2 })).unwrap();
        assert_eq!(
            (texts(older["messages"].as_array().unwrap()), &older["more"]),
            (vec!["one"], &json!(false))
        );
        assert_eq!(
            call_as(&mut bed, user("cid"), "history", Value::Null).unwrap()["messages"],
            welcome["messages"]
        );
    }
}

#[test]
fn a_user_speaks_over_http_as_the_token_says_and_a_key_announces() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        let said = call_as(&mut bed, user("bob"), "say", json!({ "text": "by http" })).unwrap();
        assert_eq!((&said["id"], &said["user"]), (&json!(1), &json!("bob")));
        let claimed = json!({ "text": "x", "user": "ann" });
        invalid(call_as(&mut bed, user("bob"), "say", claimed));
        assert!(matches!(ask(&mut bed, "say", json!({ "text": "x" })), Err(CallError::Forbidden(_))));
        assert_eq!(ask(&mut bed, "announce", json!({ "text": "round 2" })).unwrap()["user"], Value::Null);
        assert_eq!(texts(&told_of(&bed, ann, "message")), ["by http", "round 2"]);
    }
}

#[test]
fn who_speaks_too_fast_is_told_when_to_go_on_and_others_are_not_held_up() {
    for mut bed in beds() {
        let (ann, other, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        for n in 0..4 {
            say(&mut bed, if n % 2 == 0 { ann } else { other }, "fast");
        }
        call_as(&mut bed, user("ann"), "say", json!({ "text": "the fifth" })).unwrap();
        say(&mut bed, other, "the sixth");
        let error = told_of(&bed, other, "error");
        assert_eq!((&error[0]["code"], &error[0]["retry_after_ms"]), (&json!("too_fast"), &json!(1000)));
        assert!(told_of(&bed, ann, "error").is_empty(), "on the socket it came from alone");
        let refused = call_as(&mut bed, user("ann"), "say", json!({ "text": "x" }));
        assert_eq!(refused, Err(CallError::TooFast { retry_after_ms: 1000 }));
        say(&mut bed, bob, "I may");
        bed.advance(Duration::from_millis(999));
        let refused = call_as(&mut bed, user("ann"), "say", json!({ "text": "x" }));
        assert_eq!(refused, Err(CallError::TooFast { retry_after_ms: 1 }));
        bed.advance(Duration::from_millis(1));
        say(&mut bed, ann, "one more");
        say(&mut bed, ann, "not two");
        assert_eq!(texts(&told_of(&bed, bob, "message"))[5..], ["I may", "one more"]);
        assert_eq!(told_of(&bed, ann, "error").len(), 1);
    }
}

#[test]
fn what_is_no_message_is_answered_with_an_error_and_the_socket_stays() {
    let hostile = [
        "",
        "hello",
        "{",
        "[]",
        "null",
        r#"{"t":"say"}"#,
        r#"{"t":"say","text":5}"#,
        r#"{"t":"say","text":"a","user":"bob"}"#,
        r#"{"t":"say","text":"a","text":"b"}"#,
        r#"{"t":"delete","id":1}"#,
        r#"{"t":"welcome"}"#,
        &"[".repeat(10_000),
    ];
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        for text in hostile {
            bed.send("chat", ROOM, ann, text);
        }
        bed.send("chat", ROOM, ann, vec![0xFF, 0xFE]);
        let errors = told_of(&bed, ann, "error");
        assert_eq!(errors.len(), hostile.len() + 1);
        assert!(
            errors
                .iter()
                .all(|error| error["code"] == "invalid" && !error["detail"].to_string().contains("hello"))
        );
        assert_eq!(bed.client(ann).closed, None);
        say(&mut bed, ann, "still here");
        assert_eq!(texts(&told_of(&bed, ann, "message")), ["still here"]);
    }
}

#[test]
fn a_room_hibernates_between_messages_and_its_sockets_stay() {
    let mut bed = Testbed::new().object::<Chat>();
    let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
    for n in 0..3 {
        bed.advance(Duration::from_secs(60));
        assert!(!bed.is_awake("chat", ROOM));
        say(&mut bed, ann, &n.to_string());
    }
    assert_eq!(texts(&told_of(&bed, bob, "message")), ["0", "1", "2"]);
    assert!(bed.alarms("chat", ROOM).is_empty(), "nothing wakes it but messages");
}

#[test]
fn a_thousand_members_hear_each_message_once() {
    let mut bed = Testbed::new().object::<Chat>();
    let sockets: Vec<_> = (0..1000).map(|n| enter(&mut bed, &format!("user-{n}"))).collect();
    for speaker in sockets.iter().step_by(100) {
        say(&mut bed, *speaker, "hello everybody");
    }
    for socket in &sockets {
        let ids: Vec<_> = told_of(&bed, *socket, "message").iter().map(|told| told["id"].as_u64()).collect();
        assert_eq!(ids, (1..=10).map(Some).collect::<Vec<_>>());
    }
    let members = ask(&mut bed, "members", json!({ "limit": 1 })).unwrap();
    assert_eq!(members, json!({ "members": 1000, "users": ["user-0"] }));
}
