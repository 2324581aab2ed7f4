//! Seasons end once, and their best are kept.

use std::time::Duration;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn seasons(bed: &mut Testbed) -> Vec<Season> {
    serde_json::from_value(ask(bed, "seasons", Value::Null).unwrap()).unwrap()
}

/// A board with seasons of a day, and when the first began.
fn daily(bed: &mut Testbed, kept: u32) -> u64 {
    configure(bed, json!({ "season_seconds": DAY.as_secs(), "seasons_kept": kept }));
    bed.unix_ms()
}

#[test]
fn a_season_ends_by_an_alarm_and_its_best_are_kept() {
    for mut bed in beds() {
        let began = daily(&mut bed, 2);
        for (season, user) in [(1, "a"), (2, "b"), (3, "c")] {
            submit(&mut bed, user, season);
            pass(&mut bed, DAY);
            assert_eq!(bed.alarms("leaderboard", "b").len(), 1, "only the end of the season");
        }
        assert_top(&mut bed, &[]);
        let numbers: Vec<u64> = seasons(&mut bed).iter().map(|season| season.season).collect();
        assert_eq!(numbers, [3, 2], "the last two");
        let two: Season =
            serde_json::from_value(ask(&mut bed, "season", json!({ "season": 2 })).unwrap()).unwrap();
        let day = DAY.as_millis() as u64;
        assert_eq!((two.began_unix_ms, two.ended_unix_ms, two.total), (began + day, began + 2 * day, 1));
        assert_eq!(two.top.unwrap()[0].user, "b");
        assert_eq!(ask(&mut bed, "season", json!({ "season": 1 })), refused("no_such_season"));
        let rows = bed.stored("leaderboard", "b");
        for prefix in [b"r/", b"u/", b"f/"] {
            assert!(rows.keys(prefix).unwrap().is_empty(), "nothing is left of entries of before");
        }
    }
}

#[test]
fn a_season_in_which_nobody_was_is_none() {
    for mut bed in beds() {
        daily(&mut bed, 2);
        submit(&mut bed, "a", 1);
        (0..5).for_each(|_| pass(&mut bed, DAY));
        assert_eq!(seasons(&mut bed).len(), 1);
        assert_eq!(ask(&mut bed, "top", Value::Null).unwrap()["season"], 2);
        submit(&mut bed, "a", 1);
        pass(&mut bed, DAY);
        assert_eq!(seasons(&mut bed).len(), 2);
    }
}

#[test]
fn a_server_that_was_down_ends_a_season_once_and_goes_on_in_step() {
    for mut bed in beds() {
        let began = daily(&mut bed, 4);
        submit(&mut bed, "a", 1);
        bed.settle();
        // Nobody runs while the clock goes on.
        bed.clock().advance(DAY * 3 + Duration::from_secs(5));
        bed.restart();
        bed.advance(Duration::from_secs(2));
        assert_eq!(seasons(&mut bed).len(), 1);
        let standing = ask(&mut bed, "top", Value::Null).unwrap();
        assert_eq!(standing["season"], 2);
        assert_eq!(standing["ends_unix_ms"], began + 4 * DAY.as_millis() as u64);
    }
}

#[test]
fn nobody_counts_for_a_season_that_is_over_whether_its_alarm_has_come_or_not() {
    for mut bed in beds() {
        daily(&mut bed, 4);
        submit(&mut bed, "a", 1);
        bed.settle();
        bed.clock().advance(DAY);
        assert_eq!(submit(&mut bed, "b", 1), json!({ "rank": 1, "score": 1 }));
        bed.advance(Duration::from_secs(60));
        assert_top(&mut bed, &[("b", 1)]);
        assert_eq!(seasons(&mut bed).len(), 1, "the alarm that came later found nothing to do");
    }
}

#[test]
fn a_season_that_is_changed_ends_when_it_says() {
    for mut bed in beds() {
        daily(&mut bed, 4);
        submit(&mut bed, "a", 1);
        configure(&mut bed, json!({ "season_seconds": 0 }));
        assert_eq!(ask(&mut bed, "top", Value::Null).unwrap()["ends_unix_ms"], Value::Null);
        pass(&mut bed, DAY * 2);
        assert_top(&mut bed, &[("a", 1)]);
        configure(&mut bed, json!({ "season_seconds": 3600 }));
        pass(&mut bed, Duration::from_secs(3600));
        assert_top(&mut bed, &[]);
        assert_eq!(ask(&mut bed, "reset", Value::Null), Ok(json!({ "done": true })), "nobody is there to go");
        assert_eq!(seasons(&mut bed).len(), 1);
        submit(&mut bed, "b", 1);
        ask(&mut bed, "reset", Value::Null).unwrap();
        assert_eq!(seasons(&mut bed).len(), 2);
        configure(&mut bed, json!({ "seasons_kept": 0 }));
        assert!(seasons(&mut bed).is_empty());
    }
}

#[test]
fn the_rows_of_a_large_season_go_in_parts() {
    let mut bed = bed();
    for part in 0..3 {
        let scores: serde_json::Map<String, Value> =
            (0..SCORES_MAX).map(|n| (format!("{part}-{n}"), json!(n))).collect();
        ask(&mut bed, "submit", json!({ "scores": scores })).unwrap();
    }
    bed.crash_at_commit(4);
    ask(&mut bed, "reset", Value::Null).unwrap();
    submit(&mut bed, "a", 1);
    // It dies on the way.
    bed.advance(Duration::from_secs(1));
    bed.advance(Duration::from_secs(5));
    assert_top(&mut bed, &[("a", 1)]);
    let rows = bed.stored("leaderboard", "b");
    assert_eq!([b"r/", b"u/", b"f/"].map(|prefix| rows.keys(prefix).unwrap().len()), [1, 1, 1]);
    assert!(rows.alarms().unwrap().is_empty());
}

#[test]
fn a_season_keeps_its_hundred_best() {
    let mut bed = bed();
    let scores: serde_json::Map<String, Value> =
        (0..=TOP_MAX).map(|n| (format!("u{n:03}"), json!(1000 - n))).collect();
    ask(&mut bed, "submit", json!({ "scores": scores })).unwrap();
    ask(&mut bed, "reset", Value::Null).unwrap();
    let season = ask(&mut bed, "season", json!({ "season": 1 })).unwrap();
    assert_eq!(
        (season["top"].as_array().unwrap().len() as u64, &season["total"]),
        (TOP_MAX, &json!(TOP_MAX + 1))
    );
}
