//! SIGTERM: everybody is told, nothing is lost, and it does not take long.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_loadtest::brain::BrainKind;
use tickstone_loadtest::fleet::{Fleet, FleetOptions, MatchRequest};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, resume};
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;
use tickstone_tests::wait::{self, Watch};
use tickstone_tests::{binaries, raw};

/// How long a drain of a few matches may take.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How long a drain of many may take (interfaces: at 500 matches).
const MANY_DRAIN_MAX: Duration = Duration::from_secs(10);
/// How long many bots may take to come in.
const MANY_IN_PLAY: Duration = Duration::from_secs(60);
/// For so long after a signal more of them are its echoes, with a little to spare.
const ECHO: Duration = Duration::from_millis(250);
const KINDS: [&str; 3] = ["sync", "async", "none"];

fn create(server: &Server, id: &str, durability: &str) {
    let body = json!({ "game": "arena", "id": id, "durability": durability });
    server.http().post("/v1/matches", &body).expect(201);
}

#[test]
fn clients_are_told_and_no_tick_is_lost() {
    let _turn = turn::alone();
    let server = Server::dev();
    for kind in KINDS {
        create(&server, kind, kind);
    }
    let mut players = KINDS.map(|kind| Client::join(&server, kind, "ann"));
    let mut highest = [Tick(0); 3];
    for _ in 0..60 {
        for (player, highest) in players.iter_mut().zip(&mut highest) {
            let state = player.state();
            player.input(&state, json!({ "move_x": 127 }));
            *highest = state.tick;
        }
    }
    let watch = Watch::start();
    server.terminate();
    for (player, highest) in players.iter_mut().zip(&mut highest) {
        let end = loop {
            match player.message() {
                Ok(ServerMessage::State(state)) => *highest = state.tick,
                Ok(ServerMessage::Bye(bye)) => {
                    assert_eq!(bye.code.number(), 1012);
                    let wait = bye.retry_after_ms.expect("told when to come back");
                    assert!((1_000..=30_000).contains(&wait), "{wait} ms");
                }
                Ok(_) => {}
                Err(end) => break end,
            }
        };
        assert_eq!(end.code, Some(1012), "{end:?}");
    }
    let (status, plan) = server.drain();
    assert_eq!(status, Some(0));
    assert!(watch.elapsed() < DRAIN_MAX, "{:?}", watch.elapsed());
    let server = plan.start();
    for ((kind, player), seen) in KINDS.iter().zip(&players).zip(&highest) {
        let entry = server.http().inspect(kind);
        let recovered = entry["recovered"]["tick"].as_u64().unwrap_or_else(|| panic!("{kind}: {entry}"));
        assert!(recovered >= seen.0, "{kind}: back at {recovered}, {seen:?} was seen");
        let mut back = Client::enter(&server, &resume(kind, player.token()), Encoding::Msgpack);
        assert_eq!(back.welcome().seat, player.welcome().seat);
        back.state();
    }
}

#[test]
fn a_fleet_in_twelve_matches() {
    let _turn = turn::alone();
    let server = Server::dev();
    let mut options = FleetOptions::new(&server.url());
    let request = |index: usize| MatchRequest {
        id: Some(format!("m-{index}")),
        durability: Some(KINDS[index % 3].to_owned()),
        ..MatchRequest::default()
    };
    options.matches = (0..12).map(request).collect();
    (options.players, options.brain, options.input_hz) = (3, BrainKind::Light, 30);
    let fleet = Fleet::start(&options).expect("the server is up");
    assert!(fleet.wait_all_in_play(wait::PATIENCE), "{:?}", fleet.seen());
    wait::pause(Duration::from_secs(2));
    let watch = Watch::start();
    let (status, plan) = server.drain();
    assert_eq!(status, Some(0));
    assert!(watch.elapsed() < DRAIN_MAX, "{:?}", watch.elapsed());
    let seen = fleet.seen();
    drop(fleet);
    let server = plan.start();
    for seen in seen {
        let entry = server.http().inspect(&seen.match_id);
        let recovered = entry["recovered"]["tick"].as_u64();
        assert!(recovered >= Some(seen.highest_tick.0), "{recovered:?} of {seen:?}");
        assert_eq!(entry["players"], 3, "seats are held: {entry}");
        if entry["durability"] != "none" {
            let verdict = server.http().get(&format!("/v1/matches/{}/verify", seen.match_id)).expect(200);
            assert_eq!(verdict["agree"], true, "{verdict}");
        }
    }
}

