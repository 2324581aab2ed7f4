//! ALARM 1 to 6.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use serde_json::Value;
use tickstone_server::object::alarm::AlarmFired;
use tickstone_server::object::caller::Caller;
use tickstone_server::object::context::Context;
use tickstone_server::store::{MemoryStore, StoreSettings};
use tickstone_server::testing::Testbed;

use crate::script::{Answered, Happens, Log, SCRIPT, ask, bed, class, null, seconds};

/// `set` with (name, ms from now), `get`, `cancel`, `repeat` with (name, ms): what every test needs.
fn orders(ctx: &mut Context<'_>, what: &Happens) -> Answered {
    let Happens::Call(call) = what else { return null() };
    let name = call.body[0].as_str().unwrap_or_default();
    let in_ms = call.body[1].as_i64().unwrap_or_default();
    let at_ms = ctx.unix_ms().saturating_add_signed(in_ms);
    match call.method.as_str() {
        "set" => ctx.set_alarm(name, at_ms).map_err(|error| error.to_string())?,
        "repeat" => ctx
            .repeat_alarm(name, at_ms, std::time::Duration::from_millis(in_ms as u64))
            .map_err(|error| error.to_string())?,
        "cancel" => ctx.cancel_alarm(name),
        "get" => return Ok(ctx.alarm(name).into()),
        _ => {}
    }
    null()
}

fn order(name: &str, ms: i64) -> Value {
    Value::Array(vec![name.into(), ms.into()])
}

/// Notes when alarms fire, in ms since 1970.
fn noting() -> (Testbed, Log<(AlarmFired, u64)>) {
    let log = Log::default();
    let fired = log.clone();
    let bed = bed(move |ctx, what| {
        if let Happens::Alarm(alarm) = what {
            fired.note((alarm.clone(), ctx.unix_ms()));
        }
        orders(ctx, what)
    });
    (bed, log)
}

#[test]
fn alarm_1_it_fires_once_never_early_and_is_gone() {
    let (mut bed, log) = noting();
    let due = bed.unix_ms() + 2_500;
    ask(&mut bed, "set", order("a", 2_500)).unwrap();
    bed.advance(std::time::Duration::from_millis(2_499));
    assert!(log.take().is_empty(), "not yet");
    bed.advance(seconds(60));
    let fired = log.take();
    assert_eq!(fired.len(), 1);
    assert!((due..due + 3).contains(&fired[0].1), "{} ms late", fired[0].1 - due);
    assert_eq!(
        fired[0].0,
        AlarmFired { name: "a".into(), scheduled_ms: due, retry_count: 0, is_retry: false, skipped: 0 }
    );
    assert!(bed.alarms(SCRIPT, "one").is_empty());
}

#[test]
fn alarm_1_a_past_time_means_now_and_setting_again_replaces() {
    let (mut bed, log) = noting();
    ask(&mut bed, "set", order("a", 3_000)).unwrap();
    ask(&mut bed, "set", order("a", -5_000)).unwrap();
    bed.settle();
    assert_eq!(log.take().len(), 1, "at once");
    bed.advance(seconds(10));
    assert!(log.take().is_empty(), "the first was replaced");
}

#[test]
fn alarm_1_it_wakes_a_hibernated_object_and_one_of_the_last_run() {
    let (mut bed, log) = noting();
    ask(&mut bed, "set", order("a", 100_000)).unwrap();
    bed.advance(seconds(60));
    assert!(!bed.is_awake(SCRIPT, "one"));
    bed.advance(seconds(39));
    assert!(log.take().is_empty());
    bed.advance(seconds(2));
    let (fired, at) = log.take().pop().unwrap();
    assert!(at - fired.scheduled_ms < 3, "{} ms late", at - fired.scheduled_ms);
    ask(&mut bed, "set", order("b", 5_000)).unwrap();
    bed.restart();
    assert!(log.take().is_empty());
    bed.advance(seconds(6));
    assert_eq!(log.take().len(), 1);
}

