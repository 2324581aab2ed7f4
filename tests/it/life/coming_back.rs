//! Dropped and back: same seat, same body.

use serde_json::json;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, hello, resume};
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;

fn body(client: &mut Client) -> u32 {
    let state = client.state();
    client.own(&state, "player", ["x"]).expect("the player has a body").0
}

#[test]
fn a_resume_token_brings_the_same_seat_and_body_back() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.create("arena", "a");
    let mut ann = Client::join(&server, "a", "ann");
    let _bob = Client::join(&server, "a", "bob");
    for _ in 0..30 {
        let state = ann.state();
        ann.input(&state, json!({ "move_x": 100 }));
    }
    let before = (ann.welcome().seat, body(&mut ann));
    let token = ann.token().to_owned();
    drop(ann);
    let dropped = http.until("a", "the drop", |entry| entry["connected"] == 1);
    assert_eq!(dropped["players"], 2, "the seat is held");
    let mut back = Client::enter(&server, &resume("a", &token), Encoding::Json);
    assert_eq!(back.welcome().player, "ann");
    assert!(back.welcome().last_input > 0, "inputs are numbered on");
    assert_eq!((back.welcome().seat, body(&mut back)), before);
    let state = back.state();
    let sent = back.input(&state, json!({ "move_x": -100 }));
    http.until("a", "both in play", |entry| entry["connected"] == 2);
    back.next_of("the input", |message| match message {
        tickstone_shared::wire::message::ServerMessage::State(state) => {
            (state.last_input == sent).then_some(())
        }
        _ => None,
    });
}

#[test]
fn a_seat_that_nobody_comes_back_to_is_freed() {
    let _turn = turn::shared();
    let server = Plan::dev().with("TICKSTONE_RESUME_WINDOW_S", "1").start();
    let http = server.http();
    http.create("pong", "p");
    let ann = Client::join(&server, "p", "ann");
    assert_eq!(ann.welcome().resume_seconds, 1);
    let token = ann.token().to_owned();
    drop(ann);
    http.until("p", "a free seat", |entry| entry["players"] == 0);
    Client::refused(&server, &resume("p", &token)).expect(4003);
    Client::join(&server, "p", "ann").state();
}

#[test]
fn a_token_is_of_one_match() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    server.http().create("pong", "q");
    let ann = Client::join(&server, "p", "ann");
    Client::refused(&server, &resume("q", ann.token())).expect(4003);
    let mut both = hello("p", "bob");
    both.resume = Some(ann.token().to_owned());
    let who = Client::enter(&server, &both, Encoding::Msgpack);
    assert_eq!(who.welcome().player, "ann", "the token says who it is, not the name beside it");
}
