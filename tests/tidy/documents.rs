//! The documents name what exists.

use std::collections::BTreeSet;

use super::source::{Source, Violation, repository, root};

/// Every row of a table whose last column is headed `held by`.
pub(crate) fn promises(sources: &[Source]) -> Vec<Violation> {
    let Some(source) = sources.iter().find(|source| source.path == "SPECIFICATION.md") else {
        return vec![Source::new("SPECIFICATION.md", "").broken(1, "there is no such file")];
    };
    let known = names_of_proofs();
    let mut violations = Vec::new();
    let (mut is_table, mut rows) = (false, 0);
    for (index, line) in source.text.lines().enumerate() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let last = cells.last().copied().unwrap_or_default();
        if !line.starts_with('|') || line.starts_with("|---") {
            is_table &= line.starts_with('|');
        } else if last == "held by" {
            is_table = true;
        } else if is_table {
            rows += 1;
            violations.extend(unproved(source, index + 1, last, &known));
        }
    }
    if rows == 0 {
        violations.push(source.broken(1, "no table of promises, its last column headed `held by`"));
    }
    violations
}

fn unproved(source: &Source, line: usize, held_by: &str, known: &BTreeSet<String>) -> Vec<Violation> {
    let names = in_backticks(held_by);
    if names.is_empty() {
        return vec![source.broken(line, "a promise names a test, a bench or a scenario, in backticks")];
    }
    let missing = names.into_iter().filter(|name| !known.contains(*name));
    missing.map(|name| source.broken(line, format!("there is no test, bench or scenario `{name}`"))).collect()
}

/// Test functions (`name` and `file::name`), benches (`cargo bench --bench name`) and load-test scenarios.
fn names_of_proofs() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in repository() {
        if let Some(name) = source.path.strip_prefix("assets/loadtest/") {
            names.insert(name.to_owned());
        }
        if let Some((_, rest)) = source.path.split_once("/benches/") {
            let bench = rest.split('/').next().unwrap_or_default().trim_end_matches(".rs");
            names.insert(format!("cargo bench --bench {bench}"));
        }
        let file = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        for name in test_functions(&source) {
            names.insert(format!("{file}::{name}"));
            names.insert(name);
        }
    }
    names
}

fn test_functions(source: &Source) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in if source.is_rust() { source.code() } else { Vec::new() } {
        let line = line.trim();
        if line.starts_with("#[test]") || line.contains("::test") && line.starts_with("#[") {
            is_test = true;
        } else if let (true, Some((_, rest))) = (is_test, line.split_once("fn ")) {
            names.push(rest.split('(').next().unwrap_or_default().to_owned());
            is_test = false;
        }
    }
    names
}

fn in_backticks(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The heading of the section that a newcomer looks for.
const COMMANDS: &str = "## The two commands";

/// Exactly two fenced blocks of one command line each, whose scripts are there and can be run.
pub(crate) fn commands(sources: &[Source]) -> Vec<Violation> {
    let Some(source) = sources.iter().find(|source| source.path == "README.md") else {
        return vec![Source::new("README.md", "").broken(1, "there is no such file")];
    };
    let lines = source.text.lines().enumerate();
    let section = lines
        .skip_while(|(_, line)| *line != COMMANDS)
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("## "));
    let (mut commands, mut fenced) = (Vec::new(), false);
    for (index, line) in section {
        match line.starts_with("```") {
            true => fenced = !fenced,
            false if fenced => commands.push((index + 1, line)),
            false => {}
        }
    }
    if commands.len() != 2 {
        return vec![
            source.broken(1, format!("{} commands under `{COMMANDS}`; exactly two", commands.len())),
        ];
    }
    let scripts =
        commands.iter().flat_map(|(line, command)| command.split_whitespace().map(move |word| (*line, word)));
    let missing = scripts.filter(|(_, word)| word.starts_with(".ci/") && !can_be_run(word));
    missing
        .map(|(line, word)| source.broken(line, format!("{word} is not there, or cannot be run")))
        .collect()
}

fn can_be_run(script: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(root().join(script))
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Documents whose paths are checked.
const DOCUMENTS: [&str; 5] =
    ["README.md", "GUIDE.md", "ARCHITECTURE.md", "SPECIFICATION.md", "shared/PROTOCOL.md"];
/// What the paths of a document begin with.
const FOLDERS: [&str; 7] = ["server/", "shared/", "loadtest/", "tests/", "assets/", ".ci/", "target/"];

/// A path in backticks that leads nowhere.
pub(crate) fn paths(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| DOCUMENTS.contains(&source.path.as_str())) {
        for (index, line) in source.text.lines().enumerate() {
            let paths = in_backticks(line)
                .into_iter()
                .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
            let missing = paths.filter(|path| !path.contains(['*', '{', ' ']) && !root().join(path).exists());
            violations.extend(missing.map(|path| source.broken(index + 1, format!("there is no `{path}`"))));
        }
    }
    violations
}

/// The groups of the contract's rules, and how many each has.
const RULES: [(&str, usize); 6] =
    [("ID", 7), ("GATE", 8), ("STORE", 7), ("ALARM", 6), ("SOCKET", 9), ("LIFE", 3)];

/// Every rule of the contract has one row, and the row names every test that is named by the rule's number.
pub(crate) fn contract(sources: &[Source]) -> Vec<Violation> {
    let Some(source) = sources.iter().find(|source| source.path == "SPECIFICATION.md") else {
        return vec![Source::new("SPECIFICATION.md", "").broken(1, "there is no such file")];
    };
    let known = names_of_proofs();
    let rules = RULES.into_iter().flat_map(|(group, rules)| (1..=rules).map(move |rule| (group, rule)));
    let mut violations = Vec::new();
    for (group, rule) in rules {
        let begins = format!("| {group} {rule} |");
        let rows = source.text.lines().enumerate().filter(|(_, line)| line.starts_with(&begins));
        let [(index, row)] = rows.collect::<Vec<_>>()[..] else {
            violations.push(source.broken(1, format!("{group} {rule} has no row, or more than one")));
            continue;
        };
        let prefix = format!("{}_{rule}_", group.to_lowercase());
        let named = in_backticks(row);
        if !named.iter().any(|name| name.starts_with(&prefix)) {
            violations
                .push(source.broken(index + 1, format!("no test of {group} {rule} is named by its number")));
        }
        let missing =
            known.iter().filter(|name| name.starts_with(&prefix) && !named.contains(&name.as_str()));
        violations.extend(missing.map(|name| source.broken(index + 1, format!("`{name}` is missing"))));
    }
    violations
}
