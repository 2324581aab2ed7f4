//! Limits, to one more, and bodies that are none.

use super::*;
use crate::classes::leaderboard::board::Meta;
use crate::classes::leaderboard::place::Place;
use crate::classes::leaderboard::ranking::Ranking;
use crate::object::storage::{Record, Write, WriteBatch};
use crate::runtime::ports::Store as _;
use tickstone_shared::ids::Epoch;

#[test]
fn what_is_no_call_is_refused_and_changes_nothing() {
    for mut bed in beds() {
        submit(&mut bed, "ann", 5);
        let commits = bed.commits();
        let long = "x".repeat(KEY_BYTES_MAX + 1);
        for (method, body) in [
            ("submit", Value::Null),
            ("submit", json!({})),
            ("submit", json!({ "scores": {} })),
            ("submit", json!({ "scores": [] })),
            ("submit", json!({ "scores": { "": 1 } })),
            ("submit", json!({ "scores": { "a\nb": 1 } })),
            ("submit", json!({ "scores": { long.clone(): 1 } })),
            ("submit", json!({ "scores": { "a": 1.5 } })),
            ("submit", json!({ "scores": { "a": "1" } })),
            ("submit", json!({ "scores": { "a": SCORE_MAX + 1 } })),
            ("submit", json!({ "scores": { "a": -SCORE_MAX - 1 } })),
            ("submit", json!({ "scores": { "a": 1 }, "key": "" })),
            ("submit", json!({ "scores": { "a": 1 }, "key": "a\u{0}b" })),
            ("submit", json!({ "scores": { "a": 1 }, "key": long })),
            ("submit", json!({ "scores": { "a": 1 }, "more": 1 })),
            ("top", json!({ "from": 0 })),
            ("top", json!({ "from": -1 })),
            ("top", json!({ "limit": 0 })),
            ("top", json!({ "limit": PAGE_MAX + 1 })),
            ("rank", json!({})),
            ("rank", json!({ "user": "" })),
            ("rank", json!({ "user": "ann", "around": AROUND_MAX + 1 })),
            ("season", json!({})),
            ("configure", json!({ "keeps": "worst" })),
            ("configure", json!({ "entries_max": 0 })),
            ("configure", json!({ "entries_max": ENTRIES_MAX + 1 })),
            ("configure", json!({ "season_seconds": 59 })),
            ("configure", json!({ "season_seconds": SEASON_SECONDS.end() + 1 })),
            ("configure", json!({ "seasons_kept": SEASONS_KEPT_MAX + 1 })),
            ("remove", json!({ "user": 1 })),
            ("settle", json!({})),
            ("explode", json!({})),
        ] {
            assert_eq!(ask(&mut bed, method, body.clone()), refused("invalid"), "{method} {body}");
        }
        assert_eq!(ask(&mut bed, "season", json!({ "season": u64::MAX })), refused("no_such_season"));
        assert_top(&mut bed, &[("ann", 5)]);
        assert_eq!(bed.commits(), commits);
    }
}

#[test]
fn every_limit_is_reached() {
    for mut bed in beds() {
        let name = "x".repeat(KEY_BYTES_MAX);
        configure(
            &mut bed,
            json!({
                "keeps": "sum", "entries_max": ENTRIES_MAX, "season_seconds": SEASON_SECONDS.end(),
                "seasons_kept": SEASONS_KEPT_MAX,
            }),
        );
        configure(&mut bed, json!({ "season_seconds": SEASON_SECONDS.start() }));
        let full: serde_json::Map<String, Value> =
            (0..SCORES_MAX).map(|n| (n.to_string(), json!(1))).collect();
        let mut over = full.clone();
        over.insert("more".to_owned(), json!(1));
        assert_eq!(ask(&mut bed, "submit", json!({ "scores": over })), refused("invalid"));
        assert!(ask(&mut bed, "submit", json!({ "scores": full, "key": name })).is_ok());
        let few = |n: usize| -> serde_json::Map<String, Value> {
            (0..n).map(|n| (n.to_string(), json!(0))).collect()
        };
        for (users, told) in [(PLACED_MAX, true), (PLACED_MAX + 1, false)] {
            let answer = ask(&mut bed, "submit", json!({ "scores": few(users) })).unwrap();
            assert_eq!(answer.get("placed").is_some(), told);
        }
        for score in [SCORE_MAX, SCORE_MAX] {
            submit(&mut bed, &name, score);
        }
        assert_eq!(submit(&mut bed, &name, 1)["score"], SCORE_MAX, "a sum ends where it cannot be counted");
        submit(&mut bed, "low", -SCORE_MAX);
        assert_eq!(submit(&mut bed, "low", -1)["score"], -SCORE_MAX);
        let rank = ask(&mut bed, "rank", json!({ "user": "500", "around": AROUND_MAX })).unwrap();
        assert_eq!(rank["around"].as_array().unwrap().len() as u64, 2 * AROUND_MAX + 1);
        assert_eq!(top(&mut bed).len(), PAGE_MAX);
    }
}

