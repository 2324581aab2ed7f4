//! Attackers of every kind against the real server, beside honest bots.

use serde_json::Value;
use tickstone_server::access::admin::generate;
use tickstone_tests::server::Server;
use tickstone_tests::turn;

use crate::access::keys::Keys;
use crate::arena_loadtest::{at, run_for};

const ATTACK: &str = "slo = \"during.tick_hz>=10,during.disconnects==0\"\n\
    [hostile]\nbefore-seconds = 1\nduring-seconds = 7\nafter-seconds = 1\n[hostile.attackers]\n\
    half-open = { count = 20, messages-per-second = 2 }\nslow-reader = { count = 4 }\n\
    input-flood = { count = 1, per-second = 5, messages-per-second = 1000 }\n\
    ping-flood = { count = 1, per-second = 5 }\nhandshake-flood = { count = 1, per-second = 20 }\n\
    empty-fragments = { count = 1, per-second = 5 }\ngarbage-frames = { count = 1, per-second = 20 }\n\
    garbage-http = { count = 1, per-second = 40 }\nquic-half-open = { count = 4, per-second = 10 }\n\
    quic-input-flood = { count = 1, per-second = 5, messages-per-second = 1000 }\n\
    quic-streams = { count = 1, per-second = 5, messages-per-second = 50 }\n\
    quic-moves = { count = 1, per-second = 5, messages-per-second = 20 }\n";

#[test]
fn an_attack_is_answered_and_honest_bots_play_on() {
    let _turn = turn::alone();
    let server = Server::dev();
    let dir = tempfile::tempdir().unwrap();
    let scenario = dir.path().join("attack.toml");
    std::fs::write(&scenario, ATTACK).unwrap();
    let (status, report) = run_for(&server, &["--scenario", scenario.to_str().unwrap()]);
    assert_eq!(status, Some(0), "{report}");
    for phase in ["before", "during", "after"] {
        let number = |path| at(&report["phases"][phase], path).and_then(Value::as_f64);
        for path in ["tick_hz.min", "input_to_effect_ms.p99", "server.tick_lateness_us.p99"] {
            assert!(number(path).is_some_and(|value| value > 0.0), "{phase} {path}: {report}");
        }
    }
    assert!(report["inputs_lost"].is_null(), "the server counts attackers' inputs too: {report}");
    let answers =
        |kind: &str, answer: &str| report["attackers"][kind]["answers"][answer].as_u64().unwrap_or(0);
    assert!(answers("half-open", "ended without a word") >= 10, "a head has 5 s: {report}");
    assert!(answers("input-flood", "close 4429") >= 1, "{report}");
    assert!(answers("ping-flood", "close 4429") >= 1, "{report}");
    assert!(answers("handshake-flood", "close 1000") >= 10, "{report}");
    assert!(answers("garbage-frames", "close 1002") >= 10, "{report}");
    assert!(answers("garbage-http", "http 400") >= 10, "{report}");
    assert!(answers("quic-half-open", "datagram") >= 4, "a handshake is answered: {report}");
    assert!(answers("quic-input-flood", "close 4429") >= 1, "{report}");
    assert!(answers("quic-streams", "close 4400") >= 1, "{report}");
    assert!(answers("quic-moves", "close 4429") >= 1, "{report}");
    let fragments = answers("empty-fragments", "close 4400") + answers("empty-fragments", "close 4429");
    assert!(fragments >= 1, "{report}");
    let hostile = |key: &str| report["hostile"][key].as_f64().unwrap();
    assert!(hostile("connections_max") >= 20.0 && hostile("rss_before_bytes") > 1e6, "{report}");
}

const INSIDERS: &str = "slo = \"during.tick_hz>=10,during.disconnects==0,errors==0\"\n\
    [hostile]\nbefore-seconds = 1\nduring-seconds = 7\nafter-seconds = 1\n[hostile.attackers]\n\
    half-open = { count = 10, messages-per-second = 2 }\nhandshake-flood = { count = 1, per-second = 20 }\n\
    input-flood = { count = 2, per-second = 5, messages-per-second = 1000 }\n";

/// Who has no token reaches the handshake and no further; who joins to do harm has got a token as players do.
#[test]
fn outside_dev_mode_bots_and_insiders_have_tokens_and_others_attack_without() {
    let _turn = turn::alone();
    let keys = Keys::new();
    let (key, line) = generate("bots", "create+seat").unwrap();
    let server = keys.plan().with("TICKSTONE_ADMIN_KEYS", &line).start();
    let dir = tempfile::tempdir().unwrap();
    let scenario = dir.path().join("insiders.toml");
    std::fs::write(&scenario, INSIDERS).unwrap();
    let words = ["--scenario", scenario.to_str().unwrap(), "--admin-key", &key];
    let (status, report) = run_for(&server, &words);
    assert_eq!(status, Some(0), "{report}");
    let answers =
        |kind: &str, answer: &str| report["attackers"][kind]["answers"][answer].as_u64().unwrap_or(0);
    assert!(answers("half-open", "ended without a word") >= 5, "{report}");
    assert!(answers("handshake-flood", "close 1000") >= 10, "{report}");
    assert!(answers("input-flood", "close 4429") >= 1, "it was let in first: {report}");
    assert_eq!(answers("input-flood", "close 4401"), 0, "{report}");
}
