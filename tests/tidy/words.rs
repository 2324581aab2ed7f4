//! What no source may say.

use super::source::{Source, Violation};

/// A character that is not ASCII.
pub(crate) fn ascii(sources: &[Source]) -> Vec<Violation> {
    in_text(sources, |line| {
        let foreign = line.chars().find(|c| !c.is_ascii())?;
        Some(format!("{foreign:?} is not ASCII: write it as an escape, or in other words"))
    })
}

/// Words in the text itself, comments included.
const NOTES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
/// Words in the code.
const STUBS: [&str; 3] = [concat!("to", "do!"), concat!("unimpl", "emented!"), concat!("#[ign", "ore")];

/// Something that is left to be done, or a test that does not run.
pub(crate) fn left_undone(sources: &[Source]) -> Vec<Violation> {
    let mut violations = in_text(sources, |line| {
        Some(format!("{}: do it, or leave it out", NOTES.iter().find(|note| line.contains(*note))?))
    });
    violations.extend(in_code(sources, Source::code, |line| {
        Some(format!("{}: do it, or leave it out", STUBS.iter().find(|stub| line.contains(*stub))?))
    }));
    violations
}

/// A lint that is silenced for good.
pub(crate) fn allowed(sources: &[Source]) -> Vec<Violation> {
    let attribute = concat!("al", "low(");
    in_code(sources, Source::code, |line| {
        let is_attribute = line.contains("#[") || line.contains("#![");
        (is_attribute && line.contains(attribute))
            .then(|| "`#[expect(lint, reason = \"...\")]` instead".to_owned())
    })
}

/// A bare unwrap in code that ships.
pub(crate) fn unwrapped(sources: &[Source]) -> Vec<Violation> {
    in_code(sources, Source::shipped_code, |line| {
        line.contains(".unwrap()").then(|| "`expect(\"why it cannot happen\")`, or an error".to_owned())
    })
}

/// Folders of one machine, and tools beside a checkout.
const MACHINES: [&str; 6] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!(".lib", "rary"),
    concat!("fa", "rm-"),
];

/// A path that only one machine has.
pub(crate) fn machines(sources: &[Source]) -> Vec<Violation> {
    in_text(sources, |line| {
        Some(format!("{}: not on the reader's machine", MACHINES.iter().find(|path| line.contains(*path))?))
    })
}

fn in_text(sources: &[Source], check: impl Fn(&str) -> Option<String>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources {
        let broken =
            source.text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, check(line)?)));
        violations.extend(broken.map(|(line, rule)| source.broken(line, rule)));
    }
    violations
}

fn in_code(
    sources: &[Source],
    code: impl Fn(&Source) -> Vec<String>,
    check: impl Fn(&str) -> Option<String>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let lines = code(source);
        let broken = lines.iter().enumerate().filter_map(|(index, line)| Some((index + 1, check(line)?)));
        violations.extend(broken.map(|(line, rule)| source.broken(line, rule)));
    }
    violations
}
