//! Joining while the network loses what is needed for it.

use std::time::Duration;

use tickstone_loadtest::impair::{Carrier, Impairment, Proxy};
use tickstone_shared::net::socket::Address;
use tickstone_shared::wire::message::{ClientMessage, ServerMessage};
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, hello};
use tickstone_tests::server::Server;
use tickstone_tests::turn;
use tickstone_tests::wait::until;

/// Long enough for a client to hand over to the network what it was told to send.
const SENDING: Duration = Duration::from_millis(20);

/// The server's address, as it is reached through this network.
fn through(proxy: &Proxy, server: &Server) -> Address {
    let Address::Quic { url, trust } = server.quic_address() else { panic!("it is one of QUIC") };
    Address::Quic { url: proxy.through_url(Carrier::Udp, &url).expect("a port is free"), trust }
}

/// Loses what is under way, and what is sent meanwhile.
fn lose(proxy: &Proxy, meanwhile: impl FnOnce()) {
    let before = proxy.counts().swallowed;
    proxy.blackhole(true);
    meanwhile();
    until("the loss", || (proxy.counts().swallowed > before).then_some(()));
    proxy.blackhole(false);
}

/// The server's first flight is lost, and the client's second try: what answers the first seems to be a long way
/// off, and the timers for what is lost next are long. The client asks instead, and learns what has not come.
#[test]
fn a_lost_hello_is_said_again_before_the_server_gives_up() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("arena", "a");
    let network = Impairment::round_trip(0.0, Duration::from_millis(100), Duration::ZERO);
    let proxy = Proxy::start(network, 1).expect("a thread can be started");
    let address = through(&proxy, &server);
    let connecting = std::thread::spawn(move || Client::connect_to(&address, Encoding::Msgpack));
    until("the server's first flight", || (proxy.counts().received >= 3).then_some(()));
    lose(&proxy, || {});
    // The client's second try: what it hears at last answers its first.
    lose(&proxy, || {});
    let mut client = connecting.join().expect("no panic").expect("a handshake is tried again");
    let done = "tickstone_quic_handshakes_total{result=\"done\"}";
    until("the end of the handshake", || (server.http().metric(done) > 0.0).then_some(()));
    lose(&proxy, || {
        client.send(&ClientMessage::Hello(hello("a", "ann")));
        assert_eq!(client.receive(SENDING), None, "nobody has heard it");
    });
    match client.message() {
        Ok(ServerMessage::Welcome(welcome)) => assert_eq!(welcome.player, "ann"),
        other => panic!("not welcome: {other:?}"),
    }
    assert!(client.quic().connection().stats().frame_tx.ping > 0, "it waited for its timer");
}
