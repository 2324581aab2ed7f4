//! Data files a game may ask for when a match is created. What it reads goes into the match's rules, which
//! are stored: a match never depends on a file again.

use std::collections::BTreeMap;

/// Named texts, such as `maps/dust.json`.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    texts: BTreeMap<String, String>,
}

impl Assets {
    /// No file at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds or replaces a text.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.texts.insert(path.into(), text.into());
    }

    /// The text under a path, such as `maps/dust.json`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// The names between `prefix` and `suffix`, in order: `names("maps/", ".json")`.
    pub fn names<'a>(&'a self, prefix: &'a str, suffix: &'a str) -> impl Iterator<Item = &'a str> {
        self.texts.keys().filter_map(move |path| path.strip_prefix(prefix)?.strip_suffix(suffix))
    }
}
