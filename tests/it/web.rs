//! The page: what a browser may load, its modules in Node, and two windows of a real browser.

use std::process::{Command, Stdio};

use serde_json::json;
use tickstone_server::access::admin::Role;
use tickstone_tests::client::Client;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{binaries, raw, turn};

use crate::access::keys::Keys;
use crate::script::Script;

/// The head of an answer in lower case, and its body.
fn get(server: &Server, path: &str, headers: &str) -> (String, String) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    let (_, answer) = raw::request(server.addr(), &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[test]
fn the_page_comes_from_the_binary_and_from_nowhere_else() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    for (route, folder) in
        [("/", ""), ("/chat", "chat/"), ("/leaderboard", "leaderboard/"), ("/presence", "presence/")]
    {
        let page = http.get(route).expect(200);
        let page = page.as_str().unwrap();
        assert!(page.contains(&format!("/web/{folder}main.js")) && !page.contains("://"), "{page}");
        for path in page.split('"').filter(|word| word.starts_with("/web/")) {
            http.get(path).expect(200);
        }
    }
    for path in [
        "/web/",
        "/web/index.js",
        "/web/chat/index.html",
        "/chat/",
        "/web/../Cargo.toml",
        "/web/%2e%2e/main.js",
        "/web//main.js",
        "/assets/maps/x.json",
    ] {
        assert_eq!(http.get(path).status, 404, "{path}");
    }
    let names = http.get("/assets/").expect(200)["assets"].clone();
    for name in names.as_array().unwrap() {
        let map = http.get(&format!("/assets/{}", name.as_str().unwrap())).expect(200);
        assert!(map["walls"].is_array() && map["width"].is_u64(), "{map}");
    }
}

#[test]
fn the_page_may_load_only_its_own_files() {
    let _turn = turn::shared();
    let server = Server::dev();
    let (head, _) = get(&server, "/", "");
    let lines = [
        "content-security-policy: default-src 'none'; script-src 'self';",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-cache",
    ];
    for line in lines {
        assert!(head.contains(line), "no {line} in {head}");
    }
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let (again, body) = get(&server, "/web/main.js", &format!("if-none-match: {tag}\r\n"));
    assert!(again.starts_with("http/1.1 304") && body.is_empty(), "{again}");
    let (other, body) = get(&server, "/web/main.js", "if-none-match: \"old\"\r\n");
    assert!(other.starts_with("http/1.1 200") && other.contains("text/javascript"), "{other}");
    assert!(body.contains("import "));
}

#[test]
fn a_match_says_who_sits_where() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.create("arena", "a");
    let _ann = Client::join(&server, "a", "ann");
    let entry = http.until("a", "ann's seat", |entry| entry["roster"][0]["connected"] == true);
    assert_eq!(entry["roster"], json!([{ "seat": 0, "player": "ann", "connected": true }]));
    let listed = http.get("/v1/matches").expect(200);
    assert!(listed["matches"][0].get("roster").is_none(), "names are for those who have the link: {listed}");
}

#[test]
fn the_modules_of_the_page_do_what_the_protocol_says() {
    let folder = binaries::root().join("tests/web");
    let mut command = Command::new("node");
    let output = command.args(["--test", "unit/"]).current_dir(folder).stdin(Stdio::null()).output();
    let output = output.expect("node is there: .ci/setup installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("# pass "), "{said}");
}

#[test]
fn a_link_with_a_token_opens_a_room_on_a_guarded_server_and_nothing_else_does() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let server = keys.plan().start();
    let scopes = ["chat:lobby:connect", "chat:lobby:call", "presence:lobby:connect", "presence:lobby:call"];
    let minted =
        keys.http(&server, Role::Token).post("/v1/tokens", &json!({ "subject": "ann", "scopes": scopes }));
    let token = minted.expect(201)["token"].as_str().unwrap().to_owned();
    let mut script = Script::start("guarded.mjs", &[&server.url(), &token]);
    script.expect_line("entered");
    let status = script.end();
    assert!(status.success(), "{status}");
}

#[test]
fn two_windows_talk_on_after_the_server_was_killed_and_after_it_was_restarted() {
    let _turn = turn::shared();
    let server = Plan::dev().on_fixed_port().start();
    let mut script = Script::start("chat.mjs", &[&server.url()]);
    script.expect_line("kill");
    let server = server.kill().start();
    script.go_on();
    script.expect_line("drain");
    let (status, plan) = server.drain();
    assert_eq!(status, Some(0));
    let server = plan.start();
    script.go_on();
    script.expect_line("talked");
    let status = script.end();
    assert!(status.success(), "{status}");
    drop(server);
}

#[test]
fn a_leaderboard_is_followed_searched_and_shown_in_a_match() {
    let _turn = turn::shared();
    let server = Server::dev();
    let mut script = Script::start("scores.mjs", &[&server.url()]);
    script.expect_line("ranked");
    let status = script.end();
    assert!(status.success(), "{status}");
}

#[test]
fn two_windows_play_on_after_the_server_was_killed() {
    let _turn = turn::shared();
    let mut server = Plan::dev().on_fixed_port().start();
    let mut script = Script::start("play.mjs", &[&server.url()]);
    script.expect_line("restart");
    server = server.kill().start();
    script.go_on();
    script.expect_line("played");
    let status = script.end();
    assert!(status.success(), "{status}");
    drop(server);
}

#[test]
fn two_windows_and_a_client_of_yjs_draw_a_map_and_play_on_it() {
    let _turn = turn::shared();
    let mut server = Plan::dev().on_fixed_port().start();
    let mut script = Script::start("editor.mjs", &[&server.url()]);
    script.expect_line("drawn");
    server = server.kill().start();
    script.go_on();
    script.expect_line("played");
    let status = script.end();
    assert!(status.success(), "{status}");
    drop(server);
}

#[test]
fn a_match_on_a_drawn_map_is_recovered_and_verified() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    let drawn = json!({
        "name": "ours", "width": 16, "height": 8, "walls": [[4, 3, 2, 2]], "spawns": [[2, 2], [13, 5]], "pickups": [],
    });
    let body = json!({ "game": "arena", "id": "drawn", "options": { "drawn": drawn } });
    assert_eq!(server.http().post("/v1/matches", &body).expect(201)["label"]["map"], "ours");
    server.http().post("/v1/matches", &body).expect(200);
    let mut other = body;
    other["options"]["drawn"]["walls"] = json!([]);
    server.http().post("/v1/matches", &other).expect_problem(409, "match_exists");
    other["id"] = json!("broken");
    other["options"]["drawn"]["spawns"] = json!([]);
    server.http().post("/v1/matches", &other).expect_problem(422, "invalid");
    let ann = Client::join(&server, "drawn", "ann");
    server.http().until("drawn", "some ticks", |entry| entry["tick"].as_u64() > Some(120));
    drop(ann);
    let server = server.kill().start();
    let entry = server.http().inspect("drawn");
    assert_eq!((&entry["options"]["drawn"], &entry["label"]["map"]), (&drawn, &json!("ours")));
    assert!(entry["recovered"]["tick"].is_u64(), "{entry}");
    assert!(server.http().get("/v1/matches").expect(200)["matches"][0].get("options").is_none());
    let verdict = server.http().get("/v1/matches/drawn/verify").expect(200);
    assert_eq!(verdict["agree"], true, "{verdict}");
}