#[test]
fn alarm_1_an_overdue_one_fires_at_the_start() {
    let (mut bed, log) = noting();
    ask(&mut bed, "set", order("a", 5_000)).unwrap();
    bed.clock().advance(seconds(3_600));
    bed.restart();
    assert_eq!(log.take().len(), 1);
}

#[test]
fn alarm_1_there_is_none_while_its_handler_runs_unless_it_is_set_anew() {
    let log = Log::default();
    let seen = log.clone();
    let mut bed = bed(move |ctx, what| {
        if let Happens::Alarm(alarm) = what {
            seen.note(ctx.alarm(&alarm.name).is_some());
            if alarm.name == "again" {
                ctx.set_alarm("again", ctx.unix_ms() + 60_000).unwrap();
                seen.note(ctx.alarm("again").is_some());
            }
        }
        orders(ctx, what)
    });
    ask(&mut bed, "set", order("a", 10)).unwrap();
    bed.advance(seconds(1));
    assert_eq!(log.take(), [false]);
    ask(&mut bed, "set", order("again", 10)).unwrap();
    bed.advance(seconds(1));
    assert_eq!(log.take(), [false, true]);
    assert!(ask(&mut bed, "get", order("again", 0)).unwrap().is_u64());
}

#[test]
fn alarm_2_any_number_by_name() {
    let (mut bed, log) = noting();
    for number in 0..50 {
        ask(&mut bed, "set", order(&format!("n{number}"), 1_000 + number)).unwrap();
    }
    ask(&mut bed, "cancel", order("n7", 0)).unwrap();
    bed.advance(seconds(2));
    let names: Vec<String> = log.take().into_iter().map(|(alarm, _)| alarm.name).collect();
    let expected: Vec<String> = (0..50).filter(|n| *n != 7).map(|n| format!("n{n}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn alarm_2_a_name_and_their_number_have_limits() {
    let (mut bed, _) = noting();
    assert!(ask(&mut bed, "set", order(&"x".repeat(256), 60_000)).is_ok());
    assert!(ask(&mut bed, "set", order(&"x".repeat(257), 60_000)).is_err());
    for number in 1..1024 {
        ask(&mut bed, "set", order(&format!("n{number}"), 60_000)).unwrap();
    }
    assert!(ask(&mut bed, "set", order("one more", 60_000)).is_err());
    assert!(ask(&mut bed, "set", order("n5", 60_000)).is_ok(), "one that is there is replaced");
}

/// Set anew in its own handler to the very time that fires now: the deletion must not take the new one along.
#[test]
fn alarm_2_rearm_same_millisecond() {
    let runs = Arc::new(AtomicU32::new(0));
    let ran = runs.clone();
    let mut bed = bed(move |ctx, what| {
        if let Happens::Alarm(alarm) = what
            && ran.fetch_add(1, Ordering::SeqCst) < 4
        {
            ctx.set_alarm("a", alarm.scheduled_ms).unwrap();
        }
        orders(ctx, what)
    });
    ask(&mut bed, "set", order("a", 1_000)).unwrap();
    bed.advance(seconds(2));
    assert_eq!(runs.load(Ordering::SeqCst), 5);
}

/// Fails so many times, by an error or by a panic.
fn failing(times: u32, panics: bool) -> (Testbed, Log<(AlarmFired, u64)>) {
    let log = Log::default();
    let (fired, left) = (log.clone(), AtomicU32::new(times));
    let bed = bed(move |ctx, what| {
        if let Happens::Alarm(alarm) = what {
            fired.note((alarm.clone(), ctx.unix_ms()));
            ctx.storage().put(*b"ran", alarm.retry_count.to_string()).unwrap();
            if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                assert!(!panics, "the test wants a panic");
                return Err("the test wants an error".to_owned());
            }
        }
        orders(ctx, what)
    });
    (bed, log)
}

fn check_waits(fired: &[(AlarmFired, u64)]) {
    for (run, pair) in fired.windows(2).enumerate() {
        let wait = pair[1].1 - pair[0].1;
        let base = 2_000_u64 << run;
        assert!((base..=base + base / 4 + 5).contains(&wait), "run {run}: {wait} ms");
        let AlarmFired { retry_count, is_retry, .. } = pair[1].0;
        assert_eq!((retry_count, is_retry), (run as u32 + 1, true));
        assert_eq!(pair[1].0.scheduled_ms, fired[0].0.scheduled_ms);
    }
}

#[test]
fn alarm_3_seven_runs_2_to_64_s_apart_then_it_is_abandoned_and_counted() {
    let (mut bed, log) = failing(100, false);
    ask(&mut bed, "set", order("a", 1_000)).unwrap();
    bed.advance(seconds(400));
    let fired = log.take();
    assert_eq!(fired.len(), 7);
    check_waits(&fired);
    let metrics = bed.metrics();
    assert_eq!((metrics.alarm_retries.get(), metrics.alarms_abandoned.get()), (6, 1));
    assert!(bed.alarms(SCRIPT, "one").is_empty());
    assert_eq!(bed.stored(SCRIPT, "one").get(b"ran"), Ok(None), "a run that failed wrote nothing");
}

#[test]
fn alarm_3_a_panic_counts_like_an_error_and_sets_nothing_aside() {
    let (mut bed, log) = failing(6, true);
    ask(&mut bed, "set", order("a", 1_000)).unwrap();
    bed.advance(seconds(400));
    let fired = log.take();
    assert_eq!(fired.len(), 7, "the last one succeeds");
    check_waits(&fired);
    assert_eq!(bed.metrics().alarms_abandoned.get(), 0);
    assert!(ask(&mut bed, "get", order("a", 0)).is_ok(), "it is not set aside");
}

#[test]
fn alarm_3_the_count_of_retries_survives_a_restart() {
    let (mut bed, log) = failing(100, false);
    ask(&mut bed, "set", order("a", 1_000)).unwrap();
    bed.advance(seconds(9));
    assert_eq!(log.take().len(), 3);
    bed.restart();
    bed.advance(seconds(400));
    let fired = log.take();
    assert_eq!(fired.iter().map(|(alarm, _)| alarm.retry_count).collect::<Vec<_>>(), [3, 4, 5, 6]);
}

/// What the disk does not take is not the handler's failure: it is tried without end, ever more rarely.
#[test]
fn alarm_3_a_disk_that_refuses_is_tried_again_without_end_and_not_counted() {
    let log = Log::default();
    let fired = log.clone();
    let store = MemoryStore::by_hand(&StoreSettings { object_bytes_max: 4_096, ..StoreSettings::new("") });
    let mut bed = Testbed::on(store).class(class(move |ctx, what| {
        if let Happens::Alarm(alarm) = what {
            fired.note((alarm.clone(), ctx.unix_ms()));
            ctx.storage().put(*b"too much", vec![0; 5_000]).unwrap();
        }
        orders(ctx, what)
    }));
    let pending = bed.begin_call(Caller::Operator, SCRIPT, "one", "set", order("a", 1_000));
    for _ in 0..3_600 {
        bed.advance(seconds(1));
        bed.flush();
    }
    assert_eq!(pending.answer(), Some(Ok(Value::Null)));
    let fired = log.take();
    assert!(fired.len() > 9, "{} runs", fired.len());
    for (run, pair) in fired.windows(2).enumerate() {
        let wait = (pair[1].1 - pair[0].1) / 1_000;
        let expected = 1_u64 << (run as u32 + 1).min(10);
        assert!((expected..=expected + 3).contains(&wait), "run {run}: {wait} s");
    }
    assert!(fired.iter().all(|(alarm, _)| alarm.retry_count == 0), "the handler has not failed");
    assert_eq!(bed.alarms(SCRIPT, "one").len(), 1, "it is still due");
}

#[test]
fn alarm_4_a_new_alarm_of_the_name_replaces_the_retry() {
    let (mut bed, log) = failing(1, false);
    ask(&mut bed, "set", order("a", 1_000)).unwrap();
    bed.advance(seconds(2));
    assert_eq!(log.take().len(), 1);
    ask(&mut bed, "set", order("a", 50_000)).unwrap();
    bed.advance(seconds(40));
    assert!(log.take().is_empty(), "no retry");
    bed.advance(seconds(15));
    let (fired, _) = log.take().pop().unwrap();
    assert_eq!((fired.retry_count, fired.is_retry), (0, false));
}

#[test]
fn alarm_5_a_repeating_one_stays_on_its_grid_and_skips_what_is_over() {
    let (mut bed, log) = noting();
    let first = bed.unix_ms() + 1_500;
    ask(&mut bed, "repeat", order("a", 1_500)).unwrap();
    bed.advance(seconds(3_600));
    let fired = log.take();
    assert_eq!(fired.len(), 2_400);
    for (run, (alarm, at)) in fired.iter().enumerate() {
        assert_eq!(alarm.scheduled_ms, first + 1_500 * run as u64);
        assert!((alarm.scheduled_ms..alarm.scheduled_ms + 3).contains(at));
    }
    // Beside the grid, so that one that is counted from now would leave it.
    bed.clock().advance(std::time::Duration::from_millis(60_700));
    bed.restart();
    let late = log.take();
    assert_eq!(late.len(), 1, "once, however many are over");
    assert_eq!(late[0].0.scheduled_ms, first + 1_500 * 2_400);
    assert_eq!(bed.metrics().alarms_skipped.get(), 39);
    bed.advance(seconds(6));
    let after = log.take();
    assert_eq!(after.len(), 4);
    assert!(after.iter().all(|(alarm, _)| (alarm.scheduled_ms - first).is_multiple_of(1_500)), "{after:?}");
    ask(&mut bed, "cancel", order("a", 0)).unwrap();
    bed.advance(seconds(60));
    assert!(log.take().is_empty());
}

/// Whatever commit the process dies at, the count in the state says how often it counted: once.
#[test]
fn alarm_6_it_is_deleted_in_the_commit_of_what_its_handler_wrote() {
    for commit in 1..=4 {
        let fired = Arc::new(AtomicU64::new(0));
        let runs = fired.clone();
        let mut bed = bed(move |ctx, what| {
            if let Happens::Alarm(_) = what {
                runs.fetch_add(1, Ordering::SeqCst);
                let count = ctx.storage().get_as::<u32>(b"count").unwrap().unwrap_or(0);
                ctx.storage().put_as(*b"count", &(count + 1)).unwrap();
            }
            orders(ctx, what)
        });
        ask(&mut bed, "set", order("a", 2_000)).unwrap();
        bed.crash_at_commit(commit);
        bed.advance(seconds(120));
        let count: u32 =
            postcard::from_bytes(&bed.stored(SCRIPT, "one").get(b"count").unwrap().unwrap()).unwrap();
        assert_eq!(count, 1, "crash at commit {commit}");
        assert!(bed.alarms(SCRIPT, "one").is_empty());
        if commit == 1 {
            assert_eq!(fired.load(Ordering::SeqCst), 2, "the first run was lost with its commit");
        }
    }
}

#[test]
fn alarm_1_a_clock_that_is_set_forth_or_back_makes_none_early_and_none_late() {
    for by_ms in [-3_600_000, 3_600_000] {
        let (mut bed, log) = noting();
        ask(&mut bed, "set", order("a", 1_800_000)).unwrap();
        bed.clock().set_wall(by_ms);
        bed.advance(seconds(2));
        let fired = log.take();
        if by_ms > 0 {
            assert_eq!(fired.len(), 1, "it is overdue by the new time");
        } else {
            assert!(fired.is_empty());
            bed.advance(seconds(1_800));
            assert!(log.take().is_empty(), "the clock says an hour less");
            bed.advance(seconds(3_600));
            assert_eq!(log.take().len(), 1);
        }
    }
}
