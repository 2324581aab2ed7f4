//! Join tokens: a seat for who has one, once, and one answer to everybody else.

use std::time::Duration;

use serde_json::json;
use tickstone_server::access::admin::Role;
use tickstone_server::access::join_token::Claims;
use tickstone_shared::ids::{ObjectName, PlayerName, Seat};
use tickstone_shared::wire::message::{ClientMessage, ServerMessage};
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, End, hello, resume};
use tickstone_tests::server::Server;
use tickstone_tests::turn;
use tickstone_tests::wait::{self, unix_ms};

use super::keys::{Keys, with_token};

fn guarded(game: &str) -> (Keys, Server) {
    let keys = Keys::new();
    let server = keys.plan().start();
    keys.http(&server, Role::Create).create(game, "m");
    keys.http(&server, Role::Create).create(game, "n");
    (keys, server)
}

fn claims(nonce: u8) -> Claims {
    let now_ms = unix_ms();
    Claims {
        audience: "tickstone".to_owned(),
        match_id: ObjectName::parse("m").unwrap(),
        player: PlayerName::parse("ann").unwrap(),
        seat: None,
        issued_ms: now_ms,
        expires_ms: now_ms + 20_000,
        nonce: [nonce; 16],
    }
}

#[test]
fn a_token_gives_the_seat_that_was_reserved() {
    let _turn = turn::shared();
    let (keys, server) = guarded("pong");
    let seats = keys.http(&server, Role::Seat);
    let bob = seats.post("/v1/matches/m/seats", &json!({ "player": "bob" })).expect(201);
    let ann = seats.post("/v1/matches/m/seats", &json!({ "player": "ann", "ttl_seconds": 30 })).expect(201);
    assert_eq!((&bob["seat"], &ann["seat"]), (&json!(0), &json!(1)));
    assert_eq!((&ann["player"], &ann["expires_in_seconds"]), (&json!("ann"), &json!(30)));
    assert_eq!(ann["ws_url"], format!("ws://{}/v1/matches/m/socket", server.addr()));
    assert!(ann["expires_unix_ms"].as_u64() > Some(unix_ms()));
    seats.post("/v1/matches/m/seats", &json!({ "player": "eve" })).expect_problem(409, "match_full");
    let token = ann["join_token"].as_str().unwrap().to_owned();
    let mut client = Client::enter(&server, &with_token("m", token), Encoding::Json);
    assert_eq!((client.welcome().player.as_str(), client.welcome().seat), ("ann", Seat(1)));
    client.state();
    let entry = keys.http(&server, Role::Read).inspect("m");
    assert_eq!((&entry["players"], &entry["reserved"]), (&json!(1), &json!(1)));
    for body in [
        json!({}),
        json!({ "player": "" }),
        json!({ "player": "x".repeat(33) }),
        json!({ "player": "a\u{202e}b" }),
        json!({ "player": "ann", "ttl_seconds": 31 }),
        json!({ "player": "ann", "ttl_seconds": 0 }),
        json!({ "player": "ann", "seat": 0 }),
    ] {
        seats.post("/v1/matches/m/seats", &body).expect_problem(422, "invalid_field");
    }
    seats.post("/v1/matches/nowhere/seats", &json!({ "player": "ann" })).expect_problem(404, "no_such_match");
    keys.http(&server, Role::Create).delete("/v1/matches/m").expect(200);
    seats.post("/v1/matches/m/seats", &json!({ "player": "ann" })).expect_problem(410, "match_over");
}

/// The one answer to every token that is not accepted.
#[test]
fn every_refused_token_is_answered_alike() {
    let _turn = turn::shared();
    let (keys, server) = guarded("pong");
    let used = keys.sign(&claims(1));
    let first = Client::enter(&server, &with_token("m", used.clone()), Encoding::Msgpack);
    let strangers = Keys::new();
    let life = |issued_ms: u64, expires_ms: u64| keys.sign(&Claims { issued_ms, expires_ms, ..claims(2) });
    let now = unix_ms();
    let mut flipped = keys.sign(&claims(3)).into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let good = keys.sign(&claims(4));
    let other_match = Claims { match_id: ObjectName::parse("n").unwrap(), ..claims(5) };
    let other_cluster = Claims { audience: "elsewhere".to_owned(), ..claims(6) };
    let tokens = [
        ("used", used),
        ("guessed", "guessed".to_owned()),
        ("empty", String::new()),
        ("another key", strangers.sign(&claims(2))),
        ("expired", life(now - 25_000, now - 1_000)),
        ("not yet valid", life(now + 60_000, now + 80_000)),
        ("holds for too long", life(now, now + 31_000)),
        ("flipped", String::from_utf8(flipped).unwrap()),
        ("truncated", good[..good.len() - 1].to_owned()),
        ("another match", keys.sign(&other_match)),
        ("another cluster", keys.sign(&other_cluster)),
    ];
    let none: End = Client::refused(&server, &hello("m", "ann"));
    none.expect(4401);
    for (what, token) in tokens {
        let end = Client::refused(&server, &with_token("m", token));
        assert_eq!((end.code, &end.reason), (none.code, &none.reason), "{what}");
        assert_eq!(end.bye.map(|bye| bye.reason), none.bye.as_ref().map(|bye| bye.reason.clone()), "{what}");
    }
    assert_eq!(keys.http(&server, Role::Read).inspect("m")["players"], 1);
    assert_eq!(first.welcome().player, "ann", "who has a seat keeps it");
    Client::enter(&server, &with_token("m", good), Encoding::Msgpack);
}

