//! A panic in a tick: once more as it was, then without inputs, then set aside.

use super::*;

#[test]
fn the_tick_of_a_bad_input_is_run_again_without_it() {
    let mut bench = Bench::playing(json!({ "game": "fragile" }));
    let socket = bench.join("ann");
    let welcome = bench.welcome(socket).unwrap();
    let next = bench.tick() + 1;
    let batch = bench.batch(&welcome, next + 3, 1, &[games::POISON]);
    bench.tell(SocketEvent::Inputs { socket, batch });
    bench.run_for(Duration::from_millis(200));
    assert_eq!(bench.closed(socket), Some(CloseCode::Restoring));
    assert_eq!(bench.metrics.object_panics.get(), 2, "as it was, and once more as it was");
    let entry = bench.listing().entry;
    assert_eq!(entry["state"], "running");
    assert_eq!(entry["recovered"]["tick"], next + 2, "everything before the panic is there");
    assert_eq!(entry["recovered"]["ticks_lost"], 0);
    let back = bench.resume(&welcome.resume_token);
    let welcomed = bench.welcome(back).unwrap();
    assert!(welcomed.tick.0 > next + 3, "the tick itself has run, without the input");
    assert_eq!(welcomed.epoch, Epoch(welcome.epoch.0 + 1));
    bench.run_for(seconds(6));
    let verdict = bench.verify().unwrap();
    assert!(verdict.agree && verdict.to_tick.0 > next + 300, "{verdict:?}");
}

#[test]
fn a_tick_that_always_panics_sets_the_match_aside_with_everything_kept() {
    let mut bench = Bench::playing(json!({ "game": "doomed" }));
    let socket = bench.join("ann");
    bench.run_for(seconds(3));
    assert_eq!(bench.closed(socket), Some(CloseCode::Restoring));
    let listing = bench.listing();
    assert_eq!(listing.state, "set_aside");
    assert!(listing.entry["reason"].as_str().unwrap().contains("panicked 3 times"), "{}", listing.entry);
    assert_eq!(bench.metrics.object_panics.get(), 3);
    let verdict = bench.verify().unwrap();
    assert!(verdict.agree);
    assert_eq!(verdict.to_tick.0, games::DOOM - 1);
    assert!(matches!(bench.call("inspect", Value::Null), Some(Err(CallError::SetAside(_)))));
}

#[test]
fn the_states_after_a_panic_have_a_higher_epoch_and_a_higher_tick() {
    let mut bench = Bench::playing(json!({ "game": "fragile", "durability": "sync" }));
    let socket = bench.join("ann");
    let welcome = bench.welcome(socket).unwrap();
    let next = bench.tick() + 1;
    let batch = bench.batch(&welcome, next + 3, 1, &[games::POISON]);
    bench.tell(SocketEvent::Inputs { socket, batch });
    bench.run_for(Duration::from_millis(200));
    bench.resume(&welcome.resume_token);
    bench.run_for(seconds(1));
    let shown = bench.shown();
    assert!(shown.is_sorted(), "{shown:?}");
    assert_eq!(shown.last().unwrap().0, Epoch(welcome.epoch.0 + 1));
    let mut ticks: Vec<u64> = shown.iter().map(|(_, tick)| *tick).collect();
    ticks.dedup();
    assert_eq!(ticks.len(), shown.len(), "no tick is shown twice");
}
