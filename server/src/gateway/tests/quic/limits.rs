//! Who may come over QUIC, from where, how many, and how often they may move.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

use quinn::{Connection, Endpoint};
use tickstone_shared::wire::message::ClientMessage;
use tickstone_shared::wire::version::QUIC_ALPN;

use super::hostile::{closed, config, raw_from};
use super::talk::{bytes, hello, quic_world};
use crate::gateway::tests::frames::counted;
use crate::gateway::tests::harness::{World, run, soon};
use crate::object::socket::SocketEvent;

/// A client from this address of the loopback network: 127.0.0.1 has no limit.
async fn from(world: &World, last: u8) -> Result<(Endpoint, Connection), quinn::ConnectionError> {
    raw_from(world, IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), QUIC_ALPN, |_| {}).await
}

async fn say_hello(world: &mut World, connection: &Connection) -> (quinn::SendStream, quinn::RecvStream) {
    let (mut send, receive) = connection.open_bi().await.unwrap();
    let said = bytes(&ClientMessage::Hello(hello("m")));
    send.write_all(&[&(said.len() as u32).to_le_bytes(), &said[..]].concat()).await.unwrap();
    assert!(matches!(world.event().await, SocketEvent::Opened { .. }));
    (send, receive)
}

#[test]
fn strangers_of_one_address_are_8_over_quic_too() {
    let mut world = quic_world(|_| {});
    run(async {
        let mut strangers = Vec::new();
        for _ in 0..8 {
            strangers.push(from(&world, 3).await.unwrap());
        }
        let (_endpoint, ninth) = from(&world, 3).await.unwrap();
        assert_eq!(closed(&ninth).await, 4429);
        counted(&world, "address_full").await;
        assert!(from(&world, 4).await.unwrap().1.close_reason().is_none(), "another address");
        // One of them says hello: it is a stranger no more, and another one may come.
        let _stream = say_hello(&mut world, &strangers[0].1).await;
        let (_endpoint, again) = from(&world, 3).await.unwrap();
        let waited = tokio::time::timeout(Duration::from_millis(300), again.closed()).await;
        assert!(waited.is_err(), "{waited:?}");
    });
}

#[test]
fn a_player_over_quic_is_a_connection_of_the_address_to_the_end() {
    let mut world = quic_world(|settings| settings.connections_per_address = 2);
    run(async {
        let (_endpoint, player) = from(&world, 5).await.unwrap();
        let stream = say_hello(&mut world, &player).await;
        // Half of them may come in one second.
        let second = loop {
            let (endpoint, second) = from(&world, 5).await.unwrap();
            if tokio::time::timeout(Duration::from_millis(300), second.closed()).await.is_err() {
                break (endpoint, second);
            }
        };
        // Too often or too many: both are told the same.
        while !world.metrics.text().contains("reason=\"address_full\"") {
            assert_eq!(closed(&from(&world, 5).await.unwrap().1).await, 4429);
        }
        drop((stream, second));
    });
}

/// When many knock a client must show where it is; from then on it has a place among those of its address, so
/// that nobody fills the places of handshakes alone.
#[test]
fn an_address_with_too_many_handshakes_is_refused_before_they_cost_anything() {
    let world = quic_world(|settings| {
        settings.quic_retry_above = 0;
        settings.connections_per_address = 2;
    });
    run(async {
        let (_endpoint, _held) = from(&world, 6).await.unwrap();
        let refused = from(&world, 6).await.unwrap_err();
        assert!(matches!(refused, quinn::ConnectionError::ConnectionClosed(_)), "{refused}");
        counted(&world, "address_rate").await;
        assert_eq!(world.metric(r#"tickstone_quic_handshakes_total{result="refused"}"#), 1);
        assert!(from(&world, 7).await.is_ok(), "another address");
    });
}

/// The first packet of a client that goes on talking to somebody else.
async fn first_packet(world: &World) -> Vec<u8> {
    let elsewhere = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let config = config(world, QUIC_ALPN, |_| {});
    let _connecting = endpoint.connect_with(config, elsewhere.local_addr().unwrap(), "localhost").unwrap();
    let mut packet = vec![0; 2_048];
    let length = soon(elsewhere.recv(&mut packet)).await.unwrap();
    packet.truncate(length);
    packet
}

#[test]
fn a_handshake_that_is_left_alone_is_given_up() {
    let world = quic_world(|settings| settings.tls_handshake_timeout = Duration::from_millis(200));
    run(async {
        let socket = tokio::net::UdpSocket::bind("127.0.0.9:0").await.unwrap();
        socket.send_to(&first_packet(&world).await, world.quic_addr()).await.unwrap();
        let mut answer = [0; 2_048];
        assert!(soon(socket.recv(&mut answer)).await.unwrap() >= 1_200, "the server's part of the handshake");
        let failed = r#"tickstone_quic_handshakes_total{result="failed"}"#;
        while world.metric(failed) == 0 {
            assert!(
                soon(socket.recv(&mut answer)).await.is_ok(),
                "it tries again, then says that it gives up"
            );
        }
    });
}

#[test]
fn who_moves_again_and_again_is_4429() {
    let mut world = quic_world(|_| {});
    run(async {
        let (endpoint, connection) = from(&world, 8).await.unwrap();
        let _stream = say_hello(&mut world, &connection).await;
        let mut moves = 0;
        while connection.close_reason().is_none() {
            endpoint.rebind(UdpSocket::bind("127.0.0.8:0").unwrap()).unwrap();
            moves += 1;
            assert!(moves < 1_000, "it may move for ever");
            // Until the server has asked whether somebody is there, and was answered.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(moves > 5, "{moves} moves are no flood");
        assert_eq!(closed(&connection).await, 4429);
        counted(&world, "close_4429").await;
    });
}
