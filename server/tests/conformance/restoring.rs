//! STORE 4: going back to an earlier moment, of an object that is alive.

use std::time::Duration;

use serde_json::{Value, json};
use tickstone_server::object::caller::Caller;
use tickstone_server::object::contract::{CallError, WakeReason};
use tickstone_server::object::job::Job;
use tickstone_server::object::peer::Payload;
use tickstone_server::object::socket::SocketEvent;
use tickstone_server::object::storage::Bookmark;
use tickstone_server::store::{MemoryStore, StoreSettings};
use tickstone_server::testing::Testbed;

use crate::script::{Answered, Happens, Log, SCRIPT, ask, class, null, seconds, with_history};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Keeps one text in memory and in the store, and an alarm on demand.
fn diary(days: u64) -> (Testbed, Log<WakeReason>) {
    let log = Log::default();
    let noted = log.clone();
    let settings = StoreSettings {
        history: [SCRIPT.to_owned()].into(),
        history_retention: DAY * u32::try_from(days).unwrap(),
        ..StoreSettings::new("")
    };
    let class = with_history(move |ctx, what| {
        match what {
            Happens::Wake(reason) => noted.note(reason.clone()),
            Happens::Call(call) => return called(ctx, &call.method, &call.body),
            Happens::Socket(SocketEvent::Connected { socket, .. }) => {
                ctx.peers().accept(*socket, ["all"]).unwrap();
            }
            Happens::Socket(SocketEvent::Received { socket, payload: Payload::Text(_) }) => {
                let text = ctx.storage().get(b"text").unwrap().unwrap_or_default();
                ctx.peers().send(*socket, text);
            }
            _ => {}
        }
        null()
    });
    (Testbed::on(MemoryStore::with(&settings)).class(class), log)
}

fn called(ctx: &mut tickstone_server::object::context::Context<'_>, method: &str, body: &Value) -> Answered {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match method {
        "write" => ctx.storage().put("text", body.as_str().unwrap()).unwrap(),
        "read" => return Ok(ctx.storage().get(b"text").unwrap().map(text).into()),
        "remind" => ctx.set_alarm("reminder", ctx.unix_ms() + 3_600_000).unwrap(),
        "later" => {
            ctx.start(Job::Sleep(seconds(20)));
            return Ok("later".into());
        }
        "now" => return Ok(ctx.storage().bookmark_now().unwrap().to_string().into()),
        "at" => {
            return Ok(ctx.storage().bookmark_at(body.as_u64().unwrap()).unwrap().to_string().into());
        }
        "back" => {
            ctx.storage().put("text", "never").unwrap();
            ctx.storage().restore(body.as_str().unwrap().parse().unwrap());
        }
        other => panic!("{other}"),
    }
    null()
}

fn bookmark(bed: &mut Testbed) -> Bookmark {
    ask(bed, "now", 0).unwrap().as_str().unwrap().parse().unwrap()
}

#[test]
fn store_4_a_live_object_goes_back_and_forth_again() {
    let (mut bed, log) = diary(30);
    ask(&mut bed, "write", "one").unwrap();
    let socket = bed.connect(SCRIPT, "one", Caller::Anonymous);
    let first = bookmark(&mut bed);
    ask(&mut bed, "write", "two").unwrap();
    ask(&mut bed, "remind", 0).unwrap();
    log.take();
    let undo = bed.restore(SCRIPT, "one", first).unwrap();
    assert!(undo > first);
    assert_eq!(log.take(), [WakeReason::Crash { attempt: None, panics: 0 }], "its memory went");
    assert_eq!(ask(&mut bed, "read", 0), Ok(json!("one")));
    assert!(bed.alarms(SCRIPT, "one").is_empty(), "its alarms go back with it");
    bed.send(SCRIPT, "one", socket, "say");
    assert_eq!(bed.client(socket).received, [Payload::from(b"one".to_vec())], "its sockets stay");
    bed.restore(SCRIPT, "one", undo).unwrap();
    assert_eq!(ask(&mut bed, "read", 0), Ok(json!("two")));
    assert_eq!(bed.alarms(SCRIPT, "one").len(), 1);
    bed.restart();
    assert_eq!(ask(&mut bed, "read", 0), Ok(json!("two")));
}

