//! The guide: its classes are small, and work in a crate outside the workspace exactly as they stand there.

use serde_json::json;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{binaries, turn};

use crate::talker::Talker;

/// The crate whose files are those of the guide.
const CRATE: &str = "outside_classes";
/// Its files, in the order of the guide.
const FILES: [&str; 4] = ["Cargo.toml", "src/main.rs", "src/counter.rs", "src/room.rs"];
/// Those that are a class.
const CLASSES: [&str; 2] = ["src/counter.rs", "src/room.rs"];
/// A class of the guide has fewer lines.
const LINES: usize = 50;

/// The blocks of a document that are of a language.
fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    document.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

/// Somebody in the lobby.
fn enter(server: &Server, name: &str) -> Talker {
    Talker::enter(server, "lobby", name).expect("the server is up")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(binaries::root().join(path)).unwrap()
}

#[test]
fn the_guide_has_the_files_whole_and_its_classes_are_small() {
    let guide = read("GUIDE.md");
    let shown = [blocks(&guide, "toml"), blocks(&guide, "rust")].concat();
    assert_eq!(shown.len(), FILES.len(), "blocks that are no file, or files that are not shown");
    for (block, name) in shown.into_iter().zip(FILES) {
        let file = read(&format!("tests/{CRATE}/{name}"));
        let difference = block.lines().zip(file.lines()).find(|(shown, is)| shown != is);
        assert!(block == file, "{name} is not as the guide shows it: {difference:?}");
    }
    for name in CLASSES {
        let source = read(&format!("tests/{CRATE}/{name}"));
        let (class, _tests) = source.split_once("#[cfg(test)]\n").expect("it has its test with it");
        let lines = class.trim_end().lines().count();
        assert!(lines < LINES, "{name} has {lines} lines");
    }
}

#[test]
fn the_classes_of_the_guide_serve_and_survive_a_kill() {
    let _turn = turn::shared();
    binaries::test_outside(CRATE);
    let mut plan = Plan::dev();
    plan.program = binaries::outside(CRATE);
    let server = plan.start();
    let add = "/v1/objects/counter/a/call/add";
    assert_eq!(server.http().post(add, &json!(2)).expect(200), 2);
    assert_eq!(server.http().post(add, &json!(3)).expect(200), 5);
    server.http().post(add, &json!(1_000_000)).expect_problem(422, "invalid");
    let (mut ann, mut bob) = (enter(&server, "ann"), enter(&server, "bob"));
    ann.say("hello");
    bob.hears("ann: hello");
    bob.say("hi");
    ann.hears("ann: hello");
    ann.hears("bob: hi");
    bob.hears("bob: hi");
    let server = server.kill().start();
    assert_eq!(server.http().post(add, &json!(1)).expect(200), 6);
    let mut late = enter(&server, "cid");
    late.hears("ann: hello");
    late.hears("bob: hi");
}
