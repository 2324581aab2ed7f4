//! Work that callers do.

use super::*;

#[test]
fn a_hundred_who_want_the_same_have_it_done_once_and_share_it() {
    for mut bed in beds() {
        let ann = begin(&mut bed, "ann", "k");
        assert_eq!(lead(&outcome(&ann)), 1);
        let others: Vec<Pending> = (0..99).map(|n| begin(&mut bed, &format!("u{n}"), "k")).collect();
        assert!(others.iter().all(|other| other.answer().is_none()));
        assert_eq!(lead(&outcome(&begin(&mut bed, "ann", "another key"))), 2);
        let done = finish(&mut bed, "ann", 1, json!({ "result": { "answer": 42 } }));
        assert_eq!(done, Ok(json!({ "told": 99 })));
        let shared = Ok(json!({ "result": { "answer": 42 }, "number": 1, "shared": true }));
        assert!(others.iter().all(|other| outcome(other) == shared));
        assert_eq!(outcome(&begin(&mut bed, "late", "k")), shared, "it is kept");
        assert_eq!(ask(&mut bed, "late", "get", json!({ "key": "k" })), shared);
        bed.restart();
        assert_eq!(outcome(&begin(&mut bed, "late", "k")), shared, "over a restart, too");
    }
}

#[test]
fn an_error_is_shared_with_those_who_wait_and_kept_only_if_it_is_said() {
    for mut bed in beds() {
        assert_eq!(lead(&outcome(&begin(&mut bed, "ann", "k"))), 1);
        let bob = begin(&mut bed, "bob", "k");
        assert_eq!(finish(&mut bed, "ann", 1, json!({ "error": "no luck" })), Ok(json!({ "told": 1 })));
        assert_eq!(outcome(&bob), Ok(json!({ "error": "no luck", "number": 1, "shared": true })));
        assert_eq!(lead(&outcome(&begin(&mut bed, "bob", "k"))), 2, "somebody tries again");
        finish(&mut bed, "bob", 2, json!({ "error": null, "keep_seconds": 5 })).unwrap();
        let kept = Ok(json!({ "error": null, "number": 2, "shared": true }));
        assert_eq!(outcome(&begin(&mut bed, "cid", "k")), kept);
        bed.advance(5 * SECOND);
        assert_eq!(lead(&outcome(&begin(&mut bed, "cid", "k"))), 3);
    }
}

#[test]
fn a_result_is_kept_until_its_alarm_to_the_millisecond_or_until_it_is_forgotten() {
    for mut bed in beds() {
        begin(&mut bed, "ann", "k");
        finish(&mut bed, "ann", 1, json!({ "result": null, "keep_seconds": 2 })).unwrap();
        bed.advance(2 * SECOND - Duration::from_millis(1));
        let kept = json!({ "result": null, "number": 1, "shared": true });
        assert_eq!(outcome(&begin(&mut bed, "bob", "k")), Ok(kept));
        bed.advance(Duration::from_millis(1));
        assert_eq!(ask(&mut bed, "bob", "get", json!({ "key": "k" })), Err("nothing_kept"));
        assert!(bed.alarms("single_flight", "work").is_empty());
        let keys = bed.stored("single_flight", "work").keys(b"").unwrap();
        assert_eq!(keys.len(), 1, "nothing is left of it but the newest number");
        begin(&mut bed, "ann", "k");
        finish(&mut bed, "ann", 2, json!({ "result": 1 })).unwrap();
        let forget = |number: u64| json!({ "key": "k", "number": number });
        let forgotten = |was: bool| Ok(json!({ "forgotten": was }));
        assert_eq!(ask(&mut bed, "bob", "forget", forget(1)), forgotten(false), "not that one");
        assert_eq!(ask(&mut bed, "bob", "forget", forget(2)), forgotten(true));
        assert_eq!(ask(&mut bed, "bob", "forget", json!({ "key": "k" })), forgotten(false));
        assert_eq!(lead(&outcome(&begin(&mut bed, "bob", "k"))), 3);
        assert_eq!(ask(&mut bed, "bob", "forget", json!({ "key": "k" })), Err("in_flight"));
        finish(&mut bed, "bob", 3, json!({ "result": 1, "keep_seconds": 0 })).unwrap();
        assert_eq!(ask(&mut bed, "bob", "get", json!({ "key": "k" })), Err("nothing_kept"));
    }
}

