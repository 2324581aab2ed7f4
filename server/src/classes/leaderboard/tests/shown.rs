//! What everybody is shown, and no event to the board.

use std::time::Duration;

use super::*;
use crate::object::values::snapshot::{ObjectSnapshot, SNAPSHOT_BYTES_MAX};

fn snapshot(bed: &mut Testbed) -> Option<ObjectSnapshot> {
    bed.objects().snapshot(&board()).unwrap()
}

fn shown(bed: &mut Testbed) -> Value {
    snapshot(bed).map_or(Value::Null, |shown| serde_json::from_str(&shown.text).unwrap())
}

#[test]
fn the_best_are_shown_to_everybody_while_the_board_sleeps_and_before_it_has_woken() {
    for mut bed in beds() {
        assert_eq!(shown(&mut bed), Value::Null);
        submit(&mut bed, "a", 1);
        bed.advance(Duration::from_secs(60));
        assert!(!bed.is_awake("leaderboard", "b"));
        assert_eq!(pairs(&shown(&mut bed)["entries"]), [("a".to_owned(), 1)]);
        let tag = snapshot(&mut bed).unwrap().tag;
        bed.restart();
        assert_eq!(snapshot(&mut bed).unwrap().tag, tag, "from the store");
        assert!(!bed.is_awake("leaderboard", "b"), "nobody woke it");
        submit(&mut bed, "b", 2);
        assert_eq!(pairs(&shown(&mut bed)["entries"]).len(), 2);
        assert_ne!(snapshot(&mut bed).unwrap().tag, tag);
        bed.delete("leaderboard", "b").unwrap();
        assert_eq!(shown(&mut bed), Value::Null);
    }
}

#[test]
fn what_is_shown_is_renewed_once_a_second() {
    for mut bed in beds() {
        submit(&mut bed, "a", 1);
        for score in 2..20 {
            submit(&mut bed, "a", score);
        }
        assert_eq!(pairs(&shown(&mut bed)["entries"]), [("a".to_owned(), 1)]);
        bed.advance(SHOWN_EVERY);
        assert_eq!(pairs(&shown(&mut bed)["entries"]), [("a".to_owned(), 19)]);
        bed.advance(Duration::from_secs(60));
        assert!(bed.alarms("leaderboard", "b").is_empty());
        ask(&mut bed, "reset", Value::Null).unwrap();
        assert_eq!((&shown(&mut bed)["season"], &shown(&mut bed)["total"]), (&json!(2), &json!(0)));
    }
}

#[test]
fn what_is_not_durable_is_not_shown() {
    let mut bed = Testbed::by_hand().class(std::sync::Arc::new(TypedClass::<Leaderboard>::default()));
    let first =
        bed.begin_call(Caller::Operator, "leaderboard", "b", "submit", json!({ "scores": { "a": 1 } }));
    bed.settle();
    assert_eq!((shown(&mut bed), first.answer()), (Value::Null, None));
    bed.flush();
    assert_eq!(pairs(&shown(&mut bed)["entries"]), [("a".to_owned(), 1)]);
    bed.advance(SHOWN_EVERY);
    let _second =
        bed.begin_call(Caller::Operator, "leaderboard", "b", "submit", json!({ "scores": { "b": 2 } }));
    bed.settle();
    assert_eq!(pairs(&shown(&mut bed)["entries"]).len(), 1, "held in memory or not");
    bed.restart();
    assert_eq!(pairs(&shown(&mut bed)["entries"]).len(), 1, "it was lost, and nobody had seen it");
}

#[test]
fn a_board_that_is_reset_shows_what_is_stored() {
    for n in 1..=3 {
        let mut bed = bed();
        submit(&mut bed, "a", 1);
        bed.advance(SHOWN_EVERY);
        shown(&mut bed);
        bed.crash_at_commit(n);
        for score in 2..6 {
            let _unknown = ask(&mut bed, "submit", json!({ "scores": { "a": score } }));
            bed.advance(SHOWN_EVERY * 2);
            assert_eq!(pairs(&shown(&mut bed)["entries"]), top(&mut bed), "{n} {score}");
        }
    }
}

#[test]
fn the_longest_names_fit_what_is_shown() {
    let mut bed = bed();
    // Each is two bytes in JSON.
    let scores: serde_json::Map<String, Value> = (100..100 + TOP_MAX)
        .map(|n| (format!("{n}{}", "\"".repeat(KEY_BYTES_MAX - 3)), json!(SCORE_MAX)))
        .collect();
    ask(&mut bed, "submit", json!({ "scores": scores })).unwrap();
    let shown = snapshot(&mut bed).unwrap();
    assert!(shown.text.len() > 30_000 && shown.text.len() <= SNAPSHOT_BYTES_MAX);
}
