//! Requests that no decent client sends, over real sockets (reliability 4.1).

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::harness::{PATIENCE, World, run, soon, world};

const JSON: &str = "content-type: application/json\r\n";
/// What a smuggler hides behind a request.
const HIDDEN: &str = "GET /v1/classes HTTP/1.1\r\nhost: a\r\n\r\n";

/// Everything the server says to these bytes until it closes.
pub(super) async fn said(world: &World, bytes: &[u8]) -> String {
    let (mut read, mut write) = TcpStream::connect(world.addr()).await.unwrap().into_split();
    let bytes = bytes.to_vec();
    // A server that has refused may have closed before it took everything.
    let writing = tokio::spawn(async move {
        let _ = write.write_all(&bytes).await;
        write
    });
    let mut answer = Vec::new();
    let _ = soon(read.read_to_end(&mut answer)).await;
    drop(soon(writing).await);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The statuses of all answers.
fn statuses(said: &str) -> Vec<u16> {
    let heads = said.split("HTTP/1.").skip(1);
    heads.map(|head| head.get(2..5).and_then(|status| status.parse().ok()).unwrap_or(0)).collect()
}

async fn one_status(world: &World, request: &str) -> u16 {
    let said = said(world, request.as_bytes()).await;
    let statuses = statuses(&said);
    assert_eq!(statuses.len(), 1, "one answer to {:?}: {said}", &request[..request.len().min(99)]);
    statuses[0]
}

/// Waits until a refusal has been counted.
async fn counted(world: &World, reason: &str, times: u64) {
    let line = format!("tickstone_refused_total{{reason=\"{reason}\"}} ");
    let value = |text: String| Some(text.lines().find_map(|l| l.strip_prefix(&line))?.parse().unwrap());
    let many = async {
        while value(world.metrics.text()).unwrap_or(0) < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, many).await.is_ok(), "{reason}: {}", world.metrics.text());
}

#[test]
fn heads_that_do_not_arrive_are_cut() {
    let world = world(|settings| settings.header_timeout = Duration::from_millis(150));
    run(async {
        assert_eq!(said(&world, b"").await, "", "nothing after connecting");
        let mut dribble = TcpStream::connect(world.addr()).await.unwrap();
        let mut cut = false;
        for _ in 0..400 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if dribble.write_all(b"x").await.is_err() {
                cut = true;
                break;
            }
        }
        assert!(cut, "a head of one byte every 10 ms goes on for ever");
        let idle = said(&world, b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(statuses(&idle), [200], "and closed, without another request");
        counted(&world, "no_request_in_time", 2).await;
    });
}

#[test]
fn heads_beyond_their_limit_are_431() {
    let world = world(|_| {});
    run(async {
        let many: String = (0..101).map(|number| format!("x-{number}: 1\r\n")).collect();
        let long = format!("x: {}\r\n", "y".repeat(16 * 1024));
        for headers in [&many, &long] {
            let request = format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{headers}\r\n{HIDDEN}");
            assert_eq!(statuses(&said(&world, request.as_bytes()).await), [431]);
        }
        counted(&world, "head_too_big", 2).await;
    });
}

#[test]
fn targets_by_their_form() {
    let world = world(|_| {});
    run(async {
        let long = format!("/{}", "a".repeat(8 * 1024));
        for (target, status) in [
            (&*long, 414),
            ("http://evil.example/healthz", 400),
            ("/../../etc/passwd", 404),
            ("/..%2f..%2fetc/passwd", 404),
            ("//etc/passwd", 404),
            ("/%c0%ae%c0%ae/etc/passwd", 404),
            ("/v1/matches/%c0%af", 404),
            ("/healthz/", 404),
            ("/HEALTHZ", 404),
        ] {
            let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            assert_eq!(one_status(&world, &request).await, status, "{}", &target[..target.len().min(60)]);
        }
        let connect = "CONNECT evil.example:80 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        assert_eq!(one_status(&world, connect).await, 400);
        counted(&world, "uri_too_long", 1).await;
        counted(&world, "bad_target", 2).await;
    });
}

#[test]
fn hosts_by_their_form() {
    let world = world(|_| {});
    run(async {
        for (hosts, status) in [
            ("host: unknown.example\r\n", 200),
            ("", 400),
            ("host: a\r\nhost: b\r\n", 400),
            ("host: a/b\r\n", 400),
            ("host: user@a\r\n", 400),
        ] {
            let request = format!("GET /healthz HTTP/1.1\r\n{hosts}connection: close\r\n\r\n");
            assert_eq!(one_status(&world, &request).await, status, "{hosts}");
        }
        assert_eq!(one_status(&world, "GET /healthz HTTP/1.0\r\n\r\n").await, 200);
        counted(&world, "bad_host", 4).await;
    });
}

