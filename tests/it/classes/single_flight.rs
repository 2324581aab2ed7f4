//! Work that many want at once, done once; and matches by name.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_tests::http::{Answer, Http};
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{turn, wait};

use super::readme;

/// Who asks at once.
const CALLERS: usize = 100;
/// Kills, unless told otherwise.
const KILLS: u64 = 4;
const SECRET: &str = "correct horse battery staple, and more";

fn path(method: &str) -> String {
    format!("/v1/objects/single_flight/jobs/call/{method}")
}

/// The answers to the same request of many at once; none where the server was gone.
fn at_once(http: &Http, callers: usize, path: &str, body: &Value) -> Vec<Option<Answer>> {
    std::thread::scope(|scope| {
        let ask = |_| scope.spawn(|| http.try_ask("POST", path, Some(body)));
        let asked: Vec<_> = (0..callers).map(ask).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn matches(http: &Http) -> usize {
    let listing = http.get("/v1/matches?query=state:running&limit=1000").expect(200);
    listing["matches"].as_array().unwrap().len()
}

/// The match of a name, however often it must be asked for.
fn id_of(http: &Http, name: &str) -> String {
    let body = json!({ "game": "pong", "name": name });
    let answer = wait::until("the name to have a match", || {
        Some(http.post("/v1/matches", &body)).filter(|answer| answer.status < 300)
    });
    answer.body["match_id"].as_str().unwrap().to_owned()
}

#[test]
fn work_is_done_once_as_the_readme_has_it_and_kept_over_a_kill() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "single_flight");
    let http = server.http();
    let lead = http.post(&path("begin"), &json!({ "key": "k" })).expect(200)["lead"].as_u64().unwrap();
    let asked = std::thread::scope(|scope| {
        let many = scope.spawn(|| at_once(&http, CALLERS, &path("begin"), &json!({ "key": "k" })));
        // Those who ask before it is finished wait, the others are told what is kept.
        http.post(&path("finish"), &json!({ "key": "k", "lead": lead, "result": "done" })).expect(200);
        many.join().unwrap()
    });
    let shared = json!({ "result": "done", "number": lead, "shared": true });
    assert_eq!(asked.len(), CALLERS);
    asked.into_iter().for_each(|answer| assert_eq!(answer.unwrap().expect(200), shared));
    let work = json!({ "key": "c", "class": "counter", "name": "done", "method": "add" });
    let done = at_once(&http, CALLERS, &path("do"), &work);
    let led = done.into_iter().filter(|answer| {
        let answer = answer.clone().unwrap().expect(200);
        assert_eq!(answer["result"], 1, "it was counted once");
        answer["shared"] == false
    });
    assert_eq!(led.count(), 1);
    http.post(&path("finish"), &json!({ "key": "k", "lead": lead, "result": 1 }))
        .expect_problem(409, "not_leading");
    http.post(&path("get"), &json!({ "key": "none" })).expect_problem(404, "nothing_kept");
    let server = server.kill().start();
    assert_eq!(server.http().post(&path("begin"), &json!({ "key": "k" })).expect(200), shared);
}

#[test]
fn a_hundred_who_ask_for_a_match_by_its_name_at_once_get_one() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    let friday = json!({ "game": "pong", "name": "eu:friday" });
    let answers = at_once(&http, CALLERS, "/v1/matches", &friday);
    let answers: Vec<Answer> = answers.into_iter().map(Option::unwrap).collect();
    let ids: BTreeSet<String> = answers.iter().map(|answer| answer.body["match_id"].to_string()).collect();
    assert_eq!((ids.len(), matches(&http)), (1, 1), "{ids:?}");
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "one of them created it");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201)));
    let first = answers[0].body["match_id"].as_str().unwrap();
    assert!(answers[0].body["join_token"].is_string());
    http.post("/v1/matches", &json!({ "game": "arena", "name": "eu:friday" }))
        .expect_problem(409, "match_exists");
    http.delete(&format!("/v1/matches/{first}")).expect(200);
    let again = at_once(&http, CALLERS, "/v1/matches", &friday);
    let ids: BTreeSet<String> =
        again.into_iter().map(|one| one.unwrap().body["match_id"].to_string()).collect();
    assert_eq!((ids.len(), matches(&http)), (1, 1), "after its end the name has another: {ids:?}");
    assert!(!ids.contains(&json!(first).to_string()));
    for body in [
        json!({ "game": "pong", "name": "a", "id": "b" }),
        json!({ "game": "pong", "name": "a b" }),
        json!({ "game": "pong", "name": 7 }),
        json!({ "name": "a" }),
    ] {
        http.post("/v1/matches", &body).expect_problem(422, "invalid_field");
    }
    http.post("/v1/matches", &json!({ "game": "chess", "name": "bad" })).expect_problem(422, "invalid");
    http.post("/v1/matches", &json!({ "game": "pong", "name": "bad" })).expect(201);
}

#[test]
fn who_joins_by_a_name_creates_nothing_and_is_not_counted_as_if() {
    let _turn = turn::shared();
    let mut plan = Plan::dev().with("TICKSTONE_SECRET", SECRET);
    plan.arguments.clear();
    let server = plan.start();
    let http = server.http().with_secret(SECRET);
    let body = json!({ "game": "pong", "name": "lobby", "private": true });
    server.http().post("/v1/matches", &body).expect_problem(401, "credential_needed");
    http.post("/v1/matches", &body).expect(201);
    for _ in 0..40 {
        http.post("/v1/matches", &body).expect(200);
    }
    let create = |name: u32| http.post("/v1/matches", &json!({ "game": "pong", "name": name.to_string() }));
    let refused = (0..40).map(create).find(|answer| answer.status != 201).expect("40 are too many at once");
    refused.expect_problem(429, "too_many_matches");
    http.post("/v1/matches", &body).expect(200);
}

#[test]
fn a_name_has_one_match_while_the_server_is_killed() {
    let _turn = turn::shared();
    let kills = std::env::var("TICKSTONE_NAME_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let (mut server, mut names) = (Plan::dev().start(), 0);
    for kill in 0..kills {
        let http = server.http();
        let told: Vec<(u32, String)> = std::thread::scope(|scope| {
            let ask = |name: u32| {
                let (http, body) = (&http, json!({ "game": "pong", "name": format!("n{name}") }));
                scope.spawn(move || {
                    let answers = at_once(http, 4, "/v1/matches", &body).into_iter().flatten();
                    let ids = answers.filter_map(|answer| Some(answer.body["match_id"].as_str()?.to_owned()));
                    ids.map(|id| (name, id)).collect::<Vec<_>>()
                })
            };
            let asked: Vec<_> = (names..names + 8).map(ask).collect();
            // Not in step with anything of the server.
            wait::pause(Duration::from_millis(5 + kill * 17 % 60));
            server.strike();
            asked.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        server = server.kill().start();
        let ids: Vec<String> =
            (names..names + 8).map(|name| id_of(&server.http(), &format!("n{name}"))).collect();
        for (name, id) in &told {
            assert_eq!(*id, ids[(name - names) as usize], "kill {kill}, name {name}");
        }
        names += 8;
        assert_eq!(matches(&server.http()), names as usize, "kill {kill}: one match a name");
    }
}
