//! TLS on both ports: certificates from files, and what happens when they change.

use std::path::Path;

use tickstone_shared::net::connect_error::ConnectError;
use tickstone_shared::net::socket::{Address, Socket};
use tickstone_shared::net::trust::Trust;
use tickstone_shared::net::websocket::{Buffers, Incoming};
use tickstone_shared::wire::decode::from_server;
use tickstone_shared::wire::encode::client_message;
use tickstone_shared::wire::message::{ClientMessage, ServerMessage};
use tickstone_shared::wire::parts::is_part;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::hello;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::wait::{self, PATIENCE};
use tickstone_tests::{raw, turn};

/// A certificate and its key in one file, and what it is pinned by: those that a dev server made.
fn certificate(into: &Path) -> Trust {
    let server = Server::dev();
    let pin = server.ready["quic_certificate_sha256"].as_str().expect("a dev server makes its own");
    let trust = Trust::pin(pin).unwrap();
    std::fs::copy(server.data().join("dev-certificate.pem"), into).unwrap();
    trust
}

/// A dev server with the match `p` whose both ports take their certificate from a file.
fn encrypted(file: &Path) -> Server {
    let plain = Plan::dev();
    let server = plain.start();
    server.http().create("pong", "p");
    let (status, plan) = server.drain();
    assert_eq!(status, Some(0));
    let file = file.to_str().unwrap();
    plan.with("TICKSTONE_TLS_CERT", file).with("TICKSTONE_TLS_KEY", file).start()
}

fn addresses(server: &Server, trust: &Trust) -> [Address; 2] {
    let url = format!("wss://{}/v1/matches/p/socket", server.addr());
    let (encoding, buffers, trust) = (Encoding::Msgpack, Buffers::default(), trust.clone());
    let quic = format!("quic://{}", server.ready["quic"].as_str().unwrap());
    [
        Address::WebSocket { url, encoding, buffers, trust: Some(trust.clone()) },
        Address::Quic { url: quic, trust },
    ]
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it took too long")
}

/// Joins, and sees ten states.
async fn play(socket: &mut Socket, player: &str) {
    let hello = client_message(&ClientMessage::Hello(hello("p", player)), Encoding::Msgpack);
    soon(socket.send(&hello)).await.unwrap();
    states(socket).await;
}

async fn states(socket: &mut Socket) {
    let mut states = 0;
    while states < 10 {
        let Incoming::Message(bytes) = soon(socket.receive()).await else { panic!("closed") };
        let is_state = |bytes| matches!(from_server(bytes, Encoding::Msgpack), Ok(ServerMessage::State(_)));
        states += usize::from(is_part(&bytes) || is_state(&bytes));
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn both_ports_take_new_certificates_and_keep_connections() {
    let _turn = turn::shared();
    let folder = tempfile::tempdir().unwrap();
    let [file, next] = ["now.pem", "next.pem"].map(|name| folder.path().join(name));
    let (old, new) = (certificate(&file), certificate(&next));
    let server = encrypted(&file);
    assert!(server.ready["quic_certificate_sha256"].is_null(), "known by its authority");
    run(async {
        let mut players = Vec::new();
        for (address, name) in addresses(&server, &old).iter().zip(["ann", "bob"]) {
            let mut socket = soon(Socket::connect(address)).await.unwrap();
            play(&mut socket, name).await;
            players.push(socket);
        }
        for address in addresses(&server, &new) {
            let refused = soon(Socket::connect(&address)).await.map(drop);
            assert!(matches!(refused, Err(ConnectError::Untrusted(_))), "{refused:?}");
        }
        std::fs::write(&file, "no certificate").unwrap();
        wait::until("the complaint", || server.log_text().contains("cannot be used").then_some(()));
        for address in addresses(&server, &old) {
            soon(Socket::connect(&address)).await.expect("the old one stays in use");
        }
        std::fs::copy(&next, &file).unwrap();
        wait::until("the new one", || server.log_text().contains("a new certificate").then_some(()));
        for address in addresses(&server, &new) {
            soon(Socket::connect(&address)).await.unwrap();
        }
        for socket in &mut players {
            states(socket).await;
        }
    });
}

#[test]
fn an_encrypted_port_does_not_speak_plainly() {
    use std::io::{Read as _, Write as _};
    let _turn = turn::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("now.pem");
    certificate(&file);
    let server = encrypted(&file);
    let mut tcp = raw::connect(server.addr());
    tcp.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // It ends with an alert, or is cut.
    let _ = tcp.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[test]
fn plain_off_loopback_does_not_start() {
    let _turn = turn::shared();
    let mut plan = Plan::dev();
    (plan.arguments, plan.listen) = (Vec::new(), "0.0.0.0:0".to_owned());
    let plan = plan.with("TICKSTONE_SECRET", "0123456789abcdef0123456789abcdef");
    let (status, said) = plan.refused();
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("tls_cert") && said.contains("behind_proxy"), "{said}");
    let server = plan.with("TICKSTONE_BEHIND_PROXY", "true").start();
    assert!(server.ready["quic"].is_null());
    let (status, said) = {
        let mut bare = Plan::dev();
        (bare.arguments, bare.quic) = (Vec::new(), Some("127.0.0.1:0".to_owned()));
        bare.with("TICKSTONE_SECRET", "0123456789abcdef0123456789abcdef").refused()
    };
    assert!(status == Some(2) && said.contains("quic") && said.contains("tls_cert"), "{status:?} {said}");
}
