//! What a rate limiter promises.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use tickstone_shared::ids::ObjectName;

use super::*;
use crate::object::caller::Caller;
use crate::object::contract::CallError;
use crate::object::request::{HTTP_METHOD, ObjectRequest, ObjectResponse};
use crate::object::typed::TypedClass;
use crate::testing::Testbed;
use crate::typed_handle::{Handle, handle};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::TokenBucket, Algorithm::FixedWindow, Algorithm::SlidingLog];
const DURABILITIES: [Durability; 3] = [Durability::Strict, Durability::Durable, Durability::Memory];

/// Its clock stands at the beginning of a minute.
fn bed() -> Testbed {
    let mut bed = Testbed::new().class(Arc::new(TypedClass::<RateLimiter>::default()));
    bed.advance(Duration::from_millis(60_000 - bed.unix_ms() % 60_000));
    bed
}

/// One that remembers, and one that forgets after every event.
fn beds() -> [Testbed; 2] {
    [bed(), bed().forgetful()]
}

fn rule(algorithm: Algorithm, limit: u64, window_ms: u64) -> Take {
    Take { limit, window_ms, cost: 1, algorithm, durability: Durability::Strict }
}

#[track_caller]
fn verdict(bed: &mut Testbed, call: &RateCall) -> Verdict {
    bed.ask::<RateLimiter>("a", call).unwrap().expect("a verdict")
}

#[track_caller]
fn take(bed: &mut Testbed, take: &Take) -> Verdict {
    verdict(bed, &RateCall::Take(take.clone()))
}

/// How many of so many are allowed.
fn allowed(bed: &mut Testbed, rule: &Take, tries: usize) -> usize {
    (0..tries).filter(|_| take(bed, rule).allowed).count()
}

fn pass(bed: &mut Testbed, ms: u64) {
    bed.advance(Duration::from_millis(ms));
}

#[test]
fn a_token_bucket_gives_its_limit_at_once_and_evenly_again() {
    for mut bed in beds() {
        let rule = rule(Algorithm::TokenBucket, 3, 1000);
        let first = take(&mut bed, &rule);
        let expected =
            Verdict { allowed: true, limit: 3, remaining: 2, retry_after_ms: 0, full_after_ms: 334 };
        assert_eq!(first, expected);
        assert_eq!(allowed(&mut bed, &rule, 5), 2);
        assert_eq!(take(&mut bed, &rule).retry_after_ms, 334, "a third of a second, and not a moment less");
        pass(&mut bed, 333);
        assert!(!take(&mut bed, &rule).allowed);
        pass(&mut bed, 1);
        assert_eq!(allowed(&mut bed, &rule, 2), 1);
        pass(&mut bed, 60_000);
        assert_eq!(allowed(&mut bed, &rule, 9), 3, "no more than its limit is saved up");
    }
}

#[test]
fn a_fixed_window_gives_its_limit_in_each() {
    for mut bed in beds() {
        let rule = rule(Algorithm::FixedWindow, 2, 1000);
        pass(&mut bed, 400);
        assert_eq!(allowed(&mut bed, &rule, 5), 2);
        let refused = take(&mut bed, &rule);
        assert_eq!((refused.remaining, refused.retry_after_ms, refused.full_after_ms), (0, 600, 600));
        pass(&mut bed, 599);
        assert!(!take(&mut bed, &rule).allowed);
        pass(&mut bed, 1);
        assert_eq!(allowed(&mut bed, &rule, 5), 2);
    }
}

