//! Documents, and the packages `yjs` and `y-websocket` as they come from npm.

use serde_json::{Value, json};
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;

use super::readme;
use crate::script::Script;

fn token(server: &Server, subject: &str, scopes: &[&str]) -> String {
    let minted =
        server.http().post("/v1/tokens", &json!({ "subject": subject, "scopes": scopes })).expect(201);
    minted["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_document_is_asked_as_the_readme_has_it_and_is_there_after_a_kill() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "document");
    let call = |method: &str| format!("/v1/objects/document/plan/call/{method}");
    let before = server.http().post(&call("get"), &Value::Null).expect(200);
    let server = server.kill().start();
    assert_eq!(server.http().post(&call("get"), &Value::Null).expect(200), before);
    let eve = server.http().with_secret(&token(&server, "eve", &["document:plan:call"]));
    eve.post(&call("get"), &Value::Null).expect(200);
    eve.post(&call("keep"), &Value::Null).expect_problem(403, "not_allowed");
    eve.post("/v1/objects/document/other/call/get", &Value::Null).expect_problem(403, "credential_refused");
    let ann = ["document:plan:call", "document_editor:plan:call"];
    let ann = server.http().with_secret(&token(&server, "ann", &ann));
    ann.post(&call("restore"), &json!({ "version": 99 })).expect_problem(404, "no_such_version");
    ann.post(&call("restore"), &json!({})).expect_problem(422, "invalid");
}

#[test]
fn clients_of_yjs_edit_together_offline_and_across_kills_and_lose_nothing_that_another_has_seen() {
    let _turn = turn::shared();
    let mut server = Plan::dev().on_fixed_port().start();
    let reader = token(&server, "reader", &["document:*:connect"]);
    let mut script = Script::start("document.mjs", &[&server.url(), &reader]);
    for _ in 0..4 {
        script.expect_line("kill");
        let plan = server.kill();
        script.expect_line("start");
        server = plan.start();
        script.go_on();
    }
    script.expect_line("done");
    let status = script.end();
    assert!(status.success(), "{status}");
    drop(server);
}
