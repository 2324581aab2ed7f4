//! A game that is no part of the repository's workspace: the proof that a game needs no change to the server.

use serde_json::json;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, hello, resume};
use tickstone_tests::server::Plan;
use tickstone_tests::{binaries, turn};

#[test]
fn a_game_from_outside_is_played_and_survives_a_kill() {
    let _turn = turn::shared();
    let mut plan = Plan::dev();
    plan.program = binaries::outside("outside_game");
    let server = plan.start();
    let http = server.http();
    http.post("/v1/matches", &json!({ "game": "arena" })).expect(422);
    let options = json!({ "players_max": 4, "side": 500 });
    http.post("/v1/matches", &json!({ "game": "tag", "id": "t", "options": options, "durability": "sync" }))
        .expect(201);
    let mut ann = Client::enter(&server, &hello("t", "ann"), Encoding::Json);
    let mut bob = Client::join(&server, "t", "bob");
    let mut own = |sent: Option<i64>| {
        let state = ann.state();
        if let Some(x) = sent {
            ann.input(&state, json!({ "x": x, "y": 0 }));
        }
        (state.tick, ann.own(&state, "runner", ["x"]).expect("ann runs").1[0])
    };
    let (_, start) = own(None);
    let (mut last, mut x) = own(Some(1));
    for _ in 0..60 {
        (last, x) = own(Some(1));
    }
    assert!(x > start + 50.0, "from {start} to {x}");
    bob.next_of("the first to be it", |message| match message {
        tickstone_shared::wire::message::ServerMessage::Event(event) => (event.name == "it").then_some(()),
        _ => None,
    });
    let token = ann.token().to_owned();
    let server = server.kill().start();
    let entry = server.http().inspect("t");
    assert!(entry["recovered"]["tick"].as_u64() >= Some(last.0), "{entry}");
    let mut back = Client::enter(&server, &resume("t", &token), Encoding::Msgpack);
    let state = back.state();
    assert!(back.own(&state, "runner", ["x"]).unwrap().1[0] >= x, "the body is where it was");
    assert_eq!(server.http().get("/v1/matches/t/verify").expect(200)["agree"], true);
}