#[test]
fn a_sliding_log_gives_its_limit_in_any_stretch() {
    for mut bed in beds() {
        let rule = rule(Algorithm::SlidingLog, 2, 1000);
        assert!(take(&mut bed, &rule).allowed);
        pass(&mut bed, 900);
        assert!(take(&mut bed, &rule).allowed);
        let refused = take(&mut bed, &rule);
        assert_eq!((refused.retry_after_ms, refused.full_after_ms), (100, 1000));
        let both = Take { cost: 2, ..rule.clone() };
        assert_eq!(take(&mut bed, &both).retry_after_ms, 1000, "until both are gone");
        pass(&mut bed, 99);
        assert!(!take(&mut bed, &rule).allowed);
        pass(&mut bed, 1);
        assert_eq!(allowed(&mut bed, &rule, 3), 1);
    }
}

#[test]
fn who_peeks_takes_nothing_and_a_reset_forgets() {
    for (algorithm, mut bed) in
        ALGORITHMS.into_iter().flat_map(|algorithm| beds().map(|bed| (algorithm, bed)))
    {
        let rule = rule(algorithm, 2, 1000);
        let commits = bed.commits();
        assert_eq!(verdict(&mut bed, &RateCall::Peek(rule.clone())).remaining, 2);
        assert_eq!(bed.commits(), commits);
        assert_eq!(allowed(&mut bed, &rule, 3), 2);
        assert!(!verdict(&mut bed, &RateCall::Peek(rule.clone())).allowed);
        let commits = bed.commits();
        assert!(!take(&mut bed, &rule).allowed);
        assert_eq!(bed.commits(), commits, "who is refused costs no write");
        let wider = Take { limit: 3, ..rule.clone() };
        assert_eq!(allowed(&mut bed, &wider, 3), 1, "what was taken counts for another limit");
        assert_eq!(bed.ask::<RateLimiter>("a", &RateCall::Reset), Ok(None));
        assert_eq!(allowed(&mut bed, &rule, 3), 2);
    }
}

#[test]
fn once_everything_is_there_again_nothing_is_stored() {
    for durability in DURABILITIES {
        for (algorithm, mut bed) in
            ALGORITHMS.into_iter().flat_map(|algorithm| beds().map(|bed| (algorithm, bed)))
        {
            let rule = Take { durability, ..rule(algorithm, 4, 60_000) };
            assert_eq!(allowed(&mut bed, &rule, 2), 2);
            pass(&mut bed, 29_000);
            assert!(!bed.is_awake("rate_limiter", "a"));
            assert_eq!(bed.alarms("rate_limiter", "a").len(), 1, "{durability:?} {algorithm:?}");
            assert!(take(&mut bed, &rule).remaining <= 2, "it remembers while it sleeps");
            pass(&mut bed, 90_000);
            assert!(bed.alarms("rate_limiter", "a").is_empty());
            assert!(
                bed.stored("rate_limiter", "a").record().unwrap().is_none(),
                "{durability:?} {algorithm:?}"
            );
            assert_eq!(allowed(&mut bed, &rule, 9), 4);
        }
    }
}

#[test]
fn what_was_taken_survives_a_kill_if_it_was_strict_and_a_drain_if_it_was_not() {
    for durability in DURABILITIES {
        let mut bed = bed();
        let rule = Take { durability, ..rule(Algorithm::SlidingLog, 3, 60_000) };
        assert_eq!(allowed(&mut bed, &rule, 2), 2);
        bed.drain();
        assert_eq!(allowed(&mut bed, &rule, 3), 1, "{durability:?}");
        bed.restart();
        assert_eq!(
            allowed(&mut bed, &rule, 3),
            usize::from(durability == Durability::Memory),
            "{durability:?}"
        );
    }
}

