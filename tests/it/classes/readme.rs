//! The examples of the README: shell scripts that are run as they stand, but for the server's address.

use std::process::Command;

use tickstone_tests::binaries;
use tickstone_tests::server::Server;

/// The server's address in the README.
const ADDRESS: &str = "127.0.0.1:8080";
/// What stands before what a line answers; `...` in it is anything.
const ANSWERS: &str = "# => ";

/// The script whose first line is this comment.
fn script<'a>(document: &'a str, title: &str) -> &'a str {
    let opening = format!("```sh\n# {title}");
    let mut found = document.split(&*opening).skip(1);
    let script = found.next().unwrap_or_else(|| panic!("the README has no script `# {title}`"));
    assert!(found.next().is_none(), "the README has two scripts `# {title}`");
    script.split("```").next().unwrap_or_default()
}

/// Is a line of output what was expected?
fn fits(line: &str, expected: &str) -> bool {
    let mut parts = expected.split("...");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut is_exact = true;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        (rest, is_exact) = (after, !part.is_empty());
    }
    !is_exact || rest.is_empty()
}

/// Runs the example of a class, and compares every line that it says with what the README promises.
#[track_caller]
pub(super) fn run(server: &Server, class: &str) {
    let readme = std::fs::read_to_string(binaries::root().join("README.md")).unwrap();
    let example = script(&readme, class);
    let text = format!("set -eu\n# {}\n# {example}", script(&readme, "to ask an object something"));
    let output =
        Command::new("bash").arg("-c").arg(text.replace(ADDRESS, &server.addr().to_string())).output();
    let output = output.expect("there is a bash");
    let said = String::from_utf8_lossy(&output.stdout);
    let promised: Vec<&str> =
        example.lines().filter_map(|line| Some(line.split_once(ANSWERS)?.1.trim())).collect();
    let said: Vec<&str> = said.lines().collect();
    let is_kept = said.len() == promised.len() && said.iter().zip(&promised).all(|(line, is)| fits(line, is));
    assert!(output.status.success() && is_kept, "said {said:#?}, promised {promised:#?}: {output:?}");
    assert!(!promised.is_empty(), "an example promises something");
}

#[test]
fn what_a_line_says_is_compared_with_what_is_promised() {
    assert!(fits("a", "a") && !fits("ab", "a") && !fits("a", "ab"));
    assert!(fits("a7c9e", "a...c...e") && fits("a7", "a..."));
    assert!(!fits("a7d", "a...c") && !fits("b7c", "a...c") && !fits("a7c9", "a...c"));
}
