//! ID 3 to 5, SOCKET 5, LIFE 1 and 2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tickstone_server::metrics::ObjectLabel;
use tickstone_server::object::caller::Caller;
use tickstone_server::object::context::WakeAtStart;
use tickstone_server::object::contract::WakeReason;
use tickstone_server::object::job::Job;
use tickstone_server::object::socket::SocketEvent;
use tickstone_server::testing::Testbed;

use crate::script::{Happens, Log, SCRIPT, ask, bed, class, null, seconds};

/// Writes on `write`, notes every wake.
fn waking() -> (Testbed, Log<(WakeReason, u32)>) {
    let log = Log::default();
    let noted = log.clone();
    let bed = bed(move |ctx, what| {
        match what {
            Happens::Wake(reason) => noted.note((reason.clone(), ctx.epoch().0)),
            Happens::Call(call) if call.method == "write" => {
                ctx.storage().put(*b"k", *b"v").unwrap();
            }
            Happens::Call(call) if call.method == "go on" => ctx.wake_at_start(WakeAtStart::Yes),
            Happens::Call(call) if call.method == "panic" => panic!("the test wants a panic"),
            _ => {}
        }
        Ok(ctx.identity().name.as_str().into())
    });
    (bed, log)
}

#[test]
fn id_3_handle_does_not_wake() {
    let (mut bed, log) = waking();
    let handle = bed.objects();
    bed.settle();
    drop(handle);
    assert!(log.take().is_empty() && bed.commits() == 0 && bed.awake() == 0);
}

#[test]
fn id_4_the_object_knows_its_name_in_every_handler() {
    let log = Log::default();
    let noted = log.clone();
    let mut bed = bed(move |ctx, what| {
        let handler = format!("{what:?}");
        noted.note((handler.split(['(', ' ']).next().unwrap().to_owned(), ctx.identity().name.to_string()));
        match what {
            Happens::Call(_) => {
                ctx.set_alarm("a", 0).unwrap();
                ctx.start(Job::Sleep(seconds(1)));
            }
            Happens::Socket(event) => ctx.peers().accept(event.socket(), [""; 0]).unwrap(),
            _ => {}
        }
        null()
    });
    ask(&mut bed, "go", 0).unwrap();
    bed.connect(SCRIPT, "one", Caller::Anonymous);
    bed.advance(seconds(60));
    let seen = log.take();
    for handler in ["Wake", "Call", "Alarm", "Done", "Socket", "Sleep"] {
        assert!(seen.iter().any(|(had, name)| had == handler && name == "one"), "{handler}: {seen:?}");
    }
}

#[test]
fn life_1_every_wake_says_why() {
    let (mut bed, log) = waking();
    ask(&mut bed, "look", 0).unwrap();
    assert_eq!(log.take(), [(WakeReason::Created, 1)]);
    bed.advance(seconds(20));
    ask(&mut bed, "write", 0).unwrap();
    assert_eq!(log.take(), [(WakeReason::Created, 1)], "nothing was stored of it");
    bed.advance(seconds(20));
    ask(&mut bed, "look", 0).unwrap();
    assert_eq!(log.take(), [(WakeReason::Hibernation, 1)], "nothing was lost: the epoch stays");
    assert!(ask(&mut bed, "panic", 0).is_err());
    let crashed = log.take();
    assert!(matches!(crashed[..], [(WakeReason::Crash { panics: 1, .. }, 2)]), "{crashed:?}");
    bed.restart();
    ask(&mut bed, "look", 0).unwrap();
    assert_eq!(log.take(), [(WakeReason::Restart, 3)]);
    bed.advance(seconds(80));
    ask(&mut bed, "look", 0).unwrap();
    assert_eq!(log.take(), [(WakeReason::Hibernation, 3)]);
}

#[test]
fn life_1_who_asked_for_it_is_woken_at_start() {
    let (mut bed, log) = waking();
    ask(&mut bed, "go on", 0).unwrap();
    log.take();
    bed.restart();
    assert_eq!(log.take(), [(WakeReason::Restart, 2)]);
}

#[test]
fn socket_5_it_hibernates_after_ten_seconds_and_leaves_nothing() {
    let (mut bed, log) = waking();
    for number in 0..100 {
        bed.call(SCRIPT, &format!("n{number}"), "write", 0).unwrap();
    }
    log.take();
    bed.advance(seconds(9));
    assert_eq!(bed.awake(), 100);
    bed.call(SCRIPT, "n0", "look", 0).unwrap();
    bed.advance(seconds(2));
    assert_eq!(bed.awake(), 1, "an event keeps it awake");
    bed.advance(seconds(10));
    assert_eq!(bed.awake(), 0);
    let objects = bed.metrics();
    let count = |state| objects.objects.get_or_create(&ObjectLabel { class: SCRIPT, state }).get();
    assert_eq!((count("active"), count("hibernated")), (0, 100));
    assert!(log.take().is_empty());
    let commits = bed.commits();
    bed.call(SCRIPT, "n5", "look", 0).unwrap();
    assert_eq!(bed.commits(), commits, "a wake that only reads writes nothing");
}

