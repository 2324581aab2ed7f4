//! QUIC from the hello to each of the ends.

use std::net::SocketAddr;
use std::time::Duration;

use tickstone_shared::ids::Epoch;
use tickstone_shared::input::{Acknowledged, InputBatch, InputRow};
use tickstone_shared::net::connect_error::ConnectError;
use tickstone_shared::net::quic::Quic;
use tickstone_shared::net::trust::Trust;
use tickstone_shared::net::websocket::Incoming;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::decode;
use tickstone_shared::wire::encode;
use tickstone_shared::wire::message::{ClientMessage, Hello, Ping, Pong, ServerMessage, Welcome};
use tickstone_shared::wire::parts::state_part;
use tickstone_shared::wire::version::{Encoding, StateKind};

use crate::gateway::Settings;
use crate::gateway::tests::frames::counted;
use crate::gateway::tests::harness::{World, run, soon, world};
use crate::object::socket::{SocketEvent, SocketId};

/// A gateway that speaks QUIC.
pub(in crate::gateway::tests) fn quic_world(change: impl FnOnce(&mut Settings)) -> World {
    world(|settings| {
        settings.quic = Some("127.0.0.1:0".parse().unwrap());
        change(settings);
    })
}

pub(in crate::gateway::tests) fn hello(match_id: &str) -> Hello {
    Hello {
        protocol: 1,
        match_id: match_id.to_owned(),
        token: None,
        resume: None,
        player: Some("ann".to_owned()),
        state: StateKind::Delta,
        schema_hash: None,
        epoch: None,
    }
}

pub(in crate::gateway::tests) fn bytes(message: &ClientMessage) -> Vec<u8> {
    encode::client_message(message, Encoding::Msgpack)
}

pub(in crate::gateway::tests) fn inputs(seq: u32, rows: &[[u8; 2]]) -> Vec<u8> {
    let rows = rows.iter().map(|row| InputRow::new(row).unwrap()).collect();
    let batch = InputBatch {
        epoch: Epoch(1),
        first_tick: Tick(9),
        first_seq: seq,
        acknowledged: Acknowledged::default(),
        rows,
    };
    let mut bytes = Vec::new();
    encode::packed_input(&batch, &mut bytes);
    bytes
}

impl World {
    pub(in crate::gateway::tests) fn quic_addr(&self) -> SocketAddr {
        self.gateway.quic_addr().unwrap()
    }

    pub(in crate::gateway::tests) fn trust(&self) -> Trust {
        Trust::pin(&self.gateway.certificate_pin().unwrap()).unwrap()
    }

    pub(in crate::gateway::tests) async fn native(&self) -> Quic {
        self.try_native().await.unwrap()
    }

    pub(in crate::gateway::tests) async fn try_native(&self) -> Result<Quic, ConnectError> {
        soon(Quic::connect(&format!("quic://{}", self.quic_addr()), &self.trust())).await
    }

