//! How sockets of objects end, and which of them have to.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tickstone_shared::wire::version::Encoding;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::harness::{Client, run, soon, world};
use super::object_client::{object, upgrade};
use crate::object::socket::SocketEvent;

#[test]
fn socket_6_a_close_is_told_exactly_once_with_code_and_reason() {
    let mut world = world(|_| {});
    run(async {
        let (mut client, socket, _) = world.peer("chat/a/socket").await;
        let frame = CloseFrame { code: 4321.into(), reason: "enough".into() };
        client.websocket.close(Some(frame)).await.unwrap();
        let (ended, end) = world.ended().await;
        assert_eq!((ended, end.code, &*end.reason, end.clean), (socket, 4321, "enough", true));
        client.gone().await;
        let (mut client, _, _) = world.peer("chat/a/socket").await;
        client.websocket.close(None).await.unwrap();
        let (_, end) = world.ended().await;
        assert_eq!((end.code, end.clean), (1005, true), "no code");
        let (client, _, _) = world.peer("chat/a/socket").await;
        drop(client);
        let (_, end) = world.ended().await;
        assert_eq!((end.code, &*end.reason, end.clean), (1006, "", false), "vanished");
        world.infos(&object("chat", "a"), <[_]>::is_empty).await;
    });
    assert!(world.events.try_recv().is_err(), "told once");
}

#[test]
fn socket_6_an_object_closes_with_a_code_of_its_own() {
    let mut world = world(|_| {});
    run(async {
        let (mut client, socket, _) = world.peer("chat/a/socket").await;
        world.say(socket, "before");
        world.hang_up(socket, 4999, "over and out");
        world.say(socket, "after");
        assert_eq!(client.told().await, Message::text("before"));
        let Message::Close(Some(frame)) = client.told().await else {
            panic!("nothing comes after the close")
        };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4999, "over and out"));
        let (_, end) = world.ended().await;
        assert_eq!((end.code, &*end.reason, end.clean), (4999, "over and out", true));
        for wrong in [0, 999, 1005, 1006, 1015, 2999, 5000] {
            let (mut client, socket, _) = world.peer("chat/a/socket").await;
            world.hang_up(socket, wrong, "nobody may send this");
            assert_eq!(client.closed().await.0, 1011, "{wrong}");
            assert!(matches!(world.event().await, SocketEvent::Failed { .. }));
            world.ended().await;
        }
    });
    assert!(world.events.try_recv().is_err());
}

#[test]
fn socket_6_only_sockets_of_objects_that_are_awake_are_asked_and_given_up() {
    let mut world = world(|settings| {
        settings.object_ping_after = Duration::from_millis(100);
        settings.object_silent_after = Duration::from_millis(400);
    });
    run(async {
        let (mut silent, _, _) = world.peer("chat/a/socket").await;
        // The kernel's silence has the grain of a second; the object sleeps, so nobody else asks.
        let asked = tokio::time::timeout(Duration::from_millis(800), silent.told());
        assert!(
            asked.await.is_err() && world.events.try_recv().is_err(),
            "left alone while the object sleeps"
        );
        world.objects.are_awake.store(true, Ordering::Relaxed);
        soon(async {
            while world.metrics.text().contains(r#"tickstone_bytes_total{transport="ws",direction="out"} 0"#)
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        let (_, end) = {
            assert!(matches!(world.event().await, SocketEvent::Failed { .. }), "asked first, then given up");
            world.ended().await
        };
        assert_eq!((end.code, end.clean), (4408, false), "nobody reads: no pong");
    });
}

#[test]
fn socket_6_a_client_that_answers_pings_stays() {
    let mut world = world(|settings| {
        settings.object_ping_after = Duration::from_millis(50);
        settings.object_silent_after = Duration::from_millis(300);
    });
    world.objects.are_awake.store(true, Ordering::Relaxed);
    run(async {
        let (mut client, socket, _) = world.peer("chat/a/socket").await;
        let reading = tokio::time::timeout(Duration::from_millis(1_000), client.told());
        assert!(reading.await.is_err(), "pings are answered by whoever reads");
        client.send(Message::text("still here")).await;
        assert_eq!(world.heard().await.0, socket);
    });
}

#[test]
fn no_hello_in_time_is_4408_and_a_message_that_dribbles_4400() {
    let mut world = world(|settings| {
        settings.hello_timeout = Duration::from_millis(60);
        settings.message_timeout = Duration::from_millis(60);
    });
    run(async {
        let websocket = upgrade(world.addr(), "room/a/socket", None).await.unwrap();
        let mut client = Client::new(websocket, Encoding::Json);
        assert_eq!(client.closed().await.0, 4408);
        let (mut client, _, _) = world.peer("chat/a/socket").await;
        client.websocket.get_mut().write_all(&[0x81, 0x85, 0, 0, 0, 0, b'a']).await.unwrap();
        assert_eq!(client.closed().await.0, 4400);
        assert!(matches!(world.event().await, SocketEvent::Failed { .. }));
        assert_eq!(world.ended().await.1.code, 4400);
    });
}

#[test]
fn whoever_floods_is_4429() {
    let mut world = world(|settings| settings.object_frames_per_second_max = 50);
    run(async {
        let (mut client, _, _) = world.peer("chat/a/socket").await;
        for _ in 0..150 {
            if futures_util::SinkExt::send(&mut client.websocket, Message::text("x")).await.is_err() {
                break;
            }
        }
        assert_eq!(client.closed().await.0, 4429);
        let websocket = upgrade(world.addr(), "chat/b/socket", None).await.unwrap();
        let mut client = Client::new(websocket, Encoding::Json);
        for _ in 0..30 {
            let ping = Message::Ping(Vec::new().into());
            if futures_util::SinkExt::send(&mut client.websocket, ping).await.is_err() {
                break;
            }
        }
        assert_eq!(client.closed().await.0, 4429, "control frames");
    });
}

#[test]
fn socket_1_an_object_has_as_many_sockets_as_its_class_allows_and_no_more() {
    let mut world = world(|_| {});
    run(async {
        let (first, _, _) = world.peer("small/a/socket").await;
        let _second = world.peer("small/a/socket").await;
        assert_eq!(upgrade(world.addr(), "small/a/socket", None).await.err(), Some(503));
        assert!(upgrade(world.addr(), "small/b/socket", None).await.is_ok(), "another object");
        world.event().await;
        drop(first);
        world.ended().await;
        soon(async {
            while upgrade(world.addr(), "small/a/socket", None).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    });
}

#[test]
fn an_object_without_room_closes_with_1013_and_a_drain_with_1012() {
    let mut world = world(|_| {});
    let addr = world.addr();
    run(async {
        let websocket = upgrade(addr, "chat/busy/socket", None).await.unwrap();
        assert_eq!(Client::new(websocket, Encoding::Json).closed().await.0, 1013);
        let (mut client, socket, _) = world.peer("chat/a/socket").await;
        let gateway = std::thread::spawn(move || {
            assert_eq!(world.gateway.drain(Duration::from_secs(10)), 0);
            world
        });
        assert_eq!(client.closed().await.0, 1012);
        client.gone().await;
        let mut world = tokio::task::spawn_blocking(|| gateway.join().unwrap()).await.unwrap();
        let (ended, end) = world.ended().await;
        assert_eq!((ended, end.code), (socket, 1012));
        // A runtime of tokio is not to be dropped within another.
        std::thread::spawn(move || drop(world)).join().unwrap();
    });
}
