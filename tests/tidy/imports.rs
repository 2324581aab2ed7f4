//! Who may name whom.

use super::source::{Source, Violation};

/// A folder or file below a crate's `src/`, and which of its siblings it may name beside itself.
type Floor = (&'static str, &'static [&'static str]);

/// What knows nothing, below every floor of the server.
const SERVER: [Floor; 11] = [
    ("gateway", &["runtime", "object", "metrics", "config", "access", "clock", "id_map", "mailbox"]),
    ("store", &["runtime", "object", "metrics", "config", "clock", "id_map", "mailbox"]),
    ("runtime", &["object", "metrics", "config", "clock", "id_map", "mailbox", "access"]),
    ("classes", &["object", "metrics", "config", "clock", "id_map", "access"]),
    ("object", &["metrics", "config", "clock", "id_map", "access"]),
    ("metrics", &[]),
    ("config", &["access"]),
    ("access", &[]),
    ("clock", &[]),
    ("id_map", &[]),
    ("mailbox", &[]),
];

const SHARED_WORDS: [&str; 8] =
    ["ids", "time", "limits", "input", "schema", "snapshot", "entity", "predicted"];
const SHARED: [Floor; 6] = [
    ("wire", &[]),
    ("sim", &["replication"]),
    ("games", &["sim"]),
    ("replication", &[]),
    ("client", &["wire", "replication"]),
    ("net", &["wire", "replication", "client"]),
];

/// A floor of the server or of `shared` that names one beside or above it.
pub(crate) fn floors(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let Some(allowed) = allowed(&source.path) else { continue };
        let is_top = source.path.matches('/').count() == 2
            || source.path.ends_with("/mod.rs") && source.path.matches('/').count() == 3;
        for (index, line) in source.shipped_code().iter().enumerate() {
            let mut named = named_after(line, "crate::");
            if is_top {
                named.extend(named_after(line, "super::").into_iter().filter(|name| is_floor(name)));
            }
            for name in named.iter().filter(|name| !allowed.contains(&name.as_str())) {
                let rule = format!("this floor may not import `{name}`, only: {}", allowed.join(", "));
                violations.push(source.broken(index + 1, rule));
            }
        }
    }
    violations
}

fn is_floor(name: &str) -> bool {
    SERVER.iter().chain(&SHARED).any(|(floor, _)| *floor == name)
}

/// What a file may name; none: everything (the app, a crate's root).
fn allowed(path: &str) -> Option<Vec<&'static str>> {
    let (krate, rest) = path.split_once("/src/")?;
    let name = rest.split('/').next()?.trim_end_matches(".rs");
    let floors: &[Floor] = match krate {
        "server" => &SERVER,
        "shared" => &SHARED,
        _ => return None,
    };
    let words: &[&str] = if krate == "shared" { &SHARED_WORDS } else { &[] };
    if words.contains(&name) {
        return Some(words.to_vec());
    }
    let (floor, below) = floors.iter().find(|(floor, _)| *floor == name)?;
    Some([&[*floor], *below, words].concat())
}

/// The first names behind every `path` in a line: of `crate::{a::b, c}` they are a and c.
fn named_after(line: &str, path: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices(path) {
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &line[at + path.len()..];
        match rest.strip_prefix('{') {
            None => names.push(first_word(rest)),
            Some(group) => names.extend(top_level(group).iter().map(|item| first_word(item.trim()))),
        }
    }
    names.retain(|name| !name.is_empty() && name.starts_with(char::is_lowercase));
    names
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The items of a group of imports, up to its closing brace.
fn top_level(group: &str) -> Vec<String> {
    let (mut items, mut depth) = (vec![String::new()], 0);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            _ => items.last_mut().expect("there is always one").push(c),
        }
    }
    items
}

/// Two steps up at once.
pub(crate) fn over_the_head(sources: &[Source]) -> Vec<Violation> {
    let path = concat!("super::", "super");
    in_code(sources, |_, line| {
        line.contains(path).then(|| "name it from `crate::` instead of two steps up".to_owned())
    })
}

