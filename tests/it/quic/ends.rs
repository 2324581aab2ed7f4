//! Every end that a match or a server has for a player, over QUIC.

use std::time::Duration;

use serde_json::json;
use tickstone_loadtest::brain::BrainKind;
use tickstone_loadtest::fleet::{Fleet, FleetOptions};
use tickstone_loadtest::link::Transport;
use tickstone_shared::wire::version::{Encoding, StateKind};
use tickstone_tests::client::{Client, Over, hello, resume};
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;
use tickstone_tests::wait::{self, Watch};

#[test]
fn refusals_have_the_codes_of_every_transport() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.create("pong", "p");
    let refused = |hello| Client::refused_over(&server, &hello, Over::Quic);
    refused(hello("nowhere", "ann")).expect(4404);
    refused(resume("p", "no token")).expect(4003);
    let mut old = hello("p", "ann");
    old.protocol = 0;
    refused(old).expect(4426);
    let mut plain = hello("p", "ann");
    plain.state = StateKind::Plain;
    refused(plain).expect(4426);
    let mut other_schema = hello("p", "ann");
    other_schema.schema_hash = Some(1);
    refused(other_schema).expect(4426);
    let mut ann = Client::enter(&server, &hello("p", "ann"), Over::Quic);
    let mut bob = Client::enter(&server, &hello("p", "bob"), Over::Quic);
    refused(hello("p", "eve")).expect(4423);
    let mut again = Client::enter(&server, &hello("p", "ann"), Encoding::Msgpack);
    ann.expect_end(4409);
    http.post("/v1/matches/p/kick", &json!({ "player": "bob" })).expect(200);
    bob.expect_end(4403);
    let mut last = Client::enter(&server, &hello("p", "eve"), Over::Quic);
    http.delete("/v1/matches/p").expect(200);
    last.expect_end(1000);
    again.expect_end(1000);
    refused(hello("p", "ann")).expect(4410);
}

#[test]
fn a_drain_tells_both_kinds_and_they_come_back() {
    let _turn = turn::alone();
    let server = Plan::dev().on_fixed_port().start();
    server.http().create("arena", "a");
    let mut native = Client::enter(&server, &hello("a", "ann"), Over::Quic);
    let mut web = Client::join(&server, "a", "bob");
    let (seen, _) = (native.state(), web.state());
    let watch = Watch::start();
    server.terminate();
    for player in [&mut native, &mut web] {
        let end = player.expect_end(1012);
        let wait = end.bye.and_then(|bye| bye.retry_after_ms).expect("told when to come back");
        assert!((1_000..=30_000).contains(&wait), "{wait} ms");
    }
    let (status, plan) = server.drain();
    assert_eq!(status, Some(0));
    assert!(watch.elapsed() < Duration::from_secs(5), "{:?}", watch.elapsed());
    let server = plan.start();
    let mut back = Client::enter(&server, &resume("a", native.token()), Over::Quic);
    assert_eq!(back.welcome().seat, native.welcome().seat);
    assert!(back.state().tick > seen.tick, "no tick is lost");
    let back = Client::enter(&server, &resume("a", web.token()), Over::Quic);
    assert_eq!(back.welcome().seat, web.welcome().seat);
}

#[test]
fn bots_of_both_kinds_come_back_to_a_killed_server() {
    let _turn = turn::alone();
    let server = Plan::dev().on_fixed_port().start();
    let mut options = FleetOptions::new(&server.url());
    (options.transport, options.players, options.brain) = (Transport::Mix, 4, BrainKind::Light);
    let fleet = Fleet::start(&options).expect("the server is up");
    assert!(fleet.wait_all_in_play(wait::PATIENCE), "{:?}", fleet.seen());
    let connections = |server: &Server, transport: &str| {
        server.http().metric(&format!("tickstone_connections{{transport=\"{transport}\"}}"))
    };
    assert_eq!([connections(&server, "quic"), connections(&server, "ws")], [2.0, 2.0]);
    wait::pause(Duration::from_secs(1));
    let server = server.kill().start();
    let back = wait::poll(2 * wait::PATIENCE, || {
        let both = [connections(&server, "quic"), connections(&server, "ws")];
        (both == [2.0, 2.0] && fleet.all_in_play()).then_some(())
    });
    assert!(back.is_some(), "{:?}", fleet.seen());
    fleet.stop();
}
