//! The load test's `idle`: every figure of it is there, and no socket is lost. What the figures are is for a machine
//! on which nothing else runs.

use std::process::Command;

use serde_json::Value;
use tickstone_tests::server::Plan;
use tickstone_tests::{binaries, turn};

/// Sockets from three addresses, fewer at first than there are in the end.
const FLAGS: &str =
    "--sockets 60 --objects 15 --addresses 3 --bare-objects 40 --hibernates-after 0.5 --seconds 0.5";

#[test]
fn an_idle_run_has_every_figure_and_loses_no_socket() {
    let _turn = turn::shared();
    let server = Plan::dev().with("TICKSTONE_CONNECTIONS_PER_ADDRESS", "100").start();
    let json = server.data().join("idle.json");
    let mut idle = Command::new(binaries::loadtest());
    idle.args(["idle", "--url", &server.url()]).args(FLAGS.split(' ')).arg("--json").arg(&json);
    let output = idle.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("wake and write, ms"), "{output:?}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!((&report["sockets"], &report["lost"]), (&60.into(), &0.into()), "{report}");
    let figures = report.as_object().expect("a report has members");
    let is_known = |value: &Value| match value {
        Value::Object(percentiles) => !percentiles["p50"].is_null() && !percentiles["p99"].is_null(),
        value => value.is_number(),
    };
    let measured = figures.iter().filter(|(name, _)| *name != "lost_by");
    assert!(measured.clone().all(|(_, value)| is_known(value)), "something was not measured: {report}");
    assert!(measured.count() >= 14, "{report}");
}