#[test]
fn when_a_lease_ends_the_next_in_order_leads_and_who_was_too_late_is_refused() {
    for mut bed in beds() {
        let short = json!({ "key": "k", "lease_seconds": 3, "wait_seconds": 20 });
        let begin = |bed: &mut Testbed, who: &str| begin_as(bed, user(who), "begin", short.clone());
        assert_eq!(lead(&outcome(&begin(&mut bed, "ann"))), 1);
        let (bob, cid, dan) = (begin(&mut bed, "bob"), begin(&mut bed, "cid"), begin(&mut bed, "dan"));
        drop(cid);
        bed.advance(3 * SECOND - Duration::from_millis(1));
        assert!(bob.answer().is_none());
        bed.advance(Duration::from_millis(1));
        assert_eq!(lead(&outcome(&bob)), 2);
        let late = json!({ "result": "late" });
        assert_eq!(finish(&mut bed, "ann", 1, late.clone()), Err("not_leading"));
        assert_eq!(finish(&mut bed, "ann", 2, late.clone()), Err("not_leading"), "not hers");
        bed.advance(3 * SECOND);
        assert_eq!(lead(&outcome(&dan)), 3, "cid has hung up");
        assert_eq!(finish(&mut bed, "bob", 2, late), Err("not_leading"));
        assert_eq!(finish(&mut bed, "dan", 3, json!({ "result": "done" })), Ok(json!({ "told": 0 })));
        assert_eq!(finish(&mut bed, "dan", 3, json!({ "result": "done" })), Err("not_leading"), "once");
        assert_eq!(outcome(&begin(&mut bed, "ann")).unwrap()["result"], "done");
    }
}

#[test]
fn who_has_waited_long_enough_is_told_so_and_a_lease_nobody_waits_for_just_ends() {
    for mut bed in beds() {
        begin_as(&mut bed, user("ann"), "begin", json!({ "key": "k", "lease_seconds": 60 }));
        let now = begin_as(&mut bed, user("bob"), "begin", json!({ "key": "k", "wait_seconds": 0 }));
        assert_eq!(outcome(&now), Err("in_flight"));
        let bob = begin_as(&mut bed, user("bob"), "begin", json!({ "key": "k", "wait_seconds": 1 }));
        bed.advance(SECOND - Duration::from_millis(1));
        assert!(bob.answer().is_none());
        bed.advance(SECOND / 4 + Duration::from_millis(1));
        assert_eq!(outcome(&bob), Err("in_flight"));
        bed.advance(60 * SECOND);
        assert!(bed.alarms("single_flight", "work").is_empty());
        bed.advance(11 * SECOND);
        assert!(!bed.is_awake("single_flight", "work"), "nobody waits: it hibernates");
        assert_eq!(lead(&outcome(&begin(&mut bed, "bob", "k"))), 2);
    }
}

#[test]
fn what_was_answered_is_there_after_a_crash_at_every_commit_and_no_number_twice() {
    for n in 1..=12 {
        let mut bed = bed();
        bed.crash_at_commit(n);
        let (mut newest, mut resets) = (0, 0);
        for round in 0..6 {
            let key = format!("k{}", round % 2);
            let reply = ask(&mut bed, "ann", "begin", json!({ "key": key, "lease_seconds": 3 }));
            if reply == Err("reset") {
                resets += 1;
            } else {
                let number = lead(&reply);
                assert!(number > newest, "{n}: {number} after {newest}");
                newest = number;
                let body = json!({ "key": key, "lead": number, "result": round, "keep_seconds": 2 });
                match ask(&mut bed, "ann", "finish", body) {
                    Ok(_) => {
                        let kept = ask(&mut bed, "bob", "get", json!({ "key": key })).unwrap();
                        assert_eq!(
                            (&kept["result"], &kept["number"]),
                            (&json!(round), &json!(number)),
                            "{n}"
                        );
                    }
                    refused => {
                        assert_eq!(refused, Err("reset"));
                        resets += 1;
                        let left = ask(&mut bed, "bob", "get", json!({ "key": key }));
                        assert_eq!(left, Err("in_flight"), "{n}: it was not told, and is not there");
                    }
                }
            }
            bed.advance(4 * SECOND);
            assert_eq!(ask(&mut bed, "bob", "get", json!({ "key": key })), Err("nothing_kept"), "{n}");
        }
        // The third commit of a round is that of an alarm, whom nobody waits for.
        assert_eq!(resets, u32::from(n % 3 != 0), "{n}");
    }
}

#[test]
fn who_waits_while_it_crashes_is_told_nothing_that_is_not_so() {
    for n in 1..=2 {
        let mut bed = bed();
        begin(&mut bed, "ann", "k");
        let bob = begin(&mut bed, "bob", "k");
        bed.crash_at_commit(n);
        let done = finish(&mut bed, "ann", 1, json!({ "result": 1 }));
        if n == 1 {
            assert_eq!((done, bob.answer()), (Err("reset"), None));
            assert_eq!(ask(&mut bed, "bob", "get", json!({ "key": "k" })), Err("in_flight"));
            assert_eq!(finish(&mut bed, "ann", 1, json!({ "result": 1 })), Ok(json!({ "told": 0 })));
        } else {
            assert_eq!(
                (done, outcome(&bob).unwrap()["result"].clone()),
                (Ok(json!({ "told": 1 })), json!(1))
            );
        }
        assert_eq!(ask(&mut bed, "bob", "get", json!({ "key": "k" })).unwrap()["result"], 1);
    }
}
