//! Names of matches: one match of a name, whatever crashes. What the route does (`gateway/http/create/by_name.rs`), step
//! by step.

use tickstone_shared::games::pong::Pong;
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::registered::register;

use super::*;
use crate::classes::matches::class::{Games, MatchClass, MatchSettings, Shelf};
use crate::classes::matches::input_buffer::InputCounters;
use crate::metrics::Metrics;

fn with_matches() -> Testbed {
    let metrics = Metrics::new();
    let games = Games::from([("pong", register::<Pong>())]);
    let shelf = Shelf {
        games: Arc::new(games),
        assets: Arc::new(Assets::default()),
        entropy: Arc::new(|| [7; 16]),
        inputs: InputCounters::new(&metrics),
        metrics,
        settings: MatchSettings::default(),
    };
    bed().class(Arc::new(MatchClass::new(shelf)))
}

/// Asks for the match of a name, if need be under this id.
fn create(bed: &mut Testbed, id: &str) -> Pending {
    let body = json!({
        "key": "match", "class": "match", "name": id, "method": "create", "body": { "game": "pong" },
        "keep_seconds": u32::MAX,
    });
    bed.begin_call(Caller::Operator, "single_flight", "friday", "do", body)
}

fn id_of(pending: &Pending) -> Option<String> {
    Some(pending.answer()?.ok()?["result"]["match_id"].as_str()?.to_owned())
}

fn matches(bed: &mut Testbed) -> usize {
    bed.objects().listings("match", None, 100, &|_| true).len()
}

#[test]
fn a_name_has_one_match_after_a_crash_at_every_commit() {
    let mut untouched = with_matches();
    create(&mut untouched, "one");
    untouched.settle();
    let commits = untouched.commits();
    assert!(commits >= 3, "the name's intent, the match, the name's match: {commits}");
    for n in 1..=commits {
        let mut bed = with_matches();
        bed.crash_at_commit(n);
        let first: Vec<Pending> = ["a", "b", "c"].map(|id| create(&mut bed, id)).into();
        bed.settle();
        let told: Vec<_> = first.iter().filter_map(id_of).collect();
        let second: Vec<Pending> = ["d", "e", "f"].map(|id| create(&mut bed, id)).into();
        bed.settle();
        let ids: Vec<_> = second.iter().map(|pending| id_of(pending).expect("it is known")).collect();
        assert!(told.iter().chain(&ids).all(|id| *id == ids[0]), "commit {n}: {told:?}, {ids:?}");
        assert_eq!(matches(&mut bed), 1, "commit {n}");
        bed.restart();
        bed.advance(10 * SECOND);
        let late = create(&mut bed, "g");
        bed.settle();
        assert_eq!((id_of(&late), matches(&mut bed)), (Some(ids[0].clone()), 1), "commit {n}");
    }
}

#[test]
fn a_name_whose_match_has_ended_has_another_and_one_forgets_it_once() {
    let mut bed = with_matches();
    let first = create(&mut bed, "a");
    bed.settle();
    let number = first.answer().unwrap().unwrap()["number"].clone();
    bed.call("match", "a", "end", json!({})).unwrap();
    let over = json!({ "key": "match", "of": "do", "number": number });
    let mut forget =
        || bed.call("single_flight", "friday", "forget", over.clone()).unwrap()["forgotten"].clone();
    assert_eq!((forget(), forget()), (json!(true), json!(false)));
    let again = create(&mut bed, "b");
    bed.settle();
    assert_eq!(id_of(&again).as_deref(), Some("b"));
    let late = bed.call("single_flight", "friday", "forget", over).unwrap();
    assert_eq!(late["forgotten"], false, "who saw the first one end does not forget the second");
}
