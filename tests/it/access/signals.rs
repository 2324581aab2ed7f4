//! Requests into a running match.

use serde_json::json;
use tickstone_server::access::admin::Role;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::Client;
use tickstone_tests::turn;

use super::keys::Keys;

#[test]
fn a_signal_is_answered_by_the_game_and_replayed_by_the_audit() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let server = keys.plan().start();
    keys.http(&server, Role::Create).create("arena", "m");
    keys.http(&server, Role::Create).create("pong", "p");
    let mut ann = Client::enter(&server, &keys.seat(&server, "m", "ann"), Encoding::Json);
    let signal = keys.http(&server, Role::Signal);
    let scores = signal.post("/v1/matches/m/signal", &json!({ "name": "scores" })).expect(200);
    assert_eq!(scores["reply"]["scores"][0]["name"], "ann", "{scores}");
    let announce = json!({ "name": "announce", "data": { "text": "five minutes left" } });
    let answer = signal.post("/v1/matches/m/signal", &announce).expect(200);
    assert_eq!(answer, json!({ "reply": { "announced": true } }));
    let text = ann.next_of("the announcement", |message| match message {
        ServerMessage::Event(event) if event.name == "announce" => Some(event.data),
        _ => None,
    });
    assert_eq!(text, json!({ "text": "five minutes left" }));
    for body in [
        json!({ "name": "dance" }),
        json!({ "name": "announce", "data": { "text": 5 } }),
        json!({ "name": "announce" }),
    ] {
        signal.post("/v1/matches/m/signal", &body).expect_problem(422, "invalid");
    }
    for body in [json!({}), json!({ "name": "" }), json!({ "name": "x", "data": "y".repeat(3_000) })] {
        signal.post("/v1/matches/m/signal", &body).expect_problem(422, "invalid_field");
    }
    signal.post("/v1/matches/p/signal", &json!({ "name": "scores" })).expect_problem(422, "invalid");
    signal.post("/v1/matches/nowhere/signal", &json!({ "name": "x" })).expect_problem(404, "no_such_match");
    // Answered is journaled: a kill at once loses nothing of it.
    signal.post("/v1/matches/m/signal", &announce).expect(200);
    let server = server.kill().start();
    let verdict = keys.http(&server, Role::Admin).get("/v1/matches/m/verify").expect(200);
    assert_eq!(verdict["agree"], true, "{verdict}");
}
