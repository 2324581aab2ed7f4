//! However a call fails, it is answered, and once: `Reply::got` fails on a second answer and on none.

use std::time::Duration;

use super::*;
use crate::runtime::activation::CALLS_WAITING_MAX;

#[test]
fn calls_that_wait_are_answered_when_the_object_panics() {
    let mut bench = Bench::new();
    let waiting: Vec<Reply> = (0..10).map(|number| bench.call("one", "later", number)).collect();
    let crash = bench.call("one", "panic", 0);
    let after = bench.call("one", "echo", 3);
    bench.settle();
    assert!(waiting.iter().all(|reply| reply.error() == CallError::Reset));
    assert_eq!(crash.error(), CallError::Reset);
    assert_eq!(after.got(), Some(Ok(3.into())), "an event behind the panic reaches the next activation");
    bench.run_for(Duration::from_secs(31));
    assert!(waiting.iter().all(|reply| reply.error() == CallError::Reset), "and not again in time");
}

#[test]
fn calls_of_an_object_that_cannot_be_woken_are_told_so() {
    let mut bench = Bench::new();
    bench.ask("one", "write", 1).unwrap();
    bench.ask("one", "finish", 1).unwrap();
    bench.store.damage(named("one").id);
    let replies: Vec<Reply> = (0..5).map(|number| bench.call("one", "echo", number)).collect();
    bench.settle();
    assert!(replies.iter().all(|reply| matches!(reply.error(), CallError::SetAside(_))));
}

#[test]
fn more_calls_than_may_wait_are_refused() {
    let mut bench = Bench::new();
    let replies: Vec<Reply> =
        (0..=CALLS_WAITING_MAX as u64).map(|number| bench.call("one", "later", number)).collect();
    bench.settle();
    bench.settle();
    let refused = replies.iter().filter(|reply| reply.got() == Some(Err(CallError::Overloaded))).count();
    assert_eq!(refused, 1);
}

#[test]
fn calls_to_an_object_that_waits_for_the_disk_are_bounded_and_answered_in_the_end() {
    let mut bench = Bench::by_hand();
    bench.call("one", "write", 1);
    bench.settle();
    // What it wrote is not durable: the next activation may not read yet.
    bench.call("one", "panic", 0);
    bench.settle();
    let replies: Vec<Reply> = (0..2000_u64).map(|number| bench.call("one", "note", number)).collect();
    bench.settle();
    let refused = replies.iter().filter(|reply| reply.got().is_some()).count();
    assert_eq!(refused, 2000 - 1024, "so many may wait for a wake");
    for _ in 0..4 {
        bench.store.flush();
        bench.settle();
    }
    assert_eq!(bench.notes("one"), (0..1024).collect::<Vec<u64>>());
    assert!(replies.iter().all(|reply| reply.got().is_some()));
}

#[test]
fn an_answer_and_its_time_out_do_not_both_come() {
    let mut bench = Bench::by_hand();
    let reply = bench.call("one", "write", 1);
    bench.settle();
    assert!(reply.got().is_none(), "it waits for the disk");
    bench.run_for(Duration::from_secs(31));
    assert_eq!(reply.error(), CallError::TimedOut);
    bench.store.flush();
    bench.settle();
    assert_eq!(reply.error(), CallError::TimedOut);
}
