//! The architecture, proved by text search: who may import whom, how large things are, what no source may
//! say, and that the documents name what exists.
//!
//! Every rule is a function from sources to violations. [`passes`] runs it over the repository, and its
//! counterpart [`finds`] shows that a planted violation is found: no rule that cannot fail.

#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/words.rs"]
mod words;

use source::{Source, Violation, repository};

type Rule = fn(&[Source]) -> Vec<Violation>;

/// The repository holds a rule.
fn passes(rule: Rule) {
    let violations = rule(&repository());
    let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
    assert!(lines.is_empty(), "{} violations:\n{}", lines.len(), lines.join("\n"));
}

/// Each planted source breaks the rule, in the line that says `here`, or anywhere if none does.
fn finds(rule: Rule, planted: &[(&str, &str)]) {
    for (path, text) in planted {
        let found = rule(&[Source::new(path, text)]);
        let here = text.lines().position(|line| line.contains("here")).map(|line| line + 1);
        assert!(!found.is_empty(), "nothing found in {path}: {text}");
        if let Some(here) = here {
            assert!(found.iter().any(|violation| violation.line == here), "{path}:{here}: not found: {text}");
        }
    }
}

/// None of these breaks the rule.
fn lets_pass(rule: Rule, planted: &[(&str, &str)]) {
    for (path, text) in planted {
        let found = rule(&[Source::new(path, text)]);
        assert!(found.is_empty(), "{}", found[0]);
    }
}

#[test]
fn a_floor_imports_only_floors_below_it() {
    passes(imports::floors);
    finds(
        imports::floors,
        &[
            ("server/src/gateway/a.rs", "use crate::store::RedbStore;"),
            ("server/src/store/a.rs", "use crate::gateway::Hub;"),
            ("server/src/runtime/a.rs", "\nuse crate::{object::id::ObjectId, classes::matches}; // here\n"),
            ("server/src/classes/chat/a.rs", "fn f() { crate::runtime::pool(); }"),
            ("server/src/object/a.rs", "use crate::runtime::Worker;"),
            ("server/src/clock.rs", "use crate::config::Config;"),
            ("server/src/store/mod.rs", "use super::gateway;"),
            ("shared/src/wire/a.rs", "use crate::sim::game::Game;"),
            ("shared/src/sim/a.rs", "use crate::wire::message::Hello;"),
            ("shared/src/ids.rs", "use crate::wire::version::Encoding;"),
            ("shared/src/games/a.rs", "use crate::client::session::Session;"),
            ("shared/src/client/a.rs", "use crate::net::websocket;"),
        ],
    );
    lets_pass(
        imports::floors,
        &[
            ("server/src/app.rs", "use crate::store::RedbStore; use crate::gateway::serve;"),
            ("server/src/gateway/a.rs", "use crate::runtime::handle::ObjectsRef; // not crate::store"),
            ("server/src/runtime/a.rs", "#[cfg(test)]\nmod tests {\n use crate::classes::matches;\n}\n"),
        ],
    );
}

#[test]
fn nobody_reaches_over_a_head() {
    passes(imports::over_the_head);
    finds(imports::over_the_head, &[("server/src/store/tests/a.rs", "use super::super::queue;")]);
}

#[test]
fn crates_know_only_crates_below_them() {
    passes(imports::crates);
    finds(
        imports::crates,
        &[
            ("loadtest/src/a.rs", "use tickstone_server::App;"),
            ("loadtest/Cargo.toml", "[dependencies]\ntickstone-server = { workspace = true } # here"),
            ("shared/src/a.rs", "use tickstone_loadtest::run;"),
        ],
    );
}

#[test]
fn one_dependency_has_one_folder() {
    passes(imports::dependencies);
    finds(
        imports::dependencies,
        &[
            ("server/src/runtime/a.rs", "use redb::Database;"),
            ("server/src/app.rs", "let listener = tokio::net::TcpListener::bind(a);"),
            ("server/src/classes/a.rs", "use bevy_ecs::world::World;"),
            ("server/src/cli/a.rs", "use axum::Router;"),
            ("server/src/classes/a.rs", "use yrs::Doc;"),
            ("shared/src/wire/a.rs", "use tokio_tungstenite::tungstenite;"),
        ],
    );
    lets_pass(imports::dependencies, &[("server/src/store/a.rs", "use redb::Database;")]);
}

#[test]
fn the_clock_is_read_in_one_file() {
    passes(imports::clocks);
    finds(
        imports::clocks,
        &[
            ("server/src/runtime/a.rs", "let now = Instant::now();"),
            ("shared/src/sim/a.rs", "std::time::SystemTime::now()"),
            ("tests/it/kill.rs", "std::thread::sleep(a_while);"),
        ],
    );
    lets_pass(imports::clocks, &[("server/src/clock.rs", "Instant::now()")]);
}

