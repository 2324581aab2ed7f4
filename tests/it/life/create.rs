//! Matches over HTTP: created, found, listed, refused.

use serde_json::{Value, json};
use tickstone_tests::client::{Client, hello};
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;

const SECRET: &str = "correct horse battery staple, and more";

#[test]
fn the_same_again_is_the_same_match() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    let body = json!({ "game": "arena", "preset": "duel", "id": "one", "label": { "mode": "ranked" } });
    let made = http.post("/v1/matches", &body).expect(201);
    assert_eq!(
        (&made["match_id"], &made["state"], &made["seats"]),
        (&json!("one"), &json!("running"), &json!(2))
    );
    assert_eq!(made["ws_url"], format!("ws://{}/v1/matches/one/socket", server.addr()));
    assert!(made.get("join_token").is_some() && made.get("quic_url").is_some(), "{made}");
    let again = http.post("/v1/matches", &body).expect(200);
    assert_eq!((&again["match_id"], &again["epoch"]), (&made["match_id"], &made["epoch"]));
    let mut other = body.clone();
    other["label"] = json!({ "mode": "fun" });
    http.post("/v1/matches", &other).expect_problem(409, "match_exists");
    other = body.clone();
    other["durability"] = json!("sync");
    http.post("/v1/matches", &other).expect_problem(409, "match_exists");
    http.delete("/v1/matches/one").expect(200);
    let ended = http.post("/v1/matches", &body).expect(200);
    assert_eq!(ended["state"], "ended", "an id is not used twice");
}

#[test]
fn ids_that_nobody_chose_differ() {
    let _turn = turn::shared();
    let server = Server::dev();
    let make =
        || server.http().post("/v1/matches", &json!({ "game": "pong" })).expect(201)["match_id"].clone();
    let (one, two) = (make(), make());
    assert_ne!(one, two);
    // 26 characters of 5 bits: at least the 122 random bits that are promised.
    assert_eq!(one.as_str().unwrap().len(), 26);
}

#[test]
fn what_is_no_match() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    for body in [
        json!({}),
        json!({ "game": "chess" }),
        json!({ "game": "arena", "preset": "none such" }),
        json!({ "game": "arena", "options": { "players_max": 1 } }),
        json!({ "game": "arena", "options": { "players_max": 70_000 } }),
        json!({ "game": "arena", "options": { "map": "../../etc/passwd" } }),
        json!({ "game": "arena", "options": { "speed": 9 } }),
        json!({ "game": "arena", "options": [] }),
        json!({ "game": "arena", "id": "a b" }),
        json!({ "game": "arena", "id": "" }),
        json!({ "game": "arena", "id": "x".repeat(129) }),
        json!({ "game": "arena", "durability": "maybe" }),
        json!({ "game": "arena", "label": { "x": "y".repeat(2_048) } }),
        json!({ "game": "arena", "max_duration_s": 0 }),
        json!({ "game": "arena", "unknown": 1 }),
        json!([1]),
    ] {
        let answer = http.post("/v1/matches", &body);
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        assert!(!answer.body.to_string().contains("passwd"), "a problem does not echo");
    }
    assert_eq!(http.get("/v1/matches").expect(200), json!({ "matches": [] }), "nothing came of it");
}

fn ids(http: &Http, query: &str) -> Vec<String> {
    let answer = http.get(&format!("/v1/matches?{query}")).expect(200);
    let id = |entry: &Value| entry["match_id"].as_str().unwrap().to_owned();
    let mut ids: Vec<_> = answer["matches"].as_array().unwrap().iter().map(id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn listings_by_query() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    let make = |body: Value| http.post("/v1/matches", &body).expect(201);
    make(json!({ "game": "arena", "id": "a", "label": { "region": "eu", "level": 3 } }));
    make(json!({ "game": "arena", "id": "b", "label": { "region": "us", "level": 7 } }));
    make(json!({ "game": "pong", "id": "c" }));
    make(json!({ "game": "pong", "id": "hidden", "private": true }));
    assert_eq!(ids(&http, ""), ["a", "b", "c"]);
    assert_eq!(ids(&http, "query=game:arena"), ["a", "b"]);
    assert_eq!(ids(&http, "query=label.region:eu"), ["a"]);
    assert_eq!(ids(&http, "query=label.level%3E3"), ["b"]);
    assert_eq!(ids(&http, "query=game:arena%20label.level%3C=3"), ["a"]);
    assert_eq!(ids(&http, "query=match_id:hidden"), [""; 0]);
    assert_eq!(ids(&http, "limit=2").len(), 2);
    let _ann = Client::join(&server, "c", "ann");
    tickstone_tests::wait::until("the listing to follow", || {
        (ids(&http, "query=players%3E=1") == ["c"]).then_some(())
    });
    assert_eq!(http.inspect("hidden")["private"], true, "who knows the id finds it");
    http.delete("/v1/matches/a").expect(200);
    assert_eq!(ids(&http, "query=state:running"), ["b", "c"]);
    for bad in ["limit=0", "limit=1001", "limit=x", "query=game", "query=players%3Emany"] {
        http.get(&format!("/v1/matches?{bad}")).expect_problem(422, "invalid_field");
    }
}

#[test]
fn with_a_secret_only_who_has_it_creates() {
    let _turn = turn::shared();
    let mut plan = Plan::dev().with("TICKSTONE_SECRET", SECRET);
    plan.arguments.clear();
    let server = plan.start();
    let (anyone, admin) = (server.http(), server.http().with_secret(SECRET));
    let body = json!({ "game": "pong", "id": "p" });
    anyone.post("/v1/matches", &body).expect_problem(401, "credential_needed");
    anyone.with_secret(&SECRET[1..]).post("/v1/matches", &body).expect(401);
    assert!(admin.post("/v1/matches", &body).expect(201).get("join_token").is_none());
    anyone.delete("/v1/matches/p").expect(401);
    anyone.delete("/v1/matches/nowhere").expect(401);
    anyone.post("/v1/matches/p/kick", &json!({ "seat": 0 })).expect(401);
    anyone.get("/v1/matches/p/verify").expect(401);
    anyone.get("/v1/matches/p").expect(401);
    assert_eq!(admin.inspect("p")["state"], "running");
    let mut said = hello("p", "ann");
    Client::refused(&server, &said).expect(4401);
    said.token = Some("guessed".to_owned());
    Client::refused(&server, &said).expect(4401);
    assert!(!server.log_text().contains(SECRET), "a secret is not logged");
    admin.delete("/v1/matches/p").expect(200);
}
