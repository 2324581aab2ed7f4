//! Limits, to one more, and messages that are none.

use super::*;

/// JSON of so many bytes.
fn text(bytes: usize) -> String {
    "x".repeat(bytes - 2)
}

#[test]
fn what_is_no_call_is_refused_and_changes_nothing_of_a_profile() {
    for mut bed in beds() {
        notify(&mut bed, 1);
        let commits = bed.commits();
        let too_many: serde_json::Map<String, Value> =
            (0..=PREFERENCES_MAX).map(|n| (n.to_string(), json!(n))).collect();
        for (method, body) in [
            ("set", Value::Null),
            ("set", json!({})),
            ("set", json!({ "preferences": {} })),
            ("set", json!({ "preferences": [] })),
            ("set", json!({ "preferences": too_many })),
            ("set", json!({ "preferences": { "": 1 } })),
            ("set", json!({ "preferences": { "a\tb": 1 } })),
            ("set", json!({ "preferences": { text(PREFERENCE_KEY_BYTES_MAX + 3): 1 } })),
            ("set", json!({ "preferences": { "a": text(PREFERENCE_VALUE_BYTES_MAX + 1) } })),
            ("set", json!({ "preferences": { "a": 1 }, "more": 1 })),
            ("list", json!({ "limit": 0 })),
            ("list", json!({ "limit": PAGE_MAX + 1 })),
            ("list", json!({ "before": -1 })),
            ("read", json!({})),
            ("read", json!({ "up_to": 1, "ids": [1] })),
            ("read", json!({ "ids": [] })),
            ("read", json!({ "ids": vec![1; PAGE_MAX + 1] })),
            ("read", json!({ "up_to": "1" })),
            ("explode", json!({})),
        ] {
            assert_eq!(ask(&mut bed, method, body.clone()), refused("invalid"), "{method} {body}");
        }
        for body in [
            json!({}),
            json!({ "kind": "" }),
            json!({ "kind": "a\nb" }),
            json!({ "kind": text(KIND_BYTES_MAX + 3) }),
            json!({ "kind": "k", "body": text(BODY_BYTES_MAX + 1) }),
            json!({ "kind": "k", "to": "bob" }),
        ] {
            assert_eq!(ask_as(&mut bed, Caller::Operator, "notify", body), refused("invalid"));
        }
        assert_eq!(bed.commits(), commits);
        assert_eq!((preferences(&mut bed), unread(&mut bed)), (json!({}), vec![1]));
    }
}

#[test]
fn every_limit_of_a_profile_is_reached() {
    for mut bed in beds() {
        let key = "k".repeat(PREFERENCE_KEY_BYTES_MAX);
        ask(&mut bed, "set", json!({ "preferences": { key.clone(): text(PREFERENCE_VALUE_BYTES_MAX) } }))
            .unwrap();
        ask(&mut bed, "set", json!({ "preferences": { key: null } })).unwrap();
        let kind = "k".repeat(KIND_BYTES_MAX);
        let note = json!({ "kind": kind, "body": text(BODY_BYTES_MAX) });
        assert!(ask_as(&mut bed, Caller::Operator, "notify", note).is_ok());
        let full: serde_json::Map<String, Value> =
            (0..PREFERENCES_MAX).map(|n| (n.to_string(), json!(n))).collect();
        ask(&mut bed, "set", json!({ "preferences": full })).unwrap();
        assert_eq!(
            ask(&mut bed, "set", json!({ "preferences": { "more": 1 } })),
            refused("too_many_preferences")
        );
        assert!(ask(&mut bed, "set", json!({ "preferences": { "more": 1, "0": null } })).is_ok());
        assert!(ask(&mut bed, "read", json!({ "ids": vec![7; PAGE_MAX] })).is_ok());
    }
}

#[test]
fn preferences_have_their_bytes_in_all_and_not_one_more() {
    for mut bed in beds() {
        // Seven of a key of one byte; what is left is for the eighth.
        for n in 0..7 {
            ask(
                &mut bed,
                "set",
                json!({ "preferences": { n.to_string(): text(PREFERENCE_VALUE_BYTES_MAX) } }),
            )
            .unwrap();
        }
        let left = PREFERENCE_BYTES_IN_ALL_MAX - 7 * (PREFERENCE_VALUE_BYTES_MAX + 1) - 1;
        let socket = enter(&mut bed);
        say(&mut bed, socket, json!({ "t": "set", "preferences": { "z": text(left + 1) } }));
        assert_eq!(told(&bed, socket)[1]["code"], "too_many_preferences");
        assert_eq!(preferences(&mut bed).as_object().unwrap().len(), 7, "and nothing of it is stored");
        say(&mut bed, socket, json!({ "t": "set", "preferences": { "z": text(left) } }));
        assert_eq!(preferences(&mut bed).as_object().unwrap().len(), 8);
        let hello = enter(&mut bed);
        assert!(bed.client(hello).texts()[0].len() > PREFERENCE_BYTES_IN_ALL_MAX);
    }
}

#[test]
fn what_is_no_message_is_answered_and_the_socket_of_a_profile_stays() {
    for mut bed in beds() {
        let socket = enter(&mut bed);
        let broken = [
            "",
            "{",
            "[]",
            "null",
            r#"{"t":"fly"}"#,
            r#"{"t":"read"}"#,
            r#"{"t":"read","up_to":-1}"#,
            r#"{"t":"set"}"#,
            r#"{"t":"set","preferences":{"":1}}"#,
            r#"{"t":"notify","kind":"k"}"#,
        ];
        for message in broken {
            bed.send("profile", "ann", socket, message);
        }
        bed.send("profile", "ann", socket, vec![1, 2, 3]);
        let told = told(&bed, socket);
        assert_eq!(told.len(), broken.len() + 2);
        assert!(told[1..].iter().all(|told| told["t"] == "error" && told["code"] == "invalid"), "{told:?}");
        assert_eq!(bed.client(socket).closed, None);
    }
}

#[test]
fn a_user_has_sixteen_sockets_and_not_one_more() {
    for mut bed in beds() {
        let sockets: Vec<SocketId> = (0..SOCKETS_MAX).map(|_| enter(&mut bed)).collect();
        let more = enter(&mut bed);
        assert_eq!(bed.client(more).closed.map(|(code, _)| code), Some(4423));
        bed.disconnect("profile", "ann", sockets[0]);
        let next = enter(&mut bed);
        assert_eq!(bed.client(next).closed, None);
        notify(&mut bed, 1);
        for socket in &sockets[1..] {
            assert_eq!(told(&bed, *socket).len(), 2);
        }
    }
}
