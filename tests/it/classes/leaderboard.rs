//! Leaderboards.
//!
//! In the second test matches of arena end while the server is killed again and again. Every match has a player of its
//! own, so in the end each of them must be on the board with one result.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tickstone_tests::client::Client;
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{raw, turn, wait};

use super::readme;

/// Matches that end around each kill.
const MATCHES: u64 = 3;
/// Kills, unless `TICKSTONE_BOARD_KILLS` says more.
const KILLS: u64 = 3;
const BOARD: &str = "/v1/objects/leaderboard/arena";

fn call(board: &str, method: &str) -> String {
    format!("/v1/objects/leaderboard/{board}/call/{method}")
}

/// What everybody is shown, asked for by somebody who has `tag`.
fn snapshot(server: &Server, board: &str, tag: &str) -> (u16, String) {
    let head = format!("host: a\r\nconnection: close\r\nif-none-match: {tag}\r\n");
    let path = format!("/v1/objects/leaderboard/{board}/snapshot");
    raw::request(server.addr(), &format!("GET {path} HTTP/1.1\r\n{head}\r\n"))
}

fn tag_of(answer: &str) -> String {
    let tag = answer.lines().find_map(|line| line.strip_prefix("etag: "));
    tag.unwrap_or_else(|| panic!("no tag: {answer}")).trim().to_owned()
}

#[test]
fn a_board_is_asked_as_the_readme_has_it_and_shown_before_it_wakes() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "leaderboard");
    let http = server.http();
    http.post(&call("weekly", "submit"), &json!({ "scores": {} })).expect_problem(422, "invalid");
    http.post(&call("weekly", "configure"), &json!({ "keeps": "best" })).expect_problem(409, "not_empty");
    http.get("/v1/objects/leaderboard/weekly/http/rank?user=nobody").expect_problem(404, "no_such_entry");
    http.get("/v1/objects/leaderboard/nobodys/snapshot").expect_problem(404, "no_snapshot");
    let bob = json!({ "subject": "bob", "scopes": ["leaderboard:weekly:connect", "leaderboard:other:call"] });
    let token = http.post("/v1/tokens", &bob).expect(201)["token"].as_str().unwrap().to_owned();
    let own = json!({ "scores": { "bob": 1000 } });
    http.with_secret(&token).post(&call("weekly", "submit"), &own).expect_problem(403, "credential_refused");
    let shown = wait::until("both to be shown", || {
        let (_, shown) = snapshot(&server, "weekly", "\"\"");
        Some(shown).filter(|shown| shown.contains("\"total\":2"))
    });
    assert!(shown.contains("cache-control: public, max-age=1\r\n"), "{shown}");
    let tag = tag_of(&shown);
    assert_eq!(snapshot(&server, "weekly", &tag).0, 304);
    let server = server.kill().start();
    let (status, again) = snapshot(&server, "weekly", &tag);
    assert_eq!((status, tag_of(&again)), (304, tag));
    let weekly = server.http().get("/v1/objects/leaderboard/weekly").expect(200);
    assert_eq!(weekly["state"], "hibernated", "nobody woke it");
}

#[test]
fn a_match_of_arena_is_on_the_board_once_it_is_over() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    let http = server.http();
    let body = json!({ "game": "arena", "id": "m", "max_duration_s": 1, "board": "friday" });
    http.post("/v1/matches", &body).expect(201);
    let mut ann = Client::join(&server, "m", "ann");
    ann.expect_end(1000);
    let ended = http.until("m", "its result to be posted", |ended| ended["board"]["state"] == "posted");
    assert_eq!((&ended["end_reason"], &ended["board"]["name"]), (&json!("max_duration"), &json!("friday")));
    let friday = http.get("/v1/objects/leaderboard/friday/http/rank?user=ann").expect(200);
    assert_eq!((&friday["entry"]["rank"], &friday["entry"]["results"]), (&json!(1), &json!(1)));
    http.post("/v1/matches", &json!({ "game": "arena", "board": "a b" }))
        .expect_problem(422, "invalid_field");
}

/// Matches whose players have come and gone: they hold their seats for a while.
fn begin(server: &Server, round: u64) -> Vec<String> {
    let ids: Vec<String> = (0..MATCHES).map(|number| format!("m{round}-{number}")).collect();
    for id in &ids {
        server.http().create("arena", id);
        Client::join(server, id, &format!("p{id}")).hang_up();
    }
    ids
}

/// Ends the matches, one after the other, while the server is killed.
fn end(server: Server, ids: &[String], lasts: Duration) -> Plan {
    let http = server.http();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            ids.iter().all(|id| http.try_ask("DELETE", &format!("/v1/matches/{id}"), None).is_some())
        });
        wait::pause(lasts);
        server.strike();
    });
    server.kill()
}

/// Every entry of the board by user: how many results of theirs were counted.
fn results(http: &Http) -> BTreeMap<String, u64> {
    let (mut all, mut from) = (BTreeMap::new(), json!(1));
    while !from.is_null() {
        let page = http.get(&format!("{BOARD}/http/top?limit=100&from={from}")).expect(200);
        for entry in page["entries"].as_array().unwrap() {
            let user = entry["user"].as_str().unwrap().to_owned();
            assert!(all.insert(user, entry["results"].as_u64().unwrap()).is_none());
        }
        from = page["next"].clone();
    }
    all
}

#[test]
fn a_match_is_counted_exactly_once_while_the_server_is_killed() {
    let _turn = turn::alone();
    let kills = std::env::var("TICKSTONE_BOARD_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let mut server = Plan::dev().start();
    server.http().post(&call("arena", "configure"), &json!({ "keeps": "sum" })).expect(200);
    let (mut played, mut interrupted) = (Vec::new(), 0);
    for kill in 0..kills {
        let ids = begin(&server, kill);
        // Not in step with anything of the server: from before the first end until after the last post.
        server = end(server, &ids, Duration::from_millis(kill * 37 % 200)).start();
        let http = server.http();
        let state = |id: &String| http.inspect(id)["board"]["state"].clone();
        interrupted += ids.iter().filter(|id| state(id) != "posted").count();
        for id in &ids {
            http.delete(&format!("/v1/matches/{id}")).expect(200);
            http.until(id, "its result to be posted", |ended| ended["board"]["state"] == "posted");
        }
        played.extend(ids);
    }
    let results = results(&server.http());
    let expected: BTreeMap<String, u64> = played.iter().map(|id| (format!("p{id}"), 1)).collect();
    assert_eq!(results, expected, "each is there, once");
    println!(
        "{kills} kills: {} matches, {interrupted} of them not posted when killed; each counted once",
        played.len()
    );
}