/// Crates that a crate must not know.
const CRATES: [(&str, &[&str]); 2] = [
    ("loadtest/", &["tickstone_server", "tickstone_tests"]),
    ("shared/", &["tickstone_server", "tickstone_loadtest", "tickstone_tests"]),
];

/// A crate that names one above it, in its code or its manifest.
pub(crate) fn crates(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust() || source.path.ends_with("Cargo.toml")) {
        let forbidden =
            CRATES.iter().filter(|(krate, _)| source.path.starts_with(krate)).flat_map(|(_, above)| *above);
        for above in forbidden {
            let lines = if source.is_rust() {
                source.code()
            } else {
                source.text.replace('-', "_").lines().map(str::to_owned).collect()
            };
            let found = lines.iter().enumerate().filter(|(_, line)| line.contains(above));
            violations.extend(
                found.map(|(index, _)| source.broken(index + 1, format!("this crate must not know {above}"))),
            );
        }
    }
    violations
}

/// A dependency and the folders that may name it. The tests that stand outside a crate may name any.
const FOLDERS: [(&[&str], &[&str]); 5] = [
    (&["redb"], &["server/src/store/"]),
    (
        &[
            "tokio::net",
            "tokio_tungstenite",
            "tungstenite",
            "axum",
            "hyper",
            "hyper_util",
            "http_body_util",
            "tower_service",
            "quinn",
            "quinn_proto",
            "rustls",
            "tokio_rustls",
            "rcgen",
        ],
        &[
            "server/src/gateway/",
            "shared/src/net/",
            "loadtest/src/impair/",
            "loadtest/src/hostile/",
            "loadtest/src/idle/",
            "loadtest/src/chat/",
        ],
    ),
    (&["bevy_ecs"], &["shared/src/sim/", "shared/src/games/", "tests/outside_game/"]),
    (&["ureq"], &["server/src/cli/", "loadtest/src/"]),
    (&["yrs"], &["server/src/classes/document/"]),
];

/// A dependency outside its folder.
pub(crate) fn dependencies(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let lines = source.shipped_code();
        for (names, folders) in FOLDERS {
            if folders.iter().any(|folder| source.path.starts_with(folder)) {
                continue;
            }
            for (index, line) in lines.iter().enumerate() {
                let found = names.iter().find(|name| names_crate(line, name));
                violations.extend(found.map(|name| {
                    source.broken(index + 1, format!("`{name}` only in {}", folders.join(", ")))
                }));
            }
        }
    }
    violations
}

/// Does a line begin a path with this name?
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | ':' | '.'));
        begins
            && (after.starts_with("::")
                || line.trim_start().starts_with("use ") && after.starts_with([';', ' ']))
    })
}

/// Files that may read or wait for the clock.
const CLOCK_FILES: [&str; 4] =
    ["server/src/clock.rs", "loadtest/src/clock.rs", "tests/src/wait.rs", "shared/src/net/clock.rs"];
const CLOCK_CALLS: [&str; 4] = ["Instant::now", "SystemTime::now", "clock_gettime", "thread::sleep"];

/// A clock read, or slept by, outside its file. Benches measure: they may.
pub(crate) fn clocks(sources: &[Source]) -> Vec<Violation> {
    in_code(sources, |source, line| {
        let may = CLOCK_FILES.contains(&source.path.as_str()) || source.path.contains("/benches/");
        let called = CLOCK_CALLS.iter().find(|call| !may && line.contains(*call))?;
        Some(format!("{called}: take the time from the crate's clock (tests: wait with {})", CLOCK_FILES[2]))
    })
}

/// A check of every line of code, tests included.
fn in_code(sources: &[Source], check: impl Fn(&Source, &str) -> Option<String>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let lines = source.code();
        let broken =
            lines.iter().enumerate().filter_map(|(index, line)| Some((index + 1, check(source, line)?)));
        violations.extend(broken.map(|(line, rule)| source.broken(line, rule)));
    }
    violations
}
