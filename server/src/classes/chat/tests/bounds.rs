//! Every limit, and one beyond it.

use super::*;
use crate::classes::chat::members::{MEMBERS_PAGE_MAX, SOCKETS_PER_USER_MAX};
use crate::classes::chat::moderation::MUTES_MAX;
use crate::classes::chat::pace::SPEAKERS_MAX;
use crate::classes::chat::talk::{HISTORY_PAGE_MAX, WELCOME_BYTES_MAX};

fn bed() -> Testbed {
    Testbed::new().object::<Chat>()
}

fn announce(bed: &mut Testbed, text: &str) -> Result<Value, CallError> {
    ask(bed, "announce", json!({ "text": text }))
}

#[test]
fn a_room_keeps_its_newest_hundred_messages_unless_told_otherwise() {
    for mut bed in beds() {
        for n in 0..=100 {
            announce(&mut bed, &n.to_string()).unwrap();
        }
        let kept = history(&mut bed);
        assert_eq!((kept.len(), &*kept[0].text, kept[99].id), (100, "1", 101));
        ask(&mut bed, "configure", json!({ "history_messages": 2 })).unwrap();
        assert_eq!(history(&mut bed).iter().map(|message| message.id).collect::<Vec<_>>(), [100, 101]);
        ask(&mut bed, "configure", json!({ "history_messages": 0 })).unwrap();
        announce(&mut bed, "nobody keeps it").unwrap();
        assert!(history(&mut bed).is_empty());
        ask(&mut bed, "configure", json!({ "history_messages": 1 })).unwrap();
        announce(&mut bed, "kept").unwrap();
        assert_eq!(history(&mut bed)[0].id, 103, "numbers go on");
    }
}

#[test]
fn every_rule_has_its_bounds() {
    let mut bed = bed();
    for (name, low, high) in [
        ("history_messages", 0, 1000),
        ("text_bytes_max", 1, 2000),
        ("members_max", 1, 10_000),
        ("parts_max", 0, 32),
        ("burst", 1, 100),
        ("interval_ms", 1, 60_000),
    ] {
        for fits in [low, high] {
            assert_eq!(ask(&mut bed, "configure", json!({ name: fits })).unwrap()[name], fits);
        }
        for beyond in [low - 1, high + 1] {
            let before = ask(&mut bed, "rules", Value::Null).unwrap();
            let reason = invalid(ask(&mut bed, "configure", json!({ name: beyond, "listed": false })));
            assert!(
                beyond < 0 || reason.contains(&format!("{name} is {beyond}; expected {low} to {high}")),
                "{reason}"
            );
            assert_eq!(ask(&mut bed, "rules", Value::Null).unwrap(), before, "all or nothing");
        }
    }
    invalid(ask(&mut bed, "configure", json!({ "unknown": 1 })));
}

#[test]
fn a_text_has_its_bytes_and_nothing_that_turns_the_line() {
    let mut bed = bed();
    announce(&mut bed, &"x".repeat(500)).unwrap();
    let reason = invalid(announce(&mut bed, &"x".repeat(501)));
    assert_eq!(reason, "the text has 501 bytes; at most 500");
    announce(&mut bed, "\u{1F468}\u{200D}\u{1F469}").unwrap();
    for text in ["", " \n", "a\u{0}b", "a\rb", "a\u{202E}b", "\u{1B}[2J"] {
        invalid(announce(&mut bed, text));
    }
    assert_eq!(history(&mut bed).len(), 2);
}

