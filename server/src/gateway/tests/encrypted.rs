//! WebSocket over TLS: nothing is cut or lost when the socket takes only parts of what is encrypted.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rustls_pki_types::ServerName;
use serde_json::json;
use tickstone_shared::client::assembler::Assembler;
use tickstone_shared::ids::Epoch;
use tickstone_shared::net::trust::Trust;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::decode::from_server;
use tickstone_shared::wire::message::{ClientMessage, EventMessage, ServerMessage};
use tickstone_shared::wire::version::Encoding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::fake_game::shape;
use super::frames::counted;
use super::harness::{World, run, soon, world};
use super::quic::{bytes, hello};
use crate::gateway::TlsFiles;
use crate::gateway::tls::Certificates;
use crate::object::socket::SocketId;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// A gateway with a certificate from a file, and by what it is known.
fn encrypted_world(folder: &Path) -> (World, Trust) {
    let file = folder.join("both.pem");
    let made = Certificates::dev(Some(&file), 1_790_000_000).unwrap();
    let trust = Trust::pin(&made.pin().unwrap()).unwrap();
    let world = world(|settings| {
        settings.tls = Some(TlsFiles { certificate: file.clone(), key: file });
        settings.send_buffer_bytes = Some(4096);
        settings.tls_handshake_timeout = Duration::from_millis(300);
    });
    (world, trust)
}

/// A client with a small receive buffer that has been welcomed.
async fn narrow_player(world: &mut World, trust: &Trust) -> (Socket, SocketId) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let tcp = socket.connect(world.addr()).await.unwrap();
    let connector = TlsConnector::from(Arc::new(trust.config(&[b"http/1.1"])));
    let tls = soon(connector.connect(ServerName::try_from("localhost").unwrap(), tcp)).await.unwrap();
    let url = format!("wss://{}/v1/matches/m/socket", world.addr());
    let (mut client, _) = soon(tokio_tungstenite::client_async(url, tls)).await.unwrap();
    client.send(Message::binary(bytes(&ClientMessage::Hello(hello("m"))))).await.unwrap();
    let socket = world.event().await.socket();
    assert!(matches!(message(&mut client).await, Some(ServerMessage::Welcome(_))));
    (client, socket)
}

async fn message(client: &mut Socket) -> Option<ServerMessage> {
    match soon(client.next()).await {
        Some(Ok(Message::Binary(bytes))) => Some(from_server(&bytes, Encoding::Msgpack).unwrap()),
        Some(Ok(Message::Close(_))) | None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn after_a_stall_states_go_on_and_events_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, trust) = encrypted_world(folder.path());
    run(async {
        let (mut client, socket) = narrow_player(&mut world, &trust).await;
        let mut last = 0;
        while world.metrics.snapshots_coalesced.get() < 20 {
            last += 1;
            world.state(socket, last, 400);
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        for tick in 0..40 {
            let data = json!(char::from(b'a' + tick as u8 % 26).to_string().repeat(2_000 + tick as usize));
            let event = EventMessage { tick: Tick(tick), name: "e".to_owned(), data };
            world.send(socket, ServerMessage::Event(event));
        }
        let (mut seen, mut events, mut states) = (0, 0, Assembler::new(Epoch(1), &shape().schema));
        while seen < last || events < 40 {
            match message(&mut client).await.expect("it is not closed") {
                ServerMessage::State(state) => {
                    let state = states.take_state(state).unwrap().unwrap();
                    assert!(state.tick.0 > seen && state.body.unwrap().len() == 3 + 400 * 5);
                    seen = state.tick.0;
                }
                ServerMessage::Event(event) => {
                    assert_eq!(event.tick, Tick(events));
                    assert_eq!(event.data.as_str().map(str::len), Some(2_000 + events as usize));
                    events += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        client.send(Message::binary(bytes(&ClientMessage::Leave {}))).await.unwrap();
        world.event().await;
    });
}

#[test]
fn an_end_is_said_behind_everything_and_closed_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, trust) = encrypted_world(folder.path());
    run(async {
        let (mut client, socket) = narrow_player(&mut world, &trust).await;
        world.close(socket, tickstone_shared::wire::close::CloseCode::Kicked);
        assert!(matches!(message(&mut client).await, Some(ServerMessage::Bye(_))));
        match soon(client.next()).await {
            Some(Ok(Message::Close(Some(close)))) => assert_eq!(u16::from(close.code), 4403),
            other => panic!("{other:?}"),
        }
        assert!(soon(client.next()).await.is_none_or(|end| end.is_err()));
    });
}

#[test]
fn a_handshake_that_stalls_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = encrypted_world(folder.path());
    run(async {
        let mut tcp = TcpStream::connect(world.addr()).await.unwrap();
        let mut end = [0; 16];
        assert_eq!(soon(tcp.read(&mut end)).await.unwrap_or(0), 0);
        counted(&world, "tls_handshake").await;
    });
}

/// What a client says that speaks TLS 1.1 alone, one that says 64 KiB, and one that speaks plainly.
#[test]
fn a_handshake_that_cannot_be_is_ended_with_an_alert() {
    const ALERT: u8 = 21;
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = encrypted_world(folder.path());
    let mut old = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    old.extend_from_slice(&[7; 32]);
    old.extend_from_slice(&[0, 0, 2, 0, 0x2f, 1, 0]);
    let mut endless = vec![22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff];
    endless.resize(5 + 0x4000, 0);
    let more = [&[22, 3, 1, 0x40, 0][..], &[0; 0x4000]].concat();
    endless.extend(more.repeat(3));
    run(async {
        for (number, first) in [old, endless, b"GET / HTTP/1.1\r\n\r\n".to_vec()].into_iter().enumerate() {
            let mut tcp = TcpStream::connect(world.addr()).await.unwrap();
            // It may have been ended before it took everything.
            let _ = tcp.write_all(&first).await;
            let mut said = Vec::new();
            let _ = soon(tcp.read_to_end(&mut said)).await;
            assert!(said.first().is_none_or(|kind| *kind == ALERT), "{number}: {said:?}");
            let line = format!("tickstone_refused_total{{reason=\"tls_handshake\"}} {}", number + 1);
            let met = async {
                while !world.metrics.text().contains(&line) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            soon(met).await;
        }
    });
}
