//! Clients that go without a word: their seat is kept, and nobody is woken for it (reliability 4.2).

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::json;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, resume};
use tickstone_tests::server::Server;
use tickstone_tests::{raw, turn};

/// A client's text frame, masked with zeros.
fn text(payload: &str) -> Vec<u8> {
    let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126).expect("a short text");
    [&[0x81, 0x80 | length, 0, 0, 0, 0][..], payload.as_bytes()].concat()
}

/// A player over a bare socket, and their resume token.
fn joined(server: &Server, player: &str) -> (TcpStream, String) {
    let mut tcp = raw::connect(server.addr());
    let request = "GET /v1/matches/p/socket HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
        upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    tcp.write_all(request.as_bytes()).unwrap();
    let hello = json!({"t": "hello", "protocol": 1, "match_id": "p", "player": player});
    tcp.write_all(&text(&hello.to_string())).unwrap();
    let mut said = Vec::new();
    let token = b"\"resume_token\":\"";
    let at = loop {
        let mut byte = [0];
        tcp.read_exact(&mut byte).expect("the server goes on");
        said.extend(byte);
        let found = said.windows(token.len()).position(|window| window == token);
        if let Some(at) = found.filter(|at| said.len() >= at + token.len() + 32) {
            break at + token.len();
        }
    };
    let token = String::from_utf8(said[at..].to_vec()).unwrap();
    (tcp, token.split('"').next().unwrap().to_owned())
}

#[test]
fn a_seat_is_kept_through_a_fin_and_a_reset_and_nothing_is_logged() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let half_a_frame = &text("{\"t\":\"leave\"}")[..9];

    let (mut fin, token) = joined(&server, "ann");
    fin.write_all(half_a_frame).unwrap();
    fin.shutdown(Shutdown::Write).unwrap();
    server.http().until("p", "the FIN is seen", |found| found["connected"] == 0);
    let ann = Client::enter(&server, &resume("p", &token), Encoding::Json);
    assert_eq!(ann.welcome().player, "ann");

    let (mut reset, token) = joined(&server, "bob");
    reset.write_all(half_a_frame).unwrap();
    // What has not been read turns the close into a reset.
    drop(reset);
    server.http().until("p", "the reset is seen", |found| found["connected"] == 1);
    let bob = Client::enter(&server, &resume("p", &token), Encoding::Json);
    assert_eq!((bob.welcome().player.as_str(), bob.welcome().seat.0), ("bob", 1));

    let log = server.log_text();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}