#[test]
fn a_full_room_takes_nobody_more_but_another_window_of_who_is_there() {
    for mut bed in beds() {
        ask(&mut bed, "configure", json!({ "members_max": 2, "parts_max": 0 })).unwrap();
        let (_ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        let cid = enter(&mut bed, "cid");
        assert_eq!(bed.client(cid).closed, Some((4423, "the room is full".to_owned())));
        let again = enter(&mut bed, "bob");
        assert_eq!(bed.client(again).closed, None);
        leave(&mut bed, bob);
        leave(&mut bed, again);
        let cid = enter(&mut bed, "cid");
        assert_eq!(bed.client(cid).closed, None);
    }
}

#[test]
fn a_user_has_eight_sockets_and_not_one_more() {
    let mut bed = bed();
    let sockets: Vec<_> = (0..=SOCKETS_PER_USER_MAX).map(|_| enter(&mut bed, "ann")).collect();
    let closed: Vec<_> = sockets.iter().filter(|socket| bed.client(**socket).closed.is_some()).collect();
    assert_eq!(closed, [&sockets[SOCKETS_PER_USER_MAX]]);
}

#[test]
fn pages_have_their_limits() {
    let mut bed = bed();
    for (method, limit) in [("history", HISTORY_PAGE_MAX), ("members", MEMBERS_PAGE_MAX)] {
        ask(&mut bed, method, json!({ "limit": limit })).unwrap();
        ask(&mut bed, method, json!({ "limit": 1 })).unwrap();
        for beyond in [0, limit + 1] {
            let reason = invalid(ask(&mut bed, method, json!({ "limit": beyond })));
            assert_eq!(reason, format!("limit is {beyond}; expected 1 to {limit}"));
        }
    }
    let _ = (enter(&mut bed, "ann"), enter(&mut bed, "bob"), enter(&mut bed, "cid"));
    let page = ask(&mut bed, "members", json!({ "after": "ann", "limit": 1 })).unwrap();
    assert_eq!(page, json!({ "members": 3, "users": ["bob"] }));
}

#[test]
fn a_room_remembers_the_pace_of_so_many_speakers() {
    let mut bed = bed();
    let mut speak = |n: usize| call_as(&mut bed, user(&format!("u{n}")), "say", json!({ "text": "x" }));
    for n in 0..SPEAKERS_MAX {
        speak(n).unwrap();
    }
    assert_eq!(speak(SPEAKERS_MAX), Err(CallError::TooFast { retry_after_ms: 1000 }));
    speak(0).unwrap();
    bed.advance(SECOND);
    call_as(&mut bed, user("late"), "say", json!({ "text": "x" })).unwrap();
}

#[test]
fn so_many_users_are_muted_and_those_whose_time_is_over_make_place() {
    let mut bed = bed();
    for n in 1..MUTES_MAX {
        ask(&mut bed, "mute", json!({ "user": format!("u{n}") })).unwrap();
    }
    ask(&mut bed, "mute", json!({ "user": "short", "seconds": 1 })).unwrap();
    ask(&mut bed, "mute", json!({ "user": "short", "seconds": 2 })).unwrap();
    let refused = ask(&mut bed, "mute", json!({ "user": "one more" }));
    assert!(matches!(refused, Err(CallError::Conflict { code: "too_many_mutes", .. })), "{refused:?}");
    bed.advance(SECOND * 2);
    ask(&mut bed, "mute", json!({ "user": "one more" })).unwrap();
    let mutes = ask(&mut bed, "mutes", Value::Null).unwrap();
    assert_eq!(mutes["mutes"].as_array().unwrap().len(), MUTES_MAX as usize);
    for (seconds, fits) in [(0, false), (1, true), (31_536_000, true), (31_536_001, false)] {
        let muted = ask(&mut bed, "mute", json!({ "user": "one more", "seconds": seconds }));
        assert_eq!(muted.is_ok(), fits, "{seconds}");
    }
    invalid(ask(&mut bed, "mute", json!({ "user": "u".repeat(129) })));
}

#[test]
fn a_welcome_has_as_many_messages_as_a_client_can_be_sent_at_once() {
    let mut bed = bed();
    ask(&mut bed, "configure", json!({ "history_messages": 200, "text_bytes_max": 2000 })).unwrap();
    for _ in 0..200 {
        announce(&mut bed, &"x".repeat(2000)).unwrap();
    }
    let ann = enter(&mut bed, "ann");
    let welcome = bed.client(ann).texts()[0].to_owned();
    assert!(welcome.len() <= WELCOME_BYTES_MAX + 1000 && welcome.len() > WELCOME_BYTES_MAX - 4000);
    let welcome: Value = serde_json::from_str(&welcome).unwrap();
    let messages = welcome["messages"].as_array().unwrap();
    assert_eq!((&messages.last().unwrap()["id"], &welcome["more"]), (&json!(200), &json!(true)));
    let before = messages[0]["id"].as_u64().unwrap();
    let older = ask(&mut bed, "history", json!({ "before": before, "limit": 1 })).unwrap();
    assert_eq!(older["messages"][0]["id"], before - 1);
}
