//! What a lock promises.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::*;
use crate::access::scope::Subject;
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::typed::TypedClass;
use crate::testing::{Pending, Testbed};

fn bed() -> Testbed {
    Testbed::new().class(Arc::new(TypedClass::<Lock>::default()))
}

fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

fn user(name: &str) -> Caller {
    Caller::User { subject: Subject::parse(name).unwrap(), scopes: [].into() }
}

fn begin(bed: &mut Testbed, who: &str, method: &str, body: Value) -> Pending {
    let pending = bed.begin_call(user(who), "lock", "door", method, body);
    bed.settle();
    pending
}

/// What it comes to: a number for a lease, else why not.
fn ask(bed: &mut Testbed, who: &str, method: &str, body: Value) -> Result<u64, &'static str> {
    outcome(&begin(bed, who, method, body).answer().unwrap_or(Err(CallError::Reset)))
}

fn outcome(answer: &Result<Value, CallError>) -> Result<u64, &'static str> {
    match answer {
        Ok(lock) => Ok(lock["token"].as_u64().unwrap()),
        Err(CallError::Conflict { code, .. }) => Err(code),
        Err(CallError::Forbidden(_)) => Err("forbidden"),
        Err(CallError::Invalid(_)) => Err("invalid"),
        Err(CallError::Overloaded) => Err("overloaded"),
        Err(CallError::Reset) => Err("reset"),
        Err(other) => panic!("{other:?}"),
    }
}