#[test]
fn what_is_no_request_is_400_and_closed() {
    let world = world(|_| {});
    run(async {
        let requests = [
            "garbage\r\n\r\n",
            "G@T / HTTP/1.1\r\nhost: a\r\n\r\n",
            "GET / HTTP/9.9\r\nhost: a\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / HTTP/1.1\rhost: a\r\r",
            "GET / HTTP/1.1\r\nhost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\n x: folded\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n",
            "GET /\u{1} HTTP/1.1\r\nhost: a\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03",
        ];
        for request in requests {
            let answer = said(&world, format!("{request}{HIDDEN}").as_bytes()).await;
            assert!(matches!(statuses(&answer)[..], [400] | []), "{request:?}: {answer}");
        }
        counted(&world, "bad_request", requests.len() as u64 - 1).await;
    });
}

#[test]
fn nothing_behind_a_smuggled_length_is_a_request() {
    let world = world(|_| {});
    run(async {
        let refused = |headers: &str, body: &str| {
            format!("POST /v1/matches HTTP/1.1\r\nhost: a\r\n{JSON}{headers}\r\n{body}{HIDDEN}")
        };
        for (headers, body) in [
            ("content-length: 3\r\ncontent-length: 4\r\n", "{}\n"),
            ("content-length: +2\r\n", "{}"),
            ("content-length: 2, 2\r\n", "{}"),
            ("content-length: -2\r\n", "{}"),
            ("transfer-encoding: identity\r\n", "{}"),
            ("transfer-encoding: chunked, gzip\r\n", "2\r\n{}\r\n0\r\n\r\n"),
            ("transfer-encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
            ("transfer-encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n"),
            ("transfer-encoding: chunked\r\n", "2\r\n{}x\r\n0\r\n\r\n"),
            ("transfer-encoding: chunked\r\n", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
        ] {
            let said = said(&world, refused(headers, body).as_bytes()).await;
            assert_eq!(statuses(&said), [400], "{headers:?} {body:?}: {said}");
        }
        // Both lengths: the chunks count, and what follows them is never read.
        for headers in [
            "content-length: 2\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: chunked\r\ncontent-length: 2\r\n",
        ] {
            let said = said(&world, refused(headers, "2\r\n{}\r\n0\r\n\r\n").as_bytes()).await;
            assert_eq!(statuses(&said), [422], "{headers}: {said}");
        }
        let old =
            format!("POST /v1/matches HTTP/1.0\r\ntransfer-encoding: chunked\r\n{JSON}\r\n0\r\n\r\n{HIDDEN}");
        assert_eq!(statuses(&said(&world, old.as_bytes()).await), [400]);
    });
}

#[test]
fn bodies_beyond_their_limit_are_not_read() {
    let world = world(|settings| settings.body_timeout = Duration::from_millis(300));
    run(async {
        let head = format!("POST /v1/matches HTTP/1.1\r\nhost: a\r\n{JSON}");
        let declared = format!("{head}content-length: 99999999999\r\n\r\n{{");
        assert_eq!(statuses(&said(&world, declared.as_bytes()).await), [413]);
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).repeat(40);
        let streamed = format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}");
        assert_eq!(statuses(&said(&world, streamed.as_bytes()).await), [413]);
        let slow = format!("{head}content-length: 10\r\n\r\n{{");
        assert_eq!(statuses(&said(&world, slow.as_bytes()).await), [408], "and closed");
        counted(&world, "body_too_big", 2).await;
        counted(&world, "body_too_slow", 1).await;
    });
}

#[test]
fn json_that_parsers_read_differently_is_400() {
    let world = world(|_| {});
    run(async {
        let deep = format!("{{\"options\":{}1{}}}", "[".repeat(40), "]".repeat(40));
        for body in [
            r#"{"game":"fake","game":"fake"}"#,
            r#"{"game":"fake","options":{"a":1,"a":2}}"#,
            r#"{"game":"fa\u0000ke"}"#,
            r#"{"game":"\ud800"}"#,
            r#"{"game":"fake","options":{"a":1e999}}"#,
            &deep,
            "{",
            "",
        ] {
            let request = format!(
                "POST /v1/matches HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{JSON}content-length: {}\r\n\r\n{body}",
                body.len()
            );
            assert_eq!(one_status(&world, &request).await, 400, "{body}");
        }
        assert!(world.calls().is_empty(), "nothing was created");
        counted(&world, "malformed_json", 8).await;
    });
}

