//! The command line that talks to a running server.

use std::process::Command;

use serde_json::{Value, json};
use tickstone_tests::client::Client;
use tickstone_tests::server::Server;
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
    assert_eq!(run(&["match", "verify", "a"])["agree"], true);
    run(&["match", "kick", "a", "ann"]);
    ann.expect_end(4403);
    assert_eq!(run(&["match", "end", "a"])["state"], "ended");
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
