//! What no decent client would send (reliability 4.1 and 4.2), over raw sockets.

use tickstone_tests::raw::{exchange, request};
use tickstone_tests::server::Server;
use tickstone_tests::turn;

const END: &str = "host: x\r\nconnection: close\r\n\r\n";

#[test]
fn requests_by_their_status() {
    let _turn = turn::shared();
    let server = Server::dev();
    let long = "a".repeat(70_000);
    let headers: String = (0..101).map(|number| format!("x-{number}: 1\r\n")).collect();
    let json = "content-type: application/json\r\n";
    let huge = format!("POST /v1/matches HTTP/1.1\r\ncontent-length: 99999999\r\n{json}{END}");
    let both = "content-length: 3\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n";
    for (text, allowed) in [
        ("garbage\r\n\r\n".to_owned(), &[400][..]),
        (format!("GET /nowhere HTTP/1.1\r\n{END}"), &[404]),
        (format!("PUT /v1/matches HTTP/1.1\r\n{END}"), &[405]),
        (format!("GET /{long} HTTP/1.1\r\n{END}"), &[414, 431]),
        (format!("GET /healthz HTTP/1.1\r\n{headers}{END}"), &[431]),
        (format!("GET /healthz HTTP/1.1\r\nx: {long}\r\n{END}"), &[431]),
        (format!("GET /../../etc/passwd HTTP/1.1\r\n{END}"), &[400, 404]),
        (format!("GET /..%2f..%2fetc/passwd HTTP/1.1\r\n{END}"), &[400, 404]),
        (format!("GET //etc/passwd HTTP/1.1\r\n{END}"), &[400, 404]),
        (format!("GET /v1/matches/%ff%fe HTTP/1.1\r\n{END}"), &[400, 404]),
        (format!("GET /v1/matches/a%00b HTTP/1.1\r\n{END}"), &[404]),
        (format!("GET /healthz HTTP/9.9\r\n{END}"), &[400, 505]),
        (format!("POST /v1/matches HTTP/1.1\r\n{both}{END}0\r\n\r\n"), &[400]),
        (huge, &[413]),
    ] {
        let (status, answer) = request(server.addr(), &text);
        let shown = &text[..text.len().min(80)];
        assert!(allowed.contains(&status), "{shown:?}: {status}, expected {allowed:?}: {answer}");
        assert!(!answer.contains("root:"), "a file: {answer}");
    }
    server.http().get("/healthz").expect(200);
}

#[test]
fn a_wrong_method_names_the_right_ones() {
    let _turn = turn::shared();
    let server = Server::dev();
    let (status, answer) = request(server.addr(), &format!("PATCH /v1/matches HTTP/1.1\r\n{END}"));
    let answer = answer.to_ascii_lowercase();
    assert!(status == 405 && answer.contains("allow: ") && answer.contains("post"), "{answer}");
}

#[test]
fn unknown_and_impossible_matches_answer_alike() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    let long = format!("/v1/matches/{}", "x".repeat(129));
    let unknown = http.get("/v1/matches/nowhere");
    for path in ["/v1/matches/a%20b", &long, "/v1/matches/%E2%80%AE"] {
        assert_eq!(http.get(path), unknown, "{path}");
    }
    assert_eq!(http.delete("/v1/matches/a%20b"), http.delete("/v1/matches/nowhere"));
}

fn post(body: &str) -> String {
    let head = "POST /v1/matches HTTP/1.1\r\ncontent-type: application/json\r\n";
    format!("{head}content-length: {}\r\n{END}{body}", body.len())
}

#[test]
fn bodies_that_are_not_json() {
    let _turn = turn::shared();
    let server = Server::dev();
    let deep = format!(r#"{{"game":"arena","options":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    for (body, allowed) in [
        ("", &[400][..]),
        ("{", &[400]),
        ("{\"game\":\"arena\"}x", &[400]),
        ("{\"game\":\"\u{1}\"}", &[400]),
        (r#"{"game":"\ud800"}"#, &[400]),
        (r#"{"game":1e999}"#, &[400]),
        (&deep, &[400]),
        (r#"{"game":"pong","label":{"a":1e400}}"#, &[400]),
    ] {
        let (status, answer) = request(server.addr(), &post(body));
        assert!(allowed.contains(&status), "{:?}: {answer}", &body[..body.len().min(60)]);
    }
    assert_eq!(server.http().get("/v1/matches").expect(200)["matches"].as_array().unwrap().len(), 0);
}

fn upgrade(headers: &str) -> String {
    format!(
        "GET /v1/matches/p/socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

#[test]
fn upgrades_that_are_refused() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let (status, answer) = request(server.addr(), &upgrade("sec-websocket-version: 12\r\n"));
    assert!(status == 426 && answer.to_ascii_lowercase().contains("sec-websocket-version: 13"), "{answer}");
    let foreign = "sec-websocket-version: 13\r\norigin: http://evil.example\r\n";
    assert_eq!(request(server.addr(), &upgrade(foreign)).0, 403);
    let (status, _) = request(server.addr(), &format!("GET /v1/matches/p/socket HTTP/1.1\r\n{END}"));
    assert_eq!(status, 426, "a socket route without Upgrade");
}

/// The close code after an upgrade and these bytes.
fn close_after(server: &Server, bytes: &[u8]) -> u16 {
    let mut sent = upgrade("sec-websocket-version: 13\r\n").into_bytes();
    sent.extend_from_slice(bytes);
    let answer = exchange(server.addr(), &sent);
    let close = answer.windows(2).rposition(|pair| pair[0] == 0x88 && pair[1] >= 2);
    let close = close.unwrap_or_else(|| panic!("no close: {}", String::from_utf8_lossy(&answer)));
    u16::from_be_bytes([answer[close + 2], answer[close + 3]])
}

#[test]
fn frames_by_their_close_code() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let endless = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    for (what, bytes, code) in [
        ("unmasked", &[0x81, 0x01, b'x'][..], 1002),
        ("a reserved bit", &[0xc1, 0x80, 0, 0, 0, 0], 1002),
        ("a reserved opcode", &[0x83, 0x80, 0, 0, 0, 0], 1002),
        ("a continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0], 1002),
        ("a fragmented ping", &[0x09, 0x80, 0, 0, 0, 0], 1002),
        ("no UTF-8", &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe], 1007),
        ("2^63 bytes announced", &endless, 1009),
        ("an empty hello", &[0x81, 0x80, 0, 0, 0, 0], 4400),
        ("a close of one byte", &[0x88, 0x81, 0, 0, 0, 0, 3], 1002),
    ] {
        assert_eq!(close_after(&server, bytes), code, "{what}");
    }
    assert_eq!(server.http().inspect("p")["players"], 0);
}
