//! What must not be seen is in no log, however much is logged, and in no file.

use serde_json::json;
use tickstone_server::access::admin::Role;
use tickstone_shared::wire::message::ClientMessage;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, resume};
use tickstone_tests::turn;

use super::keys::{Keys, with_token};

#[test]
fn no_token_and_no_key_is_in_a_log() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let server = keys.plan().with("TICKSTONE_LOG", "trace").start();
    let mut secrets = keys.secrets();
    keys.http(&server, Role::Create).create("arena", "m");
    let said = keys.seat(&server, "m", "ann");
    secrets.extend(said.token.clone());
    let ann = Client::enter(&server, &said, Encoding::Json);
    secrets.push(ann.token().to_owned());
    let back = Client::enter(&server, &resume("m", ann.token()), Encoding::Msgpack);
    secrets.push(back.token().to_owned());
    let query = keys.seat(&server, "m", "bob").token.expect("it has one");
    let mut bob =
        Client::connect_path(&server, &format!("/v1/matches/m/socket?token={query}"), Encoding::Json);
    bob.send(&ClientMessage::Hello(tickstone_tests::client::hello("m", "bob")));
    bob.state();
    secrets.push(query.clone());
    // Refused ones are secrets, too: they may be good elsewhere.
    Client::refused(&server, &with_token("m", query)).expect(4401);
    Client::refused(&server, &with_token("m", "a-token-of-somebody-else".to_owned())).expect(4401);
    Client::refused(&server, &resume("m", "a-resume-token-of-somebody-else")).expect(4003);
    server
        .http()
        .with_secret("a-key-of-somebody-else")
        .get("/v1/matches")
        .expect_problem(401, "credential_needed");
    secrets.extend(
        ["a-token-of-somebody-else", "a-resume-token-of-somebody-else", "a-key-of-somebody-else"]
            .map(str::to_owned),
    );
    keys.http(&server, Role::Kick).post("/v1/matches/m/kick", &json!({ "player": "bob" })).expect(200);
    let server = server.kill().start();
    let again = Client::enter(&server, &resume("m", back.token()), Encoding::Json);
    secrets.push(again.token().to_owned());
    server.terminate();
    let mut server = server;
    server.wait_end("SIGTERM");
    let log = server.log_text();
    assert!(log.contains("draining") && log.contains("asked"), "there is a log, and an audit in it");
    assert!(log.contains("DEBUG") && log.contains("a client says hello"), "more than usual is logged");
    // Bytes may be logged as digits.
    let digits: Vec<String> =
        secrets.iter().map(|text| text.bytes().map(|byte| format!("{byte:02x}")).collect()).collect();
    for secret in secrets.iter().chain(&digits) {
        assert!(!log.contains(secret.as_str()), "{secret} is in a log");
    }
    let stored =
        std::fs::read_dir(server.data()).unwrap().flat_map(|entry| std::fs::read(entry.unwrap().path()));
    let stored: Vec<Vec<u8>> = stored.collect();
    assert!(!stored.is_empty());
    for secret in &secrets {
        let found =
            stored.iter().any(|file| file.windows(secret.len()).any(|part| part == secret.as_bytes()));
        assert!(!found, "{secret} is in a file");
    }
}
