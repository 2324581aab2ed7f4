//! Clients that break rules over QUIC: the answer, the count, and that others play on.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, TransportConfig, VarInt};
use serde_json::json;
use tickstone_shared::net::connect_error::ConnectError;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::message::{ClientMessage, DataMessage, EventMessage, Ping, ServerMessage};
use tickstone_shared::wire::version::QUIC_ALPN;

use super::states::Player;
use super::talk::{bytes, end, hello, inputs, quic_world};
use crate::gateway::tests::frames::counted;
use crate::gateway::tests::harness::{World, run, soon};
use crate::object::socket::SocketEvent;

/// A library's defaults, but for what a test changes.
pub(super) fn config(world: &World, alpn: &[u8], change: impl FnOnce(&mut TransportConfig)) -> ClientConfig {
    let crypto = QuicClientConfig::try_from(world.trust().config(&[alpn])).unwrap();
    let mut config = ClientConfig::new(Arc::new(crypto));
    let mut transport = TransportConfig::default();
    change(&mut transport);
    config.transport_config(Arc::new(transport));
    config
}

/// A client as [`config`] has it.
async fn raw(
    world: &World,
    alpn: &[u8],
    change: impl FnOnce(&mut TransportConfig),
) -> Result<(Endpoint, Connection), quinn::ConnectionError> {
    raw_from(world, Ipv4Addr::LOCALHOST.into(), alpn, change).await
}

/// As [`raw`], from an address of this machine.
pub(super) async fn raw_from(
    world: &World,
    from: IpAddr,
    alpn: &[u8],
    change: impl FnOnce(&mut TransportConfig),
) -> Result<(Endpoint, Connection), quinn::ConnectionError> {
    let endpoint = Endpoint::client((from, 0).into()).unwrap();
    let config = config(world, alpn, change);
    let connecting = endpoint.connect_with(config, world.quic_addr(), "localhost").unwrap();
    let connection = soon(connecting).await?;
    Ok((endpoint, connection))
}

/// The code a connection is closed with.
pub(super) async fn closed(connection: &Connection) -> u64 {
    match soon(connection.closed()).await {
        quinn::ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
        other => panic!("{other}"),
    }
}