#[test]
fn store_4_one_that_sleeps_or_was_removed_goes_back_too() {
    let (mut bed, _) = diary(30);
    ask(&mut bed, "write", "one").unwrap();
    let first = bookmark(&mut bed);
    ask(&mut bed, "write", "two").unwrap();
    bed.advance(seconds(60));
    assert!(!bed.is_awake(SCRIPT, "one"));
    bed.restore(SCRIPT, "one", first).unwrap();
    assert_eq!(ask(&mut bed, "read", 0), Ok(json!("one")));
    bed.delete(SCRIPT, "one").unwrap();
    assert_eq!(ask(&mut bed, "read", 0), Ok(Value::Null));
    bed.restore(SCRIPT, "one", first).unwrap();
    assert_eq!(ask(&mut bed, "read", 0), Ok(json!("one")));
}

#[test]
fn store_4_what_was_in_flight_is_told_that_the_object_was_reset() {
    let (mut bed, _) = diary(30);
    ask(&mut bed, "write", "one").unwrap();
    let first = bookmark(&mut bed);
    let waiting = bed.begin_call(Caller::Operator, SCRIPT, "one", "later", 0);
    bed.settle();
    assert_eq!(waiting.answer(), None);
    bed.restore(SCRIPT, "one", first).unwrap();
    assert_eq!(waiting.answer(), Some(Err(CallError::Reset)));
}

#[test]
fn store_4_an_object_takes_itself_back_and_nothing_else_of_that_handler_is_done() {
    let (mut bed, log) = diary(30);
    ask(&mut bed, "write", "one").unwrap();
    let first = bookmark(&mut bed).to_string();
    ask(&mut bed, "write", "two").unwrap();
    log.take();
    assert_eq!(ask(&mut bed, "back", first), Err(CallError::Reset));
    assert_eq!(log.take().len(), 1);
    assert_eq!(ask(&mut bed, "read", 0), Ok(json!("one")));
}

#[test]
fn store_4_a_time_names_a_moment_within_the_retention_alone() {
    let (mut bed, _) = diary(3);
    ask(&mut bed, "write", "one").unwrap();
    let (then, first) = (bed.unix_ms(), bookmark(&mut bed));
    bed.clock().advance(DAY);
    ask(&mut bed, "write", "two").unwrap();
    assert_eq!(ask(&mut bed, "at", then), Ok(json!(first.to_string())));
    bed.clock().advance(DAY * 3);
    ask(&mut bed, "write", "three").unwrap();
    let refused = bed.restore(SCRIPT, "one", first);
    assert!(matches!(refused, Err(CallError::Conflict { code: "bookmark_expired", .. })), "{refused:?}");
    let ahead = bed.restore(SCRIPT, "one", Bookmark(u64::MAX));
    assert!(matches!(ahead, Err(CallError::Conflict { code: "bookmark_ahead", .. })), "{ahead:?}");
    assert_eq!(ask(&mut bed, "read", 0), Ok(json!("three")), "nothing was changed");
}

#[test]
fn store_4_a_class_without_a_history_says_so_and_goes_on() {
    let log = Log::default();
    let noted = log.clone();
    let mut bed = Testbed::new().class(class(move |_, what| {
        if let Happens::Wake(_) = what {
            noted.note(());
        }
        null()
    }));
    ask(&mut bed, "look", 0).unwrap();
    let refused = bed.restore(SCRIPT, "one", Bookmark(0));
    assert!(matches!(refused, Err(CallError::Conflict { code: "no_history", .. })), "{refused:?}");
    assert_eq!(log.take().len(), 1, "it is not reset");
}
