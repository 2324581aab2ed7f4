//! Every limit, one beyond it, and what is no request at all.

use super::*;
use crate::classes::single_flight::calls::{KEEP_SECONDS_MAX, KEY_BYTES_MAX};

#[test]
fn times_and_texts_have_their_limits() {
    let mut bed = bed();
    let mut begin = |field: &str, value: u64| {
        ask(&mut bed, "ann", "begin", json!({ "key": format!("{field}{value}"), field: value })).is_ok()
    };
    for (field, low, high) in [("lease_seconds", 1, LEASE_SECONDS_MAX), ("wait_seconds", 0, WAIT_SECONDS_MAX)]
    {
        assert!(begin(field, low) && begin(field, high) && !begin(field, high + 1), "{field}");
        assert!(low == 0 || !begin(field, low - 1), "{field}");
    }
    let (longest, longer) = ("k".repeat(KEY_BYTES_MAX), "k".repeat(KEY_BYTES_MAX + 1));
    assert!(ask(&mut bed, "ann", "begin", json!({ "key": longest })).is_ok());
    for key in [&*longer, "", "a\nb"] {
        for method in ["begin", "get", "forget"] {
            assert_eq!(ask(&mut bed, "ann", method, json!({ "key": key })), Err("invalid"));
        }
    }
    let number = lead(&ask(&mut bed, "ann", "begin", json!({ "key": "k", "lease_seconds": 60 })));
    let text = |bytes: usize| "x".repeat(bytes - 2);
    for refused in [
        json!({ "result": text(OUTCOME_BYTES_MAX + 1) }),
        json!({ "error": text(OUTCOME_BYTES_MAX + 1) }),
        json!({ "result": 1, "error": 1 }),
        json!({}),
        json!({ "result": 1, "keep_seconds": KEEP_SECONDS_MAX + 1 }),
    ] {
        assert_eq!(finish(&mut bed, "ann", number, refused), Err("invalid"));
    }
    let fits = json!({ "result": text(OUTCOME_BYTES_MAX), "keep_seconds": KEEP_SECONDS_MAX });
    assert!(finish(&mut bed, "ann", number, fits).is_ok());
    let ends = bed.alarms("single_flight", "work").into_iter().map(|alarm| alarm.due_ms).max();
    assert_eq!(ends, Some(bed.unix_ms() + KEEP_SECONDS_MAX * 1000), "for good");
}

#[test]
fn an_object_has_a_thousand_keys_and_not_one_more() {
    let mut bed = bed();
    for n in 0..KEYS_MAX {
        let begun =
            bed.begin_call(user("ann"), "single_flight", "work", "begin", json!({ "key": n.to_string() }));
        if n % 100 == 0 {
            bed.settle();
            assert!(outcome(&begun).is_ok());
        }
    }
    bed.settle();
    assert_eq!(ask(&mut bed, "ann", "begin", json!({ "key": "more" })), Err("too_many_keys"));
    bed.advance(30 * SECOND);
    assert!(ask(&mut bed, "ann", "begin", json!({ "key": "more" })).is_ok(), "leases that end make room");
}

#[test]
fn so_many_wait_and_not_one_more_and_the_leader_is_heard_all_the_same() {
    let mut bed = bed();
    begin(&mut bed, "ann", "k");
    let mut waiting: Vec<Pending> = (0..WAITERS_MAX).map(|_| begin(&mut bed, "bob", "k")).collect();
    assert_eq!(outcome(&begin(&mut bed, "cid", "k")), Err("overloaded"));
    waiting.pop();
    waiting.push(begin(&mut bed, "cid", "k"));
    assert!(waiting.iter().all(|pending| pending.answer().is_none()), "who is gone makes room");
    let told = finish(&mut bed, "ann", 1, json!({ "result": 1 }));
    assert_eq!(told, Ok(json!({ "told": WAITERS_MAX })));
    assert!(waiting.iter().all(|pending| outcome(pending).is_ok()));
}

#[test]
fn hostile_bodies_and_strangers_change_nothing() {
    for mut bed in beds() {
        let nested = (0..64).fold(json!(1), |inner, _| json!([inner]));
        for method in ["begin", "finish", "do", "get", "forget", "none"] {
            let bodies = [
                Value::Null,
                json!(7),
                json!("secret"),
                json!([1, 2, 3]),
                json!({ "key": 1 }),
                json!({ "key": "k", "lead": -1 }),
                json!({ "key": "k", "more": 1 }),
                nested.clone(),
            ];
            for body in bodies {
                let refused = begin_as(&mut bed, Caller::Operator, method, body).answer();
                match refused {
                    Some(Err(CallError::Invalid(reason))) => assert!(!reason.contains("secret")),
                    other => panic!("{method}: {other:?}"),
                }
            }
        }
        let stranger = begin_as(&mut bed, Caller::Anonymous, "begin", json!({ "key": "k" }));
        assert_eq!(outcome(&stranger), Err("forbidden"));
        assert_eq!(bed.commits(), 0);
        let socket = bed.connect("single_flight", "work", user("ann"));
        assert_eq!(bed.client(socket).closed.map(|(code, _)| code), Some(4400), "it has no sockets");
    }
}
