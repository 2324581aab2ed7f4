//! Who stands where.

use std::time::Duration;

use super::*;
use crate::object::request::{HTTP_METHOD, ObjectRequest, ObjectResponse};

#[test]
fn scores_are_ranked_and_equal_ones_stand_as_they_came() {
    for mut bed in beds() {
        assert_eq!(ask(&mut bed, "top", Value::Null).unwrap()["entries"], json!([]));
        assert_eq!(bed.commits(), 0, "who only reads stores nothing");
        assert_eq!(submit(&mut bed, "ann", 5), json!({ "rank": 1, "score": 5 }));
        assert_eq!(submit(&mut bed, "bob", 7), json!({ "rank": 1, "score": 7 }));
        assert_eq!(submit(&mut bed, "cid", 5), json!({ "rank": 3, "score": 5 }));
        assert_eq!(submit(&mut bed, "dan", -3), json!({ "rank": 4, "score": -3 }));
        assert_eq!(
            submit(&mut bed, "ann", 5),
            json!({ "rank": 2, "score": 5 }),
            "who comes to it again stays"
        );
        assert_eq!(submit(&mut bed, "ann", 4), json!({ "rank": 2, "score": 5 }), "the best is kept");
        bed.restart();
        assert_top(&mut bed, &[("bob", 7), ("ann", 5), ("cid", 5), ("dan", -3)]);
        let ann = &ask(&mut bed, "rank", json!({ "user": "ann" })).unwrap();
        assert_eq!(
            (&ann["entry"]["results"], &ann["total"], &ann["around"]),
            (&json!(3), &json!(4), &json!([]))
        );
    }
}

#[test]
fn a_board_keeps_the_best_the_last_or_the_sum_of_either_order() {
    for (rules, expected) in [
        (json!({ "keeps": "best" }), [("b", 9), ("a", 8)]),
        (json!({ "keeps": "best", "sorted": "ascending" }), [("b", 1), ("a", 3)]),
        (json!({ "keeps": "last" }), [("a", 3), ("b", 1)]),
        (json!({ "keeps": "sum" }), [("a", 11), ("b", 10)]),
        (json!({ "keeps": "sum", "sorted": "ascending" }), [("b", 10), ("a", 11)]),
    ] {
        for mut bed in beds() {
            configure(&mut bed, rules.clone());
            for (user, score) in [("a", 8), ("b", 9), ("a", 3), ("b", 1)] {
                submit(&mut bed, user, score);
            }
            assert_top(&mut bed, &expected);
        }
    }
}

#[test]
fn a_user_sees_who_stands_around_them_and_pages_follow_one_another() {
    for mut bed in beds() {
        let scores: serde_json::Map<String, Value> =
            (0..30).map(|n| (format!("u{n:02}"), json!(100 - n))).collect();
        let answer = ask(&mut bed, "submit", json!({ "scores": scores })).unwrap();
        assert_eq!(answer, json!({ "counted": true }), "the places of many are not told");
        let rank = ask(&mut bed, "rank", json!({ "user": "u10", "around": 2 })).unwrap();
        assert_eq!((&rank["entry"]["rank"], &rank["entry"]["score"]), (&json!(11), &json!(90)));
        let around: Vec<String> = pairs(&rank["around"]).into_iter().map(|(user, _)| user).collect();
        assert_eq!(around, ["u08", "u09", "u10", "u11", "u12"]);
        let first = ask(&mut bed, "rank", json!({ "user": "u00", "around": 1 })).unwrap();
        assert_eq!(pairs(&first["around"]).len(), 2, "nobody stands before the first");
        let (mut from, mut seen) = (json!(1), Vec::new());
        while !from.is_null() {
            let page = ask(&mut bed, "top", json!({ "from": from, "limit": 7 })).unwrap();
            assert_eq!(page["total"], 30);
            seen.extend(pairs(&page["entries"]));
            from = page["next"].clone();
        }
        assert_eq!(seen, top(&mut bed));
        assert_eq!(ask(&mut bed, "top", json!({ "from": 31 })).unwrap()["entries"], json!([]));
        assert_eq!(ask(&mut bed, "rank", json!({ "user": "nobody" })), refused("no_such_entry"));
    }
}

#[test]
fn a_full_board_takes_whoever_is_better_than_its_last() {
    for mut bed in beds() {
        configure(&mut bed, json!({ "entries_max": 2 }));
        submit(&mut bed, "a", 5);
        submit(&mut bed, "b", 3);
        assert_eq!(submit(&mut bed, "c", 3), json!({ "rank": null, "score": null }), "as good came later");
        assert_eq!(submit(&mut bed, "c", 4), json!({ "rank": 2, "score": 4 }));
        assert_top(&mut bed, &[("a", 5), ("c", 4)]);
        assert_eq!(
            submit(&mut bed, "b", 1),
            json!({ "rank": null, "score": null }),
            "who fell out begins anew"
        );
        assert_eq!(submit(&mut bed, "a", 9), json!({ "rank": 1, "score": 9 }), "who is on it makes no room");
        assert_eq!(ask(&mut bed, "remove", json!({ "user": "c" })), Ok(json!({ "done": true })));
        assert_eq!(ask(&mut bed, "remove", json!({ "user": "c" })), refused("no_such_entry"));
        assert_eq!(submit(&mut bed, "b", 1), json!({ "rank": 2, "score": 1 }));
    }
}

