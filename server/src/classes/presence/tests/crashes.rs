//! The process dies at each commit of a story: what was answered holds, and what is told in the end is what is.

use super::*;

/// What happens to two users who have no sockets, step by step.
fn step(bed: &mut Testbed, n: u64) -> Result<Value, CallError> {
    match n {
        0 => call_as(bed, user("ann"), "beat", Value::Null),
        1 => call_as(bed, user("bob"), "beat", json!({ "typing": true })),
        2 => call_as(bed, user("ann"), "beat", json!({ "status": "away" })),
        3 => ask(bed, "configure", json!({ "expiry_ms": 30_000 })),
        4 => call_as(bed, user("cid"), "beat", Value::Null),
        _ => call_as(bed, user("bob"), "beat", json!({ "status": "offline" })),
    }
}

const STEPS: u64 = 6;

#[test]
fn a_crash_at_any_commit_takes_no_status_that_was_answered() {
    for dies_at in 1..=20 {
        let mut bed = Testbed::new().object::<Presence>();
        bed.crash_at_commit(dies_at);
        let mut known: Vec<String> = Vec::new();
        for n in 0..STEPS {
            let mut done = step(&mut bed, n);
            if done == Err(CallError::Reset) {
                assert_eq!(there(&mut bed), known, "it was not answered: commit {dies_at}, step {n}");
                done = step(&mut bed, n);
            }
            done.unwrap();
            known = there(&mut bed);
            bed.advance(Duration::from_millis(300));
            assert_eq!(there(&mut bed), known, "it was answered: commit {dies_at}, step {n}");
        }
        assert_eq!(known, ["(ann)", "cid"]);
        let watcher = enter(&mut bed, "watcher");
        bed.advance(SECOND * 76);
        // A socket that the crash took heard nothing more.
        if bed.client(watcher).closed.is_none() {
            let told = changes(&bed, watcher).into_iter().flatten();
            let ends: Vec<_> = told.filter(|seen| seen.starts_with('-')).collect();
            assert_eq!(ends, ["-cid", "-watcher", "-ann"], "each once: commit {dies_at}");
        }
        bed.advance(SECOND * 76);
        assert!(there(&mut bed).is_empty(), "commit {dies_at}");
        assert!(bed.alarms("presence", SPACE).is_empty(), "commit {dies_at}");
    }
}

#[test]
fn what_was_not_told_before_a_crash_is_told_after_it() {
    let mut bed = Testbed::new().object::<Presence>();
    let ann = enter(&mut bed, "ann");
    bed.advance(SECOND);
    call_as(&mut bed, user("bob"), "beat", Value::Null).unwrap();
    let before = changes(&bed, ann).len();
    bed.restart();
    assert_eq!(changes(&bed, ann).len(), before);
    let ann = enter(&mut bed, "ann");
    bed.advance(SECOND);
    assert_eq!(changes(&bed, ann), [["bob"]]);
}
