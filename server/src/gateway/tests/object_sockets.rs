//! What is said on sockets of objects, and what is kept of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tickstone_shared::wire::version::Encoding;
use tokio_tungstenite::tungstenite::Message;

use super::harness::{Client, guarded, run, world};
use super::object_client::{object, upgrade};
use crate::access::scope::{Scope, Subject};
use crate::object::caller::Caller;
use crate::object::effects::PeerOutput;
use crate::object::peer::{Attachment, AutoResponse, Payload, WhenFull};
use crate::object::socket::{SocketEvent, SocketId};

const NOW_MS_2020: u64 = 1_577_836_800_000;

#[test]
fn socket_8_a_raw_socket_carries_text_and_bytes_as_they_are() {
    let mut world = world(|_| {});
    run(async {
        let (mut client, socket, request) =
            world.peer("chat/lobby/socket?room=7&token=tj1.none&subject=eve").await;
        assert_eq!(request.caller.subject(), Some("anonymous"), "not what the query says");
        assert_eq!(request.query, "room=7&subject=eve", "without the token");
        for payload in [Payload::from("hello"), Payload::from(vec![0, 159, 146]), Payload::from("")] {
            let message = match &payload {
                Payload::Text(text) => Message::text(text.as_ref()),
                Payload::Bytes(bytes) => Message::binary(bytes.clone()),
            };
            client.send(message.clone()).await;
            assert_eq!(world.heard().await, (socket, payload.clone()));
            world.say(socket, payload);
            assert_eq!(client.told().await, message);
        }
        let fragments = [0x01, 0x82, 0, 0, 0, 0, b'a', b'b', 0x80, 0x81, 0, 0, 0, 0, b'c'];
        tokio::io::AsyncWriteExt::write_all(client.websocket.get_mut(), &fragments).await.unwrap();
        assert_eq!(world.heard().await.1, Payload::from("abc"), "in two frames");
    });
}

#[test]
fn socket_8_a_message_of_the_limit_is_taken_and_one_byte_more_is_1009() {
    let mut world = world(|_| {});
    run(async {
        let (mut client, socket, _) = world.peer("chat/a/socket").await;
        let longest = vec![7; 64 * 1024];
        client.send(Message::binary(longest.clone())).await;
        assert_eq!(world.heard().await, (socket, Payload::from(longest)));
        client.send(Message::binary(vec![7; 64 * 1024 + 1])).await;
        assert!(
            matches!(world.event().await, SocketEvent::Failed { socket: failed, .. } if failed == socket)
        );
        let (ended, end) = world.ended().await;
        assert_eq!((ended, end.code, end.clean), (socket, 1009, false));
        assert_eq!(client.closed().await.0, 1009);
        let (mut short, _, _) = world.peer("small/a/socket").await;
        short.send(Message::text("x".repeat(100))).await;
        world.heard().await;
        short.send(Message::text("x".repeat(101))).await;
        assert_eq!(short.closed().await.0, 1009, "a limit of its class's own");
    });
}

#[test]
fn socket_2_tags_are_fixed_at_accept_and_choose_who_hears() {
    let mut world = world(|_| {});
    run(async {
        let of = object("chat", "tags");
        let mut clients = Vec::new();
        for tags in [&["red", "all"][..], &["blue", "all"], &["red"], &[]] {
            let (client, socket, _) = world.peer("chat/tags/socket").await;
            world.accept(socket, tags, b"");
            clients.push((client, socket));
        }
        let sockets: Vec<SocketId> = clients.iter().map(|(_, socket)| *socket).collect();
        world.accept(sockets[3], &["late"], b"");
        world.accept(sockets[3], &["later"], b"");
        world.broadcast(&of, Some("red"), &[], "to red");
        world.broadcast(&of, Some("all"), &[sockets[0]], "to all but the first");
        world.broadcast(&of, Some("later"), &[], "to nobody");
        world.broadcast(&of, None, &sockets[..3], "to the last");
        world.broadcast(&of, None, &[], "end");
        for (index, expected) in [
            &["to red", "end"][..],
            &["to all but the first", "end"],
            &["to red", "end"],
            &["to the last", "end"],
        ]
        .into_iter()
        .enumerate()
        {
            for text in expected {
                assert_eq!(clients[index].0.told().await, Message::text(*text), "client {index}");
            }
        }
        let infos = world.infos(&of, |infos| infos.len() == 4).await;
        assert_eq!(infos[1].tags.iter().collect::<Vec<_>>(), ["blue", "all"]);
        assert_eq!(infos[3].tags.iter().count(), 0, "fixed at the first accept");
    });
}

