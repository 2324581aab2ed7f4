//! From the hello to each of the ends.

use std::time::Duration;

use serde_json::json;
use tickstone_shared::ids::Epoch;
use tickstone_shared::input::{Acknowledged, InputBatch, InputRow};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::encode;
use tickstone_shared::wire::message::{EventMessage, Pong, ServerMessage};
use tickstone_shared::wire::version::Encoding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use super::frames::counted;
use super::harness::{Client, World, guarded, run, soon, world};
use crate::object::socket::SocketEvent;

fn row(dx: u8, dy: u8) -> InputRow {
    InputRow::new(&[dx, dy]).unwrap()
}

fn packed_inputs(seq: u32) -> Message {
    let rows = [row(1, 2), row(3, seq as u8)].into_iter().collect();
    let batch = InputBatch {
        epoch: Epoch(1),
        first_tick: Tick(9),
        first_seq: seq,
        acknowledged: Acknowledged::only(Tick(5)),
        rows,
    };
    let mut bytes = Vec::new();
    encode::packed_input(&batch, &mut bytes);
    Message::binary(bytes)
}

async fn batch(world: &mut World) -> InputBatch {
    match world.event().await {
        SocketEvent::Inputs { batch, .. } => batch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sixty_states_go_down_and_inputs_come_up_decoded() {
    let mut world = world(|_| {});
    run(async {
        let (mut client, socket) = world.player("m", Encoding::Msgpack).await;
        for tick in 1..=60 {
            world.state(socket, tick, 40);
            let state = client.state().await;
            assert_eq!((state.tick, state.last_input, state.lead), (Tick(tick), tick as u32, -3));
            assert_eq!(state.body.unwrap().len(), 3 + 40 * 5);
            assert_eq!(state.hash.is_some(), tick == 60);
            client.send(packed_inputs(tick as u32)).await;
            let batch = batch(&mut world).await;
            assert_eq!((batch.first_seq, batch.acknowledged.tick), (tick as u32, Tick(5)));
            assert_eq!(batch.rows[..], [row(1, 2), row(3, tick as u8)]);
        }
        assert!(world.metrics.text().contains(r#"tickstone_connections{transport="ws"} 1"#));
        drop(client);
        assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
    });
}

#[test]
fn json_without_a_subprotocol_and_plain_states() {
    let mut world = world(|_| {});
    run(async {
        let mut client = world.socket("m", None).await;
        client.hello("m", json!({"state": "plain"})).await;
        let socket = world.event().await.socket();
        assert!(matches!(client.message().await, ServerMessage::Welcome(_)));
        world.state(socket, 3, 2);
        let entities = client.state().await.entities.unwrap();
        assert_eq!(entities[1]["kind"], "dot");
        client
            .json(json!({"t": "input", "epoch": 1, "tick": 9, "seq": 4, "inputs": [{"dx": 5, "dy": 6}]}))
            .await;
        assert_eq!(batch(&mut world).await.rows[..], [row(5, 6)]);
        client.json(json!({"t": "ping", "nonce": 77})).await;
        assert_eq!(client.message().await, ServerMessage::Pong(Pong { nonce: 77 }));
        client.json(json!({"t": "message", "data": {"emote": 1}})).await;
        assert!(matches!(world.event().await, SocketEvent::Message { data, .. } if data == r#"{"emote":1}"#));
        client.json(json!({"t": "leave"})).await;
        assert!(matches!(world.event().await, SocketEvent::Leave { .. }));
    });
}

#[test]
fn inputs_and_states_before_the_welcome_are_dropped() {
    let mut world = world(|_| {});
    run(async {
        let mut client = world.socket("mute", None).await;
        client.encoding = Encoding::Msgpack;
        client.hello("mute", json!({})).await;
        assert!(matches!(world.event().await, SocketEvent::Opened { .. }));
        client.send(packed_inputs(1)).await;
        client.json(json!({"t": "leave"})).await;
        let left = world.event().await;
        assert!(matches!(left, SocketEvent::Leave { .. }));
        world.state(left.socket(), 1, 1);
        world.close(left.socket(), CloseCode::Left);
        assert!(matches!(client.message().await, ServerMessage::Bye(_)));
        assert_eq!(client.closed().await.0, 4000);
    });
    assert!(world.metrics.text().contains(r#"tickstone_inputs_total{result="early"} 1"#));
}

#[test]
fn an_object_closes_after_everything_reliable_and_a_bye() {
    let mut world = world(|_| {});
    run(async {
        let (mut client, socket) = world.player("m", Encoding::Json).await;
        for tick in 0..10 {
            let event = EventMessage { tick: Tick(tick), name: "goal".to_owned(), data: json!({}) };
            world.send(socket, ServerMessage::Event(event));
        }
        world.close(socket, CloseCode::Kicked);
        for tick in 0..10 {
            assert!(
                matches!(client.message().await, ServerMessage::Event(event) if event.tick == Tick(tick))
            );
        }
        assert!(
            matches!(client.closed().await, (4403, Some(ServerMessage::Bye(bye))) if bye.reason == "as told")
        );
        client.gone().await;
        assert!(matches!(world.event().await, SocketEvent::Closed { socket: closed } if closed == socket));
    });
    assert!(world.events.try_recv().is_err(), "Closed is told once");
}

#[test]
fn a_client_that_goes_is_told_once_to_the_object() {
    let mut world = world(|_| {});
    run(async {
        let (mut client, _) = world.player("m", Encoding::Msgpack).await;
        client.websocket.close(None).await.unwrap();
        client.gone().await;
        assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
        let (client, _) = world.player("m", Encoding::Msgpack).await;
        drop(client);
        assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
    });
    assert!(world.events.try_recv().is_err());
}

#[test]
fn no_hello_in_time_is_4408() {
    let world = world(|settings| settings.hello_timeout = Duration::from_millis(60));
    run(async {
        assert_eq!(world.socket("m", None).await.closed().await.0, 4408);
        counted(&world, "close_4408").await;
    });
}

#[test]
fn silence_is_4408_and_a_pong_is_no_silence() {
    let mut world = world(|settings| {
        settings.ping_after = Duration::from_millis(50);
        settings.silent_after = Duration::from_millis(400);
    });
    run(async {
        let (mut client, socket) = world.player("m", Encoding::Json).await;
        for _ in 0..9 {
            let next = tokio::time::timeout(Duration::from_millis(100), client.message());
            assert!(next.await.is_err(), "nothing was sent");
        }
        world.close(socket, CloseCode::MatchEnded);
        assert_eq!(client.closed().await.0, 1000, "pongs keep a connection");
        assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
        let (mut silent, _) = world.player("m", Encoding::Json).await;
        assert!(matches!(world.event().await, SocketEvent::Closed { .. }), "nobody read: no pong");
        assert_eq!(silent.closed().await.0, 4408);
        counted(&world, "close_4408").await;
    });
}

async fn refused(world: &World, match_id: &str, change: serde_json::Value) -> u16 {
    let mut client = world.socket(match_id, None).await;
    client.hello(match_id, change).await;
    let (code, _) = client.closed().await;
    client.gone().await;
    code
}

#[test]
fn hellos_are_refused_with_their_code() {
    let world = world(|_| {});
    run(async {
        assert_eq!(refused(&world, "m", json!({"protocol": 2})).await, 4426);
        assert_eq!(refused(&world, "m", json!({"match_id": "other"})).await, 4400);
        assert_eq!(refused(&world, "m", json!({"player": null})).await, 4400);
        assert_eq!(refused(&world, "m", json!({"token": "x".repeat(1024)})).await, 1009);
        counted(&world, "close_4400").await;
        assert_eq!(refused(&world, "missing", json!({})).await, 4404);
        assert_eq!(refused(&world, "busy", json!({})).await, 1013);
    });
}

#[test]
fn outside_dev_mode_a_hello_needs_a_token() {
    let world = world(guarded);
    run(async {
        assert_eq!(refused(&world, "m", json!({})).await, 4401);
    });
}

async fn ended_by(world: &mut World, message: Message) -> u16 {
    let (mut client, _) = world.player("m", Encoding::Msgpack).await;
    client.send(message).await;
    let (code, _) = client.closed().await;
    assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
    code
}

#[test]
fn bad_messages_end_the_connection_with_their_code() {
    let mut world = world(|_| {});
    run(async {
        assert_eq!(ended_by(&mut world, Message::text(r#"{"t":"leave"}"#)).await, 4400);
        assert_eq!(ended_by(&mut world, Message::binary(vec![0xc1; 10])).await, 4400);
        assert_eq!(ended_by(&mut world, Message::binary(vec![0x96; 4096])).await, 4400);
        assert_eq!(ended_by(&mut world, Message::binary(vec![0; 4097])).await, 1009);
        assert_eq!(ended_by(&mut world, Message::binary(vec![0; 40_000])).await, 1009);
    });
}

async fn raw(world: &mut World, bytes: &[u8]) -> u16 {
    let (Client { websocket, .. }, _) = world.player("m", Encoding::Json).await;
    let mut tcp = websocket.into_inner();
    tcp.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    soon(tcp.read_to_end(&mut answer)).await.unwrap();
    assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
    let close = answer.iter().rposition(|byte| *byte == 0x88).unwrap();
    u16::from_be_bytes([answer[close + 2], answer[close + 3]])
}

#[test]
fn broken_frames_end_the_connection_with_their_code() {
    let mut world = world(|_| {});
    run(async {
        let unmasked = [0x81, 0x01, b'x'];
        assert_eq!(raw(&mut world, &unmasked).await, 1002);
        let reserved_bit = [0xc1, 0x80, 0, 0, 0, 0];
        assert_eq!(raw(&mut world, &reserved_bit).await, 1002);
        let huge = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(raw(&mut world, &huge).await, 1009);
        let no_utf8 = [0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe];
        assert_eq!(raw(&mut world, &no_utf8).await, 1007);
        let empty_fragments =
            [0x01, 0x80, 0, 0, 0, 0].into_iter().chain([0x00, 0x80, 0, 0, 0, 0].repeat(11_000));
        assert_eq!(raw(&mut world, &empty_fragments.collect::<Vec<_>>()).await, 4429);
        counted(&world, "close_4429").await;
    });
}

#[test]
fn floods_are_4429() {
    let mut world = world(|_| {});
    run(async {
        let (mut client, _) = world.player("m", Encoding::Json).await;
        for nonce in 0..500 {
            let ping = Message::text(json!({"t": "ping", "nonce": nonce}).to_string());
            if futures_util::SinkExt::send(&mut client.websocket, ping).await.is_err() {
                break;
            }
        }
        assert_eq!(client.closed().await.0, 4429);
    });
}

#[test]
fn a_drain_tells_everybody_when_to_come_back() {
    let mut world = world(|_| {});
    let mut client = None;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async { client = Some(world.player("m", Encoding::Json).await.0) });
    let reader = runtime.spawn(async move {
        let mut client = client.expect("it joined");
        let end = client.closed().await;
        client.gone().await;
        end
    });
    assert_eq!(world.gateway.drain(Duration::from_secs(10)), 0);
    let (code, bye) = runtime.block_on(reader).unwrap();
    assert_eq!(code, 1012);
    let Some(ServerMessage::Bye(bye)) = bye else { panic!("{bye:?}") };
    assert!((1_000..=30_000).contains(&bye.retry_after_ms.unwrap()));
    assert!(runtime.block_on(tokio::net::TcpStream::connect(world.addr())).is_err());
    world.gateway.stop();
}
