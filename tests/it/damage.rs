//! Files that are not what was written: the rest is served, and nothing is overwritten.

use std::path::Path;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde_json::json;
use tickstone_tests::client::{Client, hello};
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;

/// The format of the file.
const FORMAT: u64 = 2;
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const VALUES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("values");
/// Bytes of an object's id, before the space and the key of each of its values.
const ID_BYTES: usize = 32;
/// The space of values, beside accounts and alarms.
const VALUE_SPACE: u8 = 1;

fn file(dir: &Path) -> std::path::PathBuf {
    dir.join("tickstone.redb")
}

/// Changes the store of a server that does not run.
fn edit(dir: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let db = Database::open(file(dir)).expect("it was closed cleanly");
    let transaction = db.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

/// Flips a bit in the middle of some values of the match whose header holds `mark`; how many.
fn damage(dir: &Path, mark: &str, wanted: fn(&[u8]) -> bool, at_most: usize) -> usize {
    let db = Database::open(file(dir)).expect("it was closed cleanly");
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for row in db.begin_read().unwrap().open_table(VALUES).unwrap().iter().unwrap() {
        let (key, value) = row.unwrap();
        rows.push((key.value().to_vec(), value.value().to_vec()));
    }
    drop(db);
    let holds = |value: &[u8]| value.windows(mark.len()).any(|part| part == mark.as_bytes());
    let header = rows.iter().find(|(key, value)| key.ends_with(b"header") && holds(value));
    let mut prefix = header.expect("the match is stored").0[..ID_BYTES].to_vec();
    prefix.push(VALUE_SPACE);
    let hit = |key: &[u8]| key.strip_prefix(prefix.as_slice()).is_some_and(wanted);
    let mut hits: Vec<_> = rows.into_iter().filter(|(key, _)| hit(key)).collect();
    hits.reverse();
    hits.truncate(at_most);
    edit(dir, |transaction| {
        let mut values = transaction.open_table(VALUES).unwrap();
        for (key, value) in &mut hits {
            let middle = value.len() / 2;
            value[middle] ^= 1;
            values.insert(key.as_slice(), value.as_slice()).unwrap();
        }
    });
    hits.len()
}

/// Two matches that have been played for a while, and the directory they are in.
fn played() -> (Plan, u64) {
    let server = Plan::dev().with("TICKSTONE_CHECKPOINT_INTERVAL_S", "1").start();
    let http = server.http();
    for id in ["victim", "other"] {
        let label = json!({ "mark": format!("mark-{id}") });
        http.post("/v1/matches", &json!({ "game": "arena", "id": id, "label": label })).expect(201);
    }
    let mut player = Client::join(&server, "victim", "ann");
    let mut seen = 0;
    while seen < 200 {
        seen = player.state().tick.0;
    }
    let (status, plan) = server.drain();
    assert_eq!(status, Some(0));
    (plan, seen)
}

fn other_is_served(server: &Server) {
    server
        .http()
        .until("other", "ticks", |entry| entry["tick"].as_u64() > entry["recovered"]["tick"].as_u64());
    Client::join(server, "other", "bob").state();
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let _turn = turn::shared();
    let (plan, _) = played();
    edit(&plan.data, |transaction| {
        transaction.open_table(META).unwrap().insert("format", FORMAT + 1).unwrap();
    });
    let before = std::fs::read(file(&plan.data)).unwrap();
    let (status, said) = plan.refused();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&format!("format {}", FORMAT + 1)) && said.contains("newer server"), "{said}");
    assert!(before == std::fs::read(file(&plan.data)).unwrap(), "the file was touched");
    edit(&plan.data, |transaction| {
        transaction.open_table(META).unwrap().insert("format", FORMAT).unwrap();
    });
    other_is_served(&plan.start());
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let _turn = turn::shared();
    for bytes in [Vec::new(), vec![0; 4_096], b"tickstone".repeat(10_000)] {
        let plan = Plan::dev();
        std::fs::create_dir_all(&plan.data).unwrap();
        std::fs::write(file(&plan.data), &bytes).unwrap();
        let (status, said) = plan.refused();
        assert_eq!(status, Some(1), "{} bytes: {said}", bytes.len());
        assert!(said.contains("tickstone.redb") && !said.contains("panicked"), "{said}");
        assert!(std::fs::read(file(&plan.data)).unwrap() == bytes, "the file was touched");
    }
}

#[test]
fn behind_a_damaged_checkpoint_stands_an_older_one() {
    let _turn = turn::shared();
    let (plan, seen) = played();
    assert_eq!(damage(&plan.data, "mark-victim", |key| key.starts_with(b"c/"), 1), 1);
    let server = plan.start();
    let entry = server.http().inspect("victim");
    assert!(entry["recovered"]["tick"].as_u64() >= Some(seen), "the journal leads to the same tick: {entry}");
    assert!(entry["recovered"]["ticks_rerun"].as_u64() > Some(0), "{entry}");
    Client::join(&server, "victim", "ann").state();
    other_is_served(&server);
}

fn is_set_aside(server: &Server) {
    let http = server.http();
    http.get("/v1/matches/victim").expect_problem(410, "set_aside");
    Client::refused(server, &hello("victim", "ann")).expect(4410);
    let answer = http.post("/v1/matches", &json!({ "game": "arena", "id": "victim" }));
    assert_eq!(answer.status, 410, "it is not created anew over what is left: {}", answer.body);
    assert_eq!(http.metric("tickstone_objects{class=\"match\",state=\"set_aside\"}"), 1.0);
    http.get("/readyz").expect(200);
    other_is_served(server);
}

#[test]
fn a_match_without_a_good_checkpoint_is_set_aside() {
    let _turn = turn::shared();
    let (plan, _) = played();
    assert!(damage(&plan.data, "mark-victim", |key| key.starts_with(b"c/"), 99) >= 3);
    let server = plan.start();
    is_set_aside(&server);
    is_set_aside(&server.kill().start());
}

#[test]
fn a_match_with_a_damaged_header_is_set_aside() {
    let _turn = turn::shared();
    let (plan, _) = played();
    assert_eq!(damage(&plan.data, "mark-victim", |key| key == b"header", 1), 1);
    is_set_aside(&plan.start());
}
