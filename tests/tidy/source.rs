//! The sources of the repository, and their code without comments, texts and tests.

use std::fmt;
use std::path::{Path, PathBuf};

/// Folders that are not sources.
const SKIPPED: [&str; 6] = ["target", ".git", "node_modules", "data", "failing-seeds", "__pycache__"];
/// Files that are sources.
const EXTENSIONS: [&str; 8] = ["rs", "md", "toml", "json", "html", "css", "js", "mjs"];

/// A file, its path relative to the repository.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A rule that a line breaks.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// A violation in a line, counted from 1.
    pub(crate) fn broken(&self, line: usize, rule: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, rule: rule.into() }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Is it a module of the page or of its tests?
    pub(crate) fn is_script(&self) -> bool {
        self.path.ends_with(".js") || self.path.ends_with(".mjs")
    }

    /// Is the whole file there for tests or benches alone?
    pub(crate) fn is_test(&self) -> bool {
        let in_folder =
            |folder: &str| self.path.starts_with(folder) || self.path.contains(&format!("/{folder}"));
        self.is_rust()
            && (in_folder("tests/") || in_folder("benches/") || self.path.ends_with("tests.rs"))
            && !self.path.starts_with("tests/outside_")
    }

    /// The code, line by line: comments and texts blanked out.
    pub(crate) fn code(&self) -> Vec<String> {
        masked(&self.text).lines().map(str::to_owned).collect()
    }

    /// The code that ships: as [`Source::code`], without `#[cfg(test)]`; nothing of a test's file.
    pub(crate) fn shipped_code(&self) -> Vec<String> {
        let mut lines = self.code();
        if self.is_test() {
            lines.iter_mut().for_each(String::clear);
            return lines;
        }
        let mut at = 0;
        while at < lines.len() {
            if lines[at].trim() != "#[cfg(test)]" {
                at += 1;
                continue;
            }
            let end = end_of_item(&lines, at + 1);
            lines[at..end].iter_mut().for_each(String::clear);
            at = end;
        }
        lines
    }
}

/// The line after the item that begins at `start`.
pub(crate) fn end_of_item(lines: &[String], start: usize) -> usize {
    let mut depth = 0_usize;
    for (index, line) in lines.iter().enumerate().skip(start) {
        for c in line.chars() {
            match c {
                '{' => depth += 1,
                '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return index + 1;
                    }
                }
                ';' if depth == 0 => return index + 1,
                _ => {}
            }
        }
    }
    lines.len()
}

/// Blanks out comments, texts and characters; line breaks stay.
fn masked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => end_of_line(&chars, at),
            ('/', Some('*')) => end_of_comment(&chars, at),
            ('"', _) => end_of_text(&chars, at + 1),
            ('r', Some('"' | '#')) if !follows_word(&chars, at) => end_of_raw_text(&chars, at),
            ('\'', Some('\\')) => end_of_char(&chars, at + 3),
            ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

fn follows_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') && chars[at - 1] != 'b'
}

fn end_of_line(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| at + length)
}

fn end_of_comment(chars: &[char], at: usize) -> usize {
    chars[at..].windows(2).position(|pair| pair == ['*', '/']).map_or(chars.len(), |length| at + length + 2)
}

fn end_of_text(chars: &[char], at: usize) -> usize {
    let mut at = at;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn end_of_char(chars: &[char], at: usize) -> usize {
    chars[at.min(chars.len())..].iter().position(|c| *c == '\'').map_or(chars.len(), |length| at + length + 1)
}

/// `r#name` is no text: it ends where it begins.
fn end_of_raw_text(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return at;
    }
    let closes = |from: usize| {
        chars[from] == '"' && chars[from + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (open + 1..chars.len()).find(|from| closes(*from)).map_or(chars.len(), |from| from + 1 + hashes)
}

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every source of the repository, in order.
pub(crate) fn repository() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&root(), "", &mut sources);
    assert!(sources.len() > 50, "this is not the repository: {} sources", sources.len());
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

fn collect(folder: &Path, prefix: &str, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("the repository can be read") {
        let entry = entry.expect("the repository can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, full) = (format!("{prefix}{name}"), entry.path());
        if full.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(&full, &format!("{path}/"), sources);
        } else if is_source(&full, &path) {
            let text = std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path}: {error}"));
            sources.push(Source { path, text });
        }
    }
}

fn is_source(full: &Path, path: &str) -> bool {
    let extension = full.extension().and_then(|extension| extension.to_str());
    full.is_file()
        && (path.starts_with(".ci/") || extension.is_some_and(|extension| EXTENSIONS.contains(&extension)))
}

#[test]
fn code_is_told_from_comments_texts_and_tests() {
    let text = "let a = \"} // no\"; // yes {\nlet b = '{'; let c = r#\"{\"#; /* {\n{ */ d('\\'', &'x b);\n#[cfg(test)]\nmod t {\n}\ne();\n";
    let source = Source::new("server/src/a.rs", text);
    let code = source.code();
    assert!(code.iter().take(3).all(|line| !line.contains(['{', '}'])), "{code:?}");
    assert!(code[2].contains("d(") && code[2].contains("&'x b"));
    assert_eq!(source.shipped_code()[3..].concat(), "e();");
    assert!(Source::new("store/tests/a.rs", "f();").shipped_code().concat().is_empty());
}
