//! First events, limits, order, time-outs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

#[test]
fn id_5_a_thousand_simultaneous_first_events_make_one_wake() {
    let mut bench = Bench::new();
    let replies: Vec<Reply> = (0..1000_u64).map(|number| bench.call("one", "note", number)).collect();
    assert_eq!(bench.wakes("one"), 0, "nothing happens before a turn");
    bench.settle();
    assert_eq!(bench.wakes("one"), 1);
    assert_eq!(bench.notes("one"), (0..1000).collect::<Vec<u64>>(), "in the order they came");
    assert!(replies.iter().all(|reply| reply.got().unwrap().is_ok()));
}

#[test]
fn id_3_a_handle_neither_creates_nor_wakes() {
    let mut bench = Bench::new();
    let _identity = named("nobody");
    bench.settle();
    assert!(bench.shared.directory.is_empty());
    assert!(bench.seen().is_empty());
}

/// Threads call while the pool turns; some calls end the activation, so that wakes and ends overlap.
#[test]
fn id_5_threads_that_hammer_one_id_never_see_two_activations() {
    const THREADS: u64 = 4;
    const CALLS: u64 = 1000;
    let mut bench = Bench::new();
    let shared = Arc::clone(&bench.shared);
    let answered = AtomicUsize::new(0);
    let (answers, running) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (shared, answers) = (&shared, answers.clone());
            scope.spawn(move || {
                for call in 0..CALLS {
                    let answers = answers.clone();
                    let reply: ReplyTo = Box::new(move |answer| answers.send(answer).unwrap());
                    let method = if call % 50 == 7 { "finish" } else { "note" };
                    shared.call(&named("one"), method, (thread * CALLS + call).into(), reply);
                }
            });
        }
        drop(answers);
        // Bounded by the calls: every one of them is answered, however often the object ends in between.
        while answered.load(Ordering::Relaxed) < (THREADS * CALLS) as usize {
            bench.turn();
            bench.clock.advance(Duration::from_micros(10));
            let got = running.try_iter().inspect(|answer| assert!(answer.is_ok(), "{answer:?}")).count();
            answered.fetch_add(got, Ordering::Relaxed);
        }
    });
    bench.settle();
    let mut alive = 0;
    for seen in bench.seen() {
        match seen {
            Seen::Wake { .. } => alive += 1,
            Seen::Gone { .. } => alive -= 1,
            _ => {}
        }
        assert!(alive == 0 || alive == 1, "{alive} activations at once");
    }
    assert!(bench.wakes("one") > 1);
    for thread in 0..THREADS {
        let mine = |number: &u64| (thread * CALLS..(thread + 1) * CALLS).contains(number);
        let notes: Vec<u64> = bench.notes("one").into_iter().filter(mine).collect();
        assert!(notes.is_sorted(), "the order of one sender is kept");
    }
}

#[test]
fn gate_7_an_inbox_holds_its_limit_and_not_one_more() {
    let mut bench = Bench::with(&Settings { inbox_events_max: 8, ..settings() }, MemoryStore::new());
    let replies: Vec<Reply> = (0..9_u64).map(|number| bench.call("one", "note", number)).collect();
    assert_eq!(replies[8].error(), CallError::Overloaded);
    assert_eq!(bench.metrics.inbox_refused.get(), 1);
    bench.settle();
    assert!(replies[..8].iter().all(|reply| reply.got().unwrap().is_ok()));
    assert!(bench.ask("one", "echo", 1).is_ok(), "there is room again");
}

#[test]
fn the_directory_holds_its_limit_and_not_one_more() {
    let mut bench = Bench::with(&Settings { objects_max: 3, ..settings() }, MemoryStore::new());
    for name in ["a", "b", "c"] {
        assert!(bench.ask(name, "echo", 1).is_ok());
    }
    assert_eq!(bench.ask("d", "echo", 1), Err(CallError::Overloaded));
    assert!(bench.ask("a", "finish", 1).is_ok());
    assert!(bench.ask("d", "echo", 1).is_ok(), "the place of the one that ended");
    assert_eq!(bench.shared.directory.len(), 3);
}

#[test]
fn gate_2_a_call_times_out_after_thirty_seconds_to_the_turn() {
    let mut bench = Bench::new();
    let reply = bench.call("one", "later", 1);
    bench.settle();
    bench.run_for(Duration::from_millis(29_990));
    assert!(reply.got().is_none());
    bench.run_for(Duration::from_millis(20));
    assert_eq!(reply.error(), CallError::TimedOut);
    assert!(bench.ask("one", "echo", 1).is_ok(), "the object goes on");
}

#[test]
fn finishing_forgets_the_activation_and_the_next_event_wakes_it_anew() {
    let mut bench = Bench::new();
    assert!(bench.ask("one", "write", 5).is_ok());
    let waits = bench.call("one", "later", 1);
    assert!(bench.ask("one", "finish", 1).is_ok());
    assert_eq!(waits.error(), CallError::Reset);
    assert!(bench.shared.directory.is_empty());
    assert!(bench.ask("one", "echo", 1).is_ok());
    let stored = Some(b"5".to_vec());
    let reason = crate::object::contract::WakeReason::Hibernation;
    assert_eq!(bench.count(&Seen::Wake { name: "one".to_owned(), reason, stored }), 1);
}