#[test]
fn another_protocol_is_refused_by_tls() {
    let world = quic_world(|_| {});
    run(async {
        for alpn in [&b"h3"[..], b"tickstone/2", b""] {
            let error = raw(&world, if alpn.is_empty() { b"x" } else { alpn }, |_| {}).await.unwrap_err();
            let quinn::ConnectionError::ConnectionClosed(close) = error else { panic!("{error}") };
            assert_eq!(u64::from(close.error_code), 0x178, "no_application_protocol");
        }
        // The client hears of it before the server has counted it.
        let failed = || world.metric(r#"tickstone_quic_handshakes_total{result="failed"}"#);
        soon(async {
            while failed() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(failed(), 3);
        assert!(raw(&world, QUIC_ALPN, |_| {}).await.is_ok());
    });
}

/// A packet with a long header of this version, padded.
fn long_packet(version: u32, length: usize) -> Vec<u8> {
    let mut packet = vec![0xc0];
    packet.extend_from_slice(&version.to_be_bytes());
    packet.extend_from_slice(&[8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9]);
    packet.resize(length, 0);
    packet
}

#[test]
fn junk_is_dropped_and_versions_are_negotiated_with_whole_packets_alone() {
    let mut world = quic_world(|_| {});
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(world.quic_addr()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut answer = [0; 2048];
    let unknown = 0x1a2a_3a4a;
    for silent in [vec![], vec![0x40], vec![0xff; 30], long_packet(1, 1199), long_packet(unknown, 1199)] {
        socket.send(&silent).unwrap();
        assert!(socket.recv(&mut answer).is_err(), "an answer to {} bytes", silent.len());
    }
    socket.send(&long_packet(unknown, 1200)).unwrap();
    let length = socket.recv(&mut answer).unwrap();
    assert_eq!(answer[1..5], [0; 4], "a version negotiation");
    assert!(length < 1200);
    for n in 0..200_u16 {
        // A short header: a connection that is not there.
        let mut packet = vec![0x41; 100];
        packet[1..3].copy_from_slice(&n.to_be_bytes());
        socket.send(&packet).unwrap();
    }
    let mut resets = 0;
    while let Ok(length) = socket.recv(&mut answer) {
        assert!(length < 100, "a reset is shorter than what it answers");
        resets += 1;
    }
    assert!(resets < 100, "{resets} resets for 200 packets at once");
    run(async {
        let _ = world.native_player("m").await;
    });
}

#[test]
fn datagrams_that_are_no_inputs_are_dropped_and_the_tenth_ends_the_connection() {
    let mut world = quic_world(|_| {});
    run(async {
        let (mut client, ..) = world.native_player("m").await;
        let malformed: [&[u8]; 9] = [
            &[],
            &[0xff; 40],
            b"{\"t\":\"leave\"}",
            &bytes(&ClientMessage::Leave {}),
            &bytes(&ClientMessage::Hello(hello("m"))),
            &inputs(1, &[[1, 2]; 10])[1..],
            &inputs(1, &[[1, 2]; 3])[..12],
            &[inputs(1, &[[1, 2]]), vec![0]].concat(),
            &[0x96, 0xa5, b'i', b'n', b'p', b'u', b't', 1, 2, 3, 4, 0xc6, 0xff, 0xff, 0xff, 0xff],
        ];
        for datagram in malformed {
            client.send_datagram(datagram).unwrap();
        }
        client.send_datagram(&inputs(1, &[[1, 2]])).unwrap();
        assert!(matches!(world.event().await, SocketEvent::Inputs { .. }), "it plays on");
        assert_eq!(world.metric(r#"tickstone_datagrams_refused_total{result="malformed"}"#), 9);
        client.send_datagram(&[0; 3]).unwrap();
        assert_eq!(end(&mut client).await.0, Some(4400));
        counted(&world, "close_4400").await;
    });
}

#[test]
fn a_datagram_beyond_1200_bytes_is_dropped() {
    let mut world = quic_world(|_| {});
    run(async {
        let (_endpoint, connection) = raw(&world, QUIC_ALPN, |transport| {
            transport.initial_mtu(1_400);
        })
        .await
        .unwrap();
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        let said = bytes(&ClientMessage::Hello(hello("m")));
        send.write_all(&[&(said.len() as u32).to_le_bytes(), &said[..]].concat()).await.unwrap();
        assert!(matches!(world.event().await, SocketEvent::Opened { .. }));
        for _ in 0..20 {
            connection.send_datagram(vec![0; 1_201].into()).unwrap();
        }
        // Inputs are read once the welcome has left: until then they are counted as early.
        while world.metric(r#"tickstone_datagrams_refused_total{result="too_big"}"#) < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        connection.send_datagram(inputs(1, &[[1, 2]]).into()).unwrap();
        assert!(matches!(world.event().await, SocketEvent::Inputs { .. }), "it plays on");
    });
}

#[test]
fn messages_beyond_their_limits_have_their_codes() {
    let mut world = quic_world(|_| {});
    run(async {
        let (mut client, ..) = world.native_player("m").await;
        client.send_bytes(&4_097_u32.to_le_bytes()).await.unwrap();
        assert_eq!(end(&mut client).await.0, Some(1009));
        counted(&world, "close_1009").await;
        world.event().await;
        let (mut client, ..) = world.native_player("m").await;
        client.send(&bytes(&ClientMessage::Hello(hello("m")))).await.unwrap();
        assert_eq!(end(&mut client).await.0, Some(4400));
        counted(&world, "close_4400").await;
        world.event().await;
        let (mut client, ..) = world.native_player("m").await;
        for nonce in 0..500 {
            if client.send(&bytes(&ClientMessage::Ping(Ping { nonce }))).await.is_err() {
                break;
            }
        }
        assert_eq!(end(&mut client).await.0, Some(4429));
        counted(&world, "close_4429").await;
    });
}

#[test]
fn bytes_are_counted_with_their_packets() {
    let mut world = quic_world(|settings| settings.bytes_per_second_max = 8_000);
    run(async {
        let (mut client, ..) = world.native_player("m").await;
        let data = json!("x".repeat(2_000));
        for _ in 0..8 {
            let message = ClientMessage::Message(DataMessage { data: data.clone() });
            if client.send(&bytes(&message)).await.is_err() {
                break;
            }
        }
        assert_eq!(end(&mut client).await.0, Some(4429));
        counted(&world, "close_4429").await;
    });
}

#[test]
fn a_message_that_dribbles_is_4400() {
    let mut world = quic_world(|settings| settings.message_timeout = Duration::from_millis(200));
    run(async {
        let (mut client, ..) = world.native_player("m").await;
        client.send_bytes(&[100, 0, 0, 0, 1, 2, 3]).await.unwrap();
        assert_eq!(end(&mut client).await.0, Some(4400));
        counted(&world, "close_4400").await;
    });
}

#[test]
fn a_hundred_streams_are_four_and_then_none() {
    let mut world = quic_world(|_| {});
    run(async {
        let (client, ..) = world.native_player("m").await;
        let mut streams = Vec::new();
        for _ in 0..100 {
            let opening = client.connection().open_uni();
            match tokio::time::timeout(Duration::from_millis(100), opening).await {
                Ok(Ok(mut stream)) => {
                    // The connection may be closed by now.
                    let _ = stream.write_all(b"x").await;
                    streams.push(stream);
                }
                _ => break,
            }
        }
        assert!(streams.len() <= 4, "{} streams", streams.len());
        assert_eq!(closed(client.connection()).await, 4400);
        counted(&world, "close_4400").await;
        world.event().await;
        let (client, ..) = world.native_player("m").await;
        let (mut second, _) = client.connection().open_bi().await.unwrap();
        second.write_all(b"x").await.unwrap();
        assert_eq!(closed(client.connection()).await, 4400);
    });
}

#[test]
fn a_client_that_does_not_read_its_stream_is_4420() {
    let mut world = quic_world(|settings| settings.stuck_after = Duration::from_millis(300));
    run(async {
        let (_endpoint, connection) = raw(&world, QUIC_ALPN, |transport| {
            transport.stream_receive_window(VarInt::from_u32(1_024));
        })
        .await
        .unwrap();
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        let said = bytes(&ClientMessage::Hello(hello("m")));
        send.write_all(&[&(said.len() as u32).to_le_bytes(), &said[..]].concat()).await.unwrap();
        let socket = world.event().await.socket();
        for tick in 0..60 {
            let data = json!("x".repeat(2_000));
            let event = EventMessage { tick: Tick(tick), name: "e".to_owned(), data };
            world.send(socket, ServerMessage::Event(event));
        }
        assert_eq!(closed(&connection).await, 4420);
        counted(&world, "close_4420").await;
        assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
    });
}

#[test]
fn a_client_shows_where_it_is_when_many_knock() {
    let mut world = quic_world(|settings| settings.quic_retry_above = 0);
    run(async {
        let _ = world.native_player("m").await;
        assert_eq!(world.metric(r#"tickstone_quic_handshakes_total{result="retried"}"#), 1);
        assert_eq!(world.metric(r#"tickstone_quic_handshakes_total{result="done"}"#), 1);
    });
}

#[test]
fn a_server_without_a_place_refuses() {
    let mut world = quic_world(|settings| settings.connections_max = 1);
    run(async {
        let (client, ..) = world.native_player("m").await;
        assert!(matches!(world.try_native().await, Err(ConnectError::Unreachable(_))));
        assert_eq!(world.metric(r#"tickstone_quic_handshakes_total{result="refused"}"#), 1);
        client.close(0, "").await;
        world.event().await;
        while world.try_native().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn states_that_the_path_does_not_take_are_skipped() {
    let mut world = quic_world(|_| {});
    run(async {
        let mut player = Player::join(&mut world).await;
        let other = world.native_player("m").await;
        world.state(player.socket, 1, 8_000);
        player.state().await;
        player.acknowledge(&mut world).await;
        // All at once: the library sends when the fan-out has given it everything.
        for tick in 2..=33 {
            world.state(player.socket, tick, 8_000);
        }
        let newest = loop {
            let (tick, rows, _) = player.state().await;
            assert_eq!(rows.len(), 8_000);
            if world.metrics.snapshots_coalesced.get() > 0 {
                break tick;
            }
        };
        assert!(newest <= 33);
        drop(other);
    });
}
