//! The load test's `chat`: every figure of it is there, no copy of a message is missing. What the figures are is for a
//! machine on which nothing else runs.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{binaries, turn};

const ROOMS: &str = "rooms --rooms 6 --members 5 --addresses 3 --per-minute 60 --hibernates-after 0.5 --warmup 0.2 \
                     --seconds 1 --slo missing==0,refused==0,lost==0";
const CROWD: &str =
    "crowd --members 40 --per-second 20 --seconds 1 --rounds 2 --slo server.missing==0,bare.missing==0";

/// The report of a run, and what was printed.
fn run(server: &Server, flags: &str) -> (Value, String) {
    let file = |name: &str| -> PathBuf { server.data().join(name) };
    let (json, html) = (file("chat.json"), file("chat.html"));
    let mut load = Command::new(binaries::loadtest());
    load.arg("chat").args(flags.split_whitespace()).args(["--url", &server.url()]);
    let output = load.arg("--json").arg(&json).arg("--html").arg(&html).output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    assert!(std::fs::read_to_string(html).unwrap().contains("<h2>Summary</h2>"));
    let report = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    (report, String::from_utf8(output.stdout).unwrap())
}

/// The paths of what is null.
fn unknown(path: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Null => vec![path.to_owned()],
        Value::Object(of) => {
            of.iter().flat_map(|(key, value)| unknown(&format!("{path}.{key}"), value)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_chat_run_has_every_figure_and_misses_no_message() {
    let _turn = turn::shared();
    let server = Plan::dev().with("TICKSTONE_CONNECTIONS_PER_ADDRESS", "100").start();
    let (rooms, said) = run(&server, ROOMS);
    assert!(unknown("", &rooms).is_empty(), "{:?} of {rooms}", unknown("", &rooms));
    assert_eq!((&rooms["sockets"], &rooms["rooms"]), (&30.into(), &6.into()), "{rooms}");
    assert!(rooms["deliveries_per_second"].as_f64().unwrap() > 100.0, "30 a second to 5 each: {rooms}");
    assert!(said.contains("1000 rooms, hibernated") && said.contains("x 1 h +"), "{said}");
    let (crowd, said) = run(&server, CROWD);
    assert!(unknown("", &crowd).is_empty(), "{:?} of {crowd}", unknown("", &crowd));
    for side in ["server", "bare"] {
        assert_eq!(crowd[side]["deliveries_per_second"], 800.0, "{crowd}");
    }
    assert!(said.contains("ratio, CPU") && crowd["message_bytes"].as_u64() > Some(80), "{said}");
}