#[test]
fn socket_2_who_is_not_accepted_yet_hears_nothing_that_is_said_to_all() {
    let mut world = world(|_| {});
    run(async {
        let of = object("chat", "door");
        let (mut inside, first, _) = world.peer("chat/door/socket").await;
        let (mut outside, second, _) = world.peer("chat/door/socket").await;
        world.accept(first, &[], b"");
        world.broadcast(&of, None, &[], "before");
        world.accept(second, &[], b"");
        world.broadcast(&of, None, &[], "after");
        for text in ["before", "after"] {
            assert_eq!(inside.told().await, Message::text(text));
        }
        assert_eq!(outside.told().await, Message::text("after"), "its object's first word to it");
    });
}

#[test]
fn socket_3_an_attachment_is_kept_while_the_object_knows_nothing() {
    let mut world = world(|_| {});
    run(async {
        let of = object("chat", "kept");
        let (client, socket, _) = world.peer("chat/kept/socket").await;
        world.accept(socket, &["t"], b"first");
        let infos = world.infos(&of, |infos| infos.iter().any(|info| info.tags.has("t"))).await;
        assert_eq!((infos[0].socket, infos[0].attachment.bytes()), (socket, &b"first"[..]));
        let attachment = Attachment::new(vec![9; 16_384]).unwrap();
        world.ask(PeerOutput::Attach { socket, attachment: attachment.clone() });
        let infos = world.infos(&of, |infos| infos[0].attachment.bytes().len() == 16_384).await;
        assert_eq!(infos[0].attachment, attachment);
        assert!(infos[0].tags.has("t"));
        drop(client);
        let (_, end) = world.ended().await;
        assert_eq!(end.attachment, attachment, "and the object is told of it with the end");
    });
}

#[test]
fn socket_4_a_pair_is_answered_without_the_object() {
    let mut world = world(|_| {});
    run(async {
        let of = object("chat", "auto");
        let (mut client, socket, _) = world.peer("chat/auto/socket").await;
        assert_eq!(world.infos(&of, |infos| infos.len() == 1).await[0].auto_response_ms, None);
        client.send(Message::text("ping")).await;
        assert_eq!(client.told().await, Message::text("pong"), "the class's pair");
        let answered = world.infos(&of, |infos| infos[0].auto_response_ms.is_some()).await;
        assert!(answered[0].auto_response_ms.unwrap() > NOW_MS_2020);
        for other in ["ping ", "Ping", "pin"] {
            client.send(Message::text(other)).await;
            assert_eq!(world.heard().await, (socket, Payload::from(other)), "exactly, or the object is told");
        }
        client.send(Message::binary("ping")).await;
        assert_eq!(world.heard().await.1, Payload::from(b"ping".to_vec()), "bytes are no text");
        let pair = AutoResponse::new("who?", "me").ok();
        world.ask(PeerOutput::AutoResponse { object: of.clone(), pair });
        world.say(socket, "set");
        assert_eq!(client.told().await, Message::text("set"));
        client.send(Message::text("who?")).await;
        assert_eq!(client.told().await, Message::text("me"), "the object's own");
        client.send(Message::text("ping")).await;
        assert_eq!(world.heard().await.1, Payload::from("ping"), "instead of the class's");
        world.ask(PeerOutput::AutoResponse { object: of.clone(), pair: None });
        world.say(socket, "reset");
        assert_eq!(client.told().await, Message::text("reset"));
        client.send(Message::text("ping")).await;
        assert_eq!(client.told().await, Message::text("pong"));
    });
    assert!(world.events.try_recv().is_err(), "of what was answered the object heard nothing");
}

#[test]
fn socket_4_a_pair_that_is_set_before_the_first_socket_holds_for_it() {
    let mut world = world(|_| {});
    world.objects.are_awake.store(true, Ordering::Relaxed);
    run(async {
        let of = object("chat", "early");
        let pair = AutoResponse::new("a", "b").ok();
        world.ask(PeerOutput::AutoResponse { object: of.clone(), pair });
        let (_other, socket, _) = world.peer("chat/other/socket").await;
        world.ask(PeerOutput::Attach { socket, attachment: Attachment::new(vec![1]).unwrap() });
        world.infos(&object("chat", "other"), |infos| infos[0].attachment.bytes() == [1]).await;
        let (mut client, _, _) = world.peer("chat/early/socket").await;
        client.send(Message::text("a")).await;
        assert_eq!(client.told().await, Message::text("b"));
    });
}

