//! What a board promises when processes die: what was answered is there, and nothing twice.

use std::time::Duration;

use super::*;

/// Submissions of a scenario: whose match, user, score.
const RESULTS: [(&str, &str, i64); 5] =
    [("m0", "ann", 5), ("m1", "bob", 3), ("m2", "ann", 4), ("m3", "cid", 1), ("m4", "bob", 6)];

/// Runs the scenario; the process dies at the n-th commit, if it comes to that. True: it did.
fn crashes_and_nothing_is_twice(n: u64, mut bed: Testbed) -> bool {
    configure(&mut bed, json!({ "keeps": "sum", "entries_max": 2, "season_seconds": 3600 }));
    bed.crash_at_commit(n);
    let mut crashed = false;
    for (of, user, score) in RESULTS {
        let body = json!({ "scores": { user: score }, "key": of });
        // Whoever is not answered asks again.
        let answer = loop {
            let pending = bed.begin_call(object(of), "leaderboard", "b", "submit", body.clone());
            bed.settle();
            match pending.answer() {
                Some(Ok(answer)) => break answer,
                other => assert!(matches!(other, None | Some(Err(CallError::Reset))), "{other:?}"),
            }
            crashed = true;
        };
        assert!(answer["placed"].is_object());
        let again = ask_as(&mut bed, object(of), "submit", body);
        match again {
            Ok(answer) => assert_eq!(answer["counted"], false, "{n}"),
            Err(_) => panic!("{n}: what was answered is there"),
        }
    }
    // bob: 3 + 6; cid, who was worse than the last of two, is not there.
    assert_top(&mut bed, &[("ann", 9), ("bob", 9)]);
    pass(&mut bed, Duration::from_secs(3601));
    assert_top(&mut bed, &[]);
    let seasons = ask(&mut bed, "seasons", Value::Null).unwrap();
    assert_eq!(seasons.as_array().unwrap().len(), 1, "{n}: one season is over");
    let season = ask(&mut bed, "season", json!({ "season": 1 })).unwrap();
    assert_eq!(pairs(&season["top"]), [("ann".to_owned(), 9), ("bob".to_owned(), 9)]);
    bed.advance(Duration::from_secs(60));
    let rows = bed.stored("leaderboard", "b");
    assert_eq!([b"r/", b"u/", b"f/"].map(|prefix| rows.keys(prefix).unwrap().len()), [0; 3], "{n}");
    assert_eq!(rows.keys(b"k/").unwrap().len(), RESULTS.len());
    crashed
}

#[test]
fn a_crash_at_any_commit_takes_nothing_that_was_answered_and_counts_nothing_twice() {
    for make in [bed, || bed().forgetful()] {
        let crashes = (1..=20).filter(|n| crashes_and_nothing_is_twice(*n, make())).count();
        assert!((4..20).contains(&crashes), "every commit of the scenario, and beyond: {crashes}");
    }
}

#[test]
fn a_crash_at_any_commit_around_the_end_of_a_season_ends_it_once() {
    for make in [bed, || bed().forgetful()] {
        for n in 1..=6 {
            let mut bed = make();
            configure(&mut bed, json!({ "season_seconds": 60 }));
            submit(&mut bed, "a", 1);
            bed.advance(Duration::from_secs(59));
            bed.crash_at_commit(n);
            bed.advance(Duration::from_secs(30));
            let standing = ask(&mut bed, "top", Value::Null);
            let standing = standing.or_else(|_| ask(&mut bed, "top", Value::Null)).unwrap();
            assert_eq!((&standing["season"], &standing["total"]), (&json!(2), &json!(0)), "{n}");
            assert_eq!(ask(&mut bed, "seasons", Value::Null).unwrap().as_array().unwrap().len(), 1, "{n}");
        }
    }
}
