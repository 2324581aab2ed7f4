//! Every way a connection ends, by its close code.

use std::time::Duration;

use serde_json::json;
use tickstone_shared::wire::message::ClientMessage;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, hello, resume};
use tickstone_tests::server::Server;
use tickstone_tests::turn;
use tickstone_tests::wait::Watch;

#[test]
fn hellos_that_are_refused() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let refused = |change: fn(&mut tickstone_shared::wire::message::Hello)| {
        let mut said = hello("p", "ann");
        change(&mut said);
        Client::refused(&server, &said)
    };
    Client::refused(&server, &hello("nowhere", "ann")).expect(4404);
    refused(|hello| hello.protocol = 2).expect(4426);
    refused(|hello| hello.protocol = 0).expect(4426);
    refused(|hello| hello.schema_hash = Some(1)).expect(4426);
    refused(|hello| hello.player = None).expect(4400);
    refused(|hello| hello.player = Some(String::new())).expect(4400);
    refused(|hello| hello.player = Some("x".repeat(33))).expect(4400);
    refused(|hello| hello.player = Some("a\u{202e}b".to_owned())).expect(4400);
    refused(|hello| hello.token = Some("t".repeat(1_100))).expect(1009);
    refused(|hello| hello.resume = Some("no such token".to_owned())).expect(4003);
    refused(|hello| hello.resume = Some(String::new())).expect(4003);
    assert_eq!(server.http().inspect("p")["players"], 0, "nobody came in by this");
}

#[test]
fn a_hello_of_another_match_than_the_path() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    server.http().create("pong", "q");
    let mut client = Client::connect(&server, "p", Encoding::Json);
    client.send(&ClientMessage::Hello(hello("q", "ann")));
    client.expect_end(4400);
}

#[test]
fn messages_that_are_none() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let texts: [&[u8]; 9] = [
        b"",
        b"{",
        b"null",
        b"[]",
        br#"{"t":"fly"}"#,
        br#"{"t":"hello","protocol":1,"match_id":"p","player":"ann"}"#,
        br#"{"t":"input","epoch":1,"tick":9,"seq":1,"inputs":[{"direction":"up"}]}"#,
        br#"{"t":"input","epoch":1,"tick":9,"seq":1,"inputs":[{},{},{},{},{},{},{},{},{},{},{}]}"#,
        br#"{"t":"input","epoch":-1,"tick":9,"seq":1,"inputs":[{}]}"#,
    ];
    for text in texts {
        let mut client = Client::enter(&server, &hello("p", "ann"), Encoding::Json);
        client.send_bytes(text);
        let end = client.end();
        assert_eq!(end.code, Some(4400), "{}: {end:?}", String::from_utf8_lossy(text));
        assert!(!end.reason.contains("fly"), "a reason does not echo: {end:?}");
    }
    for bytes in
        [&[0xc1_u8; 3][..], &[0x96, 0xa5, b'i'], &[0xff; 100], &[0x80], &[0xdd, 0xff, 0xff, 0xff, 0xff]]
    {
        let mut client = Client::join(&server, "p", "ann");
        client.send_bytes(bytes);
        let end = client.end();
        assert_eq!(end.code, Some(4400), "{bytes:x?}: {end:?}");
    }
}

#[test]
fn a_message_over_the_limit() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let mut client = Client::join(&server, "p", "ann");
    client.send_bytes(&[0x90; 4_097]);
    client.expect_end(1009);
    let mut client = Client::enter(&server, &hello("p", "ann"), Encoding::Json);
    let data = json!({ "t": "message", "data": "x".repeat(3_000) });
    client.send_bytes(data.to_string().as_bytes());
    client.expect_end(4400);
}

