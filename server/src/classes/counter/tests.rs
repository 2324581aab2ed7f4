//! What a counter promises.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::*;
use crate::access::scope::{Scope, Subject};
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::typed::TypedClass;
use crate::testing::Testbed;

fn bed() -> Testbed {
    Testbed::new().class(Arc::new(TypedClass::<Counter>::default()))
}

/// One that remembers, and one that forgets after every event.
fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

#[track_caller]
fn call(bed: &mut Testbed, name: &str, method: &str, body: Value) -> i64 {
    bed.call("counter", name, method, body).unwrap().as_i64().unwrap()
}

#[track_caller]
fn refused(bed: &mut Testbed, name: &str, method: &str, body: Value) -> &'static str {
    match bed.call("counter", name, method, body) {
        Err(CallError::Conflict { code, .. }) => code,
        Err(CallError::Invalid(_)) => "invalid",
        Err(CallError::Overloaded) => "overloaded",
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_counter_counts_by_key_and_gives_the_same_answers_when_it_forgets() {
    for mut bed in beds() {
        assert_eq!(call(&mut bed, "a", "get", Value::Null), 0);
        assert_eq!(bed.commits(), 0, "who only reads stores nothing");
        assert_eq!(call(&mut bed, "a", "add", Value::Null), 1);
        assert_eq!(call(&mut bed, "a", "add", json!({})), 2);
        assert_eq!(call(&mut bed, "a", "add", json!({ "by": 5 })), 7);
        assert_eq!(call(&mut bed, "a", "add", json!({ "key": "apples" })), 1);
        assert_eq!(call(&mut bed, "a", "subtract", json!({ "by": 3 })), 4);
        assert_eq!(bed.call("counter", "a", "list", Value::Null), Ok(json!({ "": 4, "apples": 1 })));
        assert_eq!(call(&mut bed, "b", "get", Value::Null), 0, "another one");
        assert_eq!(call(&mut bed, "a", "reset", Value::Null), 4, "what it was");
        bed.restart();
        assert_eq!(bed.call("counter", "a", "list", Value::Null), Ok(json!({ "apples": 1 })));
    }
}

#[test]
fn a_counter_never_goes_below_a_floor() {
    for mut bed in beds() {
        assert_eq!(refused(&mut bed, "a", "subtract", Value::Null), "below_floor", "the floor is 0");
        call(&mut bed, "a", "add", json!({ "by": 5 }));
        assert_eq!(refused(&mut bed, "a", "subtract", json!({ "by": 4, "floor": 2 })), "below_floor");
        assert_eq!(call(&mut bed, "a", "get", Value::Null), 5, "nothing of it was taken");
        assert_eq!(call(&mut bed, "a", "subtract", json!({ "by": 3, "floor": 2 })), 2);
        assert_eq!(call(&mut bed, "a", "subtract", json!({ "by": 4, "floor": -2 })), -2);
        assert_eq!(call(&mut bed, "a", "add", json!({ "by": 2 })), 0);
        assert_eq!(bed.call("counter", "a", "list", Value::Null), Ok(json!({})), "0 is stored nowhere");
    }
}

#[test]
fn a_counter_has_its_limits_and_not_one_more() {
    let mut bed = bed();
    assert_eq!(call(&mut bed, "a", "add", json!({ "by": COUNT_MAX })), COUNT_MAX);
    assert_eq!(refused(&mut bed, "a", "add", Value::Null), "out_of_range");
    let down = json!({ "key": "down", "by": COUNT_MAX, "floor": -COUNT_MAX });
    assert_eq!(call(&mut bed, "a", "subtract", down), -COUNT_MAX);
    for body in [json!({ "by": 0 }), json!({ "by": -1 }), json!({ "by": COUNT_MAX + 1 })] {
        assert_eq!(refused(&mut bed, "a", "add", body), "invalid");
    }
    let low = json!({ "key": "down", "floor": -COUNT_MAX - 1 });
    assert_eq!(refused(&mut bed, "a", "subtract", low), "invalid");
    let (longest, longer) = ("k".repeat(KEY_BYTES_MAX), "k".repeat(KEY_BYTES_MAX + 1));
    assert_eq!(call(&mut bed, "a", "add", json!({ "key": longest })), 1);
    assert_eq!(refused(&mut bed, "a", "add", json!({ "key": longer })), "invalid");
    assert_eq!(refused(&mut bed, "a", "get", json!({ "key": "a\nb" })), "invalid");
}

#[test]
fn a_counter_has_a_thousand_keys_and_not_one_more() {
    let mut bed = bed();
    for number in 0..KEYS_MAX {
        assert_eq!(call(&mut bed, "a", "add", json!({ "key": number.to_string() })), 1);
    }
    assert_eq!(refused(&mut bed, "a", "add", json!({ "key": "more" })), "too_many_keys");
    assert_eq!(call(&mut bed, "a", "add", json!({ "key": "7" })), 2, "those that are there go on");
    call(&mut bed, "a", "reset", json!({ "key": "7" }));
    assert_eq!(call(&mut bed, "a", "add", json!({ "key": "more" })), 1, "0 makes room");
}

#[test]
fn hostile_bodies_are_refused_and_change_nothing() {
    for mut bed in beds() {
        call(&mut bed, "a", "add", Value::Null);
        let commits = bed.commits();
        let nested = (0..64).fold(json!(1), |inner, _| json!([inner]));
        for method in ["get", "add", "subtract", "reset", "list", "spread", "part", "reset_part", "none"] {
            let bodies = [
                json!(7.5),
                json!("secret"),
                json!([1, 2]),
                json!({ "by": "1" }),
                json!({ "by": 1e300 }),
                json!({ "key": 7 }),
                json!({ "more": 1 }),
                nested.clone(),
            ];
            for body in bodies {
                match bed.call("counter", "a", method, body) {
                    Err(CallError::Invalid(reason)) => assert!(!reason.contains("secret")),
                    other => panic!("{method}: {other:?}"),
                }
            }
        }
        assert_eq!((call(&mut bed, "a", "get", Value::Null), bed.commits()), (1, commits));
    }
}

#[test]
fn a_counter_is_counted_on_sockets_too() {
    for mut bed in beds() {
        let socket = bed.connect("counter", "a", Caller::Anonymous);
        let said = ["get", "add", r#"{"add":{"by":3,"key":"x"}}"#, r#"{"subtract":null}"#, "get"];
        said.into_iter().for_each(|text| bed.send("counter", "a", socket, text));
        assert_eq!(bed.client(socket).texts(), ["0", "1", "3", "0", "0"]);
        let commits = bed.commits();
        for text in ["", "reset", "spread", "{", "[]", r#"{"add":1,"get":null}"#, r#"{"add":"1"}"#, "null"] {
            bed.send("counter", "a", socket, text);
        }
        bed.send("counter", "a", socket, vec![0xff]);
        bed.send("counter", "a", socket, "subtract");
        let texts = bed.client(socket);
        let errors: Vec<&str> = texts.texts().split_off(5);
        assert_eq!((errors.len(), bed.commits()), (10, commits));
        assert!(errors.iter().all(|text| text.starts_with(r#"{"error":"#)), "{errors:?}");
        assert!(bed.client(socket).closed.is_none());
    }
}

/// A counter `likes` with so many children, of whom the n-th has n + 1.
fn spread(bed: &mut Testbed, children: u32) {
    assert_eq!(call(bed, "likes", "spread", json!(children)), i64::from(children));
    for number in 0..children {
        call(bed, &format!("likes.{number}"), "add", json!({ "by": number + 1 }));
    }
}

#[test]
fn a_counter_over_children_is_their_sum_and_its_own() {
    for mut bed in beds() {
        call(&mut bed, "likes", "add", json!({ "by": 100 }));
        spread(&mut bed, CHILDREN_MAX);
        let sum = 100 + i64::from(CHILDREN_MAX * (CHILDREN_MAX + 1) / 2);
        assert_eq!(call(&mut bed, "likes", "get", Value::Null), sum);
        assert_eq!(call(&mut bed, "likes", "get", json!({ "key": "other" })), 0);
        bed.restart();
        assert_eq!(call(&mut bed, "likes", "get", Value::Null), sum, "it is stored that it is spread");
        assert_eq!(call(&mut bed, "likes", "reset", Value::Null), sum, "what all of them were");
        assert_eq!(call(&mut bed, "likes", "get", Value::Null), 0);
        assert_eq!(call(&mut bed, "likes.3", "get", Value::Null), 0);
    }
}

#[test]
fn a_sum_is_at_most_a_second_old() {
    let mut bed = bed();
    spread(&mut bed, 2);
    assert_eq!(call(&mut bed, "likes", "get", Value::Null), 3);
    call(&mut bed, "likes.0", "add", Value::Null);
    assert_eq!(call(&mut bed, "likes", "get", Value::Null), 3, "the children are asked once a second");
    assert_eq!(call(&mut bed, "likes", "add", Value::Null), 1);
    assert_eq!(call(&mut bed, "likes", "get", Value::Null), 4, "its own count is never old");
    bed.advance(STALE_MAX + Duration::from_millis(1));
    assert_eq!(call(&mut bed, "likes", "get", Value::Null), 5);
}

#[test]
fn who_asks_for_a_sum_that_is_on_its_way_waits_for_it_and_many_at_once_are_bounded() {
    let mut bed = bed();
    spread(&mut bed, CHILDREN_MAX);
    let ask = |bed: &mut Testbed, key: usize| {
        bed.begin_call(Caller::Operator, "counter", "likes", "get", json!({ "key": key.to_string() }))
    };
    let asked: Vec<_> = (0..=SUMS_MAX).flat_map(|key| [ask(&mut bed, key), ask(&mut bed, key)]).collect();
    bed.settle();
    let answers: Vec<_> = asked.into_iter().map(|pending| pending.answer().unwrap()).collect();
    let (fit, over) = answers.split_at(2 * SUMS_MAX);
    assert!(fit.iter().all(|answer| *answer == Ok(json!(0))), "{fit:?}");
    assert!(over.iter().all(|answer| *answer == Err(CallError::Overloaded)), "{over:?}");
    assert_eq!(call(&mut bed, "likes", "get", json!({ "key": "8" })), 0, "there is room again");
}

#[test]
fn a_counter_is_spread_by_who_may_call_its_children_and_never_over_fewer() {
    let mut bed = bed();
    let user = |scope: &str| Caller::User {
        subject: Subject::parse("ann").unwrap(),
        scopes: Scope::parse(scope).into_iter().collect(),
    };
    let mut by = |caller: Caller, name: &str, children: Value| {
        let pending = bed.begin_call(caller, "counter", name, "spread", children);
        bed.settle();
        match pending.answer().unwrap() {
            Ok(children) => children.to_string(),
            Err(CallError::Conflict { code, .. }) => code.to_owned(),
            Err(CallError::Forbidden(_)) => "forbidden".to_owned(),
            Err(CallError::Invalid(_)) => "invalid".to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(by(user("counter:likes:call"), "likes", json!(2)), "forbidden");
    assert_eq!(by(Caller::Anonymous, "likes", json!(2)), "forbidden");
    assert_eq!(by(user("counter:likes*:call"), "likes", json!(2)), "2");
    assert_eq!(by(Caller::Operator, "likes", json!(1)), "fewer_children");
    assert_eq!(by(Caller::Operator, "likes", json!(0)), "invalid");
    assert_eq!(by(Caller::Operator, "likes", json!(CHILDREN_MAX + 1)), "invalid");
    assert_eq!(by(Caller::Operator, "likes", json!(CHILDREN_MAX)), CHILDREN_MAX.to_string());
    assert_eq!(by(Caller::Operator, &"n".repeat(126), json!(10)), "10");
    assert_eq!(by(Caller::Operator, &"n".repeat(126), json!(11)), "name_too_long");
}

#[test]
fn what_a_counter_answered_survives_a_crash_at_every_commit_and_nothing_twice() {
    for n in 1..=12 {
        let mut bed = bed();
        bed.crash_at_commit(n);
        // What was answered, and what nobody knows of.
        let (mut answered, mut unknown) = (0, 0);
        for step in 0..12 {
            let name = ["likes", "likes.0", "likes.1"][step % 3];
            match bed.call("counter", name, "add", json!({ "by": 1 << step })) {
                Ok(_) => answered += 1 << step,
                Err(CallError::Reset) => unknown += 1 << step,
                other => panic!("{other:?}"),
            }
        }
        assert_ne!(unknown, 0, "it crashed");
        call(&mut bed, "likes", "spread", json!(2));
        let sum = call(&mut bed, "likes", "get", Value::Null);
        assert!(sum == answered || sum == answered + unknown, "{n}: {sum} of {answered} and {unknown}");
        assert_eq!(call(&mut bed, "likes", "reset", Value::Null), sum);
    }
}

#[test]
fn a_reset_that_a_crash_interrupts_is_asked_for_again() {
    for n in 1..=5 {
        let mut bed = bed();
        spread(&mut bed, 3);
        call(&mut bed, "likes", "add", json!({ "by": 10 }));
        bed.crash_at_commit(n);
        let first = bed.call("counter", "likes", "reset", Value::Null);
        assert_eq!(first.is_ok(), n == 5, "{n}: four of them are set back");
        let left = call(&mut bed, "likes", "get", Value::Null);
        assert!(left <= 16 && (n != 5 || left == 0), "{n}: {left}");
        assert_eq!(call(&mut bed, "likes", "reset", Value::Null), left);
        assert_eq!(call(&mut bed, "likes", "get", Value::Null), 0);
    }
}

#[test]
fn a_counter_is_a_plain_map_for_two_thousand_random_operations() {
    for (seed, mut bed) in [(1, bed()), (2, bed().forgetful())] {
        let mut dice = Pcg64Mcg::seed_from_u64(seed);
        let mut roll = |sides: u32| dice.next_u32() % sides;
        let mut model: BTreeMap<(usize, String), i64> = BTreeMap::new();
        let names = ["likes", "likes.0", "likes.1"];
        call(&mut bed, "likes", "spread", json!(2));
        for _ in 0..1000 {
            let (at, key) = (roll(3) as usize, roll(4).to_string());
            let (by, floor) = (i64::from(roll(9)) + 1, i64::from(roll(9)) - 4);
            let count = model.entry((at, key.clone())).or_default();
            match roll(8) {
                0..3 => {
                    *count += by;
                    assert_eq!(call(&mut bed, names[at], "add", json!({ "key": key, "by": by })), *count);
                }
                3..6 => {
                    let body = json!({ "key": key, "by": by, "floor": floor });
                    if *count - by >= floor {
                        *count -= by;
                        assert_eq!(call(&mut bed, names[at], "subtract", body), *count);
                    } else {
                        assert_eq!(refused(&mut bed, names[at], "subtract", body), "below_floor");
                    }
                }
                6 => {
                    let was = std::mem::take(count);
                    assert_eq!(call(&mut bed, names[at], "reset_part", json!({ "key": key })), was);
                }
                _ => bed.advance(STALE_MAX * roll(20)),
            }
            bed.advance(STALE_MAX + Duration::from_millis(1));
            let sum: i64 = (0..3).filter_map(|at| model.get(&(at, key.clone()))).sum();
            assert_eq!(call(&mut bed, "likes", "get", json!({ "key": key })), sum);
        }
    }
}
