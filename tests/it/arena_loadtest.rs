//! The load generator against the real server: every field that interfaces.md promises.

use std::process::Command;

use serde_json::Value;
use tickstone_tests::server::Server;
use tickstone_tests::{binaries, turn};

const FIELDS: &str = "transport matches players seconds tick_hz.min tick_hz.p50 \
    snapshot_interval_jitter_ms.p50 snapshot_interval_jitter_ms.p99 snapshot_interval_jitter_ms.p999 \
    snapshot_interval_jitter_ms.max input_to_effect_ms.p50 input_to_effect_ms.p99 input_to_effect_ms.p999 \
    input_to_effect_ms.max join_ms.p50 join_ms.p99 join_ms.max bytes_down_per_player_s \
    bytes_up_per_player_s inputs_sent inputs_applied inputs_lost disconnects errors \
    generator_cpu_fraction generator_bound server.cpu_us_per_player_tick server.rss_bytes \
    server.tick_lateness_us.p50 server.tick_lateness_us.p99 server.tick_lateness_us.p999 \
    server.tick_lateness_us.max server.tick_duration_us.p50 server.tick_duration_us.p99 \
    server.tick_duration_us.p999 server.tick_duration_us.max server.ticks_slipped";
/// What is measured where bots see.
const FELT: &str = "prediction.compared prediction.error_units.p50 prediction.error_units.p99 \
    prediction.error_units.p999 prediction.error_units.max prediction.corrections_per_minute prediction.jumps \
    interpolation.looks interpolation.starved_fraction interpolation.frozen_fraction comparison.states \
    comparison.entities comparison.ghosts comparison.missing comparison.fields";

pub(crate) fn at<'a>(report: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(report, |value, key| value.get(key))
}

fn run(server: &Server, more: &[&str]) -> (Option<i32>, Value) {
    run_for(server, &[&["--seconds", "3"], more].concat())
}

pub(crate) fn run_for(server: &Server, more: &[&str]) -> (Option<i32>, Value) {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("report.json");
    let mut command = Command::new(binaries::loadtest());
    command.args(["run", "--url", &server.url(), "--matches", "2", "--players", "3"]);
    command.args(["--warmup-seconds", "1", "--ramp-seconds", "0"]).args(more).arg("--json").arg(&json);
    let output = command.output().expect("it runs");
    let text = std::fs::read_to_string(&json).unwrap_or_default();
    let shown = || String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}: {}", shown())))
}

#[test]
fn a_run_measures_everything_that_is_promised() {
    let _turn = turn::alone();
    let server = Server::dev();
    let (status, report) = run(&server, &["--slo", "tick_hz>=50"]);
    assert_eq!(status, Some(0), "{report}");
    for path in FIELDS.split_whitespace() {
        let value = at(&report, path).unwrap_or_else(|| panic!("{path} is missing: {report}"));
        // The server keeps no highest value: its histograms have buckets.
        let may_be_null = path.starts_with("server.") && path.ends_with(".max");
        assert!(may_be_null || !value.is_null(), "{path} was not measured: {report}");
    }
    let number = |path| at(&report, path).and_then(Value::as_f64).unwrap();
    assert_eq!((number("matches"), number("players"), number("seconds")), (2.0, 3.0, 3.0));
    assert_eq!((number("errors"), number("disconnects")), (0.0, 0.0), "{report}");
    assert!((54.0..=66.0).contains(&number("tick_hz.p50")), "{report}");
    // 60 inputs a second of each of 6 bots over 3 seconds.
    assert!((900.0..=1_300.0).contains(&number("inputs_sent")), "{report}");
    assert!(number("inputs_applied") >= 0.9 * number("inputs_sent"), "{report}");
    assert!(number("bytes_down_per_player_s") > 60.0 * 20.0, "{report}");
}

#[test]
fn bots_that_see_are_ahead_of_the_server_and_have_what_it_has() {
    let _turn = turn::alone();
    let server = Server::dev();
    for transport in ["ws", "quic"] {
        let (status, report) = run(&server, &["--transport", transport]);
        assert_eq!(status, Some(0), "{report}");
        for path in FELT.split_whitespace() {
            assert!(at(&report, path).is_some_and(|value| !value.is_null()), "{path} is missing: {report}");
        }
        let number = |path| at(&report, path).and_then(Value::as_f64).unwrap();
        assert!(number("prediction.compared") > 400.0, "6 bots for 3 seconds: {report}");
        assert_eq!(number("prediction.error_units.p50"), 0.0, "{report}");
        assert!(number("interpolation.looks") > 900.0, "{report}");
        assert!(number("interpolation.starved_fraction") < 0.5, "{report}");
        assert!(number("comparison.states") > 100.0 && number("comparison.entities") > 400.0, "{report}");
        let wrong = ["comparison.ghosts", "comparison.missing", "comparison.fields"].map(number);
        assert_eq!(wrong, [0.0; 3], "{report}");
    }
    let (_, light) = run(&server, &["--brain", "light"]);
    assert!(
        ["prediction", "interpolation", "comparison"].iter().all(|name| light[name].is_null()),
        "{light}"
    );
}

#[test]
fn a_broken_slo_is_exit_status_1() {
    let _turn = turn::alone();
    let server = Server::dev();
    let (status, report) =
        run(&server, &["--encoding", "json", "--state", "plain", "--slo", "tick_hz>=61.5"]);
    assert_eq!(status, Some(1), "{report}");
    assert_eq!((&report["encoding"], &report["state"]), (&"json".into(), &"plain".into()));
}

#[test]
fn a_bad_network_is_felt_by_every_bot_and_shown_on_the_page() {
    let _turn = turn::alone();
    let server = Server::dev();
    let dir = tempfile::tempdir().unwrap();
    let html = dir.path().join("report.html");
    let network = ["--loss", "1", "--delay-ms", "80", "--jitter-ms", "10", "--html", html.to_str().unwrap()];
    let (status, report) = run(&server, &network);
    assert_eq!(status, Some(0), "{report}");
    let number = |path| at(&report, path).and_then(Value::as_f64).unwrap();
    assert!(number("input_to_effect_ms.p50") >= 75.0, "an effect takes a round trip: {report}");
    assert!(number("join_ms.p50") >= 140.0, "an upgrade and a hello take two: {report}");
    assert_eq!((number("disconnects"), number("errors")), (0.0, 0.0), "{report}");
    let told = ["loss_percent", "delay_ms", "jitter_ms"].map(|key| report["network"][key].as_f64().unwrap());
    assert_eq!(told, [1.0, 80.0, 10.0]);
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.ends_with("</html>\n"), "the page is whole");
    for path in ["input_to_effect_ms.p99", "inputs_sent", "server.rss_bytes"] {
        let figure = at(&report, path).unwrap();
        assert!(page.contains(&format!("<td>{path}</td><td>{figure}</td>")), "{path} is not on the page");
    }
}
