//! The routes, by status and code.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::harness::{SECRET, World, guarded, run, soon, world};

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
    fn code(&self) -> (u16, String) {
        assert!(self.head.contains("application/problem+json"), "{}", self.head);
        (self.status, self.json()["code"].as_str().unwrap().to_owned())
    }
}

async fn raw(world: &World, request: &str) -> Answer {
    let mut tcp = TcpStream::connect(world.addr()).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is an end as well.
    let _ = soon(tcp.read_to_end(&mut answer)).await;
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

async fn ask(world: &World, line: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let text = format!(
        "{line} HTTP/1.1\r\nhost: game.example\r\nconnection: close\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    );
    raw(world, &text).await
}

async fn get(world: &World, path: &str) -> Answer {
    ask(world, &format!("GET {path}"), "", "").await
}

async fn create(world: &World, body: &str) -> Answer {
    ask(world, "POST /v1/matches", "content-type: application/json\r\n", body).await
}

#[test]
fn creating_a_match() {
    let world = world(|_| {});
    run(async {
        let made = create(&world, r#"{"game":"fake","id":"one","label":{"a":1}}"#).await;
        assert_eq!(made.status, 201);
        let entry = made.json();
        assert_eq!(entry["match_id"], "one");
        assert_eq!(entry["ws_url"], "ws://game.example/v1/matches/one/socket");
        assert!(
            entry["quic_url"].is_null()
                && entry.get("join_token").is_some()
                && entry.get("created").is_none()
        );
        assert_eq!(world.calls()[0].2, json!({"game": "fake", "label": {"a": 1}}));
        assert_eq!(create(&world, r#"{"game":"fake","id":"again"}"#).await.status, 200);
        assert_eq!(
            create(&world, r#"{"game":"fake","id":"taken"}"#).await.code(),
            (409, "exists".to_owned())
        );
        let generated = create(&world, r#"{"game":"fake"}"#).await.json();
        assert_eq!(generated["match_id"].as_str().unwrap().len(), 26);
    });
}

#[test]
fn bodies_that_are_refused() {
    let world = world(|settings| settings.body_timeout = Duration::from_millis(200));
    run(async {
        assert_eq!(create(&world, "{").await.code(), (400, "malformed_json".to_owned()));
        assert_eq!(create(&world, "[1]").await.code(), (422, "invalid_body".to_owned()));
        let deep = format!("{{\"game\":{}1{}}}", "[".repeat(40), "]".repeat(40));
        assert_eq!(create(&world, &deep).await.code(), (400, "malformed_json".to_owned()));
        for body in [
            r#"{"gamee":"fake"}"#,
            r#"{"game":7}"#,
            r#"{}"#,
            r#"{"game":"fake","id":"a/b"}"#,
            r#"{"game":"fake","durability":"maybe"}"#,
            r#"{"game":"fake","max_duration_s":0}"#,
        ] {
            assert_eq!(create(&world, body).await.code(), (422, "invalid_field".to_owned()), "{body}");
        }
        assert!(create(&world, r#"{"gamee":1}"#).await.json()["detail"].as_str().unwrap().contains("gamee"));
        let plain = ask(&world, "POST /v1/matches", "content-type: text/plain\r\n", "{}").await;
        assert_eq!(plain.code(), (415, "not_json".to_owned()));
        let big = format!(r#"{{"game":"{}"}}"#, "x".repeat(64 * 1024));
        assert_eq!(create(&world, &big).await.code(), (413, "body_too_big".to_owned()));
        let head =
            "POST /v1/matches HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: close\r\n";
        let slow = raw(&world, &format!("{head}content-length: 10\r\n\r\n{{")).await;
        assert_eq!(slow.code(), (408, "body_too_slow".to_owned()));
    });
}

#[test]
fn listings() {
    let world = world(|_| {});
    run(async {
        let ids = async |path: &str| {
            let answer = get(&world, path).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let found = answer.json()["matches"].as_array().unwrap().clone();
            found.iter().map(|entry| entry["match_id"].as_str().unwrap().to_owned()).collect::<String>()
        };
        assert_eq!(ids("/v1/matches").await, "ab");
        assert_eq!(ids("/v1/matches?limit=1").await, "a");
        assert_eq!(ids("/v1/matches?query=players%3E%3D2+game:fake").await, "b");
        assert_eq!(ids("/v1/matches?query=label.phase:playing").await, "a");
        assert_eq!(get(&world, "/v1/matches?query=nonsense").await.code(), (422, "invalid_field".to_owned()));
        assert_eq!(get(&world, "/v1/matches?limit=0").await.code(), (422, "invalid_field".to_owned()));
        assert_eq!(get(&world, "/v1/matches?limit=1001").await.code(), (422, "invalid_field".to_owned()));
    });
}

#[test]
fn one_match() {
    let world = world(|settings| settings.call_timeout = Duration::from_millis(50));
    run(async {
        assert_eq!(get(&world, "/v1/matches/m").await.json()["tick"], 7);
        let unknown = get(&world, "/v1/matches/missing").await;
        let malformed = get(&world, "/v1/matches/a%2Fb").await;
        assert_eq!(unknown.code(), (404, "no_such_match".to_owned()));
        assert_eq!(unknown.body, malformed.body);
        assert_eq!(get(&world, "/v1/matches/%ff").await.body, unknown.body);
        assert_eq!(get(&world, "/v1/matches/never").await.code(), (504, "timed_out".to_owned()));
        assert_eq!(ask(&world, "DELETE /v1/matches/m", "", "").await.status, 200);
        let kick =
            ask(&world, "POST /v1/matches/m/kick", "content-type: application/json\r\n", r#"{"seat":3}"#)
                .await;
        assert_eq!(kick.status, 200);
        assert_eq!(world.calls().last().unwrap(), &("m".to_owned(), "kick".to_owned(), json!({"seat": 3})));
        assert_eq!(get(&world, "/v1/matches/m/verify").await.json()["verdict"], "same");
        assert_eq!(get(&world, "/v1/matches/m/socket").await.code(), (426, "upgrade_required".to_owned()));
    });
}

#[test]
fn the_rest_of_the_routes() {
    let world = world(|_| {});
    run(async {
        for path in ["/healthz", "/readyz", "/"] {
            assert_eq!(get(&world, path).await.status, 200, "{path}");
        }
        assert_eq!(get(&world, "/v1/classes").await.json()["classes"][1]["name"], "match");
        let metrics = get(&world, "/metrics").await;
        assert!(metrics.head.contains("application/openmetrics-text") && metrics.body.ends_with("# EOF\n"));
        assert_eq!(get(&world, "/v1/nothing").await.code(), (404, "no_such_route".to_owned()));
        let put = ask(&world, "PUT /v1/matches", "", "").await;
        assert_eq!(put.code(), (405, "method_not_allowed".to_owned()));
        assert!(put.head.contains("allow: "), "{}", put.head);
    });
}

#[test]
fn a_guarded_server_wants_its_secret() {
    let world = world(guarded);
    run(async {
        let with = async |line: &str, headers: &str| {
            let headers = format!("content-type: application/json\r\n{headers}");
            ask(&world, line, &headers, r#"{"game":"fake"}"#).await.status
        };
        let key = format!("authorization: Bearer {SECRET}\r\n");
        for line in
            ["POST /v1/matches", "GET /v1/matches", "DELETE /v1/matches/m", "GET /v1/matches/m/verify"]
        {
            assert_eq!(with(line, "").await, 401, "{line}");
            assert_eq!(with(line, "authorization: Bearer wrong\r\n").await, 401, "{line}");
            assert!(with(line, &key).await < 300, "{line}");
        }
        assert_eq!(with("POST /v1/matches/a%2Fb/kick", "").await, 401);
    });
}

#[test]
fn heads_that_are_refused() {
    let world = world(|settings| settings.header_timeout = Duration::from_millis(100));
    run(async {
        assert_eq!(raw(&world, "GARBAGE\r\n\r\n").await.status, 400);
        assert_eq!(raw(&world, "GET / HTTP/1.1\r\nhost: a\r\nx: ").await.status, 0, "cut without an answer");
        let many = "x: y\r\n".repeat(101);
        assert_eq!(raw(&world, &format!("GET / HTTP/1.1\r\n{many}\r\n")).await.status, 431);
        let long = "x".repeat(20_000);
        assert_eq!(raw(&world, &format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n")).await.status, 431);
    });
}

#[test]
fn a_full_server_says_so() {
    let world = world(|settings| settings.connections_max = 1);
    run(async {
        let _first = world.socket("m", None).await;
        let refused = get(&world, "/healthz").await;
        assert_eq!(refused.status, 503);
        assert!(refused.head.contains("retry-after: 1"));
    });
}
