//! Playing over QUIC, alone and beside players on WebSocket.

use serde_json::json;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, Over, hello, resume};
use tickstone_tests::server::Server;
use tickstone_tests::turn;

/// A tick in which both saw the whole state: bodies and hashes agree.
fn see_the_same(ann: &mut Client, bob: &mut Client) {
    let seen: Vec<_> = (0..120).map(|_| ann.state()).collect();
    let (mut compared, mut hashes) = (0, 0);
    for _ in 0..240 {
        let state = bob.state();
        if let Some(same) = seen.iter().find(|other| other.tick == state.tick) {
            assert_eq!((&same.body, same.hash), (&state.body, state.hash), "{:?}", state.tick);
            compared += 1;
            hashes += usize::from(state.hash.is_some());
        }
    }
    assert!(compared >= 60 && hashes >= 1, "{compared} states and {hashes} hashes compared");
}

#[test]
fn both_kinds_of_players_in_one_match_see_the_same() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("arena", "a");
    let mut ann = Client::enter(&server, &hello("a", "ann"), Over::Quic);
    let mut bob = Client::join(&server, "a", "bob");
    assert_eq!(ann.welcome().schema_hash, ann.welcome().schema.hash());
    assert_ne!(ann.welcome().seat, bob.welcome().seat);
    for _ in 0..60 {
        let state = ann.state();
        ann.input(&state, json!({ "move_x": 127 }));
    }
    assert!(ann.state().last_input > 30, "inputs come in datagrams");
    assert_eq!(ann.ping(4_000_000_000), 4_000_000_000);
    see_the_same(&mut ann, &mut bob);
    let http = server.http();
    assert!(http.metric("tickstone_connections{transport=\"quic\"}") > 0.0);
    ann.leave();
    ann.expect_end(4000);
    http.until("a", "an empty seat", |entry| entry["players"] == 1);
    for direction in ["in", "out"] {
        let bytes =
            http.metric(&format!("tickstone_bytes_total{{transport=\"quic\",direction=\"{direction}\"}}"));
        assert!(bytes > 5_000.0, "{direction}: {bytes}");
    }
}

#[test]
fn dropped_on_one_transport_and_back_on_the_other() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.create("arena", "a");
    let mut over = [Over::Quic, Over::WebSocket(Encoding::Msgpack)];
    let mut ann = Client::enter(&server, &hello("a", "ann"), over[0]);
    let seat = ann.welcome().seat;
    for _ in 0..4 {
        over.reverse();
        for _ in 0..20 {
            let state = ann.state();
            ann.input(&state, json!({ "move_x": 100 }));
        }
        let (token, seen) = (ann.token().to_owned(), ann.state().last_input);
        ann.hang_up();
        http.until("a", "the drop", |entry| entry["connected"] == 0 && entry["players"] == 1);
        ann = Client::enter(&server, &resume("a", &token), over[0]);
        assert_eq!((ann.welcome().seat, ann.welcome().player.as_str()), (seat, "ann"));
        assert!(ann.welcome().last_input >= seen, "inputs are numbered on");
        ann.state();
    }
}