#[test]
fn files_functions_and_folders_are_small() {
    passes(shape::sizes);
    let long_file = "// a line\n".repeat(shape::FILE_LINES_MAX + 1);
    let long_function = format!("fn here() {{\n{}}}\n", "    step();\n".repeat(shape::FUNCTION_LINES_MAX));
    finds(
        shape::sizes,
        &[
            ("server/src/a.rs", &long_file),
            ("server/src/b.rs", &long_function),
            ("assets/web/net/a.js", &long_file),
        ],
    );
    let just_right = format!("fn f() {{\n{}}}\n", "    step();\n".repeat(shape::FUNCTION_LINES_MAX - 2));
    lets_pass(shape::sizes, &[("server/src/c.rs", &just_right)]);
    let crowd: Vec<Source> =
        (0..=shape::FOLDER_FILES_MAX).map(|n| Source::new(&format!("server/src/many/f{n}.rs"), "")).collect();
    assert_eq!(shape::sizes(&crowd).len(), 1);
}

#[test]
fn a_mod_file_is_a_table_of_contents() {
    passes(shape::contents);
    finds(
        shape::contents,
        &[
            ("server/src/store/mod.rs", "mod a;\npub const LIMIT: u32 = 3; // here"),
            ("shared/src/sim/mod.rs", "mod a;\nfn here() {}"),
        ],
    );
    let fine =
        "//! Words.\n\n#[cfg(test)]\nmod tests;\npub mod a;\npub(crate) use a::{\n    B,\n    C,\n};\n";
    lets_pass(shape::contents, &[("server/src/store/mod.rs", fine)]);
}

#[test]
fn sources_are_ascii() {
    passes(words::ascii);
    finds(words::ascii, &[("README.md", "one\nhere: na\u{ef}ve")]);
}

#[test]
fn nothing_is_left_to_be_done() {
    passes(words::left_undone);
    finds(
        words::left_undone,
        &[
            ("server/src/a.rs", concat!("fn f() {\n    to", "do!() // here\n}")),
            ("server/src/a.rs", concat!("// TO", "DO: later")),
            ("shared/PROTOCOL.md", concat!("FIX", "ME")),
            ("tests/it/kill.rs", concat!("#[ign", "ore]\nfn f() {}")),
        ],
    );
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    passes(words::allowed);
    finds(words::allowed, &[("server/src/a.rs", concat!("#[al", "low(dead_code)]\nfn f() {}"))]);
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    passes(words::unwrapped);
    finds(words::unwrapped, &[("server/src/a.rs", "fn f() {\n    g().unwrap(); // here\n}")]);
    lets_pass(
        words::unwrapped,
        &[
            ("server/src/a.rs", "#[cfg(test)]\nmod tests {\n    fn f() { g().unwrap(); }\n}\n"),
            ("server/src/a.rs", "/// `g().unwrap()` says why\nfn f() { let a = \".unwrap()\"; }"),
        ],
    );
}

#[test]
fn no_source_names_a_machine() {
    passes(words::machines);
    finds(
        words::machines,
        &[("README.md", concat!("see /ro", "ot/notes")), (".ci/run", concat!("cd /ho", "me/ann"))],
    );
}

#[test]
fn every_promise_names_a_test_that_exists() {
    passes(documents::promises);
    let table = "| promise | number | held by |\n|---|---|---|\n| a | 1 | `a_test_that_is_not_there` |\n";
    finds(
        documents::promises,
        &[
            ("SPECIFICATION.md", table),
            ("SPECIFICATION.md", "| p | n | held by |\n|---|---|---|\n| b | 1 | trust |\n"),
        ],
    );
    assert!(documents::promises(&[Source::new("SPECIFICATION.md", "")]).len() == 1, "no promises at all");
}

#[test]
fn every_rule_of_the_contract_has_its_tests() {
    passes(documents::contract);
    let spoilt = |from: &str, to: &str| {
        let specification = repository().into_iter().find(|source| source.path == "SPECIFICATION.md");
        let spoilt = specification.expect("it is there").text.replace(from, to);
        documents::contract(&[Source::new("SPECIFICATION.md", &spoilt)]).len()
    };
    assert_eq!(spoilt("| LIFE 2 |", "| LIFE 20 |"), 1, "a rule without a row");
    assert_eq!(spoilt("`id_2_names_are_deterministic_and_classes_apart`", ""), 2, "a row without its test");
    assert_eq!(spoilt("`alarm_2_any_number_by_name`, ", ""), 1, "a test that is not in its row");
}

#[test]
fn the_readme_has_exactly_two_commands_that_exist() {
    passes(documents::commands);
    let three = "## The two commands\n\n```sh\n.ci/nothing\n```\n\n```sh\nb\n```\n\n```sh\nc\n```\n";
    finds(documents::commands, &[("README.md", three), ("README.md", "no section")]);
    let missing = "## The two commands\n\n```sh\n.ci/nothing # here\n```\n\n```sh\ncargo run\n```\n";
    finds(documents::commands, &[("README.md", missing)]);
}

#[test]
fn the_documents_name_files_that_exist() {
    passes(documents::paths);
    finds(
        documents::paths,
        &[("ARCHITECTURE.md", "\nhere: `server/src/nowhere.rs` and `server/src/app.rs`")],
    );
}
