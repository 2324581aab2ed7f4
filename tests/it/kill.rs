//! `kill -9` while bots play, again and again: what clients saw is what is restored.
//!
//! The oracle is the clients: every state hash that any of them received, by tick and epoch. After each
//! restart the hashes of the ended epoch, up to the tick the match goes on from, join the history of the
//! match; what is stored must agree with all of it.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_loadtest::board::MatchSeen;
use tickstone_loadtest::brain::BrainKind;
use tickstone_loadtest::fleet::{Fleet, FleetOptions, MatchRequest};
use tickstone_shared::ids::Epoch;
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::wait::{self, Watch};
use tickstone_tests::{binaries, turn};

/// From the restart to every match ticking (reliability P6), and what an unoptimised build may take.
const RECOVERY_MAX: Duration = Duration::from_secs(2);
const RECOVERY_MAX_DEV: Duration = Duration::from_secs(10);
/// Ticks of an async match that clients saw and a kill may take back (reliability P1).
const TICKS_LOST_MAX: u64 = 15;
/// Bots come back by themselves.
const RETURN_MAX: Duration = Duration::from_secs(10);
/// After a kill what is on its way still reaches the bots: until nothing new has come for so long.
const SETTLED: Duration = Duration::from_millis(100);
/// Journal kept: more than any round lasts, and little enough to be replayed in each.
const RETENTION_SECONDS: &str = "15";

/// Chance, the same in every run.
struct Chance(u64);

impl Chance {
    /// SplitMix64, a number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("it is a number"))
}

/// Three in ten matches are sync: no tick that anybody saw may be lost.
fn is_sync(index: usize) -> bool {
    index % 10 >= 7
}

fn fleet_options(url: &str, matches: u64, players: u64) -> FleetOptions {
    let request = |index: usize| MatchRequest {
        id: Some(format!("kill-{index}")),
        durability: Some(if is_sync(index) { "sync" } else { "async" }.to_owned()),
        options: Some(json!({ "map": "dust", "countdown_seconds": 0 })),
        ..MatchRequest::default()
    };
    let mut options = FleetOptions::new(url);
    options.matches = (0..matches as usize).map(request).collect();
    options.players = players as u16;
    options.brain = BrainKind::Light;
    options.input_hz = 30;
    options
}

/// What is known of one match over all rounds.
#[derive(Default)]
struct History {
    hashes: BTreeMap<u64, String>,
}

/// The worst of all rounds.
#[derive(Debug, Default)]
struct Worst {
    lost_async: u64,
    lost_sync: u64,
    recovery: Duration,
    back_in_play: Duration,
    hashes_compared: usize,
}

/// What the bots saw, once nothing more comes.
fn settled(fleet: &Fleet) -> Vec<MatchSeen> {
    let highest = |seen: &[MatchSeen]| seen.iter().map(|seen| seen.highest_tick).collect::<Vec<_>>();
    let mut seen = fleet.seen();
    let ended = wait::poll(Duration::from_secs(5), || {
        wait::pause(SETTLED);
        let before = std::mem::replace(&mut seen, fleet.seen());
        (highest(&before) == highest(&seen)).then_some(())
    });
    assert!(ended.is_some(), "states still come although the server is dead");
    seen
}

/// Waits until each match runs and has left the tick it came back with: its entries.
fn all_tick(http: &Http, seen: &[MatchSeen], patience: Duration) -> Vec<Value> {
    let one = |seen: &MatchSeen| {
        wait::poll(patience, || {
            let entry = http.try_ask("GET", &format!("/v1/matches/{}", seen.match_id), None)?.body;
            let moves = entry["tick"].as_u64() > entry["recovered"]["tick"].as_u64();
            (entry["state"] == "running" && moves).then_some(entry)
        })
        .unwrap_or_else(|| panic!("{} does not tick again", seen.match_id))
    };
    seen.iter().map(one).collect()
}

/// Compares what is stored of a match with everything its clients ever saw of it; how many hashes.
fn audit(http: &Http, seen: &MatchSeen, ended: Epoch, recovered: u64, history: &mut History) -> usize {
    let id = &seen.match_id;
    assert_eq!(seen.hash_conflicts, 0, "{id}: two clients saw different states of one tick");
    for hash in seen.hashes.iter().filter(|hash| hash.epoch == ended && hash.tick.0 <= recovered) {
        let told = hash.hash.to_string();
        let known = history.hashes.entry(hash.tick.0).or_insert_with(|| told.clone());
        assert_eq!(*known, told, "{id}: tick {} was lived twice, and both stand", hash.tick.0);
    }
    let verdict = http.get(&format!("/v1/matches/{id}/verify")).expect(200);
    assert_eq!(verdict["agree"], true, "{id}: {verdict}");
    let stored: BTreeMap<u64, String> =
        serde_json::from_value::<Vec<_>>(verdict["hashes"].clone()).expect("pairs").into_iter().collect();
    let from = verdict["from_tick"].as_u64().expect("a verdict says where it began");
    let known = history.hashes.range(from + 1..);
    let mut compared = 0;
    for (tick, hash) in known {
        assert_eq!(stored.get(tick), Some(hash), "{id}: tick {tick} is not what clients saw");
        compared += 1;
    }
    compared
}

