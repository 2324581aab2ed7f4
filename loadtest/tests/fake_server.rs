//! The fleet over real sockets against a server that is a few threads: what it sends is the server's own
//! encoder's, what it reads goes through the server's own decoder.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

mod fake;

use std::sync::atomic::Ordering;
use std::time::Duration;

use fake::FakeServer;
use tickstone_loadtest::args::RunOptions;
use tickstone_loadtest::brain::BrainKind;
use tickstone_loadtest::fleet::{Fleet, FleetOptions};
use tickstone_loadtest::run::run;
use tickstone_loadtest::scenario::Scenario;
use tickstone_shared::ids::Epoch;
use tickstone_shared::wire::version::{Encoding, StateKind};

const PATIENCE: Duration = Duration::from_secs(20);

fn wait_for(what: &str, fleet: &Fleet, mut holds: impl FnMut() -> bool) {
    let clock = fleet.clock();
    let end = clock.now() + PATIENCE;
    while !holds() {
        assert!(clock.now() < end, "{what}: {:?}", fleet.seen());
        clock.wait_until(clock.now() + Duration::from_millis(5));
    }
}

#[test]
fn bots_play_are_dropped_and_come_back_to_their_seats() {
    let server = FakeServer::start(Some(60));
    let fleet = Fleet::start(&FleetOptions { players: 3, ..FleetOptions::new(&server.url) }).unwrap();
    assert!(fleet.wait_all_in_play(PATIENCE));
    wait_for("everybody resumes once", &fleet, || fleet.seen()[0].reconnects >= 3 && fleet.all_in_play());
    let seen = fleet.seen().remove(0);
    assert_eq!((seen.epoch, seen.given_up, seen.hash_conflicts), (Epoch(2), 0, 0));
    assert!(seen.highest_tick.0 >= 60 && seen.hashes.iter().all(|seen| seen.hash.0 == seen.tick.0));
    assert!(!seen.hashes.is_empty());
    fleet.stop();
    let log = &server.log;
    assert_eq!(log.joins.load(Ordering::Relaxed), 3);
    assert!(log.resumes.load(Ordering::Relaxed) >= 3);
    assert_eq!(log.bad_messages.load(Ordering::Relaxed), 0);
    assert!(log.inputs.load(Ordering::Relaxed) > 60);
    assert!(log.leaves.load(Ordering::Relaxed) >= 3, "who stops leaves");
}

#[test]
fn every_form_of_state_and_brain_is_played() {
    for (encoding, state) in [(Encoding::Msgpack, StateKind::Plain), (Encoding::Json, StateKind::Delta)] {
        for brain in [BrainKind::Light, BrainKind::Full] {
            let server = FakeServer::start(None);
            let options =
                FleetOptions { encoding, state, brain, players: 1, ..FleetOptions::new(&server.url) };
            let fleet = Fleet::start(&options).unwrap();
            let inputs = || server.log.inputs.load(Ordering::Relaxed);
            wait_for("inputs arrive", &fleet, || inputs() > 20 && fleet.seen()[0].highest_tick.0 > 20);
            fleet.stop();
            assert_eq!(
                server.log.bad_messages.load(Ordering::Relaxed),
                0,
                "{encoding:?} {state:?} {brain:?}"
            );
        }
    }
}

#[test]
fn a_run_measures_its_window() {
    let server = FakeServer::start(None);
    let scenario = Scenario {
        url: Some(server.url),
        players: Some(2),
        input_hz: Some(30),
        brain: Some("light".into()),
        ramp_seconds: Some(0.0),
        warmup_seconds: Some(0.5),
        seconds: Some(1.0),
        ..Scenario::default()
    };
    let report = run(&RunOptions::checked(scenario).unwrap()).unwrap().to_json();
    let number = |path: &str| report.pointer(path).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
    assert!(number("/tick_hz/min") > 20.0, "{report}");
    assert!(number("/inputs_sent") > 40.0, "{report}");
    assert_eq!(number("/inputs_applied"), number("/inputs_sent"), "{report}");
    assert_eq!(
        (number("/inputs_lost"), number("/disconnects"), number("/errors")),
        (0.0, 0.0, 0.0),
        "{report}"
    );
    assert!(number("/input_to_effect_ms/p50") > 0.0 && number("/join_ms/max") > 0.0, "{report}");
    assert!(number("/bytes_down_per_player_s") > number("/bytes_up_per_player_s"), "{report}");
    assert_eq!(number("/server/rss_bytes"), 1e6, "{report}");
    assert!(report["server"]["tick_lateness_us"]["p50"].is_null(), "what the page lacks is null: {report}");
}

#[test]
fn a_server_that_is_not_there_is_said() {
    let error = Fleet::start(&FleetOptions::new("http://127.0.0.1:1")).unwrap_err();
    assert!(error.to_string().starts_with("the server does not answer"), "{error}");
}
