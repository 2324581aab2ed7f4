//! A panic resets one object and nothing else.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::object::contract::WakeReason;
use crate::object::socket::SocketEvent;
use crate::object::socket::SocketId;
use tickstone_shared::wire::close::CloseCode;

fn crashes(bench: &Bench, name: &str) -> Vec<(Option<Vec<u8>>, u32)> {
    let crash = |seen: &Seen| match seen {
        Seen::Wake { name: woken, reason: WakeReason::Crash { attempt, panics }, .. } if woken == name => {
            Some((attempt.clone(), *panics))
        }
        _ => None,
    };
    bench.seen().iter().filter_map(crash).collect()
}

#[test]
fn gate_6_the_others_of_a_worker_miss_no_tick() {
    let mut bench = Bench::with(&Settings { tick_workers: 1, ..settings() }, MemoryStore::new());
    for name in ["calm", "wild"] {
        bench.ask(name, "start", 0).unwrap();
    }
    bench.run_for(Duration::from_millis(500));
    assert_eq!(bench.ask("wild", "panic", 0), Err(CallError::Reset));
    bench.run_for(Duration::from_millis(500));
    let ticks: Vec<u64> = bench.ticks("calm").iter().map(|(tick, _)| *tick).collect();
    assert!(ticks.len() >= 59, "{}", ticks.len());
    assert_eq!(ticks, (1..=ticks.len() as u64).collect::<Vec<u64>>());
    assert!(bench.ticks("calm").iter().all(|(_, catching_up)| !catching_up), "none was late");
    assert_eq!(crashes(&bench, "wild"), [(Some(b"this".to_vec()), 1)], "the attempt is handed back");
    assert!(bench.ask("wild", "echo", 0).is_ok());
    assert_eq!(bench.metrics.object_panics.get(), 1);
}

#[test]
fn the_third_panic_within_a_minute_sets_the_object_aside() {
    let mut bench = Bench::new();
    for panic in 1..=3 {
        assert_eq!(bench.ask("wild", "panic", 0), Err(CallError::Reset), "panic {panic}");
        bench.run_for(Duration::from_secs(10));
    }
    let answer = bench.ask("wild", "echo", 0);
    assert!(matches!(&answer, Err(CallError::SetAside(reason)) if reason.contains("3 times")), "{answer:?}");
    let listing = bench.shared.listing(&named("wild")).unwrap();
    assert_eq!(listing.state, crate::runtime::life::set_aside::SET_ASIDE);
    assert!(bench.ask("calm", "echo", 0).is_ok());
}

#[test]
fn panics_further_apart_than_a_minute_are_forgiven() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        assert_eq!(bench.ask("wild", "panic", 0), Err(CallError::Reset));
        bench.run_for(Duration::from_secs(31));
    }
    assert_eq!(crashes(&bench, "wild").iter().map(|(_, panics)| *panics).max(), Some(2));
    assert!(bench.ask("wild", "echo", 0).is_ok());
}

#[test]
fn a_wake_that_panics_is_tried_again_with_the_attempt_kept() {
    let mut bench = Bench::new();
    bench.ask("wild", "echo", 0).unwrap();
    bench.class.wake_panics.store(1, Ordering::SeqCst);
    assert_eq!(bench.ask("wild", "panic", 0), Err(CallError::Reset));
    bench.settle();
    assert_eq!(crashes(&bench, "wild"), [(Some(b"this".to_vec()), 2)]);
    bench.class.wake_panics.store(9, Ordering::SeqCst);
    let reply = bench.call("other", "echo", 0);
    bench.settle();
    assert!(matches!(reply.error(), CallError::SetAside(_)));
    assert_eq!(bench.class.wake_panics.load(Ordering::SeqCst), 6, "three tries and no more");
}

#[test]
fn the_sockets_of_an_object_that_panicked_are_told_to_come_back() {
    let mut bench = Bench::new();
    let hello = serde_json::json!({ "protocol": 1, "match_id": "wild" });
    for socket in [SocketId(1), SocketId(2), SocketId(3)] {
        let hello = serde_json::from_value(hello.clone()).unwrap();
        bench
            .shared
            .socket(&named("wild"), SocketEvent::Opened { socket, hello: Box::new(hello), ticket: None })
            .unwrap();
    }
    bench.shared.socket(&named("wild"), SocketEvent::Closed { socket: SocketId(2) }).unwrap();
    assert_eq!(bench.ask("wild", "panic", 0), Err(CallError::Reset));
    let outputs = bench.outlet.0.lock().unwrap();
    let told = outputs.iter().filter_map(|output| match output {
        SocketOutput::Close { socket, code: CloseCode::Restoring, .. } => Some(socket.0),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [1, 3], "those that are open, each once");
}