#[test]
fn a_crash_at_any_commit_lets_never_one_too_many_through() {
    for algorithm in ALGORITHMS {
        for n in 1..=6 {
            let mut bed = bed();
            let rule = rule(algorithm, 4, 60_000);
            bed.crash_at_commit(n);
            let (mut taken, mut unknown) = (0, 0);
            for _ in 0..8 {
                match bed.ask::<RateLimiter>("a", &RateCall::Take(rule.clone())) {
                    Ok(verdict) => taken += u32::from(verdict.expect("a verdict").allowed),
                    Err(CallError::Reset) => unknown += 1,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(unknown, u32::from(n <= 4), "{n}: four takes are four commits");
            assert!(taken == 4 || taken + unknown == 4, "{algorithm:?} {n}: {taken} and {unknown}");
        }
    }
}

#[test]
fn never_one_too_many_of_ten_thousand_calls_at_once() {
    const THREADS: usize = 16;
    const CALLS: usize = 10_000;
    const LIMIT: u64 = 700;
    for (algorithm, durability) in ALGORITHMS.into_iter().zip(DURABILITIES) {
        let mut bed = bed();
        let objects = bed.objects();
        let (tell, told) = mpsc::channel();
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let one: Handle<RateLimiter> = handle(&objects, ObjectName::parse("a").unwrap());
                let (tell, rule) = (tell.clone(), rule(algorithm, LIMIT, 60_000));
                let call = RateCall::Take(Take { durability, ..rule });
                std::thread::spawn(move || {
                    for _ in 0..CALLS / THREADS {
                        let tell = tell.clone();
                        one.call(&call, move |reply| tell.send(reply).unwrap());
                    }
                })
            })
            .collect();
        let (mut allowed, mut refused, mut overloaded) = (0, 0, 0);
        while allowed + refused + overloaded < CALLS as u64 {
            bed.settle();
            for reply in told.try_iter() {
                match reply {
                    Ok(Some(verdict)) if verdict.allowed => allowed += 1,
                    Ok(Some(_)) => refused += 1,
                    Err(CallError::Overloaded) => overloaded += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(allowed, LIMIT, "{algorithm:?}: {refused} refused, {overloaded} not asked");
    }
}

#[test]
fn limits_to_the_number_and_hostile_bodies() {
    let mut bed = bed();
    let mut fits = |body: Value| match bed.call("rate_limiter", "a", "take", body) {
        Ok(verdict) => verdict["allowed"] == true,
        Err(CallError::Invalid(reason)) => {
            assert!(!reason.contains("secret"));
            false
        }
        other => panic!("{other:?}"),
    };
    assert!(fits(json!({ "limit": LIMIT_MAX, "window_ms": WINDOW_MS_MAX, "cost": LIMIT_MAX })));
    assert!(fits(json!({ "limit": LOG_LIMIT_MAX, "window_ms": 1, "algorithm": "sliding_log" })));
    assert!(fits(json!({ "limit": LIMIT_MAX, "window_ms": 1, "algorithm": "fixed_window" })));
    for body in [
        json!({ "limit": LIMIT_MAX + 1, "window_ms": 1 }),
        json!({ "limit": LOG_LIMIT_MAX + 1, "window_ms": 1, "algorithm": "sliding_log" }),
        json!({ "limit": 1, "window_ms": WINDOW_MS_MAX + 1 }),
        json!({ "limit": 0, "window_ms": 1 }),
        json!({ "limit": 1, "window_ms": 0 }),
        json!({ "limit": 1, "window_ms": 1, "cost": 0 }),
        json!({ "limit": 5, "window_ms": 1, "cost": 6 }),
        json!({ "limit": 1, "window_ms": 1, "algorithm": "secret" }),
        json!({ "limit": 1, "window_ms": 1, "durability": "secret" }),
        json!({ "limit": 1, "window_ms": 1, "secret": 1 }),
        json!({ "limit": "1", "window_ms": 1 }),
        json!({ "limit": 1.5, "window_ms": 1 }),
        json!({ "limit": 1 }),
        json!("secret"),
        json!([]),
        Value::Null,
    ] {
        assert!(!fits(body));
    }
    let socket = bed.connect("rate_limiter", "a", Caller::Operator);
    assert!(bed.client(socket).closed.is_some(), "it has no sockets");
}

#[track_caller]
fn request(bed: &mut Testbed, path: &str, query: &str) -> Result<(u16, Vec<(String, String)>), CallError> {
    let request =
        ObjectRequest { path: path.to_owned(), query: query.to_owned(), ..ObjectRequest::default() };
    let answer = bed.call("rate_limiter", "a", HTTP_METHOD, serde_json::to_value(request).unwrap())?;
    let mut response: ObjectResponse = serde_json::from_value(answer).unwrap();
    response.headers.retain(|(name, _)| name != "content-type");
    Ok((response.status, response.headers))
}

#[test]
fn over_http_it_is_429_and_says_when_to_come_again() {
    for mut bed in beds() {
        let headers = |these: &[(&str, &str)]| {
            these.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        let query = "limit=1&window_ms=1500&algorithm=sliding_log&durability=memory";
        let first = headers(&[("x-ratelimit-limit", "1"), ("x-ratelimit-remaining", "0")]);
        assert_eq!(request(&mut bed, "take", query), Ok((200, first)));
        let over =
            headers(&[("x-ratelimit-limit", "1"), ("x-ratelimit-remaining", "0"), ("retry-after", "2")]);
        assert_eq!(request(&mut bed, "take", query), Ok((429, over.clone())));
        assert_eq!(request(&mut bed, "peek", query), Ok((429, over)));
        for query in [
            "",
            "limit=1",
            "limit",
            "limit=1&limit=2&window_ms=1",
            "limit=x&window_ms=1",
            "limit=-1&window_ms=1",
        ] {
            assert!(matches!(request(&mut bed, "take", query), Err(CallError::Invalid(_))), "{query}");
        }
        assert_eq!(request(&mut bed, "reset", query), Err(CallError::NotFound));
    }
}

/// What is left, counted as plainly as can be.
struct Model {
    rule: Take,
    /// When how much was taken.
    taken: Vec<(u64, u64)>,
    /// Tokens times the window, filled up by each ms.
    level: u64,
}

impl Model {
    fn pass(&mut self, ms: u64) {
        let full = self.rule.limit * self.rule.window_ms;
        (0..ms).for_each(|_| self.level = full.min(self.level + self.rule.limit));
    }

    fn left(&self, now: u64) -> u64 {
        let Take { limit, window_ms, algorithm, .. } = self.rule;
        let since =
            |begin: u64| self.taken.iter().filter(|(at, _)| *at >= begin).map(|(_, cost)| cost).sum::<u64>();
        match algorithm {
            Algorithm::TokenBucket => self.level / window_ms,
            Algorithm::FixedWindow => limit - since(now - now % window_ms),
            Algorithm::SlidingLog => limit - since(now - window_ms + 1),
        }
    }
}

#[test]
fn a_rate_limiter_is_its_definition_for_two_thousand_random_operations() {
    for (seed, make) in [(1, bed as fn() -> Testbed), (2, || bed().forgetful())] {
        for algorithm in ALGORITHMS {
            let mut dice = Pcg64Mcg::seed_from_u64(seed);
            let mut roll = |sides: u32| u64::from(dice.next_u32() % sides);
            let (mut bed, rule) = (make(), rule(algorithm, 7, 1000));
            let mut model = Model { rule: rule.clone(), taken: Vec::new(), level: 7 * 1000 };
            for _ in 0..350 {
                let durability = DURABILITIES[roll(3) as usize];
                let asked = Take { cost: 1 + roll(4), durability, ..rule.clone() };
                let (now, verdict) = (bed.unix_ms(), take(&mut bed, &asked));
                assert_eq!(verdict.allowed, asked.cost <= model.left(now), "{asked:?} {verdict:?}");
                if verdict.allowed {
                    model.taken.push((now, asked.cost));
                    model.level = model.level.saturating_sub(asked.cost * 1000);
                }
                assert_eq!(verdict.remaining, model.left(now));
                let ms = roll(3) * roll(300);
                pass(&mut bed, ms);
                model.pass(bed.unix_ms() - now);
            }
        }
    }
}
