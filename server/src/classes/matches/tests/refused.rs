//! A store that refuses: the journal gets a gap, nobody is told what is not durable, a checkpoint closes it.

use super::*;

fn tiny_queue() -> MemoryStore {
    MemoryStore::by_hand(&StoreSettings { queue_batches_max: 8, ..StoreSettings::new("") })
}

/// A match with one player on a store with room for eight batches; everything is flushed.
fn playing(durability: &str) -> (Bench, SocketId) {
    let mut bench = Bench::with(tiny_queue(), games::pongs(), MatchSettings::default());
    bench.call("create", json!({ "game": "pong", "durability": durability }));
    run(&mut bench, Duration::from_millis(50));
    let socket = bench.hello(json!({ "player": "ann" }));
    run(&mut bench, seconds(1));
    assert!(bench.welcome(socket).is_some());
    (bench, socket)
}

/// Time goes by on a disk that takes writes every 5 ms, if it takes them at all.
fn run(bench: &mut Bench, time: Duration) {
    let end = bench.now() + time;
    while bench.now() < end {
        bench.run_for(Duration::from_millis(5));
        bench.store.flush();
        bench.settle();
    }
}

fn recovered_tick(Bench { store, .. }: Bench) -> u64 {
    store.crash();
    let mut bench = Bench::with(store, games::pongs(), MatchSettings::default());
    bench.shared.recover().unwrap();
    run(&mut bench, Duration::from_millis(50));
    bench.listing().entry["recovered"]["tick"].as_u64().unwrap()
}

#[test]
fn a_sync_match_shows_nothing_behind_a_gap() {
    let (mut bench, _) = playing("sync");
    bench.store.fail();
    run(&mut bench, seconds(2));
    assert!(bench.metrics.journal_gaps.get() > 0, "the queue was full");
    let shown = bench.shown().last().unwrap().1;
    let tick = bench.listing().entry["tick"].as_u64().unwrap();
    assert!(tick > shown + 60, "it is played on: tick {tick}, shown {shown}");
    bench.store.repair();
    bench.store.flush();
    // There is room again, and the checkpoint that closes the gap has not come yet.
    for _ in 0..3 {
        bench.run_for(Duration::from_millis(17));
        bench.store.flush();
        bench.settle();
    }
    let shown = bench.shown().last().unwrap().1;
    assert!(recovered_tick(bench) >= shown, "what was shown is there after a crash");
}

#[test]
fn a_checkpoint_closes_the_gap_soon_after_the_disk_is_back() {
    for durability in ["sync", "async"] {
        let (mut bench, _) = playing(durability);
        bench.store.fail();
        run(&mut bench, seconds(3));
        bench.store.repair();
        run(&mut bench, Duration::from_millis(600));
        let tick = bench.metrics.ticks.get();
        let shown = bench.shown().last().unwrap().1;
        assert!(shown + 2 >= tick, "{durability}: shown {shown} of {tick}");
        let recovered = recovered_tick(bench);
        assert!(recovered + 2 >= tick, "{durability}: {recovered} of {tick}");
    }
}

#[test]
fn who_joins_behind_a_gap_is_welcomed_when_the_join_is_durable() {
    for durability in ["sync", "async"] {
        let (mut bench, _) = playing(durability);
        bench.store.fail();
        run(&mut bench, seconds(1));
        let socket = bench.hello(json!({ "player": "bob" }));
        run(&mut bench, seconds(1));
        assert!(bench.welcome(socket).is_none(), "{durability}: the join is in no journal");
        bench.store.repair();
        run(&mut bench, seconds(1));
        let token = bench.welcome(socket).expect("it was held, not lost").resume_token;
        bench.store.crash();
        let mut bench = Bench::with(bench.store.clone(), games::pongs(), MatchSettings::default());
        bench.shared.recover().unwrap();
        run(&mut bench, Duration::from_millis(50));
        bench.sockets = 100;
        let back = bench.hello(json!({ "resume": token }));
        run(&mut bench, Duration::from_millis(100));
        assert!(bench.welcome(back).is_some(), "{durability}: the token holds");
    }
}

#[test]
fn a_welcome_in_the_very_tick_that_is_refused_is_not_lost() {
    let (mut bench, _) = playing("async");
    // The queue is full but for the ticks until the join.
    bench.store.fail();
    while bench.store.queued() < 8 {
        bench.run_for(Duration::from_millis(1));
    }
    let socket = bench.hello(json!({ "player": "bob" }));
    bench.run_for(Duration::from_millis(17));
    assert!(bench.metrics.journal_gaps.get() > 0);
    bench.store.repair();
    run(&mut bench, seconds(1));
    assert!(bench.welcome(socket).is_some());
}

#[test]
fn a_match_whose_creation_was_refused_does_not_exist() {
    let mut bench = Bench::with(tiny_queue(), games::pongs(), MatchSettings::default());
    // Awake and empty-handed, with a full queue.
    let other = WriteBatch {
        object: Identity::named(MATCH_CLASS, ObjectName::parse("other").unwrap()).id,
        epoch: Epoch(1),
        writes: Vec::new(),
        urgent: false,
        ticket: None,
    };
    let answer = Arc::new(Mutex::new(Vec::new()));
    for attempt in 0..2 {
        if attempt == 0 {
            bench.shared.call(&one(), "inspect", Value::Null, Box::new(|_| {}));
        }
        let to = Arc::clone(&answer);
        let body = json!({ "game": "pong" });
        bench.shared.call(&one(), "create", body, Box::new(move |got| to.lock().unwrap().push(got)));
        bench.settle();
        bench.store.flush();
        if attempt == 0 {
            while bench.store.submit(other.clone()).is_ok() {}
        }
        run(&mut bench, Duration::from_millis(50));
    }
    let answers = std::mem::take(&mut *answer.lock().unwrap());
    assert_eq!(answers.len(), 2, "{answers:?}");
    let acknowledged = answers.iter().any(Result::is_ok);
    bench.store.crash();
    let mut bench = Bench::with(bench.store.clone(), games::pongs(), MatchSettings::default());
    bench.shared.recover().unwrap();
    run(&mut bench, Duration::from_millis(50));
    assert_eq!(bench.shared.listing(&one()).is_some(), acknowledged, "{answers:?}");
}