#[test]
fn a_hundred_at_once_with_one_token_get_one_seat() {
    let _turn = turn::alone();
    let (keys, server) = guarded("arena");
    let said = with_token("m", keys.sign(&claims(1)));
    let hasty = |_| {
        let mut client = Client::connect(&server, "m", Encoding::Msgpack);
        client.send(&ClientMessage::Hello(said.clone()));
        client
    };
    let mut clients: Vec<_> = (0..100).map(hasty).collect();
    let mut welcome = 0;
    for client in &mut clients {
        match client.message() {
            Ok(ServerMessage::Welcome(_)) => welcome += 1,
            Ok(ServerMessage::Bye(bye)) => assert_eq!(bye.code.number(), 4401),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(welcome, 1);
    assert_eq!(keys.http(&server, Role::Read).inspect("m")["players"], 1);
}

#[test]
fn a_used_token_stays_used_after_sigkill() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let server = keys.plan().start();
    keys.http(&server, Role::Create).create("pong", "m");
    let said = with_token("m", keys.sign(&claims(1)));
    let mut ann = Client::enter(&server, &said, Encoding::Msgpack);
    // Who was welcomed has the seat, and the token is used: killed at once.
    let server = server.kill().start();
    Client::refused(&server, &said).expect(4401);
    let back = Client::enter(&server, &resume("m", ann.token()), Encoding::Msgpack);
    assert_eq!(back.welcome().seat, ann.welcome().seat);
    let _gone = ann.end();
    // Its checkpoint knows it, too.
    wait::pause(Duration::from_secs(6));
    let server = server.kill().start();
    Client::refused(&server, &said).expect(4401);
}

#[test]
fn a_token_in_the_query_string_is_as_good() {
    let _turn = turn::shared();
    let (keys, server) = guarded("pong");
    let path = format!("/v1/matches/m/socket?token={}", keys.sign(&claims(1)));
    let said = hello("m", "eve");
    let welcome = |path: &str| {
        let mut client = Client::connect_path(&server, path, Encoding::Json);
        client.send(&ClientMessage::Hello(said.clone()));
        client.message()
    };
    match welcome(&path) {
        Ok(ServerMessage::Welcome(welcome)) => assert_eq!(welcome.player, "ann", "the token says who"),
        other => panic!("{other:?}"),
    }
    for path in [path.as_str(), "/v1/matches/m/socket?token=guessed", "/v1/matches/m/socket?token="] {
        match welcome(path) {
            Ok(ServerMessage::Bye(bye)) => assert_eq!(bye.code.number(), 4401, "{path}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn keys_are_replaced_without_anybody_being_turned_away() {
    let _turn = turn::shared();
    let mut keys = Keys::new();
    let server = keys.plan().start();
    keys.http(&server, Role::Create).create("pong", "m");
    let before = keys.sign(&claims(1));
    // The new key signs, the old one still holds; then the old one goes.
    keys.token_keys.insert(0, Keys::new().token_keys[0].replace("one:", "two:"));
    let (_, old) = server.drain();
    let mut plan = keys.plan();
    (plan.data, plan.listen) = (old.data.clone(), old.listen);
    let server = plan.start();
    Client::enter(&server, &with_token("m", before), Encoding::Msgpack);
    let between = keys.sign(&Claims { player: PlayerName::parse("bob").unwrap(), ..claims(2) });
    let retired = Keys { token_keys: vec![keys.token_keys.pop().unwrap()], ..keys.clone() };
    let (_, old) = server.drain();
    let mut plan = keys.plan();
    (plan.data, plan.listen) = (old.data.clone(), old.listen);
    let server = plan.start();
    Client::enter(&server, &with_token("m", between), Encoding::Msgpack);
    Client::refused(&server, &with_token("m", retired.sign(&claims(3)))).expect(4401);
}

#[test]
fn in_dev_mode_a_new_match_comes_with_a_token() {
    let _turn = turn::shared();
    let server = Server::dev();
    let made = server.http().create("pong", "m");
    let token = made["join_token"].as_str().expect("it is a text").to_owned();
    let guest = Client::enter(&server, &with_token("m", token.clone()), Encoding::Json);
    assert!(guest.welcome().player.starts_with("guest-"), "{:?}", guest.welcome().player);
    Client::refused(&server, &with_token("m", token)).expect(4401);
    let seat = server.http().post("/v1/matches/m/seats", &json!({ "player": "ann" })).expect(201);
    let token = seat["join_token"].as_str().unwrap().to_owned();
    Client::refused(&server, &hello("m", "bob")).expect(4423);
    Client::enter(&server, &with_token("m", token), Encoding::Json);
}

#[test]
fn a_welcome_brings_a_token_for_the_room_of_its_match_and_for_nothing_else() {
    let _turn = turn::shared();
    let (keys, server) = guarded("pong");
    let client = Client::enter(&server, &keys.seat(&server, "m", "ann"), Encoding::Msgpack);
    let token = client.welcome().chat_token.clone().expect("the server has rooms");
    let ann = server.http().with_secret(&token);
    let say = |room: &str| ann.post(&format!("/v1/objects/chat/{room}/call/say"), &json!({ "text": "hi" }));
    assert_eq!(say("m").expect(200)["user"], "ann", "whoever has the seat");
    say("n").expect_problem(403, "credential_refused");
    let elsewhere = ann.post("/v1/objects/presence/m/call/list", &json!({}));
    elsewhere.expect_problem(403, "credential_refused");
    let moderates = ann.post("/v1/objects/chat/m/call/delete", &json!({ "id": 1 }));
    moderates.expect_problem(403, "not_allowed");
    ann.get("/v1/matches").expect_problem(401, "credential_needed");
    let back = Client::enter(&server, &resume("m", client.token()), Encoding::Json);
    let newer = back.welcome().chat_token.clone().expect("who comes back has one, too");
    assert_ne!(token, newer);
    server.http().with_secret(&newer).post("/v1/objects/chat/m/call/history", &json!(null)).expect(200);
}
