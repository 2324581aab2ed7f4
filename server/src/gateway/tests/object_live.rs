//! Sockets of real objects: they stay while their objects sleep, crash and wake.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::harness::{run, soon};
use super::object_client::upgrade;
use crate::access::scope::{Access, ClassAccess};
use crate::app::{App, Server};
use crate::config::RawConfig;
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, CallId, Class, DurableObject, WakeError, WakeReason};
use crate::object::id::Identity;
use crate::object::peer::Payload;
use crate::object::request::{ObjectRequest, ObjectResponse};
use crate::object::socket::{SocketEvent, SocketId};

/// How soon a diary hibernates.
const HIBERNATES_AFTER: Duration = Duration::from_millis(150);

/// Writes down what it hears, and says why it last woke.
struct Diaries;

impl Class for Diaries {
    fn name(&self) -> &'static str {
        "diary"
    }
    fn instantiate(&self, _: &Identity) -> Box<dyn DurableObject> {
        Box::new(Diary { woken: String::new() })
    }
    fn rules(&self) -> ClassRules {
        ClassRules {
            hibernates_after: HIBERNATES_AFTER,
            history: true,
            access: ClassAccess::all(Access::Public),
            ..ClassRules::default()
        }
    }
}

struct Diary {
    woken: String,
}

impl Diary {
    fn heard(&self, ctx: &mut Context<'_>, socket: SocketId, text: &str) {
        match text {
            "why" => ctx.peers().send(socket, self.woken.as_str()),
            "who" => {
                let mut peers = ctx.peers();
                let all = peers.list(None);
                let mut kept: Vec<_> = all.iter().filter_map(|socket| peers.attachment(*socket)).collect();
                kept.sort_by(|a, b| a.bytes().cmp(b.bytes()));
                let kept: Vec<_> =
                    kept.iter().map(|kept| String::from_utf8_lossy(kept.bytes()).into_owned()).collect();
                peers.send(socket, kept.join(","));
            }
            "crash" => panic!("as told"),
            "hang up" => ctx.peers().close(socket, 4001, "as told"),
            text => {
                ctx.storage().put("last", text.as_bytes().to_vec()).unwrap();
                ctx.peers().broadcast(Some("all"), &[], format!("noted {text}"));
            }
        }
    }
}

impl DurableObject for Diary {
    fn wake(&mut self, _: &mut Context<'_>, reason: &WakeReason) -> Result<(), WakeError> {
        self.woken = format!("{reason:?}").split([' ', '{']).next().unwrap_or_default().to_owned();
        Ok(())
    }
    fn on_call(&mut self, ctx: &mut Context<'_>, _: Call) -> Result<Answer, CallError> {
        let last = ctx.storage().get(b"last")?.unwrap_or_default();
        Ok(Answer::Now(String::from_utf8_lossy(&last).into_owned().into()))
    }
    fn on_http(
        &mut self,
        ctx: &mut Context<'_>,
        _: CallId,
        request: ObjectRequest,
    ) -> Result<Answer, CallError> {
        if request.method == "PUT" {
            ctx.storage().put("last", request.body.clone())?;
        }
        let last = ctx.storage().get(b"last")?.unwrap_or_default();
        let asked = format!("{} /{}?{}", request.method, request.path, request.query);
        let headers = vec![("x-asked".to_owned(), asked)];
        Ok(ObjectResponse { status: 203, headers, body: last }.into())
    }
    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        match event {
            SocketEvent::Connected { socket, request } => {
                ctx.peers().accept(socket, ["all"]).unwrap();
                ctx.peers().attach(socket, request.query.into_bytes()).unwrap();
            }
            SocketEvent::Received { socket, payload: Payload::Text(text) } => self.heard(ctx, socket, &text),
            SocketEvent::Disconnected { end, .. } => {
                ctx.storage().put("last", format!("ended {}", end.code).into_bytes()).unwrap();
            }
            _ => {}
        }
    }
}

