//! The Autobahn suite's client against [`super::echo`], its verdicts compared with the expected ones.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_tests::{binaries, turn, wait};

use super::echo::Echo;

/// The suite, from nothing.
const SETUP_PATIENCE: Duration = Duration::from_secs(300);
/// 301 cases on a busy machine.
const RUN_PATIENCE: Duration = Duration::from_secs(300);
/// The exit status of a set-up on a machine that cannot have the suite.
const CANNOT: i32 = 3;

/// Runs a command to its end within a time: its status and both outputs.
fn run(command: &mut Command, log: &Path, patience: Duration) -> (Option<i32>, String) {
    let out = File::create(log).unwrap();
    let both = out.try_clone().unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(out).stderr(both).spawn().unwrap();
    let status = wait::poll(patience, || child.try_wait().unwrap());
    if status.is_none() {
        // It is ours, and has had its time.
        let _ = child.kill();
        let _ = child.wait();
    }
    (status.and_then(|status| status.code()), std::fs::read_to_string(log).unwrap_or_default())
}

/// The suite's program; or why this machine cannot have it.
fn suite(scratch: &Path) -> Result<PathBuf, String> {
    let cache = binaries::cache().join("autobahn");
    let mut setup = Command::new(binaries::root().join(".ci/autobahn"));
    let (status, said) = run(setup.arg(cache), &scratch.join("setup"), SETUP_PATIENCE);
    let last = said.lines().last().unwrap_or_default().to_owned();
    match status {
        Some(0) => Ok(last.into()),
        Some(CANNOT) => Err(last),
        other => panic!("the set-up of the suite ended with {other:?}: {said}"),
    }
}

/// The verdict of each case and of its close.
fn verdicts(program: &Path, echo: &Echo, scratch: &Path) -> Value {
    let reports = scratch.join("reports");
    let plan = json!({
        "outdir": reports,
        "servers": [{"agent": "tickstone", "url": format!("ws://{}", echo.addr)}],
        "cases": ["*"],
        // Compression is never offered.
        "exclude-cases": ["12.*", "13.*"],
        "exclude-agent-cases": {},
    });
    let spec = scratch.join("plan.json");
    std::fs::write(&spec, plan.to_string()).unwrap();
    let mut client = Command::new(program);
    client.args(["-m", "fuzzingclient", "-s"]).arg(&spec);
    let (status, said) = run(&mut client, &scratch.join("log"), RUN_PATIENCE);
    assert_eq!(status, Some(0), "{said}");
    let index = std::fs::read_to_string(reports.join("index.json")).expect("the suite reports");
    let mut index: Value = serde_json::from_str(&index).expect("its report is JSON");
    index["tickstone"].take()
}

#[test]
fn no_case_of_the_autobahn_suite_fails() {
    let _turn = turn::shared();
    let scratch = tempfile::tempdir().unwrap();
    let program = match suite(scratch.path()) {
        Ok(program) => program,
        Err(reason) => {
            println!("SKIPPED: the Autobahn suite does not run on this machine: {reason}");
            return;
        }
    };
    let echo = Echo::start();
    let verdicts = verdicts(&program, &echo, scratch.path());
    let verdicts = verdicts.as_object().expect("a verdict for each case");
    let expected: Value = serde_json::from_str(include_str!("autobahn.json")).unwrap();
    assert_eq!(verdicts.len() as u64, expected["cases"], "cases that ran");
    let mut differs = Vec::new();
    for (case, verdict) in verdicts {
        for (kind, but_ok) in
            [("behavior", &expected["but_ok"]), ("behaviorClose", &expected["closes_but_ok"])]
        {
            let expected = but_ok[case].as_str().unwrap_or("OK");
            if verdict[kind] != expected {
                differs.push(format!("{case} {kind}: {}, expected {expected}", verdict[kind]));
            }
        }
    }
    assert!(differs.is_empty(), "{}", differs.join("\n"));
    println!("{} cases of the Autobahn suite, as expected", verdicts.len());
}
