//! Queue limits, groups and epochs.

use super::*;
use crate::object::storage::TicketState::{Durable, Failed, Pending};
use crate::runtime::ports::SubmitError;
use crate::store::MemoryStore;
use crate::store::queue::batch_bytes;

#[test]
fn the_queue_is_full_exactly_at_its_limits() {
    let by_batches = StoreSettings { queue_batches_max: 3, ..StoreSettings::new("") };
    let one = batch("a", vec![put("k", "v")]);
    let by_bytes = StoreSettings { queue_bytes_max: 3 * batch_bytes(&one), ..StoreSettings::new("") };
    for settings in [by_batches, by_bytes] {
        let mut bench = Bench::open(&SimDisk::new(), settings.clone()).unwrap();
        let memory = MemoryStore::by_hand(&settings);
        let stores: [&dyn Store; 2] = [&bench.store, &memory];
        for store in stores {
            for _ in 0..3 {
                assert_eq!(store.submit(one.clone()), Ok(()));
            }
            assert_eq!(store.submit(one.clone()), Err(SubmitError::QueueFull));
        }
        assert_eq!(memory.flush(), 3);
        bench.run();
        let stores: [&dyn Store; 2] = [&bench.store, &memory];
        for store in stores {
            assert_eq!((0..4).filter(|_| store.submit(one.clone()).is_ok()).count(), 3);
        }
    }
}

#[test]
fn what_is_taken_but_not_written_still_fills_the_queue() {
    let settings = StoreSettings { queue_batches_max: 3, ..StoreSettings::new("") };
    let mut bench = Bench::open(&SimDisk::new(), settings).unwrap();
    bench.submit(batch("a", vec![put("k", "v")]));
    bench.disk.refuse(bench.disk.operations(), sim_disk::Refusal::UntilRepaired, ENOSPC);
    bench.run_for(Duration::from_secs(1));
    let taken = (0..4).filter(|_| bench.store.submit(batch("a", vec![])).is_ok()).count();
    assert_eq!(taken, 2);
}

use super::refusals::ENOSPC;
use crate::store::sim_disk;

#[test]
fn a_group_waits_for_others_but_not_when_it_is_urgent() {
    let mut bench = Bench::new();
    let first = bench.submit(batch("a", vec![put("k", "1")]));
    assert_eq!(
        bench.run_for(Duration::from_millis(32)),
        Turn::At(tickstone_shared::time::Moment(33_000_000))
    );
    let second = bench.submit(batch("b", vec![]));
    assert_eq!((first.state(), second.state()), (Pending, Pending));
    assert_eq!(bench.run_for(Duration::from_millis(33)), Turn::Idle);
    assert_eq!((first.state(), second.state()), (Durable, Durable));

    let first = bench.submit(batch("a", vec![put("k", "2")]));
    let urgent = bench.submit(WriteBatch { urgent: true, ..batch("b", vec![put("k", "2")]) });
    assert_eq!(bench.run_for(Duration::ZERO), Turn::Idle);
    assert_eq!((first.state(), urgent.state()), (Durable, Durable));
}

#[test]
fn gate_5_writes_of_many_objects_share_one_commit() {
    let mut bench = Bench::new();
    bench.durable(batch("a", vec![put("k", "1")]));
    let before = bench.store.bookmark_now().unwrap();
    let tickets: Vec<_> =
        (0..100).map(|n| bench.submit(batch(&format!("o{n}"), vec![put("k", "1")]))).collect();
    bench.run();
    assert!(tickets.iter().all(|ticket| ticket.state() == Durable));
    assert_eq!(bench.store.bookmark_now().unwrap().0, before.0 + 1, "one group for all of them");
}

#[test]
fn a_barrier_costs_no_commit() {
    let mut bench = Bench::new();
    bench.durable(batch("a", vec![put("k", "1")]));
    let before = bench.disk.operations();
    bench.durable(batch("a", vec![]));
    assert_eq!(bench.disk.operations(), before);
}

#[test]
fn an_older_activation_is_refused() {
    let at = |epoch, writes| WriteBatch { epoch: Epoch(epoch), ..batch("a", writes) };
    let mut bench = Bench::new();
    bench.durable(at(3, vec![Write::Record(record("a", 3)), put("k", "3")]));
    let refused = bench.submit(at(2, vec![put("k", "2"), append("2")]));
    let other = bench.submit(batch("b", vec![put("k", "b")]));
    let newer = bench.submit(at(4, vec![put("k", "4")]));
    let same_group = bench.submit(at(3, vec![put("k", "3")]));
    let barrier = bench.submit(at(0, vec![]));
    bench.run();
    assert_eq!(barrier.state(), Durable, "a barrier is nobody's");
    assert_eq!(
        [refused.state(), other.state(), newer.state(), same_group.state()],
        [Failed, Durable, Durable, Failed]
    );
    assert_eq!(bench.store.reader(object("a")).unwrap().get(b"k"), Ok(Some(b"4".to_vec())));
    assert_eq!(bench.store.reader(object("a")).unwrap().journal(), Ok(vec![]));

    let mut bench = bench.reopen();
    let refused = bench.submit(at(2, vec![put("k", "2")]));
    bench.run();
    assert_eq!(refused.state(), Failed, "the record's epoch is remembered");

    let memory = MemoryStore::new();
    memory.submit(at(3, vec![put("k", "3")])).unwrap();
    let ticket = Arc::new(Ticket::default());
    memory.submit(WriteBatch { ticket: Some(ticket.clone()), ..at(2, vec![put("k", "2")]) }).unwrap();
    assert_eq!(ticket.state(), Failed);
}

#[test]
fn closing_writes_what_is_queued_and_takes_nothing_more() {
    let mut bench = Bench::new();
    let ticket = bench.submit(batch("a", vec![put("k", "v")]));
    bench.store.close();
    assert_eq!(bench.store.submit(batch("a", vec![])), Err(SubmitError::Closed));
    assert_eq!(bench.run_for(Duration::ZERO), Turn::Closed);
    assert_eq!(ticket.state(), Durable);
}

#[test]
fn closing_on_a_dead_disk_ends_and_fails_what_was_never_tried() {
    let mut bench = Bench::new();
    bench.disk.refuse(bench.disk.operations(), sim_disk::Refusal::UntilRepaired, ENOSPC);
    let tried = bench.submit(batch("a", vec![put("k", "v")]));
    bench.run_for(Duration::from_secs(1));
    let untried = bench.submit(batch("a", vec![put("k", "w")]));
    bench.store.close();
    assert_eq!(bench.run(), Turn::Closed);
    drop(bench.committer);
    assert_eq!((tried.state(), untried.state()), (Pending, Failed), "what was tried is unknown");
}

#[test]
fn the_memory_twin_fails_and_crashes_on_demand() {
    let memory = MemoryStore::by_hand(&StoreSettings::new(""));
    let tickets: Vec<_> = (0..3).map(|_| Arc::new(Ticket::default())).collect();
    for ticket in &tickets {
        memory.submit(WriteBatch { ticket: Some(ticket.clone()), ..batch("a", vec![append("x")]) }).unwrap();
    }
    memory.fail();
    assert_eq!((memory.flush(), memory.health()), (0, crate::runtime::ports::StoreHealth::Failing));
    memory.repair();
    assert_eq!((memory.flush_some(1), memory.crash(), memory.queued()), (1, 2, 0));
    assert_eq!(tickets.iter().map(|ticket| ticket.state()).collect::<Vec<_>>(), [Durable, Pending, Pending]);
    assert_eq!(memory.reader(object("a")).unwrap().journal(), Ok(vec![b"x".to_vec()]));
}
