//! Results of matches go to a leaderboard, once, whatever crashes.

use std::collections::BTreeMap;

use super::*;
use crate::classes::leaderboard::{Entry, Leaderboard, Standing};
use crate::classes::matches::posting::{RETRY_FIRST, RETRY_MAX};
use crate::object::contract::ClassRef;
use crate::object::typed::TypedClass;
use crate::testing::Testbed;

fn bed_with(boards: Option<ClassRef>) -> Testbed {
    let metrics = Metrics::new();
    let mut games = games::pongs();
    games.insert(games::SCORED, games::scored());
    let shelf = Shelf {
        games: Arc::new(games),
        assets: Arc::new(Assets::default()),
        entropy: entropy(),
        inputs: InputCounters::new(&metrics),
        metrics,
        settings: MatchSettings::default(),
    };
    let bed = Testbed::new().class(Arc::new(MatchClass::new(shelf)));
    boards.into_iter().fold(bed, Testbed::class)
}

fn bed() -> Testbed {
    bed_with(Some(Arc::new(TypedClass::<Leaderboard>::default())))
}

/// Asks until it is answered: nobody knows what a crash took.
fn insist(bed: &mut Testbed, name: &str, method: &str, body: &Value) -> Value {
    for _ in 0..5 {
        match bed.call(MATCH_CLASS, name, method, body.clone()) {
            Ok(answer) => return answer,
            Err(error) => assert_eq!(error, CallError::Reset),
        }
    }
    panic!("{name} is never answered");
}

fn entries(bed: &mut Testbed, board: &str) -> BTreeMap<String, Entry> {
    let standing = bed.call("leaderboard", board, "top", Value::Null).unwrap();
    let standing: Standing = serde_json::from_value(standing).unwrap();
    standing.entries.into_iter().map(|entry| (entry.user.clone(), entry)).collect()
}

fn board_of(bed: &mut Testbed, name: &str) -> Value {
    bed.call(MATCH_CLASS, name, "inspect", Value::Null).unwrap()["board"].clone()
}

/// Two matches, one after the other; the process dies at the n-th commit, if it comes to that. True: it did.
fn crashes_and_counts_once(n: u64, mut bed: Testbed) -> bool {
    bed.call("leaderboard", "ladder", "configure", json!({ "keeps": "sum" })).unwrap();
    let before = bed.commits();
    bed.crash_at_commit(n);
    for name in ["m0", "m1"] {
        insist(&mut bed, name, "create", &json!({ "game": "scored" }));
        insist(&mut bed, name, "end", &Value::Null);
        bed.advance(RETRY_FIRST * 5);
        assert_eq!(board_of(&mut bed, name), json!({ "name": "ladder", "state": "posted" }), "{n}");
    }
    let entries = entries(&mut bed, "ladder");
    for (user, score) in [("ann", 6), ("bob", -2)] {
        assert_eq!((entries[user].score, entries[user].results), (score, 2), "{n}: once for each match");
    }
    let stored = bed.stored("leaderboard", "ladder");
    assert!(stored.keys(b"k/").unwrap().is_empty(), "{n}: nothing needs to be remembered any more");
    for name in ["m0", "m1"] {
        assert!(bed.alarms(MATCH_CLASS, name).iter().all(|alarm| alarm.name != "post"), "{n}");
    }
    // A process that died began anew to count none.
    bed.commits() - before >= n
}

#[test]
fn a_result_counts_once_whenever_it_crashes() {
    for make in [bed, || bed().forgetful()] {
        let crashes = (1..=30).filter(|n| crashes_and_counts_once(*n, make())).count();
        assert!((8..30).contains(&crashes), "every commit of the scenario, and beyond: {crashes}");
    }
}

#[test]
fn a_result_goes_to_the_board_of_its_game_to_another_or_nowhere() {
    for (name, wish, expected) in [
        ("own", json!({}), Some("ladder")),
        ("asked", json!({ "board": true }), Some("ladder")),
        ("other", json!({ "board": "friday" }), Some("friday")),
        ("none", json!({ "board": false }), None),
    ] {
        let mut bed = bed();
        let mut body = json!({ "game": "scored" });
        lay_over(&mut body, wish);
        insist(&mut bed, name, "create", &body);
        assert!(bed.call(MATCH_CLASS, name, "create", body).is_ok(), "the same again is the same");
        bed.advance(seconds(1));
        assert!(entries(&mut bed, "ladder").is_empty(), "nothing before it is over");
        let told = expected.map(|board| json!({ "name": board, "state": "open" }));
        assert_eq!(board_of(&mut bed, name), json!(told));
        insist(&mut bed, name, "end", &Value::Null);
        bed.advance(seconds(1));
        let told = expected.map(|board| json!({ "name": board, "state": "posted" }));
        assert_eq!(board_of(&mut bed, name), json!(told));
        for board in ["ladder", "friday"] {
            assert_eq!(entries(&mut bed, board).len(), if expected == Some(board) { 2 } else { 0 });
        }
    }
    let mut bed = bed();
    insist(&mut bed, "pong", "create", &json!({ "game": "pong", "board": "friday" }));
    insist(&mut bed, "pong", "end", &Value::Null);
    assert_eq!(board_of(&mut bed, "pong"), Value::Null, "nobody played");
    let wrong = bed.call(MATCH_CLASS, "x", "create", json!({ "game": "scored", "board": 7 }));
    assert!(matches!(wrong, Err(CallError::Invalid(_))));
}

#[test]
fn a_board_that_does_not_answer_is_asked_again_and_one_that_never_will_is_not() {
    let mut bed = bed();
    let ladder = Identity::named("leaderboard", ObjectName::parse("ladder").unwrap());
    let record = Record {
        class: "leaderboard".to_owned(),
        name: ladder.name.clone(),
        epoch: Epoch(1),
        node: 1,
        class_version: 1,
        wake_at_start: false,
    };
    let write = |bed: &Testbed, write: Write| {
        let (object, writes) = (ladder.id, vec![Write::Record(record.clone()), write]);
        let batch = WriteBatch { object, node: 1, epoch: Epoch(1), writes, urgent: false, ticket: None };
        bed.store().submit(batch).unwrap();
    };
    // What is stored of the board is none of its class's.
    write(&bed, Write::Put { key: b"board".into(), value: vec![0xff; 11] });
    insist(&mut bed, "m", "create", &json!({ "game": "scored" }));
    insist(&mut bed, "m", "end", &Value::Null);
    bed.advance(seconds(5000));
    assert_eq!(board_of(&mut bed, "m")["state"], "posting");
    let due = bed.alarms(MATCH_CLASS, "m").into_iter().find(|alarm| alarm.name == "post").unwrap().due_ms;
    assert!((due - bed.unix_ms()) <= RETRY_MAX.as_millis() as u64 && due > bed.unix_ms() + 60_000);
    write(&bed, Write::Delete { key: b"board".into() });
    bed.restart();
    bed.advance(RETRY_MAX);
    assert_eq!(board_of(&mut bed, "m")["state"], "posted");
    assert_eq!(entries(&mut bed, "ladder")["ann"].results, 1);

    let mut bed = bed_with(None);
    insist(&mut bed, "m", "create", &json!({ "game": "scored" }));
    insist(&mut bed, "m", "end", &Value::Null);
    bed.advance(seconds(1));
    assert_eq!(board_of(&mut bed, "m")["state"], "refused", "this server has no such class");
    assert!(bed.alarms(MATCH_CLASS, "m").iter().all(|alarm| alarm.name != "post"));
}
