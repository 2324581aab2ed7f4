//! What a coordinator promises.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::calls::KEY_BYTES_MAX;
use super::*;
use crate::access::scope::{Scope, Subject};
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::typed::TypedClass;
use crate::testing::Testbed;

fn bed() -> Testbed {
    Testbed::new().class(Arc::new(TypedClass::<Coordinator>::default()))
}

fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

fn ask_at(bed: &mut Testbed, name: &str, method: &str, body: Value) -> Result<Value, &'static str> {
    match bed.call("coordinator", name, method, body) {
        Ok(reply) => Ok(reply),
        Err(CallError::Conflict { code, .. } | CallError::Missing { code, .. }) => Err(code),
        Err(CallError::Invalid(reason)) => {
            assert!(!reason.contains("secret"), "what came is not repeated");
            Err("invalid")
        }
        Err(CallError::Reset) => Err("reset"),
        Err(other) => panic!("{other:?}"),
    }
}

fn ask(bed: &mut Testbed, method: &str, body: Value) -> Result<Value, &'static str> {
    ask_at(bed, "eu:hall", method, body)
}

fn member(bed: &mut Testbed, method: &str, member: &str) -> Result<Value, &'static str> {
    ask(bed, method, json!({ "member": member }))
}

fn configure(bed: &mut Testbed, plan: Value) -> Result<Value, &'static str> {
    ask(bed, "configure", plan)
}

/// Members of each child.
fn counts(bed: &mut Testbed) -> Vec<u64> {
    let children = ask(bed, "children", Value::Null).unwrap();
    children["children"].as_array().unwrap().iter().map(|child| child["members"].as_u64().unwrap()).collect()
}

#[test]
fn a_key_has_one_shard_of_its_parents_region_and_more_shards_move_few() {
    for mut bed in beds() {
        let of =
            |bed: &mut Testbed, key: usize| ask(bed, "shard", json!({ "key": key.to_string() })).unwrap();
        assert_eq!(of(&mut bed, 7), json!({ "child": 0, "name": "eu:hall.0" }), "there is one, unless told");
        assert_eq!(bed.commits(), 0, "nothing is stored of keys");
        configure(&mut bed, json!({ "shards": 8 })).unwrap();
        let before: Vec<Value> = (0..100).map(|key| of(&mut bed, key)).collect();
        bed.restart();
        assert!((0..100).all(|key| of(&mut bed, key) == before[key]));
        configure(&mut bed, json!({ "shards": 9 })).unwrap();
        let moved = (0..100).filter(|key| of(&mut bed, *key) != before[*key]);
        let moved: Vec<usize> = moved.collect();
        assert!(moved.iter().all(|key| of(&mut bed, *key)["name"] == "eu:hall.8"));
        assert!((1..30).contains(&moved.len()), "a ninth: {}", moved.len());
        assert_eq!(configure(&mut bed, json!({ "shards": 8 })), Err("fewer_shards"));
    }
}

#[test]
fn members_fill_the_first_child_that_has_room_and_stay_where_they_are() {
    for mut bed in beds() {
        configure(&mut bed, json!({ "members_max": 2, "children_max": 3 })).unwrap();
        let places: Vec<Value> =
            (0..5).map(|n| member(&mut bed, "enter", &format!("m{n}")).unwrap()["child"].clone()).collect();
        assert_eq!(places, [0, 0, 1, 1, 2]);
        assert_eq!(member(&mut bed, "enter", "m2"), Ok(json!({ "child": 1, "name": "eu:hall.1" })), "again");
        assert_eq!(member(&mut bed, "leave", "m0"), Ok(json!({ "left": true })));
        assert_eq!(member(&mut bed, "leave", "m0"), Ok(json!({ "left": false })));
        assert_eq!(member(&mut bed, "find", "m0"), Err("no_such_member"));
        bed.restart();
        assert_eq!(member(&mut bed, "find", "m4"), Ok(json!({ "child": 2, "name": "eu:hall.2" })));
        assert_eq!(counts(&mut bed), [1, 2, 1]);
        assert_eq!(member(&mut bed, "enter", "m5").unwrap()["child"], 0, "where there is room again");
        let listed = bed.objects().listings("coordinator", None, 10, &|_| true);
        assert_eq!(listed[0].entry, json!({ "name": "eu:hall", "members": 5, "children": 3 }));
        assert_eq!(member(&mut bed, "enter", "m6").unwrap()["child"], 2);
        assert_eq!(member(&mut bed, "enter", "m7"), Err("full"));
        configure(&mut bed, json!({ "members_max": 1 })).unwrap();
        assert_eq!((counts(&mut bed), member(&mut bed, "enter", "m8")), (vec![2, 2, 2], Err("full")));
        (1..7).for_each(|n| drop(member(&mut bed, "leave", &format!("m{n}")).unwrap()));
        assert_eq!(counts(&mut bed), [] as [u64; 0]);
        assert!(bed.objects().listings("coordinator", None, 10, &|_| true).is_empty());
    }
}

