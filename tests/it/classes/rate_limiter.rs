//! Rate limiters.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tickstone_tests::server::Plan;
use tickstone_tests::turn;

use super::readme;

const CALLERS: u64 = 8;
const TRIES: u64 = 20;
const LIMIT: u64 = 50;

#[test]
fn a_rate_limiter_is_asked_as_the_readme_has_it_and_survives_a_kill() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "rate_limiter");
    let http = server.http();
    let path = |name: &str, what: &str| format!("/v1/objects/rate_limiter/{name}/{what}");
    let query = format!("http/take?limit={LIMIT}&window_ms=3600000&algorithm=sliding_log");
    let taken = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                for _ in 0..TRIES {
                    let answer = http.get(&path("many", &query));
                    match answer.status {
                        200 => _ = taken.fetch_add(1, Ordering::Relaxed),
                        429 => assert!(answer.retry_after.is_some_and(|seconds| seconds <= 3600)),
                        _ => panic!("{answer:?}"),
                    }
                }
            });
        }
    });
    assert_eq!(taken.into_inner(), LIMIT, "and not one more");
    http.get(&path("many", "http/take?limit=1")).expect_problem(422, "invalid");
    http.get(&path("many", "http/other")).expect_problem(404, "not_found");
    let server = server.kill().start();
    let rule = json!({ "limit": LIMIT, "window_ms": 3_600_000, "algorithm": "sliding_log" });
    let after = server.http().post(&path("many", "call/take"), &rule).expect(200);
    assert_eq!(
        (&after["allowed"], &after["remaining"]),
        (&json!(false), &json!(0)),
        "strict: a kill takes nothing"
    );
    assert_eq!(server.http().post(&path("many", "call/reset"), &Value::Null).expect(200), Value::Null);
    assert_eq!(server.http().post(&path("many", "call/take"), &rule).expect(200)["allowed"], true);
}