struct Round<'a> {
    fleet: &'a Fleet,
    histories: &'a mut [History],
    worst: &'a mut Worst,
}

impl Round<'_> {
    /// Kills the server and starts it again: everything the test promises.
    fn play(self, server: Server) -> Server {
        let recovery_max = if binaries::is_release() { RECOVERY_MAX } else { RECOVERY_MAX_DEV };
        let epochs: Vec<Epoch> = self.fleet.seen().iter().map(|seen| seen.epoch).collect();
        let plan = server.kill();
        let seen = settled(self.fleet);
        let watch = Watch::start();
        let server = plan.start();
        let http = server.http();
        let entries = all_tick(&http, &seen, recovery_max);
        let took = watch.elapsed();
        assert!(took <= recovery_max, "{took:?} until every match ticked");
        assert!(self.fleet.wait_all_in_play(RETURN_MAX), "bots do not come back: {:?}", self.fleet.seen());
        self.worst.back_in_play = self.worst.back_in_play.max(watch.elapsed());
        self.worst.recovery = self.worst.recovery.max(took);
        for (index, (seen, entry)) in seen.iter().zip(&entries).enumerate() {
            let recovered = entry["recovered"]["tick"].as_u64().expect("it was recovered");
            let lost = seen.highest_tick.0.saturating_sub(recovered);
            let (worst, max) = match is_sync(index) {
                true => (&mut self.worst.lost_sync, 0),
                false => (&mut self.worst.lost_async, TICKS_LOST_MAX),
            };
            *worst = (*worst).max(lost);
            assert!(lost <= max, "{} lost {lost} ticks: back at {recovered}, {seen:?}", seen.match_id);
            assert!(entry["epoch"].as_u64() > Some(epochs[index].0.into()), "an epoch is new: {entry}");
            let compared = audit(&http, seen, epochs[index], recovered, &mut self.histories[index]);
            self.worst.hashes_compared += compared;
        }
        server
    }
}

#[test]
fn what_clients_saw_is_what_a_killed_server_restores() {
    let _turn = turn::alone();
    let release = binaries::is_release();
    let matches = number("TICKSTONE_KILL_MATCHES", if release { 20 } else { 10 });
    let players = number("TICKSTONE_KILL_PLAYERS", if release { 8 } else { 4 });
    let rounds = number("TICKSTONE_KILL_ROUNDS", 20);
    let plan = Plan::dev().on_fixed_port().with("TICKSTONE_JOURNAL_RETENTION_S", RETENTION_SECONDS);
    let mut server = plan.start();
    let fleet = Fleet::start(&fleet_options(&server.url(), matches, players)).expect("the server is up");
    assert!(fleet.wait_all_in_play(RETURN_MAX), "{:?}", fleet.seen());
    let mut chance = Chance(11);
    let mut histories: Vec<History> = (0..matches).map(|_| History::default()).collect();
    let mut worst = Worst::default();
    for _ in 0..rounds {
        wait::pause(Duration::from_millis(1_000 + chance.below(1_000)));
        let round = Round { fleet: &fleet, histories: &mut histories, worst: &mut worst };
        server = round.play(server);
    }
    println!("{rounds} kills of {matches} matches x {players} bots: {worst:?}");
    assert!(worst.hashes_compared as u64 >= rounds * matches, "the oracle saw hardly anything: {worst:?}");
    let seen = fleet.seen();
    assert!(seen.iter().all(|seen| seen.given_up == 0 && seen.reconnects >= rounds * players), "{seen:?}");
    fleet.stop();
}

/// Killed again while it recovers: the second recovery starts from the same.
#[test]
fn a_server_that_is_killed_while_it_recovers() {
    let _turn = turn::alone();
    let server = Plan::dev().on_fixed_port().start();
    let mut options = fleet_options(&server.url(), 10, 1);
    options.input_hz = 60;
    let fleet = Fleet::start(&options).expect("the server is up");
    assert!(fleet.wait_all_in_play(RETURN_MAX));
    wait::pause(Duration::from_secs(2));
    let plan = server.kill();
    let seen = settled(&fleet);
    drop(fleet);
    for killed_after_ms in [1, 3, 6, 10, 15, 20, 30, 40, 60, 80] {
        let mut command = plan.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the server starts");
        wait::pause(Duration::from_millis(killed_after_ms));
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
    }
    let server = plan.start();
    for (index, entry) in all_tick(&server.http(), &seen, RECOVERY_MAX_DEV).iter().enumerate() {
        let recovered = entry["recovered"]["tick"].as_u64().unwrap();
        let lost = seen[index].highest_tick.0.saturating_sub(recovered);
        assert!(lost <= if is_sync(index) { 0 } else { TICKS_LOST_MAX }, "{lost} ticks: {entry}");
        let verdict = server.http().get(&format!("/v1/matches/kill-{index}/verify")).expect(200);
        assert_eq!(verdict["agree"], true, "{verdict}");
    }
}