#[test]
fn what_entries_are_ranked_by_stays_while_there_are_any() {
    for mut bed in beds() {
        submit(&mut bed, "a", 1);
        submit(&mut bed, "b", 2);
        for change in
            [json!({ "keeps": "sum" }), json!({ "sorted": "ascending" }), json!({ "entries_max": 1 })]
        {
            assert_eq!(ask(&mut bed, "configure", change), refused("not_empty"));
        }
        configure(&mut bed, json!({ "keeps": "best", "entries_max": 2, "seasons_kept": 0 }));
        ask(&mut bed, "reset", Value::Null).unwrap();
        configure(&mut bed, json!({ "keeps": "sum", "sorted": "ascending", "entries_max": 1 }));
    }
}

fn write(bed: &Testbed, write: Write) {
    let identity = board();
    let record = Record {
        class: "leaderboard".to_owned(),
        name: identity.name.clone(),
        epoch: Epoch(1),
        node: 1,
        class_version: 1,
        wake_at_start: false,
    };
    let writes = vec![Write::Record(record), write];
    let batch =
        WriteBatch { object: identity.id, node: 1, epoch: Epoch(1), writes, urgent: false, ticket: None };
    bed.store().submit(batch).unwrap();
}

#[test]
fn a_million_keys_and_not_one_more() {
    for mut bed in beds() {
        let meta = Meta { keys: KEYS_MAX - 1, ..Meta::default() };
        write(&bed, Write::Put { key: b"board".into(), value: postcard::to_stdvec(&meta).unwrap() });
        let keyed = |bed: &mut Testbed, key: &str| {
            ask_as(bed, object("m"), "submit", json!({ "scores": { key: 1 }, "key": key }))
        };
        assert!(keyed(&mut bed, "a").is_ok());
        assert_eq!(keyed(&mut bed, "b"), refused("Overloaded"));
        assert_top(&mut bed, &[("a", 1)]);
        assert_eq!(keyed(&mut bed, "a").unwrap()["counted"], false, "what is known is answered");
        ask_as(&mut bed, object("m"), "settle", json!({ "key": "a" })).unwrap();
        assert!(keyed(&mut bed, "b").is_ok());
    }
}

#[test]
fn keys_whose_time_is_over_make_room() {
    let mut bed = bed();
    for n in 0..6 {
        ask(&mut bed, "submit", json!({ "scores": { "a": n }, "key": n.to_string() })).unwrap();
    }
    pass(&mut bed, KEY_REMEMBERED * 2);
    for (key, left) in [("x", 3), ("y", 2), ("z", 3)] {
        ask(&mut bed, "submit", json!({ "scores": { "a": 1 }, "key": key })).unwrap();
        let stored = bed.stored("leaderboard", "b");
        assert_eq!(stored.keys(b"k/").unwrap().len(), left);
        assert_eq!(stored.keys(b"x/").unwrap().len(), left);
        let meta: Meta = postcard::from_bytes(&stored.get(b"board").unwrap().unwrap()).unwrap();
        assert_eq!(meta.keys, left as u64);
    }
}

/// A fifth of what a board may have: the store of these tests copies an object to read it.
const MANY: u32 = 20_000;

#[test]
fn with_many_entries_a_result_costs_a_few_small_rows_and_a_rank_is_exact() {
    let mut bed = bed();
    configure(&mut bed, json!({ "entries_max": MANY }));
    // Scattered over the board: 48,271 is prime to the number of entries.
    let score = |n: u32| i64::from(n) * 48_271 % i64::from(MANY);
    let users: Vec<u32> = (0..MANY).collect();
    for some in users.chunks(SCORES_MAX) {
        let scores: serde_json::Map<String, Value> =
            some.iter().map(|n| (format!("u{n}"), json!(score(*n)))).collect();
        ask(&mut bed, "submit", json!({ "scores": scores })).unwrap();
    }
    for n in [0, 1, 7_777, MANY - 1] {
        let rank = ask(&mut bed, "rank", json!({ "user": format!("u{n}") })).unwrap();
        assert_eq!(rank["entry"]["rank"], i64::from(MANY) - score(n));
    }
    let page = ask(&mut bed, "top", json!({ "from": 10_001, "limit": 1 })).unwrap();
    assert_eq!((&page["entries"][0]["score"], &page["total"]), (&json!(9_999), &json!(MANY)));
    assert_eq!(submit(&mut bed, "late", -1), json!({ "rank": null, "score": null }));
    assert_eq!(submit(&mut bed, "late", 19_999), json!({ "rank": 2, "score": 19_999 }));
    let before = bed.stored("leaderboard", "b").bytes().unwrap();
    submit(&mut bed, "late", 20_000);
    assert!(bed.stored("leaderboard", "b").bytes().unwrap().abs_diff(before) < 1_000);
    let stretches = bed
        .stored("leaderboard", "b")
        .list(&crate::object::storage::Range { prefix: b"f/".into(), ..Default::default() });
    let counts: Vec<u64> =
        stretches.unwrap().iter().map(|(_, count)| postcard::from_bytes(count).unwrap()).collect();
    assert_eq!(counts.iter().sum::<u64>(), u64::from(MANY));
    assert!(counts.iter().all(|count| *count <= STRETCH_MAX));
    assert!(counts.len() < 200, "what a board wakes on: {} rows", counts.len());
}

#[test]
fn a_ranking_begins_before_every_place() {
    assert_eq!(Ranking::empty(1).stretches().collect::<Vec<_>>(), [0]);
    assert_eq!(Place::at_end_of(&[0; 15]), None);
}
