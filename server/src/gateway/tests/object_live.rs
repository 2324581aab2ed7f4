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
use crate::object::contract::{Answer, Call, CallError, Class, DurableObject, WakeError, WakeReason};
use crate::object::id::Identity;
use crate::object::peer::Payload;
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
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut read, mut write) = tcp.into_split();
    let request = format!("{method} {path} HTTP/1.0\r\nhost: a\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut write, request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(tokio::io::AsyncReadExt::read_to_string(&mut read, &mut answer)).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
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