#[test]
fn socket_7_the_newest_wins_or_the_slow_are_closed_and_the_fill_can_be_read() {
    let mut world = world(|settings| settings.send_buffer_bytes = Some(4096));
    run(async {
        let of = object("chat", "slow");
        let (mut client, socket, _) = world.peer("chat/slow/socket").await;
        let big = |n: u8| Payload::from(vec![n; 200_000]);
        let send = |payload, when_full| PeerOutput::Send { socket, payload, when_full };
        for n in 0..50 {
            world.ask(send(big(n), WhenFull::NewestWins));
        }
        let waits = world.infos(&of, |infos| infos[0].queued_bytes > 200_000).await;
        assert!(waits[0].queued_bytes < 500_000, "{}: one on its way, one that waits", waits[0].queued_bytes);
        world.say(socket, "last");
        let mut seen = Vec::new();
        loop {
            match client.told().await {
                Message::Binary(bytes) => seen.push(bytes[0]),
                Message::Text(text) if text == "last" => {}
                other => panic!("{other:?}"),
            }
            if seen.last() == Some(&49) {
                break;
            }
        }
        assert!(seen.len() < 50 && seen.is_sorted(), "{seen:?}");
        for n in 0..50 {
            world.ask(send(big(n), WhenFull::Close));
        }
        let (_, end) = {
            assert!(matches!(world.event().await, SocketEvent::Failed { .. }));
            world.ended().await
        };
        assert_eq!((end.code, end.clean), (4420, false));
    });
}

#[test]
fn socket_9_what_is_sent_to_a_closed_socket_is_counted() {
    let mut world = world(|_| {});
    run(async {
        let (mut client, socket, _) = world.peer("chat/gone/socket").await;
        client.websocket.close(None).await.unwrap();
        client.gone().await;
        world.ended().await;
        world.infos(&object("chat", "gone"), <[_]>::is_empty).await;
        world.say(socket, "to nobody");
        world.hang_up(socket, 1000, "");
        super::harness::soon(async {
            while !world.metrics.text().contains("tickstone_sends_to_nobody_total 2") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    });
}

#[test]
fn socket_8_a_framed_socket_says_hello_with_its_token_and_then_messages() {
    let mut world = world(guarded);
    let raw = crate::access::doorkeeper::RawAccess {
        secret: Some(super::harness::SECRET.to_owned()),
        ..Default::default()
    };
    let doorkeeper = crate::access::doorkeeper::Doorkeeper::new(&raw).unwrap();
    let scopes = [Scope::parse("room:blue:connect").unwrap()].into();
    let now_ms = crate::clock::Clock::unix_ms(&crate::clock::SystemClock::new());
    let (token, _) = doorkeeper.mint_user(Subject::parse("ann").unwrap(), scopes, now_ms, 60_000);
    run(async {
        for encoding in [Encoding::Json, Encoding::Msgpack] {
            let websocket = upgrade(world.addr(), "room/blue/socket", None).await.unwrap();
            let mut client = Client::new(websocket, encoding);
            client.hello("blue", json!({"token": token, "player": "eve"})).await;
            let SocketEvent::Connected { socket, request } = world.event().await else { panic!() };
            assert_eq!(request.caller.subject(), Some("ann"), "who the token says, not the hello");
            client.json(json!({"t": "message", "data": {"say": "hi"}})).await;
            assert_eq!(world.heard().await, (socket, Payload::from(r#"{"say":"hi"}"#)));
            world.say(socket, r#"{"n":[1]}"#);
            let told = serde_json::to_value(client.message().await).unwrap();
            assert_eq!(told, json!({"t": "message", "data": {"n": [1]}}));
            world.ask(PeerOutput::Send {
                socket,
                payload: Payload::Bytes(Bytes::from_static(&[1, 2, 3])),
                when_full: WhenFull::Close,
            });
            assert_eq!(serde_json::to_value(client.message().await).unwrap()["data"], json!("AQID"));
            client.json(json!({"t": "leave"})).await;
            let failed = world.event().await;
            assert!(matches!(failed, SocketEvent::Disconnected { .. }), "{failed:?}");
            assert_eq!(client.closed().await.0, 4000);
        }
        for hello in [json!({}), json!({"token": "guessed"}), json!({"token": token, "match_id": "red"})] {
            let websocket = upgrade(world.addr(), "room/red/socket", None).await.unwrap();
            let mut client = Client::new(websocket, Encoding::Json);
            client.hello("red", hello).await;
            assert_eq!(client.closed().await.0, 4401, "the token is for another object");
        }
    });
    assert!(world.events.try_recv().is_err(), "the object heard of nobody who may not");
}

#[test]
fn socket_8_who_may_not_connect_to_a_raw_socket_hears_it_before_the_upgrade() {
    let mut world = world(guarded);
    run(async {
        let tried = |path: &'static str, bearer: Option<&'static str>| upgrade(world.addr(), path, bearer);
        assert_eq!(tried("vault/a/socket", None).await.err(), Some(401));
        assert_eq!(tried("vault/a/socket?subject=ann&admin=1", None).await.err(), Some(401));
        assert_eq!(tried("vault/a/socket", Some("guessed")).await.err(), Some(401));
        assert!(tried("vault/a/socket", Some(super::harness::SECRET)).await.is_ok());
        assert!(tried("chat/a/socket", None).await.is_ok(), "public");
    });
    run(async {
        let SocketEvent::Connected { request, .. } = world.event().await else { panic!() };
        assert_eq!(request.caller, Caller::Operator);
    });
}
