//! Preferences and notifications, and who hears of them.

use super::*;

#[test]
fn preferences_are_kept_by_key_and_told_to_every_socket() {
    for mut bed in beds() {
        let (desk, phone) = (enter(&mut bed), enter(&mut bed));
        let set = ask(&mut bed, "set", json!({ "preferences": { "sound": false, "keys": { "up": "w" } } }))
            .unwrap();
        assert_eq!(
            set,
            json!({ "preferences": { "sound": false, "keys": { "up": "w" } }, "unread": 0, "dropped": 0 })
        );
        bed.advance(Duration::from_secs(60));
        assert!(!bed.is_awake("profile", "ann"), "it hibernates; its sockets stay");
        say(&mut bed, phone, json!({ "t": "set", "preferences": { "sound": null, "theme": "dark" } }));
        for socket in [desk, phone] {
            let told = told(&bed, socket);
            assert_eq!(told[0]["t"], "hello");
            assert_eq!(told[1]["changed"], json!({ "sound": false, "keys": { "up": "w" } }));
            assert_eq!(told[2], json!({ "t": "preferences", "changed": { "sound": null, "theme": "dark" } }));
        }
        bed.restart();
        assert_eq!(preferences(&mut bed), json!({ "keys": { "up": "w" }, "theme": "dark" }));
    }
}

#[test]
fn a_notification_is_told_and_kept_until_it_is_read() {
    for mut bed in beds() {
        notify(&mut bed, "first");
        let (desk, phone) = (enter(&mut bed), enter(&mut bed));
        let hello = &told(&bed, desk)[0];
        assert_eq!((&hello["unread"], &hello["notifications"][0]["body"]), (&json!(1), &json!("first")));
        let at_unix_ms = bed.unix_ms();
        assert_eq!(notify(&mut bed, json!({ "from": "bob" })), 2);
        let expected = json!({
            "t": "notification", "id": 2, "at_unix_ms": at_unix_ms, "kind": "test", "body": { "from": "bob" },
            "unread": 2,
        });
        assert_eq!((&told(&bed, desk)[1], &told(&bed, phone)[1]), (&expected, &expected));
        notify(&mut bed, Value::Null);
        assert_eq!(unread(&mut bed), [3, 2, 1]);
        say(&mut bed, desk, json!({ "t": "read", "ids": [2, 2, 77] }));
        assert_eq!(told(&bed, phone)[3], json!({ "t": "read", "ids": [2, 2, 77], "unread": 2 }));
        assert_eq!(unread(&mut bed), [3, 1]);
        bed.restart();
        assert_eq!(ask(&mut bed, "read", json!({ "up_to": 2 })), Ok(json!({ "unread": 1 })));
        assert_eq!(unread(&mut bed), [3]);
        let late = enter(&mut bed);
        assert_eq!(told(&bed, late)[0]["notifications"].as_array().unwrap().len(), 1);
        assert_eq!(ask(&mut bed, "read", json!({ "up_to": 2 })), Ok(json!({ "unread": 1 })), "nothing more");
        assert_eq!(told(&bed, late).len(), 1, "and nobody is told of it");
        assert_eq!(ask(&mut bed, "read", json!({ "up_to": u64::MAX })), Ok(json!({ "unread": 0 })));
        assert_eq!(notify(&mut bed, "next"), 4, "an id is given once");
    }
}

#[test]
fn one_notification_too_many_and_the_oldest_goes() {
    for mut bed in beds() {
        for id in 1..=NOTIFICATIONS_MAX {
            assert_eq!(notify(&mut bed, id), id);
        }
        assert_eq!(ask(&mut bed, "get", Value::Null).unwrap()["dropped"], 0);
        notify(&mut bed, "more");
        let got = ask(&mut bed, "get", Value::Null).unwrap();
        assert_eq!((&got["unread"], &got["dropped"]), (&json!(NOTIFICATIONS_MAX), &json!(1)));
        assert_eq!(unread(&mut bed).last(), Some(&2));
        let socket = enter(&mut bed);
        let hello = &told(&bed, socket)[0];
        assert_eq!(
            (hello["notifications"].as_array().unwrap().len(), &hello["dropped"]),
            (HELLO_MAX, &json!(1))
        );
        assert_eq!(hello["notifications"][0]["id"], NOTIFICATIONS_MAX + 1, "the newest");
        ask(&mut bed, "read", json!({ "ids": [5] })).unwrap();
        assert_eq!(ask(&mut bed, "get", Value::Null).unwrap()["dropped"], 0, "they have seen that");
    }
}

#[test]
fn only_the_user_and_keys_read_and_only_others_who_may_notify() {
    for mut bed in beds() {
        notify(&mut bed, 1);
        let object = || Caller::Object { class: "match", name: ObjectName::parse("ann").unwrap() };
        let bob = || user("bob", &["profile:ann:*"]);
        for (method, body) in [
            ("get", Value::Null),
            ("list", Value::Null),
            ("set", json!({ "preferences": { "a": 1 } })),
            ("read", json!({ "up_to": 1 })),
        ] {
            for caller in [bob(), object(), Caller::Anonymous] {
                assert_eq!(ask_as(&mut bed, caller, method, body.clone()), refused("forbidden"), "{method}");
            }
            for caller in [ann(), Caller::Operator] {
                assert!(ask_as(&mut bed, caller, method, body.clone()).is_ok(), "{method}");
            }
        }
        let note = json!({ "kind": "k" });
        let moderator = user("bob", &["profile:ann:call", "profile_moderator:ann:call"]);
        for caller in [moderator, object(), Caller::Operator] {
            assert!(ask_as(&mut bed, caller, "notify", note.clone()).is_ok());
        }
        for caller in [ann(), bob(), user("bob", &["profile_moderator:bob:call"]), Caller::Anonymous] {
            assert_eq!(ask_as(&mut bed, caller, "notify", note.clone()), refused("forbidden"));
        }
        for (caller, code) in [(bob(), 4403), (Caller::Anonymous, 4401), (Caller::Operator, 4401)] {
            let socket = bed.connect("profile", "ann", caller);
            let client = bed.client(socket);
            assert_eq!((client.closed.map(|(code, _)| code), client.received.len()), (Some(code), 0));
        }
    }
}

#[test]
fn a_socket_that_comes_back_after_a_drain_is_told_everything_again() {
    let mut bed = bed();
    let socket = enter(&mut bed);
    let tokens = bed.drain();
    notify(&mut bed, "meanwhile");
    let back = bed.resume("profile", "ann", tokens[&socket].clone()).unwrap();
    let told = told(&bed, back);
    assert_eq!((&told[0]["t"], &told[0]["unread"]), (&json!("hello"), &json!(1)));
}
