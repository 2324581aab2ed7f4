//! Objects that change their worker.

use std::time::Duration;

use super::*;

#[test]
fn gate_1_the_order_of_a_sender_is_kept_across_moves() {
    let mut bench = Bench::new();
    let mut number = 0;
    for round in 0..60 {
        for _ in 0..5 {
            bench.call("one", "note", number);
            number += 1;
        }
        bench.call("one", if round % 2 == 0 { "tick_group" } else { "general_group" }, 0);
        for _ in 0..5 {
            bench.call("one", "note", number);
            number += 1;
        }
        if round % 3 != 0 {
            bench.turn();
        }
    }
    bench.settle();
    bench.run_for(Duration::from_millis(20));
    assert_eq!(bench.notes("one"), (0..number).collect::<Vec<u64>>());
    assert_eq!(bench.wakes("one"), 1, "a move is no wake");
}

#[test]
fn what_was_said_is_out_before_an_object_is_given_up() {
    for gives_up in ["tick_group", "finish", "panic"] {
        let mut bench = Bench::new();
        bench.ask("one", "echo", 0).unwrap();
        bench.call("one", "send_ungated", 0);
        bench.call("one", gives_up, 0);
        bench.turn();
        let owners = bench.outlet.1.seen.lock().unwrap();
        assert_eq!(owners.first(), Some(&Some(WorkerId(2))), "{gives_up}");
    }
}

#[test]
fn an_object_runs_where_it_wants_to() {
    let mut bench = Bench::new();
    let worker = |bench: &Bench| bench.shared.directory.owner(named("one").id).unwrap();
    bench.ask("one", "echo", 0).unwrap();
    assert_eq!(worker(&bench), WorkerId(2), "woken on the general worker");
    bench.ask("one", "tick_group", 0).unwrap();
    assert!(worker(&bench).0 < 2);
    bench.ask("one", "general_group", 0).unwrap();
    assert_eq!(worker(&bench), WorkerId(2));
    let load: usize = bench
        .shared
        .workers
        .iter()
        .map(|worker| worker.load.load(std::sync::atomic::Ordering::Relaxed))
        .sum();
    assert_eq!(load, 1);
}

#[test]
fn ticking_objects_are_spread_over_the_workers_and_the_phases() {
    let mut bench = Bench::new();
    for number in 0..32 {
        bench.ask(&format!("n{number}"), "start", 0).unwrap();
    }
    let of = |worker: usize| bench.shared.workers[worker].load.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((of(0), of(1)), (16, 16));
    bench.class.log.clear();
    bench.run_for(Duration::from_millis(17));
    for number in 0..32 {
        assert!(!bench.ticks(&format!("n{number}")).is_empty(), "n{number}");
    }
}
