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
fn while_a_gap_is_open_no_welcome_is_a_promise_that_a_crash_breaks() {
    for durability in ["sync", "async"] {
        let (mut bench, _) = playing(durability);
        bench.store.fail();
        run(&mut bench, seconds(1));
        bench.store.repair();
        bench.store.flush();
        // There is room again, and the checkpoint that closes the gap has not come yet.
        let socket = bench.hello(json!({ "player": "bob" }));
        let welcomed = (0..400).any(|_| {
            run(&mut bench, Duration::from_millis(5));
            bench.welcome(socket).is_some()
        });
        assert!(welcomed, "{durability}: within two seconds");
        let token = bench.welcome(socket).unwrap().resume_token;
        let Bench { store, .. } = bench;
        store.crash();
        let mut bench = Bench::with(store, games::pongs(), MatchSettings::default());
        bench.shared.recover().unwrap();
        run(&mut bench, Duration::from_millis(50));
        let back = bench.hello(json!({ "resume": token }));
        run(&mut bench, Duration::from_millis(100));
        assert!(bench.welcome(back).is_some(), "{durability}: the token holds");
    }
}

/// Fills the store's queue with what is of no matter.
fn fill(store: &MemoryStore) {
    let object = Identity::named(MATCH_CLASS, ObjectName::parse("other").unwrap()).id;
    let other =
        WriteBatch { object, node: 1, epoch: Epoch(1), writes: Vec::new(), urgent: false, ticket: None };
    while store.submit(other.clone()).is_ok() {}
}

#[test]
fn a_match_whose_creation_was_refused_does_not_exist_until_it_is_created_again() {
    let mut bench = Bench::with(tiny_queue(), games::pongs(), MatchSettings::default());
    let answers = Arc::new(Mutex::new(Vec::new()));
    let create = |bench: &Bench| {
        let to = Arc::clone(&answers);
        let reply = Box::new(move |got: Result<Value, CallError>| to.lock().unwrap().push(got));
        bench.shared.call(&one(), "create", json!({ "game": "pong" }), reply);
    };
    // What the creation writes finds no room.
    fill(&bench.store);
    create(&bench);
    bench.settle();
    assert_eq!(*answers.lock().unwrap(), [Err(CallError::Storage)]);
    run(&mut bench, Duration::from_millis(50));
    create(&bench);
    run(&mut bench, Duration::from_millis(50));
    let again = answers.lock().unwrap().pop().unwrap().unwrap();
    assert_eq!(again["created"], true);
    let Bench { store, .. } = bench;
    store.crash();
    let mut bench = Bench::with(store, games::pongs(), MatchSettings::default());
    assert_eq!(bench.shared.recover(), Ok(1), "what was acknowledged is stored");
    run(&mut bench, Duration::from_millis(50));
    assert_eq!(bench.listing().state, "running");
}
