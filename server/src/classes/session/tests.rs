//! What sessions promise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::*;
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::storage::Range;
use crate::testing::Testbed;

fn bed() -> Testbed {
    Testbed::new().class(Arc::new(SessionClass::default()))
}

fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

fn ask(bed: &mut Testbed, method: &str, body: Value) -> Result<Value, &'static str> {
    bed.call("session", "ann", method, body).map_err(|error| match error {
        CallError::Missing { code, .. } => code,
        CallError::Invalid(_) => "invalid",
        CallError::Reset => "reset",
        other => panic!("{other:?}"),
    })
}

#[track_caller]
fn create(bed: &mut Testbed, data: &Value) -> String {
    let created = ask(bed, "create", json!({ "data": data })).unwrap();
    created["token"].as_str().unwrap().to_owned()
}

/// What is kept with the session of a token.
fn data(bed: &mut Testbed, token: &str) -> Result<Value, &'static str> {
    ask(bed, "get", json!({ "token": token })).map(|session| session["data"].clone())
}

const GONE: Result<Value, &str> = Err("no_such_session");
const MILLI: Duration = Duration::from_millis(1);

#[test]
fn a_session_is_found_by_its_token_until_it_is_invalidated() {
    for mut bed in beds() {
        let (one, two) = (create(&mut bed, &json!({ "role": "player" })), create(&mut bed, &json!(2)));
        assert_eq!(data(&mut bed, &one), Ok(json!({ "role": "player" })));
        bed.restart();
        assert_eq!(data(&mut bed, &two), Ok(json!(2)));
        assert_eq!(ask(&mut bed, "invalidate", json!({ "token": one })), Ok(json!({ "ended": 1 })));
        assert_eq!((data(&mut bed, &one), data(&mut bed, &two)), (GONE, Ok(json!(2))));
        assert_eq!(ask(&mut bed, "invalidate", json!({ "token": one })), GONE);
        let three = create(&mut bed, &Value::Null);
        assert_eq!(ask(&mut bed, "invalidate_all", Value::Null), Ok(json!({ "ended": 2 })));
        assert_eq!((data(&mut bed, &two), data(&mut bed, &three)), (GONE, GONE));
        assert_eq!(ask(&mut bed, "invalidate_all", Value::Null), Ok(json!({ "ended": 0 })));
    }
}

#[test]
fn a_token_is_random_and_stored_only_as_its_hash() {
    let mut bed = bed();
    let (one, two) = (create(&mut bed, &json!("same")), create(&mut bed, &json!("same")));
    assert!(one != two && one.starts_with(TOKEN_PREFIX) && one.len() == TOKEN_PREFIX.len() + 43);
    let rows = bed.stored("session", "ann").list(&Range::default()).unwrap();
    assert_eq!(rows.len(), 2);
    for (key, value) in rows {
        let row = [key, value].concat();
        let holds = |text: &str| row.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds(&one[8..24]) && !holds(&two[8..24]), "a token is stored");
    }
    for wrong in [&one[..one.len() - 1], &format!("{one}x"), &one.to_uppercase(), "", TOKEN_PREFIX] {
        assert_eq!(data(&mut bed, wrong), GONE, "one answer for all");
    }
}

#[test]
fn what_the_secrets_are_is_what_the_token_is() {
    let next = Arc::new(AtomicU8::new(0));
    let class = SessionClass::new(Arc::new(move || [next.fetch_add(1, Ordering::Relaxed); 32]));
    let mut bed = Testbed::new().class(Arc::new(class));
    assert_eq!(create(&mut bed, &Value::Null), format!("tss_{}", "A".repeat(43)));
    assert_ne!(create(&mut bed, &Value::Null), format!("tss_{}", "A".repeat(43)));
}

#[test]
fn a_session_lasts_half_an_hour_after_it_was_last_seen_and_at_most_a_minute_more() {
    for mut bed in beds() {
        let token = create(&mut bed, &json!(1));
        for pause in [IDLE, SLACK] {
            bed.advance(pause - MILLI);
            assert_eq!(data(&mut bed, &token), Ok(json!(1)), "seen");
        }
        bed.advance(IDLE);
        assert_eq!(bed.stored("session", "ann").list(&Range::default()).unwrap().len(), 1);
        bed.advance(SLACK);
        let left = bed.stored("session", "ann").list(&Range::default()).unwrap();
        assert!(left.is_empty() && bed.alarms("session", "ann").is_empty(), "its alarm has ended it");
        assert_eq!(data(&mut bed, &token), GONE);
    }
}

#[test]
fn a_session_that_is_seen_often_is_stored_once_a_minute_and_its_alarm_is_left_alone() {
    let mut bed = bed();
    let token = create(&mut bed, &json!(1));
    let (commits, alarms) = (bed.commits(), bed.alarms("session", "ann"));
    for _ in 0..20 * 60 {
        bed.advance(Duration::from_secs(1));
        assert_eq!(data(&mut bed, &token), Ok(json!(1)));
    }
    assert!((18..=20).contains(&(bed.commits() - commits)), "{}", bed.commits() - commits);
    assert_eq!(bed.alarms("session", "ann"), alarms);
}

