//! What moderators do, and who they are.

use super::*;

const ROUTES: [(&str, &str); 6] = [
    ("announce", r#"{"text":"x"}"#),
    ("configure", r#"{"burst":1}"#),
    ("delete", r#"{"id":1}"#),
    ("mute", r#"{"user":"bob"}"#),
    ("unmute", r#"{"user":"bob"}"#),
    ("mutes", "null"),
];

#[test]
fn who_moderates_is_said_by_a_key_or_a_scope() {
    let mut bed = Testbed::new().object::<Chat>();
    call_as(&mut bed, user("ann"), "say", json!({ "text": "first" })).unwrap();
    let strangers = [
        Caller::Anonymous,
        user("ann"),
        user_with("ann", &["chat_moderator:other:call", "chat_moderator:lobby:connect", "chat:*:*"]),
    ];
    for caller in strangers {
        for (method, body) in ROUTES {
            let refused = call_as(&mut bed, caller.clone(), method, serde_json::from_str(body).unwrap());
            assert_eq!(refused, Err(CallError::Forbidden("a moderator does that".to_owned())), "{method}");
        }
    }
    let name = tickstone_shared::ids::ObjectName::parse("game").unwrap();
    let moderators = [
        Caller::Operator,
        Caller::Object { class: "match", name },
        user_with("mod", &["chat:*:*", "chat_moderator:lobby:call"]),
    ];
    for caller in moderators {
        call_as(&mut bed, caller, "announce", json!({ "text": "x" })).unwrap();
    }
}

#[test]
fn a_message_that_is_deleted_is_gone_for_everybody() {
    for mut bed in beds() {
        let ann = enter(&mut bed, "ann");
        say(&mut bed, ann, "good");
        say(&mut bed, ann, "bad");
        ask(&mut bed, "delete", json!({ "id": 2 })).unwrap();
        assert_eq!(told(&bed, ann).last().unwrap(), &json!({ "t": "deleted", "id": 2 }));
        let bob = enter(&mut bed, "bob");
        assert_eq!(texts(told(&bed, bob)[0]["messages"].as_array().unwrap()), ["good"]);
        for id in [2, 3] {
            let missing = ask(&mut bed, "delete", json!({ "id": id }));
            assert!(
                matches!(missing, Err(CallError::Missing { code: "no_such_message", .. })),
                "{missing:?}"
            );
        }
        say(&mut bed, ann, "next");
        assert_eq!(told(&bed, ann).last().unwrap()["id"], 3, "its number is not given again");
    }
}

#[test]
fn who_is_muted_reads_and_does_not_speak_until_it_ends() {
    for mut bed in beds() {
        let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        ask(&mut bed, "mute", json!({ "user": "bob", "seconds": 10 })).unwrap();
        let until = bed.unix_ms() + 10_000;
        assert_eq!(told(&bed, bob).last().unwrap(), &json!({ "t": "muted", "until_unix_ms": until }));
        let mutes = ask(&mut bed, "mutes", Value::Null).unwrap();
        assert_eq!(mutes, json!({ "mutes": [{ "user": "bob", "until_unix_ms": until }] }));
        say(&mut bed, bob, "unheard");
        let refused = call_as(&mut bed, user("bob"), "say", json!({ "text": "unheard" }));
        assert!(matches!(refused, Err(CallError::Forbidden(_))));
        assert_eq!(told_of(&bed, bob, "error")[0]["code"], "not_allowed");
        say(&mut bed, ann, "heard");
        bed.advance(SECOND * 10);
        say(&mut bed, bob, "heard again");
        assert_eq!(texts(&told_of(&bed, bob, "message")), ["heard", "heard again"]);
        assert!(told_of(&bed, ann, "muted").is_empty());
        assert_eq!(ask(&mut bed, "mutes", Value::Null).unwrap(), json!({ "mutes": [] }));
    }
}

#[test]
fn a_mute_without_an_end_lasts_until_it_is_lifted() {
    for mut bed in beds() {
        let bob = enter(&mut bed, "bob");
        ask(&mut bed, "mute", json!({ "user": "bob" })).unwrap();
        assert_eq!(told(&bed, bob).last().unwrap(), &json!({ "t": "muted", "until_unix_ms": null }));
        bed.restart();
        bed.advance(SECOND * 1_000);
        let bob = enter(&mut bed, "bob");
        say(&mut bed, bob, "unheard");
        ask(&mut bed, "unmute", json!({ "user": "bob" })).unwrap();
        assert_eq!(told(&bed, bob).last().unwrap(), &json!({ "t": "unmuted" }));
        say(&mut bed, bob, "heard");
        assert_eq!(texts(&told_of(&bed, bob, "message")), ["heard"]);
        let again = ask(&mut bed, "unmute", json!({ "user": "bob" }));
        assert!(matches!(again, Err(CallError::Missing { code: "not_muted", .. })));
    }
}