/// A server of diaries, and the directory it is in.
fn server() -> (Option<Server>, tempfile::TempDir, SocketAddr) {
    let dir = tempfile::tempdir().unwrap();
    let config = RawConfig {
        dev: Some(true),
        data: Some(dir.path().join("data")),
        listen: Some("127.0.0.1:0".parse().unwrap()),
        quic: Some("off".to_owned()),
        ..RawConfig::default()
    };
    let server = App::new().class(std::sync::Arc::new(Diaries)).start(&config.check(2).unwrap()).unwrap();
    let addr = server.http_addr();
    (Some(server), dir, addr)
}

async fn connect(addr: SocketAddr, query: &str) -> WebSocketStream<TcpStream> {
    upgrade(addr, &format!("diary/mine/socket?{query}"), None).await.unwrap()
}

async fn asked(socket: &mut WebSocketStream<TcpStream>, text: &str) -> String {
    soon(socket.send(Message::text(text))).await.unwrap();
    heard(socket).await
}

async fn heard(socket: &mut WebSocketStream<TcpStream>) -> String {
    soon(socket.next()).await.unwrap().unwrap().into_text().unwrap().as_str().to_owned()
}

async fn http(addr: SocketAddr, method: &str, path: &str) -> Value {
    serde_json::from_str(&text(addr, method, &format!("/v1/objects/{path}")).await).unwrap()
}