#[test]
fn no_hello() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let watch = Watch::start();
    Client::connect(&server, "p", Encoding::Msgpack).expect_end(4408);
    let took = watch.elapsed();
    assert!((Duration::from_millis(2_500)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[test]
fn a_full_match() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let (mut ann, _bob) = (Client::join(&server, "p", "ann"), Client::join(&server, "p", "bob"));
    Client::refused(&server, &hello("p", "cid")).expect(4423);
    let refused = server.http().metric("tickstone_refused_total{reason=\"close_4423\"}");
    assert!((refused - 1.0).abs() < f64::EPSILON, "{refused}");
    ann.leave();
    ann.expect_end(4000);
    Client::join(&server, "p", "cid").state();
}

#[test]
fn the_same_player_again() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let mut older = Client::join(&server, "p", "ann");
    let seat = older.welcome().seat;
    let mut newer = Client::join(&server, "p", "ann");
    older.expect_end(4409);
    assert_eq!(newer.welcome().seat, seat);
    newer.state();
    Client::refused(&server, &resume("p", older.token())).expect(4003);
    assert_eq!(server.http().inspect("p")["players"], 1);
    newer.state();
}

#[test]
fn kicked() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.create("pong", "p");
    let mut ann = Client::join(&server, "p", "ann");
    let mut bob = Client::join(&server, "p", "bob");
    http.post("/v1/matches/p/kick", &json!({ "player": "ann" })).expect(200);
    ann.expect_end(4403);
    Client::refused(&server, &resume("p", ann.token())).expect(4003);
    http.post("/v1/matches/p/kick", &json!({ "player": "ann" })).expect(404);
    http.post("/v1/matches/p/kick", &json!({ "player": "ann", "seat": 0 })).expect(422);
    http.post("/v1/matches/nowhere/kick", &json!({ "player": "ann" })).expect_problem(404, "no_such_match");
    http.post("/v1/matches/p/kick", &json!({ "seat": bob.welcome().seat })).expect(200);
    bob.expect_end(4403);
    assert_eq!(http.inspect("p")["players"], 0);
}

#[test]
fn an_ended_match() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.create("arena", "a");
    let mut ann = Client::join(&server, "a", "ann");
    ann.state();
    let ended = http.delete("/v1/matches/a").expect(200);
    assert_eq!((&ended["state"], &ended["end_reason"]), (&json!("ended"), &json!("ended")));
    ann.expect_end(1000);
    Client::refused(&server, &hello("a", "bob")).expect(4410);
    Client::refused(&server, &resume("a", ann.token())).expect(4410);
    let refused = http.metric("tickstone_refused_total{reason=\"close_4410\"}");
    assert!((refused - 2.0).abs() < f64::EPSILON, "{refused}");
    let tick = http.inspect("a")["tick"].clone();
    assert_eq!(http.delete("/v1/matches/a").expect(200)["tick"], tick, "ending twice changes nothing");
    http.delete("/v1/matches/nowhere").expect_problem(404, "no_such_match");
}

#[test]
fn a_match_ends_by_its_own_clock() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.post("/v1/matches", &json!({ "game": "pong", "id": "short", "max_duration_s": 1 })).expect(201);
    http.post("/v1/matches", &json!({ "game": "pong", "id": "empty", "empty_ttl_s": 1 })).expect(201);
    http.post("/v1/matches", &json!({ "game": "pong", "id": "held", "empty_ttl_s": 1 })).expect(201);
    let mut short = Client::join(&server, "short", "ann");
    let mut held = Client::join(&server, "held", "ann");
    short.expect_end(1000);
    let ended = http.until("short", "the end", |entry| entry["state"] == "ended");
    assert_eq!(ended["end_reason"], "max_duration");
    assert!((50..=120).contains(&ended["tick"].as_u64().unwrap()), "{ended}");
    let ended = http.until("empty", "the end", |entry| entry["state"] == "ended");
    assert_eq!(ended["end_reason"], "empty");
    held.ping(1);
    assert_eq!(http.inspect("held")["state"], "running", "somebody is in it");
    held.leave();
    held.expect_end(4000);
    http.until("held", "the end", |entry| entry["end_reason"] == "empty");
}