    /// A client that has been welcomed, and its number.
    pub(in crate::gateway::tests) async fn native_player(
        &mut self,
        match_id: &str,
    ) -> (Quic, Welcome, SocketId) {
        let mut client = self.native().await;
        client.send(&bytes(&ClientMessage::Hello(hello(match_id)))).await.unwrap();
        let socket = self.event().await.socket();
        match message(&mut client).await {
            ServerMessage::Welcome(welcome) => (client, *welcome, socket),
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::gateway::tests) fn metric(&self, line: &str) -> u64 {
        let text = self.metrics.text();
        let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {line}")).parse().unwrap()
    }
}

pub(in crate::gateway::tests) async fn came(client: &mut Quic) -> Result<Vec<u8>, (Option<u16>, String)> {
    match soon(client.receive()).await {
        Incoming::Message(bytes) => Ok(bytes.to_vec()),
        Incoming::Closed { code, reason } => Err((code, reason)),
    }
}

pub(in crate::gateway::tests) async fn message(client: &mut Quic) -> ServerMessage {
    decode::from_server(&came(client).await.unwrap(), Encoding::Msgpack).unwrap()
}

/// Reads to the end: the code, and the last message before it.
pub(in crate::gateway::tests) async fn end(client: &mut Quic) -> (Option<u16>, Option<ServerMessage>) {
    let mut last = None;
    loop {
        match came(client).await {
            Ok(bytes) => last = decode::from_server(&bytes, Encoding::Msgpack).ok(),
            Err((code, reason)) => {
                assert!(code.is_none() || !reason.is_empty(), "a close without a reason");
                return (code, last);
            }
        }
    }
}

#[test]
fn states_go_down_and_inputs_come_up() {
    let mut world = quic_world(|_| {});
    run(async {
        let (mut client, _, socket) = world.native_player("m").await;
        for tick in [1, 2, 60] {
            world.state(socket, tick, 40);
            let datagram = came(&mut client).await.unwrap();
            let part = state_part(&datagram).unwrap();
            assert_eq!((part.tick, part.last_input, part.lead), (Tick(tick), tick as u32, -3));
            assert_eq!((part.parts, part.base, part.hash.is_some()), (1, None, tick == 60));
            client.send_datagram(&inputs(tick as u32, &[[1, 2], [3, 4]])).unwrap();
            match world.event().await {
                SocketEvent::Inputs { batch, .. } => {
                    assert_eq!((batch.first_seq, batch.rows.len()), (tick as u32, 2));
                }
                other => panic!("{other:?}"),
            }
        }
        client.send(&bytes(&ClientMessage::Ping(Ping { nonce: 77 }))).await.unwrap();
        assert_eq!(message(&mut client).await, ServerMessage::Pong(Pong { nonce: 77 }));
        assert_eq!(world.metric(r#"tickstone_connections{transport="quic"}"#), 1);
        assert_eq!(world.metric(r#"tickstone_connections{transport="ws"}"#), 0);
        client.close(0, "").await;
        assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
    });
}

#[test]
fn a_hello_is_checked_as_on_a_websocket() {
    let world = quic_world(|settings| settings.hello_timeout = Duration::from_secs(20));
    let said = |change: fn(&mut Hello)| {
        let mut hello = hello("m");
        change(&mut hello);
        bytes(&ClientMessage::Hello(hello))
    };
    let cases = [
        (said(|hello| hello.protocol = 2), 4426),
        (said(|hello| hello.state = StateKind::Plain), 4426),
        (said(|hello| hello.player = None), 4400),
        (said(|hello| hello.match_id = "no name".to_owned()), 4404),
        (said(|hello| hello.match_id = "missing".to_owned()), 4404),
        (said(|hello| hello.match_id = "busy".to_owned()), 1013),
        (said(|hello| hello.token = Some("x".repeat(1024))), 1009),
        (bytes(&ClientMessage::Ping(Ping { nonce: 1 })), 4400),
        (br#"{"t":"hello","protocol":1,"match_id":"m","player":"ann"}"#.to_vec(), 4400),
        (Vec::new(), 4400),
    ];
    run(async {
        for (first, code) in cases {
            let mut client = world.native().await;
            client.send(&first).await.unwrap();
            assert_eq!(end(&mut client).await.0, Some(code), "{first:?}");
            counted(&world, &format!("close_{code}")).await;
        }
    });
}

#[test]
fn no_hello_in_time_is_4408_with_and_without_a_stream() {
    let world = quic_world(|settings| settings.hello_timeout = Duration::from_millis(300));
    run(async {
        let mut silent = world.native().await;
        assert_eq!(end(&mut silent).await.0, Some(4408));
        let mut half = world.native().await;
        half.send_bytes(&[9, 0]).await.unwrap();
        assert_eq!(end(&mut half).await.0, Some(4408));
        assert_eq!(world.metric(r#"tickstone_refused_total{reason="close_4408"}"#), 2);
    });
}

#[test]
fn what_the_object_says_is_the_last_word() {
    let mut world = quic_world(|_| {});
    run(async {
        for code in CloseCode::ALL {
            let (mut client, _, socket) = world.native_player("m").await;
            world.close(socket, code);
            let (closed, last) = end(&mut client).await;
            assert_eq!(closed, Some(code.number()));
            match last {
                Some(ServerMessage::Bye(bye)) => assert_eq!(bye.code, code),
                // Who reads too slowly is not told anything more.
                other => assert!(code == CloseCode::TooSlow || other.is_some(), "{code:?}: {other:?}"),
            }
            assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
        }
    });
}

#[test]
fn a_drain_tells_native_clients_when_to_come_back() {
    let mut world = quic_world(|_| {});
    run(async {
        let (mut playing, ..) = world.native_player("m").await;
        let mut silent = world.native().await;
        let World { gateway, .. } = world;
        let drained = std::thread::spawn(move || gateway.drain(Duration::from_secs(10)));
        match end(&mut playing).await {
            (Some(1012), Some(ServerMessage::Bye(bye))) => assert!(bye.retry_after_ms >= Some(1_000)),
            other => panic!("{other:?}"),
        }
        assert_eq!(end(&mut silent).await.0, Some(1012));
        let left = soon(tokio::task::spawn_blocking(move || drained.join().unwrap())).await.unwrap();
        assert_eq!(left, 0, "nobody is left");
    });
}
