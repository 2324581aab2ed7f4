//! How matches end.

use super::*;

#[test]
fn an_empty_match_ends_after_its_ttl() {
    let mut bench = Bench::playing(json!({ "empty_ttl_s": 5 }));
    bench.run_for(Duration::from_millis(4_400));
    assert_eq!(bench.listing().state, "running");
    let socket = bench.join("ann");
    bench.run_for(seconds(10));
    assert_eq!(bench.listing().state, "running", "somebody is there");
    bench.tell(SocketEvent::Leave { socket });
    bench.run_for(Duration::from_millis(4_400));
    assert_eq!(bench.listing().state, "running");
    bench.run_for(Duration::from_millis(1_200));
    assert_eq!(bench.listing().state, "ended");
    assert_eq!(bench.listing().entry["end_reason"], "empty");
}

#[test]
fn a_match_ends_after_its_longest_time_and_tells_its_players() {
    let mut bench = Bench::playing(json!({ "max_duration_s": 3 }));
    let socket = bench.join("ann");
    bench.run_for(Duration::from_millis(2_800));
    assert_eq!(bench.closed(socket), None);
    bench.run_for(Duration::from_millis(800));
    assert_eq!(bench.closed(socket), Some(CloseCode::MatchEnded));
    let entry = bench.listing().entry;
    assert_eq!(entry["end_reason"], "max_duration");
    assert!((179..=181).contains(&entry["tick"].as_u64().unwrap()), "by the clock: {entry}");
    let mut bench = bench.restart();
    assert_eq!(bench.listing().entry, entry, "the result is kept");
    let late = bench.join("bob");
    assert_eq!(bench.closed(late), Some(CloseCode::MatchOver));
}

#[test]
fn ending_twice_is_answered_twice_alike() {
    let mut bench = Bench::playing(json!({}));
    bench.join("ann");
    let first = bench.call("end", Value::Null).unwrap().unwrap();
    assert_eq!(first["state"], "ended");
    assert_eq!(bench.call("end", Value::Null), Some(Ok(first.clone())));
    let again = bench.create(json!({})).unwrap();
    assert_eq!((&again["created"], &again["state"]), (&json!(false), &json!("ended")));
    let mut bench = bench.restart();
    assert_eq!(bench.call("end", Value::Null), Some(Ok(first)));
}

#[test]
fn a_journal_of_an_ended_match_goes_after_its_retention_and_the_result_stays() {
    let settings = MatchSettings { journal_retention: seconds(20), ..MatchSettings::default() };
    let mut bench = Bench::with(MemoryStore::new(), games::pongs(), settings);
    bench.create(json!({})).unwrap();
    bench.run_for(seconds(12));
    bench.call("end", Value::Null).unwrap().unwrap();
    assert!(bench.verify().unwrap().agree);
    bench.run_for(seconds(19));
    assert!(!bench.keys(b"c/").is_empty());
    bench.run_for(seconds(3));
    assert!(bench.keys(b"c/").is_empty() && bench.keys(b"s/").is_empty());
    assert!(bench.stored().journal().unwrap().is_empty());
    assert_eq!(bench.call("inspect", Value::Null).unwrap().unwrap()["state"], "ended");
    assert!(!bench.stored().record().unwrap().unwrap().wake_at_start);
}

#[test]
fn a_name_nobody_created_is_not_found_and_keeps_nothing() {
    let mut bench = Bench::new();
    assert_eq!(bench.call("inspect", Value::Null), Some(Err(CallError::NotFound)));
    let socket = bench.join("ann");
    assert_eq!(bench.closed(socket), Some(CloseCode::NoSuchMatch));
    assert!(bench.shared.directory.is_empty());
    assert_eq!(bench.stored().record(), Ok(None));
}