fn holder(bed: &mut Testbed) -> Value {
    bed.call("lock", "door", "get", Value::Null).unwrap()["holder"].clone()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_lock_has_one_holder_and_a_number_that_grows() {
    for mut bed in beds() {
        assert_eq!((holder(&mut bed), bed.commits()), (Value::Null, 0), "who only looks stores nothing");
        let lease = begin(&mut bed, "ann", "acquire", Value::Null).answer().unwrap().unwrap();
        let until = bed.unix_ms() + 30_000;
        let expected = json!({ "holder": "user:ann", "token": 1, "expires_unix_ms": until, "waiting": 0 });
        assert_eq!(lease, expected);
        assert_eq!(ask(&mut bed, "bob", "acquire", Value::Null), Err("held"));
        assert_eq!(ask(&mut bed, "ann", "acquire", Value::Null), Err("held"), "nobody has it twice");
        assert_eq!(ask(&mut bed, "bob", "release", json!({ "token": 1 })), Err("not_held"), "not his");
        assert_eq!(ask(&mut bed, "ann", "release", json!({ "token": 2 })), Err("not_held"));
        assert_eq!(ask(&mut bed, "ann", "release", json!({ "token": 1 })), Ok(1));
        assert_eq!(ask(&mut bed, "ann", "release", json!({ "token": 1 })), Err("not_held"), "once");
        assert_eq!(ask(&mut bed, "bob", "acquire", Value::Null), Ok(2));
        bed.restart();
        assert_eq!(holder(&mut bed), "user:bob");
        assert_eq!(ask(&mut bed, "bob", "release", json!({ "token": 2 })), Ok(2));
        bed.restart();
        assert_eq!(ask(&mut bed, "bob", "acquire", Value::Null), Ok(3), "also after a restart");
    }
}

#[test]
fn a_lease_ends_by_its_alarm_to_the_millisecond_unless_it_is_renewed() {
    for mut bed in beds() {
        assert_eq!(ask(&mut bed, "ann", "acquire", json!({ "seconds": 2 })), Ok(1));
        bed.advance(SECOND);
        assert_eq!(ask(&mut bed, "ann", "renew", json!({ "token": 1, "seconds": 2 })), Ok(1));
        bed.advance(2 * SECOND - Duration::from_millis(1));
        assert_eq!(holder(&mut bed), "user:ann");
        bed.advance(Duration::from_millis(1));
        assert_eq!(holder(&mut bed), Value::Null);
        assert_eq!(ask(&mut bed, "ann", "renew", json!({ "token": 1 })), Err("not_held"));
        assert!(bed.alarms("lock", "door").is_empty(), "a free lock has no alarm");
        assert_eq!(ask(&mut bed, "bob", "acquire", json!({ "seconds": 1 })), Ok(2));
        bed.restart();
        bed.advance(60 * SECOND);
        assert_eq!(holder(&mut bed), Value::Null, "also over a restart");
    }
}

#[test]
fn who_waits_is_next_in_order_and_who_is_gone_is_skipped() {
    for mut bed in beds() {
        assert_eq!(ask(&mut bed, "ann", "acquire", Value::Null), Ok(1));
        let wait = json!({ "wait_seconds": 20, "seconds": 5 });
        let bob = begin(&mut bed, "bob", "acquire", wait.clone());
        let cid = begin(&mut bed, "cid", "acquire", wait.clone());
        let dan = begin(&mut bed, "dan", "acquire", wait);
        assert_eq!(bed.call("lock", "door", "get", Value::Null).unwrap()["waiting"], 3);
        assert!(bob.answer().is_none(), "the answer comes later");
        drop(cid);
        assert_eq!(bed.call("lock", "door", "get", Value::Null).unwrap()["waiting"], 2, "one has hung up");
        assert_eq!(ask(&mut bed, "ann", "release", json!({ "token": 1 })), Ok(2), "bob has it now");
        assert_eq!(outcome(&bob.answer().unwrap()), Ok(2));
        assert!(dan.answer().is_none());
        bed.advance(5 * SECOND);
        assert_eq!(outcome(&dan.answer().unwrap()), Ok(3), "bob's lease is over, and cid is gone");
        assert_eq!(holder(&mut bed), "user:dan");
    }
}

#[test]
fn who_has_waited_long_enough_is_told_so() {
    for mut bed in beds() {
        assert_eq!(ask(&mut bed, "ann", "acquire", json!({ "seconds": 60 })), Ok(1));
        let short = begin(&mut bed, "bob", "acquire", json!({ "wait_seconds": 1 }));
        let long = begin(&mut bed, "cid", "acquire", json!({ "wait_seconds": WAIT_SECONDS_MAX }));
        bed.advance(SECOND - Duration::from_millis(1));
        assert!(short.answer().is_none());
        bed.advance(SECOND / 4 + Duration::from_millis(1));
        assert_eq!(outcome(&short.answer().unwrap()), Err("held"));
        bed.advance(WAIT_SECONDS_MAX as u32 * SECOND);
        assert_eq!(outcome(&long.answer().unwrap()), Err("held"), "before the call itself times out");
        bed.advance(11 * SECOND);
        assert!(!bed.is_awake("lock", "door"), "nobody waits: it hibernates");
    }
}

#[test]
fn who_asks_before_the_alarm_of_a_lease_that_is_over_takes_nothing_from_who_waits() {
    for mut bed in beds() {
        assert_eq!(ask(&mut bed, "ann", "acquire", json!({ "seconds": 2 })), Ok(1));
        let bob = begin(&mut bed, "bob", "acquire", json!({ "wait_seconds": 20 }));
        bed.clock().advance(2 * SECOND);
        assert_eq!(ask(&mut bed, "cid", "acquire", Value::Null), Err("held"));
        assert_eq!(bob.answer().map(|answer| outcome(&answer)), Some(Ok(2)));
        assert_eq!(holder(&mut bed), "user:bob");
    }
}

#[test]
fn a_lock_has_its_limits_and_not_one_more() {
    let mut bed = bed();
    for seconds in [0, SECONDS_MAX + 1] {
        assert_eq!(ask(&mut bed, "ann", "acquire", json!({ "seconds": seconds })), Err("invalid"));
        assert_eq!(ask(&mut bed, "ann", "renew", json!({ "token": 1, "seconds": seconds })), Err("invalid"));
    }
    let over = json!({ "wait_seconds": WAIT_SECONDS_MAX + 1 });
    assert_eq!(ask(&mut bed, "ann", "acquire", over), Err("invalid"));
    assert_eq!(ask(&mut bed, "ann", "acquire", json!({ "seconds": SECONDS_MAX })), Ok(1));
    let wait = json!({ "wait_seconds": WAIT_SECONDS_MAX });
    let mut waiting: VecDeque<_> =
        (0..WAITERS_MAX).map(|_| begin(&mut bed, "bob", "acquire", wait.clone())).collect();
    assert_eq!(ask(&mut bed, "cid", "acquire", wait.clone()), Err("overloaded"));
    waiting.pop_front();
    waiting.push_back(begin(&mut bed, "cid", "acquire", wait));
    assert!(waiting.iter().all(|pending| pending.answer().is_none()), "who is gone makes room");
}

#[test]
fn hostile_bodies_and_strangers_change_nothing() {
    for mut bed in beds() {
        for method in ["acquire", "renew", "release", "get", "none"] {
            let bodies = [
                json!(7),
                json!("secret"),
                json!([1, 2, 3]),
                json!({ "token": -1 }),
                json!({ "holder": "ann" }),
            ];
            for body in bodies {
                assert_eq!(ask(&mut bed, "ann", method, body), Err("invalid"), "{method}");
            }
        }
        let stranger = bed.begin_call(Caller::Anonymous, "lock", "door", "acquire", Value::Null);
        bed.settle();
        assert_eq!(outcome(&stranger.answer().unwrap()), Err("forbidden"));
        assert_eq!(bed.commits(), 0);
        let socket = bed.connect("lock", "door", user("ann"));
        assert_eq!(bed.client(socket).closed.map(|(code, _)| code), Some(4400), "it has no sockets");
    }
}

#[test]
fn a_number_is_never_given_twice_whatever_crashes() {
    for n in 1..=10 {
        let mut bed = bed();
        bed.crash_at_commit(n);
        let (mut newest, mut resets) = (0, 0);
        for round in 0..8 {
            let who = ["ann", "bob"][round % 2];
            match ask(&mut bed, who, "acquire", json!({ "seconds": 3 })) {
                Ok(token) => {
                    assert!(token > newest, "{n}: {token} after {newest}");
                    newest = token;
                    assert_eq!(holder(&mut bed), format!("user:{who}"), "{n}: who was answered has it");
                    resets += u32::from(ask(&mut bed, who, "release", json!({ "token": token })).is_err());
                }
                Err(reason) => {
                    assert_eq!(reason, "reset");
                    resets += 1;
                }
            }
            // A release that was lost ends by its alarm.
            bed.advance(4 * SECOND);
            assert_eq!(holder(&mut bed), Value::Null, "{n}");
        }
        assert_eq!(resets, 1, "{n}: it crashed once");
    }
}

#[test]
fn who_waits_while_it_crashes_is_told_and_nobody_has_it_for_them() {
    for n in 1..=2 {
        let mut bed = bed();
        assert_eq!(ask(&mut bed, "ann", "acquire", Value::Null), Ok(1));
        let bob = begin(&mut bed, "bob", "acquire", json!({ "wait_seconds": 20 }));
        bed.crash_at_commit(n);
        let released = ask(&mut bed, "ann", "release", json!({ "token": 1 }));
        if n == 1 {
            assert_eq!(released, Err("reset"));
            assert!(bob.answer().is_none(), "nobody told him that he has it");
            assert_eq!(holder(&mut bed), "user:ann");
        } else {
            assert_eq!((released, outcome(&bob.answer().unwrap())), (Ok(2), Ok(2)));
            assert_eq!(holder(&mut bed), "user:bob");
        }
    }
}

/// A lock as it should be.
#[derive(Default)]
struct Model {
    token: u64,
    /// Who, and until when.
    lease: Option<(usize, u64)>,
    waiting: VecDeque<(usize, u64, Pending)>,
}

impl Model {
    fn give(&mut self, who: usize, until: u64) {
        self.token += 1;
        self.lease = Some((who, until));
    }

    /// Time has passed: who was next has it from the moment it was free.
    fn pass(&mut self, now: u64) {
        while let Some((_, until)) = self.lease.filter(|(_, until)| *until <= now) {
            self.free(until);
        }
        // Waits end with the first look after their time.
        self.waiting.retain(|(_, waits_until, _)| *waits_until > now);
    }

    fn free(&mut self, at: u64) {
        self.lease = None;
        while let Some((who, waits_until, pending)) = self.waiting.pop_front() {
            if waits_until > at {
                self.give(who, at + 3000);
                assert_eq!(outcome(&pending.answer().expect("it is theirs")), Ok(self.token));
                return;
            }
        }
    }
}

#[test]
fn a_lock_is_a_plain_queue_for_two_thousand_random_operations() {
    let names = ["ann", "bob", "cid", "dan"];
    for (seed, mut bed) in [(1, bed()), (2, bed().forgetful())] {
        let mut dice = Pcg64Mcg::seed_from_u64(seed);
        let mut roll = |sides: u32| dice.next_u32() % sides;
        let mut model = Model::default();
        for _ in 0..1000 {
            let (who, now) = (roll(4) as usize, bed.unix_ms());
            match roll(5) {
                0 | 1 => {
                    let wait = u64::from(roll(6));
                    let body = json!({ "seconds": 3, "wait_seconds": wait });
                    let pending = begin(&mut bed, names[who], "acquire", body);
                    if model.lease.is_none() {
                        model.give(who, now + 3000);
                        assert_eq!(outcome(&pending.answer().unwrap()), Ok(model.token));
                    } else if wait == 0 {
                        assert_eq!(outcome(&pending.answer().unwrap()), Err("held"));
                    } else {
                        assert!(pending.answer().is_none());
                        model.waiting.push_back((who, now + wait * 1000, pending));
                    }
                }
                2 => {
                    let is_theirs = model.lease.is_some_and(|(holder, _)| holder == who);
                    let released = ask(&mut bed, names[who], "release", json!({ "token": model.token }));
                    if is_theirs {
                        model.free(now);
                    }
                    assert_eq!(released, if is_theirs { Ok(model.token) } else { Err("not_held") });
                }
                3 => {
                    let place = roll(8) as usize;
                    // Hanging up.
                    model.waiting.remove(place);
                }
                _ => {
                    bed.advance(Duration::from_millis(u64::from(roll(8)) * 500));
                    model.pass(bed.unix_ms());
                }
            }
            let is = bed.call("lock", "door", "get", Value::Null).unwrap();
            let expected = model.lease.map(|(who, _)| format!("user:{}", names[who]));
            assert_eq!((is["holder"].as_str(), &is["token"]), (expected.as_deref(), &json!(model.token)));
        }
    }
}
