//! GATE 1 to 8, as far as they are not the worker's own (see `server/src/runtime/tests/`).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use tickstone_server::clock::ManualClock;
use tickstone_server::metrics::ClassLabel;
use tickstone_server::object::caller::Caller;
use tickstone_server::object::contract::{CallError, WakeReason};
use tickstone_server::object::job::{JOBS_MAX, Job, JobError, JobId};
use tickstone_server::testing::Testbed;
use tickstone_shared::ids::ObjectName;

use crate::script::{Happens, Log, SCRIPT, ask, bed, class, null, seconds};

fn named(name: &str) -> ObjectName {
    ObjectName::parse(name).unwrap()
}

#[test]
fn gate_4_a_handler_that_fails_commits_and_sends_nothing() {
    let mut bed = bed(|ctx, what| match what {
        Happens::Call(call) if call.method == "fail" => {
            ctx.storage().put(*b"k", *b"v").unwrap();
            ctx.set_alarm("a", 1).unwrap();
            ctx.peers().broadcast(None, &[], "never");
            ctx.call(SCRIPT, named("other"), "hear", Value::Null);
            Err("no".to_owned())
        }
        Happens::Socket(event) => {
            ctx.peers().accept(event.socket(), [""; 0]).unwrap();
            null()
        }
        _ => null(),
    });
    let socket = bed.connect(SCRIPT, "one", Caller::Anonymous);
    assert_eq!(ask(&mut bed, "fail", 0), Err(CallError::Invalid("no".to_owned())));
    assert_eq!(bed.commits(), 0);
    assert!(bed.client(socket).received.is_empty());
    assert!(!bed.is_awake(SCRIPT, "other"));
}

/// `relay`: asks `other` after it wrote; notes what it answered.
fn relay(ctx: &mut tickstone_server::object::context::Context<'_>, what: &Happens, log: &Log<String>) {
    match what {
        Happens::Call(call) if call.method == "relay" => {
            ctx.storage().put(*b"k", *b"v").unwrap();
            ctx.call(SCRIPT, named("other"), "hear", json!(7));
        }
        Happens::Call(call) => {
            log.note(format!("{} {} {:?}", ctx.identity().name.as_str(), call.method, call.caller));
        }
        Happens::Done(_, result) => log.note(format!("{result:?}")),
        _ => {}
    }
}

#[test]
fn gate_2_an_object_asks_another_and_is_free_meanwhile() {
    let log = Log::default();
    let noted = log.clone();
    let mut bed = bed(move |ctx, what| {
        relay(ctx, what, &noted);
        null()
    });
    ask(&mut bed, "relay", 0).unwrap();
    let seen = log.take();
    assert!(seen[0].starts_with("other hear Object") && seen[0].contains("one"), "{seen:?}");
    assert_eq!(seen[1], "Ok(Null)");
}

#[test]
fn gate_3_a_call_of_another_object_waits_for_what_was_written_before_it() {
    let log = Log::default();
    let noted = log.clone();
    let mut bed = Testbed::by_hand().class(class(move |ctx, what| {
        relay(ctx, what, &noted);
        null()
    }));
    let pending = bed.begin_call(Caller::Operator, SCRIPT, "one", "relay", 0);
    bed.settle();
    assert!(log.take().is_empty() && pending.answer().is_none(), "nothing leaves before it is durable");
    bed.flush();
    assert_eq!((log.take().len(), pending.answer()), (2, Some(Ok(Value::Null))));
}

#[test]
fn gate_3_what_the_world_outside_sees_begins_once_the_writes_before_it_are_durable() {
    let log = Log::default();
    let noted = log.clone();
    let mut bed = Testbed::by_hand().class(class(move |ctx, what| {
        if let Happens::Call(_) = what {
            ctx.storage().put("k", "v").unwrap();
            let [inside, outside] = [noted.clone(), noted.clone()];
            ctx.start(Job::Outside(Box::new(move || {
                outside.note("outside");
                Ok(Value::Null)
            })));
            ctx.start(Job::Compute(Box::new(move || {
                inside.note("computed");
                Ok(Value::Null)
            })));
        }
        null()
    }));
    bed.begin_call(Caller::Operator, SCRIPT, "one", "go", 0);
    bed.settle();
    assert_eq!(log.take(), ["computed"]);
    bed.flush();
    assert_eq!(log.take(), ["outside"]);
}