#[test]
fn socket_5_sockets_tags_and_attachments_are_there_after_a_hibernation() {
    let mut bed = bed(|ctx, what| {
        match what {
            Happens::Socket(SocketEvent::Connected { socket, request }) => {
                let tag = request.caller.subject().unwrap_or("nobody").to_owned();
                ctx.peers().accept(*socket, [tag.as_str()]).unwrap();
                ctx.peers().attach(*socket, tag.into_bytes()).unwrap();
            }
            Happens::Socket(SocketEvent::Received { socket, .. }) => {
                let kept = ctx.peers().attachment(*socket).unwrap();
                let text =
                    format!("{} of {}", String::from_utf8_lossy(kept.bytes()), ctx.peers().list(None).len());
                ctx.peers().broadcast(Some("nobody"), &[*socket], text);
            }
            _ => {}
        }
        null()
    });
    let sockets: Vec<_> = (0..3).map(|_| bed.connect(SCRIPT, "one", Caller::Anonymous)).collect();
    bed.advance(seconds(60));
    assert!(!bed.is_awake(SCRIPT, "one"), "sockets do not keep it awake");
    bed.send(SCRIPT, "one", sockets[0], "hello");
    assert!(bed.client(sockets[0]).texts().is_empty(), "but to who sent it");
    assert_eq!(bed.client(sockets[1]).texts(), ["nobody of 3"]);
    assert_eq!(bed.client(sockets[2]).texts(), ["nobody of 3"]);
}

/// The same story, told to a class that keeps its memory and to one that loses it after every event.
#[test]
fn life_2_memory_may_go_at_any_time() {
    let counter = || {
        class(|ctx, what| match what {
            Happens::Call(call) if call.method == "add" => {
                let sum =
                    ctx.storage().get_as::<u64>(b"sum").unwrap().unwrap_or(0) + call.body.as_u64().unwrap();
                ctx.storage().put_as(*b"sum", &sum).unwrap();
                Ok(sum.into())
            }
            _ => null(),
        })
    };
    for mut bed in [Testbed::new().class(counter()), Testbed::new().class(counter()).forgetful()] {
        for number in 1..=20_u64 {
            assert_eq!(ask(&mut bed, "add", number), Ok((number * (number + 1) / 2).into()));
        }
    }
}

#[test]
fn life_2_forgetful_is_forgetful() {
    let (bed, log) = waking();
    let mut bed = bed.forgetful();
    for _ in 0..5 {
        ask(&mut bed, "write", 0).unwrap();
        assert_eq!(bed.awake(), 0);
    }
    assert_eq!(log.take().len(), 5);
}

#[test]
fn a_deleted_object_leaves_nothing_and_begins_anew() {
    let (mut bed, log) = waking();
    ask(&mut bed, "write", 0).unwrap();
    bed.delete(SCRIPT, "one").unwrap();
    assert_eq!(bed.stored(SCRIPT, "one").record(), Ok(None));
    assert_eq!(bed.awake(), 0);
    log.take();
    assert_eq!(ask(&mut bed, "look", 0), Ok(json!("one")));
    assert!(matches!(log.take()[..], [(WakeReason::Created, _)]));
}

#[test]
fn a_wake_that_fails_while_the_disk_does_is_tried_again_and_sets_nothing_aside() {
    let fails = Arc::new(AtomicBool::new(true));
    let failing = Arc::clone(&fails);
    let mut bed = bed(move |_, what| match what {
        Happens::Wake(_) if failing.load(Ordering::SeqCst) => Err("it cannot be read".to_owned()),
        _ => null(),
    });
    bed.store().fail();
    let pending = bed.begin_call(Caller::Operator, SCRIPT, "one", "look", 0);
    bed.advance(seconds(5));
    assert_eq!(pending.answer(), None);
    fails.store(false, Ordering::SeqCst);
    bed.store().repair();
    bed.advance(seconds(1));
    assert_eq!(pending.answer(), Some(Ok(serde_json::Value::Null)));
    assert_eq!(ask(&mut bed, "look", 0), Ok(serde_json::Value::Null));
}

#[test]
fn life_2_an_alarm_that_is_due_runs_before_memory_is_forgotten() {
    let log = Log::default();
    let noted = log.clone();
    let mut bed = bed(move |ctx, what| {
        match what {
            Happens::Call(_) => ctx.set_alarm("a", ctx.unix_ms() + 1_000).unwrap(),
            Happens::Alarm(fired) => noted.note(fired.name.clone()),
            _ => {}
        }
        null()
    })
    .forgetful();
    ask(&mut bed, "arm", 0).unwrap();
    bed.advance(seconds(5));
    assert_eq!(log.take(), ["a"]);
    assert!(!bed.is_awake(SCRIPT, "one"), "and then it is");
}
