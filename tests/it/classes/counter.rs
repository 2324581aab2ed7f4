//! Counters.

use serde_json::{Value, json};
use tickstone_tests::server::Plan;
use tickstone_tests::turn;

use super::readme;
use crate::talker::Talker;

#[test]
fn a_counter_is_asked_as_the_readme_has_it_and_survives_a_kill() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "counter");
    let classes = server.http().get("/v1/classes").expect(200);
    let is_counter = |class: &&Value| class["name"] == "counter" && class["access"]["call"] == "token";
    assert_eq!(classes["classes"].as_array().unwrap().iter().filter(is_counter).count(), 1);
    let mut ann = Talker::at(&server, "counter", "visits", "ann").expect("the server is up");
    ann.say("get");
    ann.hears("1");
    ann.say(r#"{"add":{"by":4}}"#);
    ann.hears("5");
    ann.say("reset");
    assert!(ann.try_hear().unwrap().starts_with(r#"{"error":"#));
    let call = |method: &str| format!("/v1/objects/counter/stock/call/{method}");
    server.http().post(&call("subtract"), &json!({ "by": 3 })).expect_problem(409, "below_floor");
    server.http().post(&call("add"), &json!({ "by": "3" })).expect_problem(422, "invalid");
    server.http().post(&call("double"), &json!({})).expect_problem(422, "invalid");
    let server = server.kill().start();
    assert_eq!(server.http().post(&call("list"), &json!({})).expect(200), json!({ "apples": 2 }));
    let visits = "/v1/objects/counter/visits/call/get";
    assert_eq!(server.http().post(visits, &json!({})).expect(200), 5);
    let likes = "/v1/objects/counter/likes/call/get";
    assert_eq!(server.http().post(likes, &json!({})).expect(200), 1, "the sum over its children");
}
