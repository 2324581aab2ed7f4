//! The command line that talks to a running server.

use std::process::Command;

use serde_json::{Value, json};
use tickstone_tests::client::Client;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{binaries, turn, wait};

/// Runs `tickstone` with these words against a server: status, stdout and stderr.
fn tickstone(url: &str, words: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = Command::new(binaries::tickstone());
    let output = command.args(words).args(["--url", url]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or(Value::String(text)), said)
}

#[test]
fn a_match_from_the_command_line() {
    let _turn = turn::shared();
    let server = Server::dev();
    let run = |words: &[&str]| {
        let (status, answer, said) = tickstone(&server.url(), words);
        assert_eq!(status, Some(0), "{words:?}: {said}");
        answer
    };
    run(&["healthcheck"]);
    let made = run(&["match", "create", "arena", "--id", "a", "--options", r#"{"players_max":3}"#]);
    assert_eq!((&made["match_id"], &made["seats"]), (&json!("a"), &json!(3)));
    let mut ann = Client::join(&server, "a", "ann");
    ann.state();
    wait::until("the listing to follow", || {
        let found = run(&["match", "list", "--query", "players>=1"]);
        (found["matches"].as_array().unwrap().len() == 1).then_some(())
    });
    assert_eq!(run(&["match", "inspect", "a"])["players"], 1);
    assert_eq!(run(&["match", "inspect", "a"])["board"], json!({ "name": "arena", "state": "open" }));
    assert_eq!(run(&["match", "create", "--board", "friday"])["board"]["name"], "friday");
    assert_eq!(run(&["match", "create", "--no-board"])["board"], json!(null));
    assert_eq!(run(&["match", "verify", "a"])["agree"], true);
    run(&["match", "kick", "a", "ann"]);
    ann.expect_end(4403);
    assert_eq!(run(&["match", "end", "a"])["state"], "ended");
}

#[test]
fn objects_from_the_command_line() {
    let _turn = turn::shared();
    let mut plan = Plan::dev();
    plan.program = binaries::outside("outside_classes");
    let server = plan.start();
    let run = |words: &[&str]| {
        let (status, answer, said) = tickstone(&server.url(), words);
        assert_eq!(status, Some(0), "{words:?}: {said}");
        answer
    };
    let fails = |words: &[&str], code: &str| {
        let (status, _, said) = tickstone(&server.url(), words);
        assert!(status == Some(1) && said.contains(code), "{words:?}: {status:?} {said}");
    };
    let classes = run(&["class", "list"]);
    assert!(
        classes["classes"].as_array().unwrap().iter().any(|class| class["name"] == "counter"),
        "{classes}"
    );
    for (name, number) in [("eu:a", "2"), ("eu:b", "3"), ("us:c", "4")] {
        assert_eq!(run(&["object", "call", "counter", name, "add", number]), number.parse::<u64>().unwrap());
    }
    assert_eq!(run(&["object", "call", "counter", "eu:a", "get"]), 2);
    let page = run(&["object", "list", "--class", "counter", "--prefix", "eu:", "--limit", "1"]);
    assert_eq!((&page["objects"][0]["name"], &page["next"]), (&json!("eu:a"), &json!("counter/eu:a")));
    let page = run(&["object", "list", "--prefix", "eu:", "--after", "counter/eu:a", "--state", "awake"]);
    assert_eq!((&page["objects"][0]["name"], &page["objects"][0]["region"]), (&json!("eu:b"), &json!("eu")));
    let shown = run(&["object", "inspect", "counter", "eu:a"]);
    assert!(shown["storage"]["bytes"].as_u64() > Some(0), "{shown}");
    let bookmark = run(&["object", "bookmark", "counter", "eu:a"])["bookmark"].clone();
    let back = ["object", "restore", "counter", "eu:a", "--bookmark", bookmark.as_str().unwrap()];
    fails(&back, "no_history");
    fails(&["object", "bookmark", "counter", "eu:a", "--at", "1"], "bookmark_expired");
    assert_eq!(run(&["object", "delete", "counter", "eu:a"])["deleted"], true);
    fails(&["object", "inspect", "counter", "eu:a"], "no_such_object");
    fails(&["object", "call", "counter", "eu:b", "add", "\"x\""], "invalid");
    let (status, _, said) = tickstone(&server.url(), &["object", "call", "counter", "eu:b", "add", "{"]);
    assert!(status == Some(2) && said.contains("no JSON"), "{status:?} {said}");
}

/// Runs `tickstone` with words that need no server: status, stdout and stderr.
fn alone(words: &[&str]) -> (Option<i32>, Value, String) {
    let output = Command::new(binaries::tickstone()).args(words).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or(Value::String(text)), said)
}

#[test]
fn store_5_a_running_server_is_backed_up_restored_and_checked() {
    let _turn = turn::shared();
    let server = Server::dev();
    let data = server.data().to_str().unwrap().to_owned();
    let other = tempfile::tempdir().unwrap();
    let other = other.path().join("restored").to_str().unwrap().to_owned();
    let file = format!("{data}/../{}.tickstone", server.pid());
    tickstone(&server.url(), &["match", "create", "arena", "--id", "kept"]);
    let (status, made, said) = tickstone(&server.url(), &["backup", "--data", &data, "--to", &file]);
    assert_eq!((status, &made["path"]), (Some(0), &json!(file)), "{said}");
    tickstone(&server.url(), &["match", "create", "arena", "--id", "later"]);
    let (status, _, said) = alone(&["check", "--data", &data]);
    assert!(status == Some(73) && said.contains("--backup"), "{status:?} {said}");
    let (status, read, said) = alone(&["check", "--backup", &file]);
    assert_eq!((status, &read["blake3"]), (Some(0), &made["blake3"]), "{said}");
    let (status, _, said) = alone(&["restore", "--data", &other, "--from", &file]);
    assert_eq!(status, Some(0), "{said}");
    let (status, checked, said) = alone(&["check", "--data", &other, "--compact"]);
    assert_eq!((status, &checked["objects"]), (Some(0), &json!(1)), "{checked} {said}");
    let (status, plan, said) = alone(&["serve", "--dev", "--data", &other, "--dry-run"]);
    assert_eq!((status, &plan["stored_then"][0]["class"]), (Some(0), &json!("match")), "{said}");
    let (_, plan) = server.drain();
    let (status, direct, said) = alone(&["backup", "--data", &data]);
    assert_eq!(status, Some(0), "{said}");
    assert!(direct["path"].as_str().unwrap().contains("backups/backup-"), "{direct}");
    let (status, _, said) = alone(&["restore", "--data", &data, "--from", &file]);
    assert!(status == Some(1) && said.contains("is there already"), "{status:?} {said}");
    std::fs::remove_file(file).unwrap();
    drop(plan);
}

#[test]
fn what_fails_says_why() {
    let _turn = turn::shared();
    let server = Server::dev();
    let (status, _, said) = tickstone(&server.url(), &["match", "inspect", "nowhere"]);
    assert!(status == Some(1) && said.contains("no_such_match"), "{status:?} {said}");
    let (status, _, said) = tickstone(&server.url(), &["match", "create", "--options", "{"]);
    assert!(status == Some(2) && said.contains("--options"), "{status:?} {said}");
    let (status, _, said) = tickstone("http://127.0.0.1:9", &["healthcheck"]);
    assert!(status == Some(1) && said.contains("127.0.0.1:9"), "{status:?} {said}");
}
