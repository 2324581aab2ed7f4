//! Attackers against sockets that answer by hand.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use super::options::{AttackKind, HostileOptions};
use super::squads::{Squads, Target};
use crate::clock::Clock;

fn options(attackers: &str) -> HostileOptions {
    HostileOptions::checked(toml::from_str(attackers).unwrap()).unwrap()
}

/// A whole attack of half a second.
fn attack(options: &HostileOptions, target: Target) -> Squads {
    let clock = Clock::start();
    let (start, end) = (clock.now(), clock.now() + Duration::from_millis(500));
    let squads = Squads::start(options, vec![target], None, 1, clock, (start, end)).unwrap();
    clock.wait_until(end);
    squads
}

#[test]
fn junk_goes_to_the_udp_port_from_the_addresses_asked_for_and_answers_are_counted() {
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    udp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let target = Target {
        match_id: "m".to_owned(),
        address: tcp.local_addr().unwrap(),
        datagrams: Some(udp.local_addr().unwrap()),
        quic: None,
    };
    let answering = std::thread::spawn(move || {
        let (bytes, from) = udp.recv_from(&mut [0; 2_048]).unwrap();
        udp.send_to(b"no", from).unwrap();
        (bytes, from.ip().to_string())
    });
    let options = options("addresses = 1\n[attackers]\ndatagram-junk = { count = 2 }");
    let reports = attack(&options, target).finish();
    let (bytes, from) = answering.join().unwrap();
    assert!(bytes <= 1_200 && from == "127.0.0.2", "{bytes} from {from}");
    let report = &reports[&AttackKind::DatagramJunk];
    assert!(report.messages > 10 && report.bytes > 1_000, "{report:?}");
    assert_eq!(report.answers.get("datagram"), Some(&1), "{report:?}");
    assert_eq!((report.open_max, report.note.as_deref()), (2, None));
    assert_eq!(report.answers.get("still open at the end"), Some(&2), "{report:?}");
}

#[test]
fn an_answer_is_a_status_a_close_or_an_end_and_rates_are_kept() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let target =
        Target { match_id: "m".to_owned(), address: tcp.local_addr().unwrap(), datagrams: None, quic: None };
    std::thread::spawn(move || {
        for (number, stream) in tcp.incoming().map_while(Result::ok).enumerate() {
            let mut stream = stream;
            match number % 3 {
                0 => drop(stream.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n")),
                1 => drop(stream.write_all(b"HTTP/1.1 101 x\r\n\r\n\x88\x02\x11\x4d")),
                _ => {}
            }
            // Until the attacker has gone: an unread byte would turn the end into a reset.
            drop(stream.shutdown(std::net::Shutdown::Write));
            std::thread::spawn(move || stream.read_to_end(&mut Vec::new()));
        }
    });
    let options = options("[attackers]\ngarbage-frames = { count = 5, per-second = 30 }\ndatagram-junk = {}");
    let squads = attack(&options, target);
    assert!(squads.connections_max() >= 1);
    let reports = squads.finish();
    let report = &reports[&AttackKind::GarbageFrames];
    assert!((3..=16).contains(&report.attempts), "30 a second for half of one: {report:?}");
    for answer in ["http 408", "close 4429", "ended without a word"] {
        assert!(report.answers.get(answer).is_some_and(|count| *count >= 1), "{answer}: {report:?}");
    }
    let junk = &reports[&AttackKind::DatagramJunk];
    assert_eq!((junk.attempts, junk.note.as_deref()), (0, Some("the server has no UDP port")));
}
