//! What operators see: health, readiness, metrics, a match from outside.

use serde_json::json;
use tickstone_tests::client::Client;
use tickstone_tests::server::Server;
use tickstone_tests::turn;

/// The metrics of interfaces.md, by the name of a sample.
const METRICS: &str = "tickstone_matches{state=\"running\"} tickstone_match_tick_duration_seconds_count \
    tickstone_match_tick_lateness_seconds_count tickstone_ticks_total tickstone_ticks_slipped_total \
    tickstone_inputs_total{result=\"accepted\"} tickstone_connections{transport=\"ws\"} \
    tickstone_bytes_total{transport=\"ws\",direction=\"in\"} \
    tickstone_bytes_total{transport=\"ws\",direction=\"out\"} tickstone_snapshots_coalesced_total \
    tickstone_commit_seconds_count tickstone_commit_group_size_count tickstone_recovery_seconds \
    tickstone_recovery_ticks_lost_total tickstone_objects{class=\"match\",state=\"active\"} \
    tickstone_wake_seconds_count tickstone_alarm_lateness_seconds_count tickstone_object_panics_total \
    tickstone_object_busy_seconds_total{class=\"match\"} tickstone_storage_bytes{class=\"match\"} \
    process_cpu_seconds_total process_resident_memory_bytes process_open_fds process_max_fds";

#[test]
fn every_metric_by_its_name() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.create("pong", "p");
    let mut ann = Client::join(&server, "p", "ann");
    for _ in 0..60 {
        let state = ann.state();
        ann.input(&state, json!({ "direction": 1 }));
    }
    let text = http.metrics();
    for name in METRICS.split_whitespace() {
        assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name} is not in\n{text}");
    }
    assert!(text.contains("tickstone_calls_total{class=\"match\",result="), "{text}");
    assert_eq!(http.metric("tickstone_matches{state=\"running\"}"), 1.0);
    assert_eq!(http.metric("tickstone_connections{transport=\"ws\"}"), 1.0);
    assert!(http.metric("tickstone_ticks_total") >= 60.0);
    assert!(http.metric("tickstone_inputs_total{result=\"accepted\"}") >= 30.0);
    assert!(text.contains("tickstone_match_tick_lateness_seconds_bucket{le=\"0.00001\"}"), "from 10 us");
    assert!(!text.contains("\"p\"") && !text.contains("ann"), "no label by match or player");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_match_from_outside() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.post(
        "/v1/matches",
        &json!({ "game": "arena", "id": "a", "label": { "x": 1 }, "durability": "sync" }),
    )
    .expect(201);
    let _ann = Client::join(&server, "a", "ann");
    let entry = http.until("a", "a second of play", |entry| entry["tick"].as_u64() > Some(60));
    for field in "match_id game state tick tick_rate_hz players seats label durability".split(' ') {
        assert!(entry.get(field).is_some_and(|value| !value.is_null()), "{field}: {entry}");
    }
    assert_eq!((&entry["match_id"], &entry["game"]), (&json!("a"), &json!("arena")));
    assert_eq!((&entry["players"], &entry["connected"], &entry["seats"]), (&json!(1), &json!(1), &json!(16)));
    assert_eq!((&entry["durability"], &entry["tick_rate_hz"]), (&json!("sync"), &json!(60)));
    assert_eq!(entry["label"]["x"], 1);
    assert!(entry["epoch"].is_u64() && entry["recovered"].is_null());
    assert_eq!(entry["state_hash"]["hash"].as_str().unwrap().len(), 16, "{entry}");
    let later = http.until("a", "ticks", |later| later["tick"].as_u64() > entry["tick"].as_u64());
    assert_eq!(later["epoch"], entry["epoch"]);
    http.get("/v1/matches/nowhere").expect_problem(404, "no_such_match");
    let verdict = http.get("/v1/matches/a/verify").expect(200);
    assert_eq!((&verdict["agree"], &verdict["first_difference"]), (&json!(true), &json!(null)));
    assert!(verdict["hashes_checked"].as_u64() >= Some(2), "{verdict}");
}

#[test]
fn health_and_the_rest() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.get("/healthz").expect(200);
    http.get("/readyz").expect(200);
    let classes = http.get("/v1/classes").expect(200);
    assert!(classes["classes"].as_array().unwrap().iter().any(|class| class["name"] == "match"), "{classes}");
    assert!(http.get("/").expect(200).as_str().unwrap().contains("<!doctype html>"));
}
