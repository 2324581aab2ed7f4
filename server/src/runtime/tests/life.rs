//! Drain, restart, listings.

use std::sync::atomic::Ordering;

use super::*;
use crate::object::contract::WakeReason;
use crate::object::socket::{SocketEvent, SocketId};
use crate::runtime::handle::EventRefused;
use crate::runtime::ports::Store as _;

fn flush_all(bench: &mut Bench) {
    for _ in 0..4 {
        bench.settle();
        bench.store.flush();
    }
    bench.settle();
}

#[test]
fn life_3_a_drain_ends_when_the_last_words_are_durable_and_not_before() {
    let mut bench = Bench::by_hand();
    for name in ["a", "b"] {
        bench.call(name, "write", 1);
        bench.call(name, "start", 1);
    }
    flush_all(&mut bench);
    let waits = bench.call("a", "later", 1);
    bench.settle();
    bench.shared.begin_drain();
    bench.settle();
    assert!(!bench.shared.is_asleep(), "nothing is durable yet");
    bench.store.flush();
    bench.settle();
    assert!(bench.shared.is_asleep());
    for name in ["a", "b"] {
        assert_eq!(bench.count(&Seen::Sleep { name: name.to_owned() }), 1);
        assert!(bench.store.reader(named(name).id).unwrap().get(b"slept").unwrap().is_some());
    }
    assert!(waits.got().is_none(), "what waits may still be answered by nobody but the end");
    let ticks = bench.ticks("a").len();
    bench.run_for(std::time::Duration::from_millis(200));
    assert_eq!(bench.ticks("a").len(), ticks, "no tick after the last words");
}

#[test]
fn a_drain_refuses_what_is_new_and_says_why() {
    let mut bench = Bench::new();
    bench.ask("a", "echo", 1).unwrap();
    bench.shared.begin_drain();
    assert_eq!(bench.call("new", "create", 1).error(), CallError::Draining);
    assert_eq!(bench.call("new", "echo", 1).error(), CallError::Draining, "nothing is woken");
    let hello = serde_json::from_value(serde_json::json!({ "protocol": 1, "match_id": "a" })).unwrap();
    let opened = SocketEvent::Opened { socket: SocketId(1), hello: Box::new(hello), ticket: None };
    assert_eq!(bench.shared.socket(&named("a"), opened), Err(EventRefused::Draining));
    bench.settle();
    let late = bench.call("a", "echo", 1);
    bench.settle();
    assert_eq!(late.error(), CallError::Draining);
}

#[test]
fn a_drain_waits_for_wakes_and_moves_on_their_way() {
    let mut bench = Bench::by_hand();
    let replies: Vec<Reply> = ["a", "b", "c"].iter().map(|name| bench.call(name, "start", 1)).collect();
    bench.shared.begin_drain();
    bench.turn();
    assert!(!bench.shared.is_asleep());
    flush_all(&mut bench);
    assert!(bench.shared.is_asleep());
    for (name, reply) in ["a", "b", "c"].iter().zip(&replies) {
        assert_eq!(bench.count(&Seen::Sleep { name: (*name).to_owned() }), 1, "{name}");
        assert!(reply.got().is_some());
    }
}

#[test]
fn what_the_store_refused_at_the_end_is_not_called_durable() {
    let store = MemoryStore::by_hand(&StoreSettings { queue_batches_max: 1, ..StoreSettings::new("") });
    let mut bench = Bench::with(&settings(), store);
    for name in ["a", "b"] {
        bench.call(name, "echo", 1);
        flush_all(&mut bench);
    }
    bench.shared.begin_drain();
    bench.turn();
    assert!(!bench.shared.is_asleep(), "one batch fits, and there are two");
}

#[test]
fn life_1_objects_that_ran_are_woken_at_start_and_counted() {
    let mut bench = Bench::new();
    for name in ["a", "b"] {
        bench.ask(name, "write", 4).unwrap();
    }
    bench.ask("c", "echo", 1).unwrap();
    let mut bench = bench.restart();
    assert_eq!(bench.shared.recover(), Ok(2), "nothing was stored of c");
    assert_eq!(bench.shared.recovering(), 2);
    bench.settle();
    assert_eq!(bench.shared.recovering(), 0);
    for name in ["a", "b"] {
        let stored = Some(b"4".to_vec());
        let woken = Seen::Wake { name: name.to_owned(), reason: WakeReason::Restart, stored };
        assert_eq!(bench.count(&woken), 1);
        let record = bench.store.reader(named(name).id).unwrap().record().unwrap().unwrap();
        assert_eq!(record.epoch.0, 2, "an epoch more for every activation");
    }
}

#[test]
fn one_damaged_object_does_not_keep_the_others_from_starting() {
    let mut bench = Bench::new();
    for name in ["a", "b"] {
        bench.ask(name, "write", 4).unwrap();
    }
    let mut bench = bench.restart();
    bench.class.wake_panics.store(3, Ordering::SeqCst);
    assert_eq!(bench.shared.recover(), Ok(2));
    bench.settle();
    assert_eq!(bench.shared.recovering(), 0, "one is awake, the other set aside");
    let aside = ["a", "b"].iter().filter(|name| bench.shared.listing(&named(name)).is_some()).count();
    assert_eq!(aside, 1);
}

#[test]
fn id_6_listings_come_in_pages_by_name() {
    let mut bench = Bench::new();
    let names: Vec<String> = (0..25).map(|number| format!("n{number:02}")).collect();
    for name in &names {
        bench.ask(name, "publish", 0).unwrap();
    }
    let mut found: Vec<String> = Vec::new();
    loop {
        let after = found.last().map(|name| ObjectName::parse(name).unwrap());
        let page = bench.shared.listings(PROBE, after.as_ref(), 10, &|_| true);
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 10);
        found.extend(page.iter().map(|listing| listing.entry.as_str().unwrap().to_owned()));
    }
    assert_eq!(found, names);
    let odd = |listing: &crate::object::effects::Listing| listing.entry.as_str().unwrap().ends_with('1');
    assert_eq!(bench.shared.listings(PROBE, None, 10, &odd).len(), 3);
    assert!(bench.shared.listings("other", None, 10, &|_| true).is_empty());
}