#[test]
fn sessions_have_their_limits_and_not_one_more() {
    let mut bed = bed();
    let (fits, over) = ("x".repeat(DATA_BYTES_MAX - 2), "x".repeat(DATA_BYTES_MAX - 1));
    assert_eq!(ask(&mut bed, "create", json!({ "data": over })), Err("invalid"));
    let first = create(&mut bed, &json!(fits));
    assert_eq!(data(&mut bed, &first), Ok(json!(fits)));
    bed.advance(2 * SLACK);
    let others: Vec<String> = (1..SESSIONS_MAX).map(|number| create(&mut bed, &json!(number))).collect();
    assert_eq!(data(&mut bed, &first), Ok(json!(fits)), "they all fit, and it was seen last");
    bed.advance(MILLI);
    let more = create(&mut bed, &Value::Null);
    assert_eq!(data(&mut bed, &others[0]), GONE, "the one that would have ended first");
    for token in others[1..].iter().chain([&first, &more]) {
        assert!(data(&mut bed, token).is_ok());
    }
}

#[test]
fn hostile_bodies_begin_and_end_no_session() {
    for mut bed in beds() {
        for method in ["create", "get", "invalidate", "invalidate_all", "none"] {
            for body in
                [json!(7), json!("secret"), json!([1, 2]), json!({ "token": 7 }), json!({ "more": 1 })]
            {
                assert_eq!(ask(&mut bed, method, body), Err("invalid"), "{method}");
            }
        }
        let long = json!({ "token": "t".repeat(60_000) });
        assert_eq!((ask(&mut bed, "get", long), bed.commits()), (GONE, 0));
        let socket = bed.connect("session", "ann", Caller::Operator);
        assert!(bed.client(socket).closed.is_some(), "it has no sockets");
    }
}

#[test]
fn sessions_are_as_answered_whatever_crashes() {
    for n in 1..=9 {
        let mut bed = bed();
        bed.crash_at_commit(n);
        let mut resets = 0;
        for round in 0..4 {
            let Ok(created) = ask(&mut bed, "create", json!({ "data": round })) else {
                resets += 1;
                continue;
            };
            let token = created["token"].as_str().unwrap().to_owned();
            assert_eq!(data(&mut bed, &token), Ok(json!(round)), "{n}: who was told of it has it");
            bed.advance(2 * SLACK);
            if data(&mut bed, &token) == Err("reset") {
                resets += 1;
                assert_eq!(data(&mut bed, &token), Ok(json!(round)), "{n}: it was not lost");
            }
            match ask(&mut bed, "invalidate", json!({ "token": token })) {
                Ok(_) => assert_eq!(data(&mut bed, &token), GONE, "{n}: what has ended does not come back"),
                Err(_) => {
                    resets += 1;
                    assert_eq!(data(&mut bed, &token), Ok(json!(round)), "{n}: it has not ended");
                }
            }
        }
        assert_eq!(resets, 1, "{n}: it crashed once");
        bed.advance(IDLE + SLACK);
        let left = bed.stored("session", "ann").list(&Range::default()).unwrap();
        assert!(left.is_empty(), "{n}: what nobody ended ends by the alarm");
    }
}

#[test]
fn sessions_are_a_plain_map_for_two_thousand_random_operations() {
    for (seed, mut bed) in [(1, bed()), (2, bed().forgetful())] {
        let mut dice = Pcg64Mcg::seed_from_u64(seed);
        let mut roll = |sides: u32| dice.next_u32() % sides;
        // By token: what is kept, and when it ends.
        let mut model: BTreeMap<String, (u32, u64)> = BTreeMap::new();
        let minutes = |time: Duration| time.as_millis() as u64;
        for _ in 0..1000 {
            let (pick, now) = (roll(8) as usize, bed.unix_ms());
            let token = model.keys().nth(pick).cloned();
            match (roll(8), token) {
                (0 | 1, _) if model.len() < SESSIONS_MAX => {
                    let kept = roll(1000);
                    let ends = now + minutes(IDLE) + minutes(SLACK);
                    model.insert(create(&mut bed, &json!(kept)), (kept, ends));
                }
                (2, Some(token)) => {
                    let is_there = model.remove(&token).is_some_and(|(_, ends)| ends > now);
                    let ended = ask(&mut bed, "invalidate", json!({ "token": token }));
                    assert_eq!(ended.is_ok(), is_there);
                }
                (3, _) if roll(20) == 0 => {
                    let there = model.values().filter(|(_, ends)| *ends > now).count();
                    assert_eq!(ask(&mut bed, "invalidate_all", Value::Null), Ok(json!({ "ended": there })));
                    model.clear();
                }
                (4, _) if roll(8) == 0 => bed.advance(Duration::from_secs(u64::from(roll(900)))),
                (_, Some(token)) => {
                    let (kept, ends) = model[&token];
                    assert_eq!(data(&mut bed, &token), if ends > now { Ok(json!(kept)) } else { GONE });
                    if ends > now && ends < now + minutes(IDLE) {
                        model.insert(token, (kept, now + minutes(IDLE) + minutes(SLACK)));
                    }
                }
                _ => {}
            }
        }
    }
}