#[test]
fn everybody_reads_over_http_and_changes_nothing() {
    for mut bed in beds() {
        submit(&mut bed, "ann b", 5);
        let mut get = |method: &str, path: &str, query: &str| {
            let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
            let request = ObjectRequest { method, path, query, ..ObjectRequest::default() };
            let body = serde_json::to_value(request).unwrap();
            let answer = ask_as(&mut bed, Caller::Anonymous, HTTP_METHOD, body)?;
            let response: ObjectResponse = serde_json::from_value(answer).unwrap();
            serde_json::from_slice::<Value>(&response.body).map_err(|error| error.to_string())
        };
        assert_eq!(get("GET", "top", "from=1&limit=5").unwrap()["entries"][0]["user"], "ann b");
        assert_eq!(get("GET", "rank", "user=ann%20b&around=3").unwrap()["entry"]["rank"], 1);
        assert_eq!(get("GET", "rank", "user=7").unwrap_err(), "no_such_entry", "a user may be digits");
        assert_eq!(get("GET", "seasons", "").unwrap(), json!([]));
        assert_eq!(get("GET", "rules", "").unwrap()["keeps"], "best");
        for (method, path, query, expected) in [
            ("GET", "submit", "", "NotFound"),
            ("POST", "reset", "", "NotFound"),
            ("POST", "top", "", "NotFound"),
            ("GET", "top", "from=0", "invalid"),
            ("GET", "top", "from=x", "invalid"),
            ("GET", "top", "from=1&from=2", "invalid"),
            ("GET", "top", "%", "invalid"),
            ("GET", "rank", "", "invalid"),
            ("GET", "season", "season=9", "no_such_season"),
        ] {
            assert_eq!(get(method, path, query), refused(expected), "{method} {path} {query}");
        }
        assert_top(&mut bed, &[("ann b", 5)]);
    }
}

#[test]
fn who_may_call_posts_and_moderators_moderate() {
    for mut bed in beds() {
        let scores = json!({ "scores": { "bob": 1 } });
        let service = || user(&["leaderboard:b:call"]);
        let moderator = || user(&["leaderboard:b:call", "leaderboard_moderator:b:call"]);
        for caller in [Caller::Operator, object("m"), service()] {
            assert!(ask_as(&mut bed, caller, "submit", scores.clone()).is_ok());
        }
        for (method, body) in
            [("configure", json!({})), ("remove", json!({ "user": "bob" })), ("reset", Value::Null)]
        {
            assert_eq!(ask_as(&mut bed, service(), method, body.clone()), refused("forbidden"), "{method}");
            let elsewhere = user(&["leaderboard:b:call", "leaderboard_moderator:c:call"]);
            assert_eq!(ask_as(&mut bed, elsewhere, method, body.clone()), refused("forbidden"));
            assert!(ask_as(&mut bed, moderator(), method, body).is_ok(), "{method}");
        }
        let settled = ask_as(&mut bed, moderator(), "settle", json!({ "key": "k" }));
        assert_eq!(settled, refused("forbidden"), "for objects");
    }
}

#[test]
fn a_key_counts_once() {
    for mut bed in beds() {
        configure(&mut bed, json!({ "keeps": "sum" }));
        let body = json!({ "scores": { "a": 5 }, "key": "k" });
        assert_eq!(ask(&mut bed, "submit", body.clone()).unwrap()["counted"], true);
        let again = ask(&mut bed, "submit", body.clone()).unwrap();
        assert_eq!(again, json!({ "counted": false, "placed": { "a": { "rank": 1, "score": 5 } } }));
        bed.restart();
        assert_eq!(ask_as(&mut bed, user(&[]), "submit", body.clone()).unwrap()["counted"], false);
        for caller in ["m1", "m2"] {
            assert_eq!(ask_as(&mut bed, object(caller), "submit", body.clone()).unwrap()["counted"], true);
            assert_eq!(ask_as(&mut bed, object(caller), "submit", body.clone()).unwrap()["counted"], false);
        }
        assert_top(&mut bed, &[("a", 15)]);
    }
}

#[test]
fn an_objects_key_is_remembered_until_it_is_settled_and_others_for_a_week() {
    for mut bed in beds() {
        configure(&mut bed, json!({ "keeps": "sum" }));
        let body = json!({ "scores": { "a": 1 }, "key": "k" });
        let counted = |bed: &mut Testbed, caller: Caller| {
            ask_as(bed, caller, "submit", body.clone()).unwrap()["counted"] == true
        };
        assert!(counted(&mut bed, object("m")) && counted(&mut bed, Caller::Operator));
        pass(&mut bed, KEY_REMEMBERED - Duration::from_secs(1));
        assert!(!counted(&mut bed, object("m")) && !counted(&mut bed, Caller::Operator));
        pass(&mut bed, Duration::from_secs(2));
        assert!(!counted(&mut bed, object("m")) && counted(&mut bed, Caller::Operator));
        assert!(!counted(&mut bed, Caller::Operator), "it is remembered anew");
        pass(&mut bed, KEY_REMEMBERED * 50);
        assert!(!counted(&mut bed, object("m")), "however long a server is down");
        for done in [true, false] {
            let settled = ask_as(&mut bed, object("m"), "settle", json!({ "key": "k" }));
            assert_eq!(settled, Ok(json!({ "done": done })));
        }
        assert!(bed.stored("leaderboard", "b").keys(b"k/match").unwrap().is_empty());
    }
}
