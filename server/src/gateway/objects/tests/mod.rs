//! Sockets of objects without sockets.

use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use tickstone_shared::ids::ObjectName;
use tickstone_shared::time::Moment;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use super::group::Groups;
use super::peer::Peer;
use super::reader::Reader;
use crate::gateway::outgoing::Traffic;
use crate::gateway::settings::Settings;
use crate::gateway::tls::{Carrier, ReadHalf, WriteHalf};
use crate::object::id::Identity;
use crate::object::peer::{Attachment, SocketRules, Tags};
use crate::object::socket::SocketId;

fn object(name: &str) -> Identity {
    Identity::named("chat", ObjectName::parse(name).unwrap())
}

fn enter(groups: &Groups, object: &Identity, rules: &Arc<SocketRules>, number: u64) -> (Arc<Peer>, bool) {
    let make = |group| Peer::new(SocketId(number), group, WriteHalf::Nowhere, Traffic::default(), Moment(1));
    let (peer, entered) = groups.enter(object, rules, make);
    (peer, entered.is_ok())
}

#[test]
fn socket_1_more_than_32768_sockets_of_one_object() {
    const SOCKETS: u64 = 40_000;
    let (groups, of) = (Groups::default(), object("crowd"));
    let rules = Arc::new(SocketRules { sockets_max: SOCKETS as usize, ..SocketRules::default() });
    let mut peers = Vec::new();
    for number in 0..SOCKETS {
        let (peer, entered) = enter(&groups, &of, &rules, number);
        assert!(entered);
        let tag = if number % 2 == 0 { "even" } else { "odd" };
        assert!(peer.accept(Tags::new([tag]).unwrap(), Attachment::default()));
        peers.push(peer);
    }
    assert!(groups.is_full(of.id, &rules));
    let (refused, entered) = enter(&groups, &of, &rules, SOCKETS);
    assert!(!entered && groups.peer(refused.socket).is_none(), "one too many");
    let group = groups.find(of.id).unwrap();
    assert_eq!(group.select(Some("even"), &[]).len(), 20_000);
    assert_eq!(group.select(None, &[SocketId(7)]).len(), 39_999);
    let infos = groups.infos(of.id);
    assert!(infos.len() == 40_000 && infos.is_sorted_by_key(|info| info.socket));
    peers.iter().for_each(|peer| groups.leave(peer));
    assert!(groups.find(of.id).is_none(), "nothing is kept of an object without sockets");
}

#[test]
fn a_group_without_sockets_is_kept_for_its_own_pair_while_its_object_is_awake() {
    let (groups, of, rules) = (Groups::default(), object("a"), Arc::new(SocketRules::default()));
    let pair = crate::object::peer::AutoResponse::new("a", "b").ok();
    groups.set_auto_response(&of, &rules, pair);
    groups.awake(&|_| true, Moment(1), &mut Vec::new());
    assert!(groups.find(of.id).is_some());
    groups.awake(&|_| false, Moment(2), &mut Vec::new());
    assert!(groups.find(of.id).is_none());
    groups.set_auto_response(&of, &rules, None);
    assert!(groups.find(of.id).is_none(), "what the class says needs no group");
}

#[test]
fn socket_6_the_silence_of_a_sleep_is_not_counted() {
    let (groups, of, rules) = (Groups::default(), object("a"), Arc::new(SocketRules::default()));
    let (peer, _) = enter(&groups, &of, &rules, 1);
    let seen = |is_awake: bool, seconds: u64| {
        let mut awake = Vec::new();
        groups.awake(&|_| is_awake, Moment(seconds), &mut awake);
        assert_eq!(awake.len(), usize::from(is_awake));
        peer.group.awake_since()
    };
    assert_eq!((seen(true, 5), seen(true, 9)), (Moment(5), Moment(5)), "since it woke");
    assert_eq!((seen(false, 20), seen(true, 1_000)), (Moment(0), Moment(1_000)), "and again");
}

/// A masked frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        short @ 0..=125 => vec![0x80 | short as u8],
        long => [&[0xfe][..], &(long as u16).to_be_bytes()].concat(),
    };
    [&[first][..], &length, &[0; 4], payload].concat()
}

#[test]
fn messages_come_whole_however_they_are_cut_and_nothing_is_kept_between_them() {
    let (groups, rules) = (Groups::default(), Arc::new(SocketRules::default()));
    let (peer, _) = enter(&groups, &object("a"), &rules, 1);
    let long = vec![7; 3000];
    let bytes = [
        frame(0x81, b"one"),
        frame(0x89, b"ping"),
        frame(0x02, &long),
        frame(0x8a, b""),
        frame(0x80, b"end"),
        frame(0x81, b""),
    ]
    .concat();
    let expected = [Message::text("one"), Message::binary([&long[..], b"end"].concat()), Message::text("")];
    for cut in [1, 2, 3, 5, 64, 1000, 2048, usize::MAX] {
        let mut reader = Reader::new(ReadHalf::Nowhere, &settings());
        let mut came = Vec::new();
        for piece in bytes.chunks(cut.min(bytes.len())) {
            let mut keep = |message: Message| {
                came.extend((message.is_text() || message.is_binary()).then_some(message));
                Ok(())
            };
            reader.take(piece, &peer, Moment(1), &mut keep).unwrap();
            assert_eq!(reader.is_idle(), peer.begun().is_none(), "a frame reader only while a message comes");
        }
        assert_eq!(came, expected, "pieces of {cut}");
        assert!(reader.is_idle());
    }
}

fn settings() -> Settings {
    let mut settings = Settings::dev("127.0.0.1:0".parse().unwrap());
    settings.object_frames_per_second_max = usize::MAX;
    settings.object_bytes_per_second_max = usize::MAX;
    settings
}

#[test]
fn socket_6_the_kernel_asks_by_15_s_and_gives_up_by_30() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let carrier = Carrier::Plain(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        let Carrier::Plain(tcp) = &carrier else { unreachable!() };
        for number in 0..16 {
            carrier.keep_alive(Duration::from_secs(15), Duration::from_secs(30), number);
            assert_eq!(sockopt::tcp_user_timeout(tcp).unwrap(), 30_000, "or one lost question would end it");
            assert!(sockopt::socket_keepalive(tcp).unwrap());
            let (first, every) = (sockopt::tcp_keepidle(tcp).unwrap(), sockopt::tcp_keepintvl(tcp).unwrap());
            assert_eq!(first, Duration::from_secs(15 - number % 8), "not all at once");
            assert_eq!(every * sockopt::tcp_keepcnt(tcp).unwrap(), Duration::from_secs(15));
        }
    });
}

#[test]
fn an_idle_socket_is_small() {
    // Beside these: the kernel's socket as tokio knows it, and two places in maps.
    assert!(size_of::<Peer>() <= 576, "{}", size_of::<Peer>());
    assert!(super::serve::task_bytes() <= 704, "{}", super::serve::task_bytes());
}