#[test]
fn a_coordinator_has_its_limits_and_not_one_more() {
    let mut bed = bed();
    for (name, low, high) in [
        ("shards", 1, SHARDS_MAX),
        ("children_max", 0, CHILDREN_MAX),
        ("members_max", 1, MEMBERS_PER_CHILD_MAX),
    ] {
        let mut at = |number: i64| ask_at(&mut bed, name, "configure", json!({ name: number }));
        assert!(at(low).is_ok() && at(i64::from(high)).is_ok(), "{name}");
        assert_eq!((at(low - 1), at(i64::from(high) + 1)), (Err("invalid"), Err("invalid")), "{name}");
    }
    let (longest, longer) = ("k".repeat(KEY_BYTES_MAX), "k".repeat(KEY_BYTES_MAX + 1));
    assert!(ask(&mut bed, "shard", json!({ "key": longest })).is_ok());
    assert!(member(&mut bed, "enter", &longest).is_ok());
    for text in [&*longer, "", "a\nb"] {
        assert_eq!(ask(&mut bed, "shard", json!({ "key": text })), Err("invalid"));
        for method in ["enter", "leave", "find"] {
            assert_eq!(member(&mut bed, method, text), Err("invalid"));
        }
    }
    let name = "n".repeat(126);
    assert!(ask_at(&mut bed, &name, "configure", json!({ "shards": 10, "children_max": 10 })).is_ok());
    assert_eq!(ask_at(&mut bed, &name, "configure", json!({ "shards": 11 })), Err("name_too_long"));
    assert_eq!(ask_at(&mut bed, &"n".repeat(127), "enter", json!({ "member": "a" })), Err("name_too_long"));
}

#[test]
fn who_may_change_what_holds() {
    let mut bed = bed();
    let mut by = |scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect();
        let caller = Caller::User { subject: Subject::parse("ann").unwrap(), scopes };
        let pending = bed.begin_call(caller, "coordinator", "eu:hall", "configure", json!({ "shards": 2 }));
        bed.settle();
        pending.answer().unwrap().is_ok()
    };
    assert!(!by(&["coordinator:*:call"]) && !by(&["coordinator_moderator:us:hall:call"]));
    assert!(by(&["coordinator:*:call", "coordinator_moderator:eu:hall:call"]));
}

#[test]
fn hostile_bodies_are_refused_and_change_nothing() {
    for mut bed in beds() {
        let nested = (0..64).fold(json!(1), |inner, _| json!([inner]));
        for method in ["shard", "enter", "leave", "find", "children", "plan", "configure", "none"] {
            let bodies = [
                json!(7),
                json!("secret"),
                json!([1, 2, 3, 4]),
                json!({ "key": 7 }),
                json!({ "member": ["secret"] }),
                json!({ "shards": -1 }),
                json!({ "more": 1 }),
                nested.clone(),
            ];
            for body in bodies {
                assert_eq!(ask(&mut bed, method, body), Err("invalid"), "{method}");
            }
        }
        assert_eq!(bed.commits(), 0);
        let socket = bed.connect("coordinator", "eu:hall", Caller::Operator);
        assert_eq!(bed.client(socket).closed.map(|(code, _)| code), Some(4400), "it has no sockets");
    }
}

#[test]
fn what_was_answered_is_there_after_a_crash_at_every_commit_and_nobody_is_there_twice() {
    for n in 1..=9 {
        let mut bed = bed();
        bed.crash_at_commit(n);
        let (mut model, mut resets) = (BTreeMap::new(), 0);
        // Once more, if it is not known.
        let mut surely = |bed: &mut Testbed, method: &str, body: Value| loop {
            match ask(bed, method, body.clone()) {
                Err("reset") => resets += 1,
                other => return other.unwrap(),
            }
        };
        surely(&mut bed, "configure", json!({ "members_max": 2 }));
        for step in 0..6 {
            let place = surely(&mut bed, "enter", json!({ "member": format!("m{step}") }));
            model.insert(step, place);
        }
        for step in [1, 4] {
            surely(&mut bed, "leave", json!({ "member": format!("m{step}") }));
            model.remove(&step);
        }
        assert_eq!(resets, 1, "{n}: it crashed once");
        for (step, place) in &model {
            assert_eq!(member(&mut bed, "find", &format!("m{step}")).as_ref(), Ok(place), "{n}");
        }
        assert_eq!(counts(&mut bed), [1, 2, 1], "{n}");
    }
}

#[test]
fn a_coordinator_is_a_plain_map_for_two_thousand_random_operations() {
    for (seed, mut bed) in [(1, bed()), (2, bed().forgetful())] {
        let mut dice = Pcg64Mcg::seed_from_u64(seed);
        let mut roll = |sides: u32| dice.next_u32() % sides;
        let mut model: BTreeMap<String, u64> = BTreeMap::new();
        let (mut members_max, mut full) = (3, 0);
        configure(&mut bed, json!({ "members_max": 3, "children_max": 4 })).unwrap();
        for _ in 0..1000 {
            let name = format!("m{}", roll(24));
            match roll(8) {
                0..4 => {
                    let entered =
                        member(&mut bed, "enter", &name).map(|place| place["child"].as_u64().unwrap());
                    let room = (0..4).find(|child| {
                        model.values().filter(|own| *own == child).count() < members_max as usize
                    });
                    let expected = model.get(&name).copied().or(room);
                    assert_eq!(entered, expected.ok_or("full"));
                    full += u32::from(expected.is_none());
                    model.extend(expected.map(|child| (name.clone(), child)));
                }
                4..6 => {
                    let left = member(&mut bed, "leave", &name);
                    assert_eq!(left, Ok(json!({ "left": model.remove(&name).is_some() })));
                }
                6 => {
                    let found = member(&mut bed, "find", &name).map(|place| place["child"].as_u64().unwrap());
                    assert_eq!(found, model.get(&name).copied().ok_or("no_such_member"));
                }
                _ => {
                    members_max = roll(4) + 1;
                    configure(&mut bed, json!({ "members_max": members_max })).unwrap();
                }
            }
            let of = |child| model.values().filter(|own| **own == child).count() as u64;
            let mut expected: Vec<u64> = (0..4).map(of).collect();
            while expected.last() == Some(&0) {
                expected.pop();
            }
            assert_eq!(counts(&mut bed), expected);
        }
        assert!(full > 10, "too little happened");
    }
}
