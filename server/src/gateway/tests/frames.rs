//! Frames that no decent client sends, over real sockets (reliability 4.2).

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::harness::{Client, PATIENCE, World, run, soon, world};
use crate::object::socket::SocketEvent;
use tickstone_shared::wire::version::Encoding;

/// A client's frame: masked with zeros, so that its payload is as written.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes(), reason].concat())
}

/// The codes of all close frames in what a server said.
fn close_codes(mut said: &[u8]) -> Vec<u16> {
    let mut codes = Vec::new();
    while let [first, length, rest @ ..] = said {
        let (length, rest) = match *length {
            126 => (usize::from(rest[0]) << 8 | usize::from(rest[1]), &rest[2..]),
            short => (usize::from(short), rest),
        };
        if *first == 0x88 {
            codes.push(u16::from_be_bytes([rest[0], rest[1]]));
        }
        said = &rest[length..];
    }
    codes
}

/// A player's bare socket.
async fn joined(world: &mut World) -> TcpStream {
    let (Client { websocket, .. }, _) = world.player("m", Encoding::Json).await;
    websocket.into_inner()
}

/// Sends bytes and reads to the end: the one close code that was said.
async fn ended_by(world: &mut World, bytes: &[u8]) -> u16 {
    let mut tcp = joined(world).await;
    // A server that has seen enough may have closed.
    let _ = tcp.write_all(bytes).await;
    let mut said = Vec::new();
    let _ = soon(tcp.read_to_end(&mut said)).await;
    assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
    let codes = close_codes(&said);
    assert_eq!(codes.len(), 1, "one close frame: {codes:?}");
    codes[0]
}

/// Waits until a refusal has been counted.
pub(super) async fn counted(world: &World, reason: &str) {
    let line = format!("tickstone_refused_total{{reason=\"{reason}\"}}");
    let found = async {
        while !world.metrics.text().contains(&line) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, found).await.is_ok(), "{reason}: {}", world.metrics.text());
}

#[test]
fn frames_against_the_protocol_are_1002() {
    let mut world = world(|_| {});
    run(async {
        let long_ping = [&[0x89, 0xfe, 0, 126, 0, 0, 0, 0][..], &[b'x'; 126]].concat();
        let unfinished = frame(0x01, b"{");
        for (what, bytes) in [
            ("unmasked", vec![0x81, 0x01, b'x']),
            ("the first reserved bit", frame(0xc1, b"{}")),
            ("the second reserved bit", frame(0xa1, b"{}")),
            ("the third reserved bit", frame(0x91, b"{}")),
            ("a reserved opcode of data", frame(0x83, b"")),
            ("a reserved opcode of control", frame(0x8b, b"")),
            ("a ping in two", frame(0x09, b"")),
            ("a close in two", frame(0x08, b"")),
            ("a ping of 126 bytes", long_ping),
            ("a continuation of nothing", frame(0x80, b"{}")),
            ("a new message inside another", [unfinished.clone(), frame(0x81, b"{}")].concat()),
            ("the same in bytes", [unfinished, frame(0x02, b"{}")].concat()),
            ("a close of one byte", frame(0x88, &[3])),
        ] {
            assert_eq!(ended_by(&mut world, &bytes).await, 1002, "{what}");
        }
        counted(&world, "close_1002").await;
    });
}

#[test]
fn close_codes_that_nobody_may_send_are_1002() {
    let mut world = world(|_| {});
    run(async {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            assert_eq!(ended_by(&mut world, &close_frame(code, b"")).await, 1002, "{code}");
        }
        counted(&world, "close_1002").await;
        for code in [1000, 1001, 1008, 1011, 3000, 3999, 4000, 4999] {
            assert_eq!(ended_by(&mut world, &close_frame(code, b"bye")).await, code, "as it was said");
        }
    });
}

#[test]
fn text_that_is_no_utf8_is_1007() {
    let mut world = world(|_| {});
    run(async {
        for (what, bytes) in [
            ("bytes of no character", frame(0x81, &[0xff, 0xfe])),
            ("a surrogate", frame(0x81, &[0xed, 0xa0, 0x80])),
            ("overlong", frame(0x81, &[0xc0, 0xaf])),
            ("cut in its last fragment", [frame(0x01, b"{"), frame(0x80, &[0xe2, 0x82])].concat()),
            ("the reason of a close", close_frame(1000, &[0xff])),
        ] {
            assert_eq!(ended_by(&mut world, &bytes).await, 1007, "{what}");
        }
        counted(&world, "close_1007").await;
    });
}

#[test]
fn messages_beyond_their_limit_are_1009() {
    let mut world = world(|_| {});
    run(async {
        let announced = |length: u64| {
            let mut head = vec![0x82, 0xff];
            head.extend_from_slice(&length.to_be_bytes());
            head.extend_from_slice(&[0; 4]);
            head
        };
        let fragments: Vec<u8> =
            [frame(0x01, &[b' '; 1024]), frame(0x00, &[b' '; 1024]).repeat(3), frame(0x80, b" ")].concat();
        for (what, bytes) in [
            ("one byte too many", frame(0x81, &[b' '; 4097])),
            ("fragments of one byte too many", fragments),
            ("2^40 bytes announced", announced(1 << 40)),
            ("2^63 - 1 bytes announced", announced((1 << 63) - 1)),
            ("more than is read after the close", frame(0x81, &[b' '; 60_000])),
        ] {
            assert_eq!(ended_by(&mut world, &bytes).await, 1009, "{what}");
        }
        counted(&world, "close_1009").await;
    });
}