/// Two objects that wait for each other's answer: nobody is blocked, and both are told in the end.
#[test]
fn gate_2_a_cycle_of_calls_ends_by_its_time_out() {
    let log = Log::default();
    let noted = log.clone();
    let mut bed = bed(move |ctx, what| {
        let other = if ctx.identity().name.as_str() == "a" { "b" } else { "a" };
        match what {
            Happens::Call(call) if call.method == "ask" => {
                ctx.call(SCRIPT, named(other), "ask", Value::Null);
                return Ok("later".into());
            }
            Happens::Done(_, result) => noted.note(result.clone()),
            _ => {}
        }
        null()
    });
    let pending = bed.begin_call(Caller::Operator, SCRIPT, "a", "ask", 0);
    bed.advance(seconds(10));
    assert!(pending.answer().is_none());
    assert_eq!(bed.call(SCRIPT, "a", "look", 0), Ok(Value::Null), "it is free");
    bed.advance(seconds(120));
    assert_eq!(pending.answer(), Some(Err(CallError::TimedOut)));
    assert!(log.take().iter().all(|result| result.is_err()));
}

#[test]
fn gate_2_jobs_end_with_their_result_or_why_there_is_none() {
    let log: Log<(JobId, String)> = Log::default();
    let noted = log.clone();
    let mut bed = bed(move |ctx, what| {
        match what {
            Happens::Call(call) => {
                let job = match call.method.as_str() {
                    "compute" => Job::Compute(Box::new(|| Ok(json!(6 * 7)))),
                    "fail" => Job::Compute(Box::new(|| Err("no".to_owned()))),
                    "sleep" => Job::Sleep(seconds(50)),
                    _ => {
                        ctx.call("no such class", named("x"), "y", Value::Null);
                        return null();
                    }
                };
                ctx.start(job);
            }
            Happens::Done(id, result) => noted.note((*id, format!("{result:?}"))),
            _ => {}
        }
        null()
    });
    for (method, wait, result) in [
        ("compute", 1, "Ok(Number(42))"),
        ("fail", 1, r#"Err(Failed("no"))"#),
        ("foreign", 1, "Err(Call(NotFound))"),
        ("sleep", 50, "Ok(Null)"),
    ] {
        ask(&mut bed, method, 0).unwrap();
        bed.advance(seconds(wait - 1));
        let early = if wait > 1 { log.take().len() } else { 0 };
        assert_eq!(early, 0);
        assert!(bed.is_awake(SCRIPT, "one"), "a job keeps it awake");
        bed.advance(seconds(2));
        let ended: Vec<String> = log.take().into_iter().map(|(_, result)| result).collect();
        assert_eq!(ended, [result], "{method}");
    }
}

#[test]
fn gate_2_an_object_has_its_jobs_and_not_one_more() {
    let log = Log::default();
    let noted = log.clone();
    let mut bed = bed(move |ctx, what| {
        match what {
            Happens::Call(_) => {
                for _ in 0..=JOBS_MAX {
                    ctx.start(Job::Sleep(seconds(5)));
                }
            }
            Happens::Done(_, result) => noted.note(result.clone()),
            _ => {}
        }
        null()
    });
    ask(&mut bed, "many", 0).unwrap();
    assert_eq!(log.take(), [Err(JobError::Overloaded)]);
    bed.advance(seconds(6));
    assert_eq!(log.take(), vec![Ok(Value::Null); JOBS_MAX]);
}

/// Blocks in its wake until a job is done; notes what happens.
fn blocking(job: impl Fn() -> Job + Send + Sync + 'static) -> (Testbed, Log<String>) {
    let log = Log::default();
    let noted = log.clone();
    let bed = bed(move |ctx, what| {
        match what {
            Happens::Wake(reason) => {
                let crashed = matches!(reason, WakeReason::Crash { .. });
                noted.note(if crashed { "wake after reset" } else { "wake" }.to_owned());
                let id = ctx.start(job());
                ctx.block_until(id);
            }
            Happens::Done(..) => noted.note("done".to_owned()),
            Happens::Call(call) => noted.note(call.method.clone()),
            _ => {}
        }
        null()
    });
    (bed, log)
}

#[test]
fn gate_2_block_until_holds_every_other_event() {
    let (mut bed, log) = blocking(|| Job::Sleep(seconds(20)));
    let calls: Vec<_> =
        ["a", "b"].iter().map(|method| bed.begin_call(Caller::Operator, SCRIPT, "one", method, 0)).collect();
    bed.advance(seconds(19));
    assert_eq!(log.take(), ["wake"]);
    bed.advance(seconds(2));
    assert_eq!(log.take(), ["done", "a", "b"], "in their order");
    assert!(calls.iter().all(|call| call.answer() == Some(Ok(Value::Null))));
}

#[test]
fn gate_2_block_until_resets_on_an_error_and_after_thirty_seconds() {
    let (mut bed, log) = blocking(|| Job::Compute(Box::new(|| Err("no".to_owned()))));
    let call = bed.begin_call(Caller::Operator, SCRIPT, "one", "a", 0);
    bed.settle();
    let seen = log.take();
    assert_eq!(&seen[..2], ["wake", "wake after reset"]);
    assert!(matches!(call.answer(), Some(Err(CallError::SetAside(_)))), "three times, and no more: {seen:?}");

    let (mut bed, log) = blocking(|| Job::Sleep(seconds(40)));
    bed.begin_call(Caller::Operator, SCRIPT, "one", "a", 0);
    bed.advance(seconds(29));
    assert_eq!(log.take(), ["wake"]);
    bed.advance(seconds(2));
    assert_eq!(log.take(), ["wake after reset"]);
}

#[test]
fn gate_8_block_until_outside_wake_is_counted() {
    let mut bed = bed(|ctx, what| {
        if matches!(what, Happens::Call(_)) {
            let job = ctx.start(Job::Sleep(seconds(1)));
            ctx.block_until(job);
        }
        null()
    });
    ask(&mut bed, "block", 0).unwrap();
    assert_eq!(bed.metrics().blocks_outside_wake.get(), 1);
}

#[test]
fn gate_8_a_handler_over_a_second_is_counted_by_its_class() {
    let took_ms = Arc::new(AtomicU32::new(0));
    let took = took_ms.clone();
    let hands: Arc<OnceLock<Arc<ManualClock>>> = Arc::default();
    let inside = hands.clone();
    let mut bed = bed(move |_, what| {
        if matches!(what, Happens::Call(_)) {
            let clock = inside.get().expect("the test has set it");
            clock.advance(std::time::Duration::from_millis(took.load(Ordering::SeqCst).into()));
        }
        null()
    });
    hands.set(bed.clock().clone()).ok().unwrap();
    for (ms, slow) in [(1_000, 0), (1_001, 1)] {
        took_ms.store(ms, Ordering::SeqCst);
        ask(&mut bed, "take your time", 0).unwrap();
        let counted = bed.metrics().slow_handlers.get_or_create(&ClassLabel { class: SCRIPT }).get();
        assert_eq!(counted, slow);
    }
}

#[test]
fn gate_6_a_panic_resets_the_object_and_keeps_its_sockets() {
    let log = Log::default();
    let noted = log.clone();
    let mut bed = bed(move |ctx, what| {
        match what {
            Happens::Socket(event) => {
                ctx.peers().accept(event.socket(), ["red"]).unwrap();
                ctx.peers().attach(event.socket(), vec![1, 2]).unwrap();
            }
            Happens::Call(call) if call.method == "panic" => {
                ctx.storage().put(*b"k", *b"v").unwrap();
                panic!("the test wants a panic");
            }
            Happens::Wake(reason) => {
                let sockets = ctx.peers().list(Some("red"));
                let attached = sockets.first().and_then(|socket| ctx.peers().attachment(*socket));
                noted.note((
                    format!("{reason:?}"),
                    sockets.len(),
                    attached.map_or(0, |kept| kept.bytes().len()),
                ));
            }
            _ => {}
        }
        null()
    });
    let socket = bed.connect(SCRIPT, "one", Caller::Anonymous);
    assert_eq!(ask(&mut bed, "panic", 0), Err(CallError::Reset));
    bed.settle();
    assert!(bed.client(socket).closed.is_none(), "it is kept");
    let seen = log.take();
    assert!(seen[1].0.starts_with("Crash"), "{seen:?}");
    assert_eq!((seen[1].1, seen[1].2), (1, 2), "with its tags and what is attached");
    assert_eq!(bed.commits(), 0);
}
