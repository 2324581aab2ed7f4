//! The bad network with real sockets on both sides.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use tickstone_loadtest::clock::Clock;
use tickstone_loadtest::impair::fate::DatagramLane;
use tickstone_loadtest::impair::{Carrier, DatagramFaults, Impairment, Proxy, Way};
use tickstone_shared::time::Moment;

const PATIENCE: Duration = Duration::from_secs(20);
/// So long nothing may arrive before it counts as nothing.
const QUIET: Duration = Duration::from_millis(300);

fn udp() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// The number in the next datagram and where it came from.
fn hear(socket: &UdpSocket) -> (u32, SocketAddr) {
    let mut buffer = [0; 4];
    let (bytes, from) = socket.recv_from(&mut buffer).expect("a datagram arrives");
    assert_eq!(bytes, 4);
    (u32::from_le_bytes(buffer), from)
}

/// Nothing comes for a while.
fn is_quiet(socket: &UdpSocket) -> bool {
    socket.set_read_timeout(Some(QUIET)).unwrap();
    let heard = socket.recv_from(&mut [0; 4]);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    heard.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn datagrams_are_lost_as_the_seed_says() {
    let lossy = Impairment { loss: 0.3, ..Impairment::default() };
    let proxy = Proxy::start(lossy, 42).unwrap();
    let (client, server) = (udp(), udp());
    let near = proxy.through(Carrier::Udp, server.local_addr().unwrap()).unwrap();
    let mut lane = DatagramLane::new(42, 0);
    let expected: BTreeSet<u32> =
        (0..200).filter(|_| lane.fate(Moment(0), 4, &lossy).arrives.is_some()).collect();
    for number in 0..200_u32 {
        client.send_to(&number.to_le_bytes(), near).unwrap();
    }
    let heard: BTreeSet<u32> = (0..expected.len()).map(|_| hear(&server).0).collect();
    assert_eq!(heard, expected);
    assert!(is_quiet(&server));
    let counts = proxy.counts();
    assert_eq!((counts.received, counts.lost as usize), (200, 200 - expected.len()));
}

#[test]
fn datagrams_are_delayed_doubled_swallowed_and_sent_from_another_port() {
    let delay = Impairment::round_trip(0.0, Duration::from_millis(40), Duration::ZERO);
    let proxy = Proxy::start(delay, 1).unwrap();
    let (client, server) = (udp(), udp());
    let near = proxy.through(Carrier::Udp, server.local_addr().unwrap()).unwrap();
    assert_eq!(proxy.through(Carrier::Udp, server.local_addr().unwrap()).unwrap(), near);

    let clock = Clock::start();
    client.send_to(&7_u32.to_le_bytes(), near).unwrap();
    let (number, first_port) = hear(&server);
    server.send_to(&8_u32.to_le_bytes(), first_port).unwrap();
    assert_eq!((number, hear(&client)), (7, (8, near)));
    assert!(clock.now() >= Moment(40_000_000), "a round trip takes 40 ms at least");

    proxy.rebind();
    client.send_to(&9_u32.to_le_bytes(), near).unwrap();
    let (number, second_port) = hear(&server);
    assert!(number == 9 && second_port != first_port);
    server.send_to(&10_u32.to_le_bytes(), second_port).unwrap();
    assert_eq!(hear(&client).0, 10, "the client notices nothing");

    proxy.blackhole(true);
    client.send_to(&11_u32.to_le_bytes(), near).unwrap();
    assert!(is_quiet(&server));
    assert_eq!(proxy.counts().swallowed, 1);
    proxy.blackhole(false);
    assert!(is_quiet(&server), "what was swallowed stays so");

    let datagrams = DatagramFaults { duplicate: 1.0, ..DatagramFaults::default() };
    proxy.set(Impairment { datagrams, ..Impairment::default() });
    client.send_to(&12_u32.to_le_bytes(), near).unwrap();
    assert_eq!((hear(&server).0, hear(&server).0), (12, 12));
}

/// A client and the server's side of its connection.
fn connected(proxy: &Proxy) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = proxy.through(Carrier::Tcp, listener.local_addr().unwrap()).unwrap();
    let client = TcpStream::connect(near).unwrap();
    let (server, _) = listener.accept().unwrap();
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    (client, server)
}

#[test]
fn a_stream_arrives_late_but_whole_and_in_order() {
    let bad = Impairment::round_trip(20.0, Duration::from_millis(20), Duration::from_millis(10));
    let proxy = Proxy::start(bad, 3).unwrap();
    let (mut client, mut server) = connected(&proxy);
    let clock = Clock::start();
    // More than the queue of one direction, so that reading stops and goes on.
    let sent: Vec<u8> = (0..2_000_000_u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    let copy = sent.clone();
    let writer = std::thread::spawn(move || {
        client.write_all(&copy).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        client
    });
    let mut received = Vec::new();
    server.read_to_end(&mut received).unwrap();
    assert!(received == sent, "{} of {} bytes, or others", received.len(), sent.len());
    assert!(clock.now() >= Moment(5_000_000), "no byte is there before 5 ms");
    server.write_all(b"bye").unwrap();
    drop(server);
    let mut last = Vec::new();
    writer.join().unwrap().read_to_end(&mut last).unwrap();
    assert_eq!(last, b"bye", "an end of one direction leaves the other open");
}

#[test]
fn a_stream_waits_in_a_blackhole_and_can_lose_one_direction() {
    let proxy = Proxy::start(Impairment::default(), 3).unwrap();
    let (mut client, mut server) = connected(&proxy);
    let mut buffer = [0; 8];
    client.write_all(b"one").unwrap();
    server.read_exact(&mut buffer[..3]).unwrap();

    proxy.blackhole(true);
    client.write_all(b"two").unwrap();
    server.set_read_timeout(Some(QUIET)).unwrap();
    assert!(server.read(&mut buffer).is_err(), "nothing arrives in a blackhole");
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    proxy.blackhole(false);
    server.read_exact(&mut buffer[..3]).unwrap();
    assert_eq!(&buffer[..3], b"two", "nothing of a stream is lost");

    proxy.half_close(Way::Up);
    assert_eq!(server.read(&mut buffer).unwrap(), 0, "the server hears an end");
    server.write_all(b"three").unwrap();
    client.read_exact(&mut buffer[..5]).unwrap();
    assert_eq!(&buffer[..5], b"three", "the other direction goes on");
}

#[test]
fn a_server_that_is_not_there_resets_the_connection() {
    let proxy = Proxy::start(Impairment::default(), 3).unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = proxy.through_url(Carrier::Tcp, &format!("ws://{nobody}/v1/matches/m/socket")).unwrap();
    let near: SocketAddr = proxy.through(Carrier::Tcp, nobody).unwrap();
    assert_eq!(url, format!("ws://{near}/v1/matches/m/socket"));
    let mut client = TcpStream::connect(near).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(client.read(&mut [0; 1]).is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
}
