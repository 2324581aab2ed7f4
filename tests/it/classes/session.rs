//! Sessions.

use serde_json::json;
use tickstone_tests::server::Plan;
use tickstone_tests::turn;

use super::readme;

/// A key of every role.
const SECRET: &str = "a secret of tests that is long enough";

#[test]
fn a_session_is_asked_as_the_readme_has_it_and_for_operators_alone() {
    let _turn = turn::shared();
    let dev = Plan::dev().start();
    readme::run(&dev, "session");
    let path = |method: &str| format!("/v1/objects/session/bob/call/{method}");
    let made = dev.http().post(&path("create"), &json!({ "data": 7 })).expect(200);
    let body = json!({ "token": made["token"] });
    dev.http().post(&path("create"), &json!({ "data": "x".repeat(2047) })).expect_problem(422, "invalid");
    dev.http().post(&path("get"), &json!({ "token": "tss_" })).expect_problem(404, "no_such_session");
    let dev = dev.kill().start();
    assert_eq!(dev.http().post(&path("get"), &body).expect(200)["data"], 7);
    drop(dev);
    let mut plan = Plan::dev().with("TICKSTONE_SECRET", SECRET);
    plan.arguments.clear();
    let server = plan.start();
    let operator = server.http().with_secret(SECRET);
    let asked = json!({ "subject": "ann", "scopes": ["*:*:*"] });
    let token = operator.post("/v1/tokens", &asked).expect(201);
    let user = server.http().with_secret(token["token"].as_str().unwrap());
    server.http().post(&path("create"), &json!({})).expect_problem(401, "credential_needed");
    user.post(&path("create"), &json!({})).expect_problem(403, "credential_refused");
    operator.post(&path("create"), &json!({})).expect(200);
}
