//! How large things are, and what stands where.

use std::collections::BTreeMap;

use super::source::{Source, Violation, end_of_item};

/// Lines of a file.
pub(crate) const FILE_LINES_MAX: usize = 400;
/// Lines of a function, its signature included.
pub(crate) const FUNCTION_LINES_MAX: usize = 70;
/// Rust files in a folder. Ten is the aim.
pub(crate) const FOLDER_FILES_MAX: usize = 20;

/// A file, a function or a folder that has grown too large.
pub(crate) fn sizes(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        *folders.entry(source.path.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default() += 1;
        let lines = source.code();
        if lines.len() > FILE_LINES_MAX {
            let rule =
                format!("{} lines; a file has at most {FILE_LINES_MAX}: split it by nouns", lines.len());
            violations.push(source.broken(lines.len(), rule));
        }
        violations.extend(long_functions(source, &lines));
    }
    for source in sources.iter().filter(|source| source.is_script()) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            let rule = format!("{lines} lines; a module has at most {FILE_LINES_MAX}: split it by nouns");
            violations.push(source.broken(lines, rule));
        }
    }
    for (folder, files) in folders.into_iter().filter(|(_, files)| *files > FOLDER_FILES_MAX) {
        let rule = format!("{files} files; a folder has at most {FOLDER_FILES_MAX}");
        violations.push(Source::new(folder, "").broken(1, rule));
    }
    violations
}

fn long_functions(source: &Source, lines: &[String]) -> Vec<Violation> {
    let begins = |line: &str| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "fn")
            && !line.contains("fn(")
    };
    let starts = lines.iter().enumerate().filter(|(_, line)| begins(line)).map(|(index, _)| index);
    let lengths = starts.map(|start| (start, end_of_item(lines, start) - start));
    let long = lengths.filter(|(_, length)| *length > FUNCTION_LINES_MAX);
    let rule = |length| format!("a function of {length} lines; at most {FUNCTION_LINES_MAX}");
    long.map(|(start, length)| source.broken(start + 1, rule(length))).collect()
}

/// A `mod.rs` that is more than a table of contents. The folders of tests keep their helpers there.
pub(crate) fn contents(sources: &[Source]) -> Vec<Violation> {
    let is_contents = |source: &&Source| {
        source.path.contains("/src/") && source.path.ends_with("/mod.rs") && !source.is_test()
    };
    sources.iter().filter(is_contents).filter_map(first_foreign_line).collect()
}

fn first_foreign_line(source: &Source) -> Option<Violation> {
    let lines = source.code();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim();
        if line.is_empty() {
            at += 1;
            continue;
        }
        if line.starts_with("#[") || line.starts_with("#![") {
            at += lines[at..].iter().position(|line| line.contains(']')).map_or(1, |length| length + 1);
            continue;
        }
        let item = item_word(line);
        let inline = item == "mod" && !line.ends_with(';');
        if !matches!(item, "mod" | "use") || inline {
            let rule = "a mod.rs is a table of contents: only docs, attributes, `mod` and `use`";
            return Some(source.broken(at + 1, rule));
        }
        at += lines[at..].iter().position(|line| line.contains(';')).map_or(1, |length| length + 1);
    }
    None
}

/// The word behind an item's visibility.
fn item_word(line: &str) -> &str {
    let rest = line.strip_prefix("pub").map_or(line, |rest| {
        let rest = rest.trim_start();
        rest.strip_prefix('(').and_then(|inside| inside.split_once(')')).map_or(rest, |(_, after)| after)
    });
    rest.split_whitespace().next().unwrap_or_default()
}
