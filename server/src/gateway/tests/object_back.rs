//! Sockets of real objects whose server ends and comes back: LIFE 3.

use std::net::SocketAddr;
use std::path::Path;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::harness::{run, soon};
use super::object_client::upgrade;
use crate::access::scope::{Access, ClassAccess};
use crate::app::{App, Drained, Server};
use crate::config::RawConfig;
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, Class, DurableObject, WakeError, WakeReason};
use crate::object::id::Identity;
use crate::object::peer::{Framing, Payload, SocketRules};
use crate::object::socket::SocketEvent;

/// Keeps with each guest what the guest said first. Only who has a token comes in as a stranger.
struct Inn(&'static str, Framing);

struct Guests;

impl Class for Inn {
    fn name(&self) -> &'static str {
        self.0
    }
    fn instantiate(&self, _: &Identity) -> Box<dyn DurableObject> {
        Box::new(Guests)
    }
    fn rules(&self) -> ClassRules {
        ClassRules {
            access: ClassAccess::all(Access::Public),
            sockets: SocketRules { framing: self.1, ..SocketRules::default() },
            ..ClassRules::default()
        }
    }
}

impl DurableObject for Guests {
    fn wake(&mut self, _: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        Ok(())
    }
    fn on_call(&mut self, ctx: &mut Context<'_>, _: Call) -> Result<Answer, CallError> {
        Ok(Answer::Now(ctx.peers().list(Some("guest")).len().into()))
    }
    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        match event {
            SocketEvent::Connected { socket, .. } => {
                ctx.peers().accept(socket, ["guest"]).unwrap();
                ctx.peers().send(socket, "\"who are you\"");
            }
            SocketEvent::Received { socket, payload } if payload == Payload::from("\"token\"") => {
                let token = ctx.peers().keep(socket);
                ctx.peers().send(socket, format!("\"{token}\""));
            }
            SocketEvent::Received { socket, payload } => {
                ctx.peers().attach(socket, payload.bytes().to_vec()).unwrap();
                ctx.peers().send(socket, "\"welcome\"");
            }
            SocketEvent::Resumed { socket, .. } => {
                let said = ctx.peers().attachment(socket).unwrap();
                ctx.peers().send(socket, String::from_utf8(said.bytes().to_vec()).unwrap());
            }
            _ => {}
        }
    }
}

fn start(data: &Path) -> (Server, SocketAddr) {
    let config = RawConfig {
        dev: Some(true),
        data: Some(data.to_owned()),
        listen: Some("127.0.0.1:0".parse().unwrap()),
        quic: Some("off".to_owned()),
        ..RawConfig::default()
    };
    let app = App::new()
        .class(std::sync::Arc::new(Inn("raw", Framing::Raw)))
        .class(std::sync::Arc::new(Inn("framed", Framing::Framed)));
    let server = app.start(&config.check(2).unwrap()).unwrap();
    let addr = server.http_addr();
    (server, addr)
}

struct Guest {
    socket: WebSocketStream<TcpStream>,
    is_framed: bool,
}

impl Guest {
    async fn raw(addr: SocketAddr, query: &str) -> Self {
        let socket = upgrade(addr, &format!("raw/inn/socket{query}"), None).await.unwrap();
        Self { socket, is_framed: false }
    }

    async fn framed(addr: SocketAddr, resume: Option<&str>) -> Self {
        let socket = upgrade(addr, "framed/inn/socket", None).await.unwrap();
        let mut guest = Self { socket, is_framed: true };
        let hello = json!({"t": "hello", "protocol": 1, "match_id": "inn", "resume": resume});
        soon(guest.socket.send(Message::text(hello.to_string()))).await.unwrap();
        guest
    }

    async fn say(&mut self, text: &str) {
        let said = json!(text);
        let said = if self.is_framed { json!({"t": "message", "data": said}) } else { said };
        soon(self.socket.send(Message::text(said.to_string()))).await.unwrap();
    }

    async fn message(&mut self) -> Value {
        let message = soon(self.socket.next()).await.unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    async fn hears(&mut self) -> String {
        let mut heard = self.message().await;
        let heard = if self.is_framed { heard["data"].take() } else { heard };
        heard.as_str().unwrap().to_owned()
    }

    async fn close(&mut self) -> (u16, String) {
        match soon(self.socket.next()).await.unwrap().unwrap() {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.as_str().to_owned()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn life_3_a_raw_socket_is_told_its_resume_token_at_a_drain_and_comes_back_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let (server, addr) = start(dir.path());
    let token = run(async {
        let mut ann = Guest::raw(addr, "").await;
        assert_eq!(ann.hears().await, "who are you");
        ann.say("ann").await;
        assert_eq!(ann.hears().await, "welcome");
        let drained = tokio::task::spawn_blocking(|| server.drain());
        let (code, reason) = ann.close().await;
        assert_eq!(code, 1012);
        drop(ann);
        assert_eq!(drained.await.unwrap(), Drained::Durable);
        reason.strip_prefix("resume=").unwrap().to_owned()
    });
    let (server, addr) = start(dir.path());
    run(async {
        let mut back = Guest::raw(addr, &format!("?a=b&resume={token}")).await;
        assert_eq!(back.hears().await, "ann", "with what was kept, and no stranger");
        let mut thief = Guest::raw(addr, &format!("?resume={token}")).await;
        assert_eq!(thief.close().await.0, 4003, "once");
        let mut guess = Guest::raw(addr, "?resume=00").await;
        assert_eq!(guess.close().await.0, 4003);
        back.say("still here").await;
        assert_eq!(back.hears().await, "welcome");
    });
    server.drain();
}

#[test]
fn life_3_a_framed_socket_is_told_in_its_bye_and_a_kept_one_comes_back_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let (server, addr) = start(dir.path());
    let (kept, told) = run(async {
        let (mut ann, mut bob) = (Guest::framed(addr, None).await, Guest::framed(addr, None).await);
        for guest in [&mut ann, &mut bob] {
            assert_eq!(guest.hears().await, "who are you");
        }
        ann.say("token").await;
        let kept = ann.hears().await;
        for (guest, name) in [(&mut ann, "ann"), (&mut bob, "bob")] {
            guest.say(name).await;
            assert_eq!(guest.hears().await, "welcome");
        }
        let copy = tempfile::tempdir().unwrap();
        // As after a kill: what is on the disk now, without a word of the server.
        std::fs::copy(dir.path().join("tickstone.redb"), copy.path().join("tickstone.redb")).unwrap();
        let drained = tokio::task::spawn_blocking(|| server.drain());
        let bye = bob.message().await;
        assert_eq!((bye["t"].as_str(), bob.close().await.0), (Some("bye"), 1012));
        drop((ann, bob));
        assert_eq!(drained.await.unwrap(), Drained::Durable);
        ((copy, kept), bye["resume"].as_str().unwrap().to_owned())
    });
    let (server, addr) = start(kept.0.path());
    run(async {
        let mut back = Guest::framed(addr, Some(&kept.1)).await;
        assert_eq!(back.message().await["data"], "ann");
        let mut bob = Guest::framed(addr, Some(&told)).await;
        assert_eq!(bob.message().await["t"], "bye", "his was not on the disk yet");
        assert_eq!(bob.close().await.0, 4003);
    });
    server.drain();
    let (server, addr) = start(dir.path());
    run(async {
        for (token, name) in [(&told, "bob"), (&kept.1, "ann")] {
            assert_eq!(Guest::framed(addr, Some(token)).await.message().await["data"], name);
        }
    });
    server.drain();
}