async fn text(addr: SocketAddr, method: &str, path: &str) -> String {
    request(addr, method, path, "").await.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The whole answer.
async fn request(addr: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut read, mut write) = tcp.into_split();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    tokio::io::AsyncWriteExt::write_all(&mut write, request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(tokio::io::AsyncReadExt::read_to_string(&mut read, &mut answer)).await.unwrap();
    answer
}

/// Waits until the diary is as a test wants it.
async fn until(addr: SocketAddr, state: &str) -> Value {
    soon(async {
        loop {
            let shown = http(addr, "GET", "diary/mine").await;
            if shown["state"] == state {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

#[test]
fn socket_5_sockets_tags_and_attachments_outlive_a_hibernation_and_a_crash() {
    let (mut server, _dir, addr) = server();
    run(async {
        let (mut ann, mut bob) = (connect(addr, "ann").await, connect(addr, "bob").await);
        assert_eq!(asked(&mut ann, "why").await, "Created");
        assert_eq!(asked(&mut ann, "who").await, "ann,bob");
        assert_eq!(asked(&mut ann, "one").await, "noted one");
        assert_eq!(heard(&mut bob).await, "noted one", "by its tag");
        let shown = until(addr, "hibernated").await;
        assert_eq!(shown["sockets"]["count"], 2);
        assert_eq!(shown["sockets"]["shown"][0]["tags"], json!(["all"]));
        assert_eq!(asked(&mut bob, "why").await, "Hibernation", "a message wakes it first");
        assert_eq!(asked(&mut bob, "who").await, "ann,bob", "nothing was forgotten");
        soon(bob.send(Message::text("crash"))).await.unwrap();
        while asked(&mut ann, "why").await != "Crash" {}
        assert_eq!(asked(&mut bob, "why").await, "Crash", "and nobody was cut");
        assert_eq!(asked(&mut ann, "who").await, "ann,bob");
        assert_eq!(asked(&mut ann, "two").await, "noted two");
        assert_eq!(heard(&mut bob).await, "noted two");
    });
    server.take().unwrap().drain();
}

#[test]
fn socket_6_the_end_of_a_socket_wakes_its_object_once() {
    let (mut server, _dir, addr) = server();
    run(async {
        let mut ann = connect(addr, "ann").await;
        assert_eq!(asked(&mut ann, "one").await, "noted one");
        until(addr, "hibernated").await;
        ann.close(None).await.unwrap();
        soon(async {
            while http(addr, "POST", "diary/mine/call/last").await != "ended 1005" {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        let mut bob = connect(addr, "bob").await;
        soon(bob.send(Message::text("hang up"))).await.unwrap();
        let Message::Close(Some(frame)) = soon(bob.next()).await.unwrap().unwrap() else { panic!() };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4001, "as told"));
    });
    server.take().unwrap().drain();
}

#[test]
fn socket_6_an_object_that_is_deleted_is_gone_with_its_sockets_and_their_ends_wake_nobody() {
    let (mut server, _dir, addr) = server();
    run(async {
        let mut ann = connect(addr, "ann").await;
        assert_eq!(asked(&mut ann, "one").await, "noted one");
        assert_eq!(http(addr, "DELETE", "diary/mine").await["deleted"], true);
        assert!(matches!(soon(ann.next()).await, Some(Ok(Message::Close(Some(_))))));
        soon(async {
            while http(addr, "GET", "diary/mine").await["code"] != "no_such_object" {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        drop(ann);
        let gone = "tickstone_connections{transport=\"ws\"} 0";
        soon(async {
            while !text(addr, "GET", "/metrics").await.contains(gone) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        let page = text(addr, "GET", "/v1/objects?class=diary").await;
        let page: Value = serde_json::from_str(&page).unwrap();
        assert_eq!(page["objects"], json!([]), "its diary has no entry of the end");
        assert_eq!(http(addr, "GET", "diary/mine").await["code"], "no_such_object");
    });
    server.take().unwrap().drain();
}

#[test]
fn any_http_request_reaches_the_object_and_its_response_comes_back() {
    let (mut server, _dir, addr) = server();
    run(async {
        let path = "/v1/objects/diary/mine/http/page/1?a=b";
        for (method, body) in [("PUT", "first"), ("GET", ""), ("DELETE", ""), ("PUT", "second")] {
            let answer = request(addr, method, path, body).await;
            assert!(answer.starts_with("HTTP/1.0 203"), "{answer}");
            assert!(answer.contains(&format!("x-asked: {method} /page/1?a=b\r\n")), "{answer}");
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(["first", "second"].contains(&body), "{body}");
        }
        until(addr, "hibernated").await;
        assert_eq!(text(addr, "GET", "/v1/objects/diary/mine/http").await, "second", "a request wakes it");
    });
    server.take().unwrap().drain();
}

#[test]
fn store_4_an_operator_takes_an_object_back_and_forth_over_http() {
    let (mut server, _dir, addr) = server();
    run(async {
        let mut ann = connect(addr, "ann").await;
        assert_eq!(asked(&mut ann, "one").await, "noted one");
        let bookmark = http(addr, "GET", "diary/mine/bookmark").await["bookmark"].take();
        assert_eq!(asked(&mut ann, "two").await, "noted two");
        let restore = async |to: Value| {
            let answer = request(addr, "POST", "/v1/objects/diary/mine/restore", &to.to_string()).await;
            serde_json::from_str::<Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
        };
        let back = restore(json!({ "bookmark": bookmark })).await;
        assert_eq!(http(addr, "POST", "diary/mine/call/last").await, "one");
        assert_eq!(asked(&mut ann, "who").await, "ann", "her socket stays");
        restore(json!({ "bookmark": back["undo"] })).await;
        assert_eq!(http(addr, "POST", "diary/mine/call/last").await, "two");
        assert_eq!(restore(json!({ "bookmark": "ffffffffffffffff" })).await["code"], "bookmark_ahead");
        for wrong in [json!({}), json!({"bookmark": "1"}), json!({"bookmark": bookmark, "at_unix_ms": 1})] {
            assert_eq!(restore(wrong).await["code"], "invalid_field");
        }
        assert_eq!(restore(json!({ "at_unix_ms": 1 })).await["code"], "bookmark_expired");
    });
    server.take().unwrap().drain();
}