#[test]
fn answers_that_are_not_wanted_are_406() {
    let world = world(|_| {});
    run(async {
        let ask = async |path: &str, accept: &str| {
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\naccept: {accept}\r\n\r\n");
            one_status(&world, &request).await
        };
        assert_eq!(ask("/v1/classes", "text/csv").await, 406);
        assert_eq!(ask("/v1/classes", "text/html, */*;q=0.8").await, 200);
        assert_eq!(ask("/", "text/html").await, 200, "a page is no JSON");
        counted(&world, "not_acceptable", 1).await;
    });
}

#[test]
fn a_preflight_of_a_foreign_page_allows_nothing() {
    let world = world(|_| {});
    run(async {
        let preflight = "OPTIONS /v1/matches HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
            origin: https://evil.example\r\naccess-control-request-method: POST\r\n\
            access-control-request-headers: content-type\r\n\r\n";
        let said = said(&world, preflight.as_bytes()).await.to_ascii_lowercase();
        assert!(!said.contains("access-control-allow"), "{said}");
        assert_eq!(statuses(&said.to_ascii_uppercase()), [405]);
    });
}

#[test]
fn two_thousand_pipelined_requests_are_answered_one_after_another() {
    let world = world(|_| {});
    run(async {
        let one = "GET /v1/classes HTTP/1.1\r\nhost: a\r\n\r\n";
        let last = "GET /v1/classes HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let said = said(&world, format!("{}{last}", one.repeat(1_999)).as_bytes()).await;
        let statuses = statuses(&said);
        assert_eq!((statuses.len(), statuses.iter().all(|status| *status == 200)), (2_000, true));
    });
}

#[test]
fn who_asks_and_never_reads_is_reset() {
    let world = world(|settings| {
        settings.connections_max = 1;
        settings.takes_nothing_after = Duration::from_millis(300);
        settings.send_buffer_bytes = Some(4096);
    });
    run(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut tcp = socket.connect(world.addr()).await.unwrap();
        let asking = "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n".repeat(200);
        tcp.write_all(asking.as_bytes()).await.unwrap();
        let place = async {
            while !said(&world, b"GET /healthz HTTP/1.0\r\n\r\n").await.contains(" 200 ") {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        soon(place).await;
        assert!(tcp.read(&mut [0; 64]).await.is_ok_and(|read| read > 0), "what had arrived before");
    });
}

/// A connection that comes from another address of this machine, which is not exempt.
async fn from(world: &World, address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    socket.connect(world.addr()).await.unwrap()
}

async fn asked(mut tcp: TcpStream) -> String {
    let _ = tcp.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = soon(tcp.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).to_ascii_lowercase()
}

#[test]
fn an_address_with_too_many_connections_is_429() {
    let world = world(|settings| settings.connections_per_address = 2);
    run(async {
        let mut held = Vec::new();
        while !world.metrics.text().contains(r#"tickstone_refused_total{reason="address_full"}"#) {
            held.push(from(&world, "127.0.0.7").await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let refused = asked(from(&world, "127.0.0.7").await).await;
        assert!(refused.starts_with("http/1.1 429") && refused.contains("retry-after: 1"), "{refused}");
        counted(&world, "address_full", 1).await;
        assert!(asked(from(&world, "127.0.0.8").await).await.starts_with("http/1.1 200"), "another one");
        let here: Vec<_> = (0..50).map(|_| TcpStream::connect(world.addr())).collect();
        for tcp in here {
            assert!(asked(tcp.await.unwrap()).await.starts_with("http/1.1 200"), "this machine is exempt");
        }
    });
}

#[test]
fn an_address_that_comes_or_asks_too_often_is_429() {
    let world = world(|settings| settings.connections_per_address = 8);
    run(async {
        // 4 handshakes in a second: among 30 at once some are refused, whichever second it is.
        let mut refused = 0;
        for _ in 0..30 {
            let answer = asked(from(&world, "127.0.0.9").await).await;
            refused += u64::from(answer.starts_with("http/1.1 429") && answer.contains("retry-after: 1"));
        }
        assert!(refused >= 10, "{refused}");
        counted(&world, "address_rate", refused).await;
        // 16 requests in a second, on one connection.
        let mut tcp = from(&world, "127.0.0.10").await;
        let one = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n".repeat(99);
        tcp.write_all(one.as_bytes()).await.unwrap();
        let answer = asked(tcp).await;
        let statuses = statuses(&answer.to_ascii_uppercase());
        assert_eq!(statuses.len(), 100);
        assert!(statuses.iter().filter(|status| **status == 429).count() >= 60, "{statuses:?}");
    });
}
