//! Locks.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{turn, wait};

use super::readme;

fn path(method: &str) -> String {
    format!("/v1/objects/lock/gate/call/{method}")
}

/// How the lock is.
fn look(server: &Server) -> Value {
    server.http().post(&path("get"), &json!({})).expect(200)
}

/// Asks for the lock on a connection of its own, which waits.
fn waits(server: &Server) -> TcpStream {
    let mut client = TcpStream::connect(server.addr()).unwrap();
    let (path, body) = (path("acquire"), r#"{"wait_seconds":25}"#);
    let head = "host: localhost\r\ncontent-type: application/json";
    write!(client, "POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    client
}

#[test]
fn a_lock_is_asked_as_the_readme_has_it_and_skips_who_hangs_up() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "lock");
    let lease = server.http().post(&path("acquire"), &json!({ "seconds": 3600 })).expect(200);
    server.http().post(&path("acquire"), &json!({})).expect_problem(409, "held");
    server.http().post(&path("acquire"), &json!({ "seconds": 0 })).expect_problem(422, "invalid");
    server.http().post(&path("renew"), &json!({ "token": 7 })).expect_problem(409, "not_held");
    let waiting = |count: u64| wait::until("who waits", || (look(&server)["waiting"] == count).then_some(()));
    let client = waits(&server);
    waiting(1);
    drop(client);
    waiting(0);
    let server = server.kill().start();
    let after = look(&server);
    assert_eq!((&after["holder"], &after["token"]), (&lease["holder"], &json!(1)), "a lease outlives a kill");
    server.http().post(&path("release"), &json!({ "token": 1 })).expect(200);
    assert_eq!(server.http().post(&path("acquire"), &json!({})).expect(200)["token"], 2);
}
