//! Deadlines, catching up, slipping.

use std::time::Duration;

use tickstone_shared::time::ticks_to_nanos;

use super::*;

/// One object that ticks, and the moment its next tick is due.
fn ticking() -> (Bench, Moment) {
    let mut bench = Bench::new();
    bench.ask("one", "start", 0).unwrap();
    bench.run_for(Duration::from_millis(100));
    let ticks = bench.ticks("one").len();
    loop {
        bench.clock.advance(Duration::from_nanos(100_000));
        bench.turn();
        if bench.ticks("one").len() > ticks {
            break;
        }
    }
    let index = bench.now().0 * 60 / 1_000_000_000;
    (bench, Moment(ticks_to_nanos(index + 1, 60)))
}

#[test]
fn deadlines_are_exact_after_an_hour() {
    let (mut bench, due) = ticking();
    let first = bench.ticks("one").last().unwrap().0;
    let index = (due.0 + 1) * 60 / 1_000_000_000;
    bench.class.log.clear();
    let hour = 3600 * 60;
    for step in 0..hour {
        let due = Moment(ticks_to_nanos(index + step, 60));
        if step % 1000 == 0 {
            bench.clock.advance_to(Moment(due.0 - 1));
            bench.turn();
            assert!(bench.ticks("one").is_empty(), "a tick is never early");
        }
        bench.clock.advance_to(due);
        bench.turn();
        if step % 1000 == 0 {
            assert_eq!(bench.ticks("one"), [(first + 1 + step, false)], "a tick is exactly at its deadline");
        }
        bench.class.log.clear();
    }
    assert_eq!(bench.metrics.ticks_slipped.get(), 0);
}

#[test]
fn a_stall_is_caught_up_four_steps_at_a_time_with_one_broadcast_each() {
    let (mut bench, due) = ticking();
    let first = bench.ticks("one").last().unwrap().0;
    bench.clock.advance_to(due);
    bench.class.log.clear();
    let sent = bench.sent();
    bench.clock.advance(Duration::from_millis(100));
    bench.turn();
    let caught_up = [(first + 1, true), (first + 2, true), (first + 3, true), (first + 4, false)];
    assert_eq!(bench.ticks("one"), caught_up);
    assert_eq!(bench.sent() - sent, 1, "one broadcast, after the last");
    bench.turn();
    let rest = [(first + 5, true), (first + 6, true), (first + 7, false)];
    assert_eq!(bench.ticks("one")[4..], rest, "seven were due, and none is given up");
    assert_eq!(bench.metrics.ticks_slipped.get(), 0);
}

#[test]
fn more_than_a_quarter_second_behind_slips_and_is_counted() {
    let (mut bench, due) = ticking();
    let first = bench.ticks("one").last().unwrap().0;
    bench.clock.advance_to(due);
    bench.class.log.clear();
    bench.clock.advance(Duration::from_millis(250));
    bench.turn();
    assert_eq!(bench.metrics.ticks_slipped.get(), 0, "a quarter of a second is caught up");
    bench.run_for(Duration::from_millis(20));
    let before = bench.ticks("one").len();
    bench.clock.advance(Duration::from_secs(2));
    bench.turn();
    let slipped = bench.metrics.ticks_slipped.get();
    assert!((118..=120).contains(&slipped), "{slipped}");
    assert!(bench.ticks("one").len() - before <= 2, "the schedule is moved, not chased");
    let numbers: Vec<u64> = bench.ticks("one").iter().map(|(tick, _)| *tick).collect();
    let expected: Vec<u64> = (first + 1..=first + numbers.len() as u64).collect();
    assert_eq!(numbers, expected, "ticks are numbered without a hole: time is lost, not ticks");
}

#[test]
fn an_hour_of_stalls_keeps_the_count_of_time() {
    let (mut bench, _) = ticking();
    let (began, ticked) = (bench.now(), bench.metrics.ticks.get() + bench.metrics.ticks_slipped.get());
    for round in 0..2000_u64 {
        bench.clock.advance(Duration::from_millis(1 + round * 7919 % 1800));
        for _ in 0..5 {
            bench.turn();
        }
        bench.class.log.clear();
    }
    let due = bench.now().since(began).as_nanos() as u64 * 60 / 1_000_000_000;
    let counted = bench.metrics.ticks.get() + bench.metrics.ticks_slipped.get() - ticked;
    assert!(counted.abs_diff(due) <= 1, "{counted} ticks run or given up, {due} were due");
}