/// The promise is 500 matches (`TICKSTONE_DRAIN_MATCHES=500`, optimised); unoptimised it is fewer.
#[test]
fn a_drain_of_many_matches_ends_within_ten_seconds() {
    let _turn = turn::alone();
    let default = if binaries::is_release() { 500 } else { 60 };
    let matches = std::env::var("TICKSTONE_DRAIN_MATCHES").map_or(default, |text| text.parse().unwrap());
    let server = Server::dev();
    let mut options = FleetOptions::new(&server.url());
    let request = |index: usize| MatchRequest {
        id: Some(format!("m-{index}")),
        durability: Some(KINDS[index % 3].to_owned()),
        ..MatchRequest::default()
    };
    options.matches = (0..matches).map(request).collect();
    (options.players, options.brain, options.input_hz) = (1, BrainKind::Light, 10);
    let fleet = Fleet::start(&options).expect("the server is up");
    assert!(fleet.wait_all_in_play(MANY_IN_PLAY), "{:?}", fleet.seen());
    let watch = Watch::start();
    let (status, plan) = server.drain();
    let took = watch.elapsed();
    println!("a drain of {matches} matches: {took:?}");
    assert_eq!(status, Some(0));
    assert!(took < MANY_DRAIN_MAX, "{took:?}");
    wait::until("the bots", || fleet.seen().iter().all(|seen| seen.in_play == 0).then_some(()));
    let seen = fleet.seen();
    assert_eq!(fleet.stop().told_to_return(), matches as u64, "everybody is told when to come back");
    let server = plan.start();
    for seen in seen {
        let recovered = server.http().inspect(&seen.match_id)["recovered"]["tick"].as_u64();
        assert!(recovered >= Some(seen.highest_tick.0), "{recovered:?} of {seen:?}");
    }
}

/// A client that is upgraded and then says and reads nothing keeps a drain waiting for its close.
fn stuck(server: &Server, id: &str) -> std::net::TcpStream {
    let mut tcp = raw::connect(server.addr());
    let upgrade = format!(
        "GET /v1/matches/{id}/socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    tcp.write_all(upgrade.as_bytes()).expect("the server listens");
    let hello = json!({ "t": "hello", "protocol": 1, "match_id": id, "player": "stuck" }).to_string();
    let mut frame = vec![0x81, 0x80 | u8::try_from(hello.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(hello.as_bytes());
    tcp.write_all(&frame).expect("the server listens");
    tcp
}

#[test]
fn a_second_signal_stops_at_once() {
    let _turn = turn::alone();
    let mut server = Server::dev();
    create(&server, "m", "sync");
    let _stuck = stuck(&server, "m");
    server.http().until("m", "the player", |entry| entry["connected"] == 1);
    let seen = server.http().inspect("m")["tick"].as_u64().unwrap();
    server.terminate();
    wait::until("the drain", || server.log_text().contains("draining").then_some(()));
    // A signal to a process group may come twice: an echo is not a second one.
    server.terminate();
    wait::pause(ECHO);
    let watch = Watch::start();
    server.terminate();
    let status = server.wait_end("two SIGTERM");
    assert!(watch.elapsed() < Duration::from_millis(500), "{:?}", watch.elapsed());
    assert_eq!(status.code(), Some(1), "it says that it did not finish");
    let plan: Plan = server.plan.clone();
    drop(server);
    let entry = plan.start().http().inspect("m");
    // An inspection is no state: what it showed may be ahead of the journal by what waits for the disk.
    assert!(entry["recovered"]["tick"].as_u64() >= Some(seen.saturating_sub(15)), "{entry}");
}

#[test]
fn a_stuck_client_does_not_hold_a_drain_up() {
    let _turn = turn::alone();
    let server = Server::dev();
    create(&server, "m", "async");
    let _stuck = stuck(&server, "m");
    server.http().until("m", "the player", |entry| entry["connected"] == 1);
    let watch = Watch::start();
    let (status, _) = server.drain();
    assert!(status == Some(0) && watch.elapsed() < DRAIN_MAX, "{status:?} after {:?}", watch.elapsed());
}

#[test]
fn an_ended_match_stays_ended() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let ended = server.http().delete("/v1/matches/p").expect(200);
    let same = |entry: &Value| (entry["state"].clone(), entry["tick"].clone(), entry["end_reason"].clone());
    let plan = server.kill();
    let server = plan.start();
    assert_eq!(same(&server.http().inspect("p")), same(&ended), "an answered end is durable");
    let (status, plan) = server.drain();
    assert_eq!(status, Some(0));
    assert_eq!(same(&plan.start().http().inspect("p")), same(&ended));
}
