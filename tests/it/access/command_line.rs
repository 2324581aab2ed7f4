//! `tickstone token`, `tickstone key`, and the key of `tickstone match`.

use std::process::Command;

use serde_json::{Value, json};
use tickstone_server::access::admin::Role;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::Client;
use tickstone_tests::server::Plan;
use tickstone_tests::{binaries, turn};

use super::keys::{Keys, with_token};

fn tickstone(words: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, Value, String) {
    let mut command = Command::new(binaries::tickstone());
    command.env_remove("TICKSTONE_ADMIN_KEY").env_remove("TICKSTONE_SECRET").env_remove("TICKSTONE_URL");
    let output = command.args(words).envs(environment.iter().copied()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or(Value::String(text)), said)
}

#[test]
fn a_token_from_the_command_line_lets_its_player_in() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let server = keys.plan().start();
    let url = server.url();
    let admin = keys.of(Role::Admin);
    let environment = [("TICKSTONE_ADMIN_KEY", admin), ("TICKSTONE_URL", url.as_str())];
    let run = |words: &[&str]| {
        let (status, answer, said) = tickstone(words, &environment);
        assert_eq!(status, Some(0), "{words:?}: {said}");
        answer
    };
    run(&["match", "create", "arena", "--id", "m"]);
    let minted = run(&["token", "mint", "--match", "m", "--player", "ann", "--ttl", "20"]);
    assert_eq!((&minted["player"], &minted["expires_in_seconds"]), (&json!("ann"), &json!(20)));
    let token = minted["join_token"].as_str().unwrap().to_owned();
    let mut ann = Client::enter(&server, &with_token("m", token), Encoding::Json);
    let scores = run(&["match", "signal", "m", "scores"]);
    assert_eq!(scores["reply"]["scores"][0]["name"], "ann");
    run(&["match", "signal", "m", "announce", r#"{"text":"hello"}"#]);
    run(&["match", "kick", "m", "ann"]);
    ann.expect_end(4403);
    let (status, _, said) = tickstone(&["match", "list", "--url", &url], &[]);
    assert!(status == Some(1) && said.contains("credential_needed"), "{status:?} {said}");
    let read = keys.of(Role::Read);
    let words = ["token", "mint", "--match", "m", "--player", "ann", "--url", &url, "--admin-key", read];
    let (status, _, said) = tickstone(&words, &[]);
    assert!(status == Some(1) && said.contains("credential_refused"), "{status:?} {said}");
    assert!(!said.contains(read), "a key is not shown");
}

#[test]
fn keys_that_are_made_open_a_server() {
    let _turn = turn::shared();
    let (status, admin, said) = tickstone(&["key", "admin", "ops", "--roles", "create+read"], &[]);
    assert_eq!(status, Some(0), "{said}");
    let (_, signing, _) = tickstone(&["key", "token", "2026-a"], &[]);
    let line = |made: &Value, key: &str| made[key][0].as_str().expect("it is a line").to_owned();
    let mut plan = Plan::dev()
        .with("TICKSTONE_ADMIN_KEYS", &line(&admin, "admin_keys"))
        .with("TICKSTONE_TOKEN_KEYS", &line(&signing, "token_keys"));
    plan.arguments.clear();
    let server = plan.start();
    let key = admin["key"].as_str().expect("it is a key");
    server.http().with_secret(key).create("pong", "m");
    let (status, _, said) = tickstone(&["key", "admin", "ops", "--roles", "everything"], &[]);
    assert!(status == Some(2) && said.contains("roles"), "{status:?} {said}");
}
