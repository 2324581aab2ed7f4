//! A disk that is full: matches go on, and when there is room again so does the store.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tickstone_loadtest::fleet::{Fleet, FleetOptions, MatchRequest};
use tickstone_tests::http::Http;
use tickstone_tests::server::Plan;
use tickstone_tests::turn;
use tickstone_tests::wait::{self, PATIENCE, Watch};

/// How long a full disk may go unnoticed: the file has free pages of its own for a while.
const FULL_PATIENCE: Duration = Duration::from_secs(60);

/// A small disk of our own, taken away in the end.
struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    /// None where this user may not mount one.
    fn mount(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().expect("there is room for a directory");
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { dir });
        }
        println!("skipped: mounting a tmpfs needs root");
        None
    }

    /// Leaves no byte free; the file to delete.
    fn fill(&self) -> PathBuf {
        let path = self.dir.path().join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let block = vec![1; size];
            while file.write_all(&block).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that a failed test has left may still hold it.
        let _ = Command::new("umount").arg("-l").arg(self.dir.path()).status();
    }
}

fn tick(http: &Http, id: &str) -> u64 {
    http.inspect(id)["tick"].as_u64().expect("a match has a tick")
}

/// Clients see 60 ticks a second of every match.
fn goes_on(fleet: &Fleet) {
    let ticks = || fleet.seen().iter().map(|seen| seen.highest_tick.0).collect::<Vec<_>>();
    let (first, watch) = (ticks(), Watch::start());
    wait::pause(Duration::from_secs(2));
    for (first, last) in first.iter().zip(ticks()) {
        let hz = (last - first) as f64 / watch.elapsed().as_secs_f64();
        assert!((54.0..=66.0).contains(&hz), "{hz:.1} ticks a second");
    }
}

fn plan_on(dir: &Path) -> Plan {
    let mut plan = Plan::dev().with("TICKSTONE_CHECKPOINT_INTERVAL_S", "1");
    plan.data = dir.join("data");
    plan
}

#[test]
fn matches_outlive_a_full_disk() {
    let _turn = turn::alone();
    let Some(disk) = SmallDisk::mount(16) else { return };
    let server = plan_on(disk.dir.path()).start();
    let http = server.http();
    let mut options = FleetOptions::new(&server.url());
    let request = |index: usize| MatchRequest { id: Some(format!("m-{index}")), ..MatchRequest::default() };
    (options.matches, options.players) = ((0..4).map(request).collect(), 2);
    let fleet = Fleet::start(&options).expect("the server is up");
    assert!(fleet.wait_all_in_play(PATIENCE));
    let filler = disk.fill();
    let refused = || (http.get("/readyz").status == 503).then_some(());
    wait::poll(FULL_PATIENCE, refused).expect("the store notices that the disk is full");
    goes_on(&fleet);
    http.get("/healthz").expect(200);
    let answer = http.post("/v1/matches", &json!({ "game": "pong", "id": "late", "durability": "sync" }));
    assert_eq!(answer.status, 503, "nothing new is promised: {}", answer.body);
    assert!(fleet.all_in_play(), "nobody lost the connection");
    std::fs::remove_file(filler).unwrap();
    let ready = || (http.get("/readyz").status == 200).then_some(());
    wait::poll(PATIENCE, ready).expect("the store works again without a restart");
    http.post("/v1/matches", &json!({ "game": "pong", "id": "after", "durability": "sync" })).expect(201);
    goes_on(&fleet);
    let plan = server.kill();
    wait::pause(Duration::from_millis(200));
    let seen = fleet.seen();
    drop(fleet);
    let server = plan.start();
    for seen in seen {
        let entry = server.http().inspect(&seen.match_id);
        let lost = seen.highest_tick.0.saturating_sub(entry["recovered"]["tick"].as_u64().unwrap());
        assert!(lost <= 15, "{lost} ticks lost although the disk had room again: {entry}");
    }
    assert_eq!(server.http().inspect("after")["state"], "running");
}

/// Killed while the disk is still full: what was durable before is there after.
#[test]
fn a_kill_with_a_full_disk_loses_only_what_was_not_written() {
    let _turn = turn::alone();
    let Some(disk) = SmallDisk::mount(16) else { return };
    let server = plan_on(disk.dir.path()).start();
    let http = server.http();
    http.create("arena", "m");
    http.until("m", "three seconds", |entry| entry["tick"].as_u64() > Some(180));
    let before = tick(&http, "m");
    let filler = disk.fill();
    wait::poll(FULL_PATIENCE, || (http.get("/readyz").status == 503).then_some(())).expect("it notices");
    let plan = server.kill();
    std::fs::remove_file(filler).unwrap();
    let server = plan.start();
    let entry = server.http().inspect("m");
    assert!(entry["recovered"]["tick"].as_u64() >= Some(before - 15), "{before}: {entry}");
    assert_eq!(server.http().get("/v1/matches/m/verify").expect(200)["agree"], true);
}
