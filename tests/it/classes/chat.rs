//! Rooms.

use serde_json::{Value, json};
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{raw, turn};

use super::readme;
use crate::talker::Talker;

/// What a talker hears next, as JSON.
#[track_caller]
fn next(talker: &mut Talker) -> Value {
    serde_json::from_str(&talker.try_hear().expect("the socket is open")).unwrap()
}

fn call(method: &str) -> String {
    format!("/v1/objects/chat/square/call/{method}")
}

/// The API as somebody with these scopes.
fn http_as(server: &Server, subject: &str, scopes: &[&str]) -> Http {
    let minted =
        server.http().post("/v1/tokens", &json!({ "subject": subject, "scopes": scopes })).expect(201);
    server.http().with_secret(minted["token"].as_str().unwrap())
}

/// The head of the answer to a listing, and whether it has a body.
fn listing(server: &Server, headers: &str) -> (String, String) {
    let request = format!(
        "GET /v1/classes/chat/listing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n"
    );
    let (_, answer) = raw::request(server.addr(), &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[test]
fn two_talk_in_a_room_as_the_readme_has_it_and_find_it_again_after_a_kill() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "chat");
    let mut ann = Talker::at(&server, "chat", "square", "ann").expect("the server is up");
    assert_eq!(next(&mut ann)["messages"], json!([]));
    let mut bob = Talker::at(&server, "chat", "square", "bob").expect("the server is up");
    assert_eq!(next(&mut bob)["members"], 2);
    assert_eq!(next(&mut ann), json!({ "t": "join", "user": "bob", "members": 2 }));
    ann.say(r#"{"t":"say","text":"hello"}"#);
    let (heard, same) = (next(&mut ann), next(&mut bob));
    assert_eq!((&heard["user"], &heard["text"]), (&json!("ann"), &json!("hello")));
    assert_eq!(heard, same);
    bob.say("hello?");
    assert_eq!(next(&mut bob)["code"], "invalid");
    bob.say(r#"{"t":"ping"}"#);
    bob.hears(r#"{"t":"pong"}"#);
    drop(bob);
    assert_eq!(next(&mut ann), json!({ "t": "leave", "user": "bob", "members": 1 }));
    let server = server.kill().start();
    let mut late = Talker::at(&server, "chat", "square", "cid").expect("the server is up");
    assert_eq!(next(&mut late)["messages"][0]["text"], "hello");
}

#[test]
fn a_room_is_moderated_by_who_has_the_scope_and_listed_for_everybody() {
    let _turn = turn::shared();
    let server = Server::dev();
    let bob = http_as(&server, "bob", &["chat:square:call"]);
    bob.post(&call("say"), &json!({ "text": "rude" })).expect(200);
    bob.post(&call("delete"), &json!({ "id": 1 })).expect_problem(403, "not_allowed");
    bob.post("/v1/objects/chat/other/call/say", &json!({ "text": "x" }))
        .expect_problem(403, "credential_refused");
    let eve = http_as(&server, "eve", &["chat:square:call", "chat_moderator:square:call"]);
    eve.post(&call("delete"), &json!({ "id": 1 })).expect(200);
    eve.post(&call("delete"), &json!({ "id": 1 })).expect_problem(404, "no_such_message");
    eve.post(&call("mute"), &json!({ "user": "bob", "seconds": 60 })).expect(200);
    bob.post(&call("say"), &json!({ "text": "rude" })).expect_problem(403, "not_allowed");
    for n in 0..5 {
        eve.post(&call("say"), &json!({ "text": n.to_string() })).expect(200);
    }
    let refused = eve.post(&call("say"), &json!({ "text": "too much" }));
    refused.expect_problem(429, "too_fast");
    assert_eq!(refused.retry_after, Some(1));

    server
        .http()
        .post("/v1/matches", &json!({ "game": "pong", "id": "secret", "private": true }))
        .expect(201);
    let mut inside = Talker::at(&server, "chat", "secret", "ann").expect("the server is up");
    let mut ann = Talker::at(&server, "chat", "square", "ann").expect("the server is up");
    next(&mut inside);
    next(&mut ann);
    let (head, body) = listing(&server, "");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let listed: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(listed, json!({ "objects": [{ "name": "square", "members": 1 }], "next": null }));
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let (again, body) = listing(&server, &format!("if-none-match: {tag}\r\n"));
    assert!(again.starts_with("http/1.1 304") && body.is_empty(), "{again}");
    let page = |query: &str| server.http().get(&format!("/v1/classes/chat/listing?{query}")).expect(200);
    assert_eq!(page("limit=1")["next"], "square");
    assert_eq!(page("after=square")["objects"], json!([]));
    assert_eq!(page("prefix=x")["objects"], json!([]));
    for (path, status) in [
        ("chat/listing?limit=0", 422),
        ("chat/listing?after=a%20b", 422),
        ("none/listing", 404),
        ("match/listing", 404),
    ] {
        assert_eq!(server.http().get(&format!("/v1/classes/{path}")).status, status, "{path}");
    }
}

/// The next messages that somebody hears, whatever else they are told in between.
fn messages(talker: &mut Talker, count: usize) -> Vec<Value> {
    let told = std::iter::from_fn(|| Some(next(talker)));
    told.filter(|told| told["t"] == "message").take(count).collect()
}

/// Sockets that an object has.
fn sockets(http: &Http, object: &str) -> Value {
    http.get(&format!("/v1/objects/{object}")).expect(200)["sockets"]["count"].clone()
}

#[test]
fn thirty_five_in_a_room_for_ten_are_in_one_room() {
    const MEMBERS: usize = 35;
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.post(&call("configure"), &json!({ "members_max": 10 })).expect(200);
    let mut talkers: Vec<Talker> = std::thread::scope(|scope| {
        let enter = |n: usize| {
            let server = &server;
            scope.spawn(move || Talker::at(server, "chat", "square", &format!("u{n:02}")).expect("it is up"))
        };
        let entering: Vec<_> = (0..MEMBERS).map(enter).collect();
        entering.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (n, talker) in talkers.iter_mut().enumerate() {
        let welcome = next(talker);
        let who = (&welcome["t"], &welcome["room"], &welcome["user"]);
        assert_eq!(who, (&json!("welcome"), &json!("square"), &json!(format!("u{n:02}"))));
    }
    let parts = ["chat/square", "chat_part/square.1", "chat_part/square.2", "chat_part/square.3"];
    assert_eq!(parts.map(|object| sockets(&http, object)), [10, 10, 10, 5], "not one more, all at once");
    let there = http.post(&call("members"), &json!({ "limit": 1 })).expect(200);
    assert_eq!(there, json!({ "members": MEMBERS, "users": ["u00"] }));
    let listed = http.get("/v1/classes/chat/listing").expect(200);
    assert_eq!(listed["objects"], json!([{ "name": "square", "members": MEMBERS }]));
    talkers.iter_mut().enumerate().for_each(|(n, talker)| {
        talker.say(&json!({ "t": "say", "text": format!("by {n}") }).to_string());
    });
    let heard: Vec<Vec<Value>> = talkers.iter_mut().map(|talker| messages(talker, MEMBERS)).collect();
    let ids: Vec<u64> = heard[0].iter().map(|message| message["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=MEMBERS as u64).collect::<Vec<_>>());
    assert!(heard.iter().all(|own| *own == heard[0]), "all of it, in one order");
    let mut last = talkers.pop().unwrap();
    http.post(&call("mute"), &json!({ "user": "u34" })).expect(200);
    last.say(r#"{"t":"say","text":"unheard"}"#);
    let told: Vec<Value> = std::iter::from_fn(|| Some(next(&mut last))).take(2).collect();
    assert_eq!((&told[0]["t"], &told[1]["code"]), (&json!("muted"), &json!("not_allowed")));
    drop(last);
    // Named, or not even named where nobody was told yet that they had come.
    let is_gone = |told: &Value| {
        let are_there = told["joined"].as_array().is_some_and(|joined| !joined.contains(&json!("u34")));
        told["members"] == json!(MEMBERS - 1) && (told["t"] == "leave" || are_there)
    };
    std::iter::from_fn(|| Some(next(&mut talkers[0]))).find(is_gone).unwrap();
    let there = http.post(&call("members"), &json!({ "limit": 1 })).expect(200);
    assert_eq!(there["members"], MEMBERS - 1);
}