#[test]
fn a_clean_close_is_echoed_and_the_server_closes() {
    let mut world = world(|settings| settings.linger = Duration::from_secs(10));
    run(async {
        let mut tcp = joined(&mut world).await;
        tcp.write_all(&close_frame(1000, b"")).await.unwrap();
        let mut echo = [0; 4];
        let reading = tokio::time::timeout(Duration::from_millis(250), tcp.read_exact(&mut echo));
        let in_time = reading.await.is_ok_and(|read| read.is_ok());
        assert_eq!((in_time, close_codes(&echo)), (true, vec![1000]));
        assert_eq!(soon(tcp.read(&mut [0; 9])).await.unwrap(), 0, "the server closes first");
        assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
    });
}

#[test]
fn bytes_on_a_text_route_are_4400() {
    let mut world = world(|_| {});
    run(async {
        assert_eq!(ended_by(&mut world, &frame(0x82, b"{}")).await, 4400);
        counted(&world, "close_4400").await;
    });
}

#[test]
fn a_message_that_does_not_end_is_4400_whatever_comes_between() {
    let mut world = world(|settings| settings.message_timeout = Duration::from_millis(300));
    run(async {
        for between in [frame(0x89, b""), frame(0x00, b""), Vec::new()] {
            let mut tcp = joined(&mut world).await;
            // The beginning of a message behind a whole one.
            let whole = frame(0x81, br#"{"t":"ping","nonce":1}"#);
            tcp.write_all(&[whole, frame(0x01, b"{")].concat()).await.unwrap();
            let (mut read, mut write) = tcp.into_split();
            let dribble = tokio::spawn(async move {
                while write.write_all(&between).await.is_ok() {
                    // Rare enough for every rate.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
            let mut said = Vec::new();
            let _ = soon(read.read_to_end(&mut said)).await;
            dribble.abort();
            assert_eq!(close_codes(&said).last(), Some(&4400));
            assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
        }
        counted(&world, "close_4400").await;
    });
}

#[test]
fn frames_are_counted_below_the_frame_reader() {
    let mut world = world(|_| {});
    run(async {
        // Two seconds are the most that these may fall into; 500 frames in one are too many.
        let fragments = [frame(0x01, b""), frame(0x00, b"").repeat(1_100)].concat();
        assert_eq!(ended_by(&mut world, &fragments).await, 4429, "empty fragments: 6.6 KB");
        assert_eq!(ended_by(&mut world, &frame(0x89, b"").repeat(100)).await, 4429, "pings");
        assert_eq!(ended_by(&mut world, &frame(0x8a, b"").repeat(100)).await, 4429, "pongs");
        counted(&world, "close_4429").await;
    });
}

#[test]
fn what_comes_with_the_request_is_counted_too() {
    let world = world(|_| {});
    run(async {
        let mut tcp = TcpStream::connect(world.addr()).await.unwrap();
        let mut bytes = upgrade("", "m").into_bytes();
        bytes.extend(frame(0x01, b""));
        bytes.extend(frame(0x00, b"").repeat(2_000));
        let _ = tcp.write_all(&bytes).await;
        let mut said = Vec::new();
        let _ = soon(tcp.read_to_end(&mut said)).await;
        let head = said.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        assert_eq!(close_codes(&said[head + 4..]), [4429]);
    });
}

#[test]
fn a_client_that_vanishes_in_the_middle_is_told_to_the_object() {
    let mut world = world(|_| {});
    run(async {
        for cut in [&[0x81][..], &[0x81, 0x85, 0, 0, 0, 0, b'{'], &[0x01, 0x81, 0, 0, 0, 0, b'{']] {
            let mut tcp = joined(&mut world).await;
            tcp.write_all(cut).await.unwrap();
            tcp.set_zero_linger().unwrap();
            drop(tcp);
            assert!(matches!(world.event().await, SocketEvent::Closed { .. }), "a reset");
            let mut tcp = joined(&mut world).await;
            tcp.write_all(cut).await.unwrap();
            tcp.shutdown().await.unwrap();
            assert!(matches!(world.event().await, SocketEvent::Closed { .. }), "a FIN");
        }
    });
}

/// The request that becomes a WebSocket, with more headers.
pub(super) fn upgrade(headers: &str, match_id: &str) -> String {
    format!(
        "GET /v1/matches/{match_id}/socket HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

#[test]
fn data_of_messages_arrives_without_what_turns_text() {
    let mut world = world(|_| {});
    run(async {
        let mut tcp = joined(&mut world).await;
        let message = json!({"t": "message", "data": {"say": "a\u{202e}b\u{1b}[31m", "no\u{0}": 1}});
        tcp.write_all(&frame(0x81, message.to_string().as_bytes())).await.unwrap();
        let SocketEvent::Message { data, .. } = world.event().await else { panic!("a message") };
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&data).unwrap(),
            json!({"say": "ab[31m", "no": 1})
        );
    });
}
