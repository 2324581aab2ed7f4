//! Who may open sockets, from where, and how many (reliability P56, P57), over real sockets.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::frames::{counted, frame, upgrade};
use super::harness::{World, run, soon, world};
use crate::object::socket::SocketEvent;

/// The status of an upgrade from an address, its socket, and its head.
async fn upgraded(world: &World, from: &str, headers: &str) -> (u16, String, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from.parse::<std::net::Ipv4Addr>().unwrap(), 0).into()).unwrap();
    let mut tcp = socket.connect(world.addr()).await.unwrap();
    tcp.write_all(upgrade(headers, "m").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(tcp.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    (head[9..12].parse().unwrap(), head, tcp)
}

#[test]
fn strangers_of_one_address_are_8() {
    let world = world(|_| {});
    run(async {
        let mut strangers = Vec::new();
        for _ in 0..8 {
            let (status, head, tcp) = upgraded(&world, "127.0.0.3", "").await;
            assert_eq!(status, 101, "{head}");
            strangers.push(tcp);
        }
        let (status, head, _) = upgraded(&world, "127.0.0.3", "").await;
        assert!(status == 429 && head.contains("retry-after: 1"), "{head}");
        assert_eq!(upgraded(&world, "127.0.0.4", "").await.0, 101, "another address");
        counted(&world, "address_full").await;
        // One of them says hello: it is a stranger no more, and another one may come.
        let hello = json!({"t": "hello", "protocol": 1, "match_id": "m", "player": "ann"});
        strangers[0].write_all(&frame(0x81, hello.to_string().as_bytes())).await.unwrap();
        assert!(soon(strangers[0].read_u8()).await.is_ok(), "the welcome");
        assert_eq!(upgraded(&world, "127.0.0.3", "").await.0, 101);
    });
}

#[test]
fn a_player_is_a_connection_of_the_address_to_the_end() {
    let mut world = world(|settings| settings.connections_per_address = 2);
    run(async {
        let hello = json!({"t": "hello", "protocol": 1, "match_id": "m", "player": "ann"}).to_string();
        let (_, _, mut player) = upgraded(&world, "127.0.0.5", "").await;
        player.write_all(&frame(0x81, hello.as_bytes())).await.unwrap();
        assert!(matches!(world.event().await, SocketEvent::Opened { .. }));
        let full = |world: &World| world.metrics.text().contains("reason=\"address_full\"");
        let mut held = Vec::new();
        while !full(&world) {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.5:0".parse().unwrap()).unwrap();
            held.push(socket.connect(world.addr()).await.unwrap());
            assert!(held.len() < 1_000, "more than one beside the player");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let closed = async |tcp: &mut TcpStream| {
            // Said or not: the server has ended it.
            let _ = tcp.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
            let mut answer = Vec::new();
            let _ = tokio::time::timeout(Duration::from_millis(200), tcp.read_to_end(&mut answer)).await;
            !answer.starts_with(b"HTTP/1.1 200")
        };
        let mut let_in = 0;
        for tcp in &mut held {
            let_in += usize::from(!closed(tcp).await);
        }
        assert_eq!(let_in, 1, "one beside the player");
    });
}

#[test]
fn strangers_in_all_are_512_and_then_it_is_503_before_the_upgrade() {
    let world = world(|settings| settings.hello_timeout = Duration::from_secs(60));
    run(async {
        let mut strangers = Vec::new();
        for _ in 0..512 {
            let (status, head, tcp) = upgraded(&world, "127.0.0.1", "").await;
            assert_eq!(status, 101, "{head}");
            strangers.push(tcp);
        }
        let (status, head, _) = upgraded(&world, "127.0.0.1", "").await;
        assert!(status == 503 && head.contains("retry-after: 1"), "{head}");
        counted(&world, "strangers_full").await;
        drop(strangers);
        let room = async {
            while upgraded(&world, "127.0.0.1", "").await.0 != 101 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon(room).await;
    });
}

#[test]
fn a_foreign_page_is_403_and_no_page_is_let_in() {
    let world = world(|_| {});
    run(async {
        for (origin, status) in [
            ("", 101),
            ("origin: http://localhost:3000\r\n", 101),
            ("origin: null\r\n", 403),
            ("origin: https://evil.example\r\n", 403),
            ("origin: http://127.0.0.1.evil.example\r\n", 403),
        ] {
            assert_eq!(upgraded(&world, "127.0.0.1", origin).await.0, status, "{origin}");
        }
        counted(&world, "foreign_origin").await;
    });
}

#[test]
fn an_upgrade_with_the_wrong_method_is_405() {
    let world = world(|_| {});
    run(async {
        for method in ["POST", "PUT", "HEAD"] {
            let request =
                upgrade("content-length: 0\r\nconnection: close\r\n", "m").replacen("GET", method, 1);
            let mut tcp = TcpStream::connect(world.addr()).await.unwrap();
            tcp.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let _ = soon(tcp.read_to_end(&mut answer)).await;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(answer.starts_with("HTTP/1.1 405"), "{method}: {answer}");
        }
        counted(&world, "method_not_allowed").await;
    });
}

#[test]
fn upgrades_that_are_none_are_counted() {
    let world = world(|_| {});
    run(async {
        for (right, wrong, reason) in [
            ("upgrade: websocket\r\n", "", "upgrade_required"),
            ("version: 13", "version: 8", "websocket_version"),
            ("dGhlIHNhbXBsZSBub25jZQ==", "short", "websocket_key"),
        ] {
            let mut tcp = TcpStream::connect(world.addr()).await.unwrap();
            tcp.write_all(upgrade("", "m").replacen(right, wrong, 1).as_bytes()).await.unwrap();
            counted(&world, reason).await;
        }
    });
}