/// Something happens between the last tick and the last checkpoint: the journal must still lead to it.
#[test]
fn the_last_checkpoint_is_where_the_journal_leads() {
    for last in ["drain", "end"] {
        let mut bench = Bench::playing(json!({}));
        bench.join("ann");
        bench.run_for(seconds(2));
        bench.hello(json!({ "player": "bob" }));
        if last == "drain" {
            bench.shared.begin_drain();
            bench.settle();
            assert!(bench.shared.is_asleep());
        } else {
            bench.call("end", Value::Null).unwrap().unwrap();
        }
        let verdict = bench.verify().unwrap();
        assert_eq!(verdict.first_difference, None, "{last}");
        let newest = *bench.keys(b"c/").last().unwrap().last_chunk::<8>().unwrap();
        assert_eq!(verdict.to_tick.0, u64::from_be_bytes(newest), "{last}");
    }
}

#[test]
fn a_drain_loses_no_tick_whatever_the_durability() {
    for durability in ["sync", "async", "none"] {
        let mut bench = Bench::playing(json!({ "durability": durability }));
        let socket = bench.join("ann");
        let token = bench.welcome(socket).unwrap().resume_token;
        bench.run_for(seconds(3));
        let tick = bench.tick();
        bench.shared.begin_drain();
        bench.settle();
        assert!(bench.shared.is_asleep(), "{durability}");
        let mut bench = bench.restart();
        let entry = bench.listing().entry;
        assert!(entry["recovered"]["tick"].as_u64().unwrap() >= tick, "{durability}");
        assert_eq!(entry["recovered"]["ticks_lost"], 0);
        let back = bench.resume(&token);
        assert!(bench.welcome(back).is_some(), "{durability}");
    }
}

/// Nobody who resumes is told twice, nobody is told before the result is stored.
#[test]
fn alarm_1_a_longest_time_that_passed_while_the_server_was_down_ends_the_match_at_the_start() {
    let mut bench = Bench::playing(json!({ "max_duration_s": 60 }));
    bench.join("ann");
    bench.run_for(seconds(5));
    let Bench { store, clock, .. } = bench;
    store.crash();
    let mut bench = Bench::with(store, games::pongs(), MatchSettings::default());
    bench.clock.advance_to(clock.now() + seconds(600));
    assert_eq!(bench.shared.recover(), Ok(1));
    bench.run_for(Duration::from_millis(50));
    let entry = bench.listing().entry;
    assert_eq!((&entry["state"], &entry["end_reason"]), (&json!("ended"), &json!("max_duration")));
    let back = bench.join("ann");
    bench.run_for(seconds(1));
    assert_eq!(bench.closed(back), Some(CloseCode::MatchOver));
    let mut bench = bench.restart();
    bench.run_for(seconds(1));
    assert_eq!(bench.listing().entry, entry, "once");
}

#[test]
fn socket_5_a_match_without_players_hibernates_and_goes_on_where_it_was() {
    let mut bench = Bench::playing(json!({}));
    let socket = bench.join("ann");
    bench.run_for(seconds(2));
    bench.tell(SocketEvent::Leave { socket });
    bench.run_for(seconds(9));
    assert!(!bench.shared.directory.is_empty(), "it waits for somebody");
    bench.run_for(seconds(2));
    assert!(bench.shared.directory.is_empty(), "its memory is gone");
    let asleep = bench.call("inspect", Value::Null).unwrap().unwrap();
    bench.run_for(seconds(30));
    assert_eq!(bench.call("inspect", Value::Null).unwrap().unwrap()["tick"], asleep["tick"]);
    let back = bench.join("ann");
    bench.run_for(seconds(1));
    assert!(bench.welcome(back).is_some());
    let tick = bench.call("inspect", Value::Null).unwrap().unwrap()["tick"].as_u64().unwrap();
    let before = asleep["tick"].as_u64().unwrap();
    assert!((before + 55..before + 70).contains(&tick), "{before} {tick}");
    assert!(bench.verify().unwrap().agree);
}

#[test]
fn alarm_1_a_hibernated_match_ends_after_its_empty_time() {
    let mut bench = Bench::playing(json!({ "empty_ttl_s": 100 }));
    bench.run_for(seconds(20));
    assert!(bench.shared.directory.is_empty());
    bench.run_for(seconds(79));
    assert_eq!(bench.listing().state, "running");
    bench.run_for(seconds(2));
    assert_eq!((bench.listing().state, &bench.listing().entry["end_reason"]), ("ended", &json!("empty")));
}
