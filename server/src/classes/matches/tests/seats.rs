//! Who sits where, and for how long.

use super::*;

#[test]
fn a_dropped_player_has_thirty_seconds_and_not_more() {
    let mut bench = Bench::playing(json!({}));
    let socket = bench.join("ann");
    let token = bench.welcome(socket).unwrap().resume_token;
    bench.tell(SocketEvent::Closed { socket });
    bench.run_for(Duration::from_millis(29_800));
    let back = bench.resume(&token);
    assert_eq!(bench.welcome(back).unwrap().seat.0, 0);
    bench.tell(SocketEvent::Closed { socket: back });
    bench.run_for(Duration::from_millis(30_200));
    assert_eq!(bench.listing().entry["players"], 0, "the seat is free");
    let late = bench.resume(&token);
    assert_eq!(bench.closed(late), Some(CloseCode::ResumeFailed));
}

#[test]
fn a_restart_gives_everybody_another_thirty_seconds() {
    for dropped_before in [false, true] {
        let mut bench = Bench::playing(json!({}));
        let socket = bench.join("ann");
        let before = bench.welcome(socket).unwrap();
        if dropped_before {
            bench.tell(SocketEvent::Closed { socket });
        }
        bench.run_for(seconds(20));
        let mut bench = bench.restart();
        bench.run_for(seconds(29));
        let back = bench.resume(&before.resume_token);
        let welcome = bench.welcome(back).unwrap();
        assert_eq!(welcome.seat, before.seat);
        assert!(welcome.epoch > before.epoch);
    }
}

#[test]
fn a_match_has_its_seats_and_not_one_more() {
    let mut bench = Bench::playing(json!({}));
    let (ann, bob) = (bench.join("ann"), bench.join("bob"));
    let third = bench.join("eve");
    assert_eq!(bench.closed(third), Some(CloseCode::Full));
    assert_eq!(bench.closed(ann), None);
    bench.tell(SocketEvent::Leave { socket: bob });
    assert_eq!(bench.closed(bob), Some(CloseCode::Left));
    let eve = bench.join("eve");
    assert_eq!(bench.welcome(eve).unwrap().seat.0, 1, "the seat of the one who left");
}

#[test]
fn the_same_player_again_replaces_the_older_connection() {
    let mut bench = Bench::playing(json!({}));
    let first = bench.join("ann");
    let second = bench.join("ann");
    assert_eq!(bench.closed(first), Some(CloseCode::Replaced));
    assert_eq!(bench.welcome(second).unwrap().seat, bench.welcome(first).unwrap().seat);
    let old = bench.welcome(first).unwrap().resume_token;
    let refused = bench.resume(&old);
    assert_eq!(bench.closed(refused), Some(CloseCode::ResumeFailed), "a new token voids the old one");
    bench.tell(SocketEvent::Closed { socket: first });
    let entry = bench.call("inspect", Value::Null).unwrap().unwrap();
    assert_eq!(
        (&entry["players"], &entry["connected"]),
        (&json!(1), &json!(1)),
        "the end of the replaced one drops nobody"
    );
}

#[test]
fn who_is_kicked_is_told_and_loses_the_seat_and_the_token() {
    let mut bench = Bench::playing(json!({}));
    let socket = bench.join("ann");
    let token = bench.welcome(socket).unwrap().resume_token;
    let no_such_player = CallError::Missing {
        code: "no_such_player",
        reason: "no such player has a seat in this match".to_owned(),
    };
    assert_eq!(bench.call("kick", json!({ "player": "nobody" })), Some(Err(no_such_player)));
    let answer = bench.ask("kick", json!({ "player": "ann" }));
    assert_eq!(*answer.lock().unwrap(), None, "its leave is not in the journal yet");
    bench.run_for(Duration::from_millis(40));
    assert_eq!(answer.lock().unwrap().take(), Some(Ok(json!({ "kicked": 0 }))));
    assert_eq!(bench.closed(socket), Some(CloseCode::Kicked));
    let refused = bench.resume(&token);
    assert_eq!(bench.closed(refused), Some(CloseCode::ResumeFailed));
}

#[test]
fn a_welcome_leaves_when_its_join_is_durable_and_not_before() {
    let store = MemoryStore::by_hand(&StoreSettings::new(""));
    let mut bench = Bench::with(store, games::pongs(), MatchSettings::default());
    for _ in 0..4 {
        bench.call("create", json!({ "game": "pong" }));
        bench.store.flush();
        bench.settle();
    }
    let socket = bench.hello(json!({ "player": "ann" }));
    bench.run_for(Duration::from_millis(100));
    assert!(bench.welcome(socket).is_none(), "the tick has run, but is not durable");
    bench.store.flush();
    bench.settle();
    let token = bench.welcome(socket).unwrap().resume_token;
    let mut bench = bench.restart();
    for _ in 0..4 {
        bench.store.flush();
        bench.settle();
    }
    let back = bench.hello(json!({ "resume": token }));
    bench.run_for(Duration::from_millis(40));
    bench.store.flush();
    bench.settle();
    assert!(bench.welcome(back).is_some());
}
