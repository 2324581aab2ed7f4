//! Who is there.

use serde_json::{Value, json};
use tickstone_tests::server::Plan;
use tickstone_tests::turn;

use super::readme;
use crate::talker::Talker;

/// The next message, as JSON.
#[track_caller]
fn next(talker: &mut Talker) -> Value {
    serde_json::from_str(&talker.try_hear().expect("the socket is open")).unwrap()
}

/// What somebody is, as others see it.
fn seen(user: &str, status: &str, typing: bool) -> Value {
    json!({ "user": user, "status": status, "typing": typing })
}

/// Waits until a watcher is told this; what was told before it does not matter.
#[track_caller]
fn is_told(talker: &mut Talker, wanted: &Value) {
    while !next(talker)["users"].as_array().unwrap().contains(wanted) {}
}

#[test]
fn two_see_each_other_as_the_readme_has_it_and_are_there_after_a_kill() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "presence");
    let call = |method: &str| format!("/v1/objects/presence/crew/call/{method}");
    let rules = json!({ "expiry_ms": 60_000, "grace_ms": 0 });
    assert_eq!(server.http().post(&call("configure"), &rules).expect(200), rules);
    server.http().post(&call("configure"), &json!({ "grace_ms": 60_001 })).expect_problem(422, "invalid");
    let mut ann = Talker::at(&server, "presence", "crew", "ann").expect("the server is up");
    assert_eq!(
        next(&mut ann),
        json!({ "t": "state", "user": "ann", "users": [seen("ann", "online", false)] })
    );
    let mut bob = Talker::at(&server, "presence", "crew", "bob").expect("the server is up");
    is_told(&mut bob, &seen("ann", "online", false));
    is_told(&mut ann, &seen("bob", "online", false));
    bob.say(r#"{"t":"beat","status":"away","typing":true}"#);
    is_told(&mut ann, &seen("bob", "away", true));
    is_told(&mut ann, &seen("bob", "away", false));
    ann.say("hello?");
    assert_eq!(next(&mut ann)["code"], "invalid");
    ann.say(r#"{"t":"watch","users":["bob","cid"]}"#);
    let friends = json!([seen("bob", "away", false), seen("cid", "offline", false)]);
    assert_eq!(next(&mut ann)["users"], friends);
    drop(bob);
    is_told(&mut ann, &seen("bob", "offline", false));
    let server = server.kill().start();
    let there = server.http().post(&call("list"), &json!({})).expect(200);
    assert_eq!(there, json!({ "users": [seen("ann", "online", false)] }), "who was there, until she expires");
}
