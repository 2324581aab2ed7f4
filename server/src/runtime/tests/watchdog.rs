//! A handler that does not return: a real thread is stuck in it while the test moves the clock.

use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use super::probe::Blocker;
use super::*;
use crate::runtime::directory::WorkerId;
use crate::runtime::settings::STUCK_AFTER;
use crate::runtime::watchdog::patrol;

/// Two objects that tick on the one tick worker, and the ends of the channels that block one of them.
fn two_on_one_worker() -> (Bench, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let mut bench = Bench::with(&Settings { tick_workers: 1, ..settings() }, MemoryStore::new());
    for name in ["stuck", "calm"] {
        bench.ask(name, "start", 0).unwrap();
    }
    bench.run_for(Duration::from_millis(50));
    let (entered, has_entered) = mpsc::channel();
    let (release, go_on) = mpsc::channel();
    *bench.class.blocker.lock().unwrap() = Some(Blocker { entered, go_on });
    (bench, has_entered, release)
}

#[test]
fn the_others_of_a_stuck_worker_are_moved_within_half_a_second_and_go_on() {
    let (mut bench, has_entered, release) = two_on_one_worker();
    let shared = Arc::clone(&bench.shared);
    let blocked = bench.call("stuck", "block", 0);
    let noted: Vec<Reply> = (0..3_u64).map(|number| bench.call("calm", "note", number)).collect();
    let own: Vec<Reply> = (0..3_u64).map(|number| bench.call("stuck", "note", number)).collect();
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| shared.workers[0].turn(&shared, &mut Scratch::default()));
        // Dropped should an assertion fail: the thread must not be waited for without an end.
        let release = release;
        has_entered.recv().unwrap();
        let spare = &shared.workers[2];
        let start = || {
            spare.active.store(true, Ordering::Release);
            true
        };
        bench.clock.advance(STUCK_AFTER - Duration::from_millis(1));
        patrol(&shared, bench.now(), start);
        assert_eq!(shared.directory.owner(named("calm").id), Some(WorkerId(0)), "not yet");
        bench.clock.advance(Duration::from_millis(1));
        patrol(&shared, bench.now(), start);
        assert_eq!(shared.directory.owner(named("calm").id), Some(WorkerId(2)), "a spare has taken it");
        assert_eq!(shared.directory.owner(named("stuck").id), Some(WorkerId(0)));
        assert_eq!(bench.metrics.worker_stalls.get(), 1);
        // What came before the move and what comes after it: in the order of the sender.
        let later: Vec<Reply> = (3..6_u64).map(|number| bench.call("calm", "note", number)).collect();
        let before = bench.ticks("calm").len();
        for _ in 0..30 {
            bench.clock.advance(Duration::from_millis(10));
            spare.turn(&shared, &mut bench.scratch);
        }
        assert!(bench.ticks("calm").len() >= before + 17, "it ticks on");
        assert_eq!(bench.notes("calm"), [0, 1, 2, 3, 4, 5]);
        assert!(noted.iter().chain(&later).all(|reply| reply.got().is_some()));
        assert!(blocked.got().is_none());
        assert!(bench.notes("stuck").is_empty());
        release.send(()).unwrap();
        stuck.join().unwrap();
    });
    bench.settle();
    assert_eq!(blocked.got(), Some(Ok(0.into())), "the handler came to its end after all");
    assert_eq!(bench.notes("stuck"), [0, 1, 2], "and its events with it");
    assert!(own.iter().all(|reply| reply.got().is_some()));
    let numbers: Vec<u64> = bench.ticks("calm").iter().map(|(tick, _)| *tick).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<u64>>(), "no tick ran twice or not at all");
}

#[test]
fn a_stuck_worker_without_a_refuge_keeps_its_objects() {
    let (mut bench, has_entered, release) = two_on_one_worker();
    let shared = Arc::clone(&bench.shared);
    bench.call("stuck", "block", 0);
    bench.call("calm", "note", 1);
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| shared.workers[0].turn(&shared, &mut Scratch::default()));
        // Dropped should an assertion fail: the thread must not be waited for without an end.
        let release = release;
        has_entered.recv().unwrap();
        bench.clock.advance(Duration::from_secs(1));
        patrol(&shared, bench.now(), || false);
        assert_eq!(shared.directory.owner(named("calm").id), Some(WorkerId(0)));
        release.send(()).unwrap();
        stuck.join().unwrap();
    });
    bench.settle();
    assert_eq!(bench.notes("calm"), [1]);
}
