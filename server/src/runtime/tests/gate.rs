//! The output gate, from the handler to the outlet.

use tickstone_shared::ids::Epoch;

use super::probe::SOCKET;
use super::*;
use crate::object::storage::{Record, Write, WriteBatch};
use crate::runtime::ports::Store as _;

/// An object that is awake, with everything flushed.
fn awake(bench: &mut Bench, name: &str) {
    let reply = bench.call(name, "write", 0);
    for _ in 0..4 {
        bench.settle();
        bench.store.flush();
    }
    bench.settle();
    reply.got().unwrap().unwrap();
}

fn record(name: &str, epoch: u32) -> Record {
    Record {
        class: PROBE.to_owned(),
        name: named(name).name,
        epoch: Epoch(epoch),
        node: 1,
        class_version: 1,
        wake_at_start: true,
    }
}

#[test]
fn gate_3_what_is_gated_leaves_only_when_the_writes_are_durable() {
    let mut bench = Bench::by_hand();
    awake(&mut bench, "one");
    let reply = bench.call("one", "write_and_send", 1);
    bench.settle();
    assert_eq!(bench.sent(), 0);
    assert!(reply.got().is_none());
    bench.call("one", "send_ungated", 1);
    bench.settle();
    assert_eq!(bench.sent(), 1, "what is not gated does not wait");
    bench.store.flush();
    bench.settle();
    assert_eq!(bench.sent(), 2);
    assert_eq!(reply.got(), Some(Ok(1.into())));
}

#[test]
fn gate_3_an_answer_waits_for_earlier_writes_but_not_for_later_ones() {
    let mut bench = Bench::by_hand();
    awake(&mut bench, "one");
    bench.call("one", "write_later", 1);
    let first = bench.call("one", "echo", 1);
    bench.settle();
    assert!(first.got().is_none(), "it may be about what is not durable yet");
    let queued = bench.store.queued();
    let second = bench.call("one", "write", 2);
    bench.settle();
    bench.store.flush_some(queued);
    bench.settle();
    assert!(first.got().is_some());
    assert!(second.got().is_none());
}

#[test]
fn gate_3_a_failed_commit_sends_nothing_answers_with_an_error_and_resets() {
    let mut bench = Bench::by_hand();
    awake(&mut bench, "one");
    // Another owner has begun: this one is stale, and can neither commit nor send.
    let taken_over = WriteBatch {
        node: 1,
        object: named("one").id,
        epoch: Epoch(50),
        writes: vec![Write::Record(record("one", 50))],
        urgent: true,
        ticket: None,
    };
    bench.store.submit(taken_over).unwrap();
    let opened = crate::object::socket::SocketEvent::Message { socket: SOCKET, data: String::new() };
    bench.shared.socket(&named("one"), opened).unwrap();
    let reply = bench.call("one", "write_and_send", 1);
    bench.settle();
    bench.store.flush();
    bench.settle();
    assert_eq!(reply.error(), CallError::Reset);
    assert_eq!(bench.sent(), 0, "what was held is never sent");
    for _ in 0..3 {
        bench.store.flush();
        bench.settle();
    }
    let stored = Some(b"0".to_vec());
    let reason = crate::object::contract::WakeReason::Crash { attempt: None, panics: 0 };
    assert_eq!(bench.count(&Seen::Wake { name: "one".to_owned(), reason, stored }), 1, "as it was stored");
    let reply = bench.call("one", "write", 3);
    bench.settle();
    bench.store.flush();
    bench.settle();
    assert_eq!(reply.got(), Some(Ok(3.into())), "the new activation commits");
    let newest = bench.store.reader(named("one").id).unwrap().record().unwrap().unwrap();
    assert!(newest.epoch >= Epoch(51));
}

fn tiny() -> StoreSettings {
    StoreSettings { queue_batches_max: 3, ..StoreSettings::new("") }
}

#[test]
fn gate_3_a_refused_write_answers_with_storage_and_resets() {
    let mut bench = Bench::with(&settings(), MemoryStore::by_hand(&tiny()));
    awake(&mut bench, "one");
    bench.store.fail();
    let taken: Vec<Reply> = (1..=3).map(|number| bench.call("one", "write", number)).collect();
    bench.settle();
    let refused = bench.call("one", "write_and_send", 4);
    bench.settle();
    assert_eq!(refused.error(), CallError::Storage);
    assert_eq!(bench.sent(), 0);
    assert!(taken.iter().all(|reply| reply.error() == CallError::Reset), "nobody knows yet");
}

/// The barrier of a wake does not fit the queue: it waits for room. Were the object read before what it wrote
/// is durable, it would go on from a state that its own writes are about to replace.
#[test]
fn a_wake_never_reads_past_what_waits_for_the_disk() {
    let mut bench = Bench::with(&settings(), MemoryStore::by_hand(&tiny()));
    awake(&mut bench, "one");
    bench.store.fail();
    for number in 1..=3 {
        bench.call("one", "write", number);
    }
    bench.settle();
    let wakes = bench.wakes("one");
    let crashed = bench.call("one", "panic", 0);
    let waits = bench.call("one", "echo", 9);
    bench.run_for(std::time::Duration::from_secs(1));
    assert_eq!(crashed.error(), CallError::Reset);
    assert_eq!(bench.wakes("one"), wakes, "it waits");
    assert!(waits.got().is_none());
    bench.store.repair();
    for _ in 0..4 {
        bench.store.flush();
        bench.settle();
    }
    let last = bench.seen().into_iter().rfind(|seen| matches!(seen, Seen::Wake { .. }));
    assert!(
        matches!(last, Some(Seen::Wake { stored: Some(value), .. }) if value == b"3"),
        "everything is read"
    );
    assert_eq!(waits.got(), Some(Ok(9.into())));
}

#[test]
fn gate_4_a_handler_that_panics_writes_nothing() {
    let mut bench = Bench::new();
    bench.ask("one", "write", 7).unwrap();
    assert_eq!(bench.ask("one", "panic", 0), Err(CallError::Reset));
    let stored = bench.store.reader(named("one").id).unwrap().get(b"value").unwrap();
    assert_eq!(stored, Some(b"7".to_vec()));
}
