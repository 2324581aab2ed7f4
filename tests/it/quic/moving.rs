//! A client whose address changes plays on.

use serde_json::json;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_tests::client::{Client, Over, hello};
use tickstone_tests::server::Server;
use tickstone_tests::turn;

#[test]
fn a_client_that_changes_its_address_keeps_seat_and_connection() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("arena", "a");
    let mut ann = Client::enter(&server, &hello("a", "ann"), Over::Quic);
    let seat = ann.welcome().seat;
    for _ in 0..3 {
        let before = ann.within(|client| client.quic().local_addr().expect("it has one"));
        ann.within(|client| client.quic().rebind()).expect("a port is free");
        let after = ann.within(|client| client.quic().local_addr().expect("it has one"));
        assert_ne!(before.port(), after.port());
        let mut sent = 0;
        for _ in 0..30 {
            let state = ann.state();
            sent = ann.input(&state, json!({ "move_x": 127 }));
        }
        ann.next_of("the last input", |message| match message {
            ServerMessage::State(state) => (state.last_input >= sent).then_some(()),
            _ => None,
        });
    }
    let entry = server.http().inspect("a");
    assert_eq!((entry["connected"].as_u64(), ann.welcome().seat), (Some(1), seat));
    let done = server.http().metric("tickstone_quic_handshakes_total{result=\"done\"}");
    assert!((done - 1.0).abs() < f64::EPSILON, "{done} handshakes");
}
