//! Names and numbers that identify things. Parsed once, at the edge; correct ever after.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

use crate::limits::{NAME_BYTES_MAX, PLAYER_NAME_CHARS_MAX};

/// A text that is not the name it was offered as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing at all.
    #[error("a name is empty; expected 1 to {max} characters")]
    Empty {
        /// The most characters it may have.
        max: usize,
    },
    /// More than the limit.
    #[error("a name has {length} characters; expected at most {max}")]
    TooLong {
        /// What it has.
        length: usize,
        /// What it may have.
        max: usize,
    },
    /// A character outside the alphabet.
    #[error("a name has a forbidden character at position {position}")]
    Character {
        /// Its position, counted in characters from 0.
        position: usize,
    },
}

/// The name of an object within its class, 1 to 128 bytes of `A-Z a-z 0-9 . _ : -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName(Arc<str>);

/// A match is found by the name of its object.
pub type MatchId = ObjectName;

impl ObjectName {
    /// Checks length and alphabet (interfaces: match ids and object names).
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty { max: NAME_BYTES_MAX });
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong { length: text.len(), max: NAME_BYTES_MAX });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
        match text.chars().position(|c| !allowed(c)) {
            Some(position) => Err(NameError::Character { position }),
            None => Ok(Self(text.into())),
        }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl TryFrom<String> for ObjectName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<ObjectName> for String {
    fn from(name: ObjectName) -> String {
        name.0.as_ref().to_owned()
    }
}

/// What a player is called in a match: 1 to 32 characters, none of them a control or a direction override.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlayerName(Arc<str>);

impl PlayerName {
    /// Checks length (in characters) and refuses characters that change how a line is shown.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let length = text.chars().count();
        if length == 0 {
            return Err(NameError::Empty { max: PLAYER_NAME_CHARS_MAX });
        }
        if length > PLAYER_NAME_CHARS_MAX {
            return Err(NameError::TooLong { length, max: PLAYER_NAME_CHARS_MAX });
        }
        match text.chars().position(changes_the_line) {
            Some(position) => Err(NameError::Character { position }),
            None => Ok(Self(text.into())),
        }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Does a character turn, hide or rewrite what is shown beside it?
pub fn changes_the_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

impl fmt::Display for PlayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PlayerName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<PlayerName> for String {
    fn from(name: PlayerName) -> String {
        name.0.as_ref().to_owned()
    }
}

/// The identity of an entity: monotonic in a match, never reused, the only one that leaves a world or
/// orders iteration. 0 is never given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NetId(pub u32);

/// A place in a match, counted from 0. A player keeps theirs across drops and restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seat(pub u16);

/// The number of an activation of a match: one more than the last, stored before its first send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Epoch(pub u32);

/// xxh3-64 over everything of a match that is saved, in canonical order. 16 lower-case hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StateHash(pub u64);

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<StateHash> for String {
    fn from(hash: StateHash) -> String {
        hash.to_string()
    }
}

impl TryFrom<String> for StateHash {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(StateHash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_at_their_limits() {
        assert!(ObjectName::parse(&"a".repeat(128)).is_ok());
        assert_eq!(ObjectName::parse(&"a".repeat(129)), Err(NameError::TooLong { length: 129, max: 128 }));
        assert_eq!(ObjectName::parse(""), Err(NameError::Empty { max: 128 }));
        assert_eq!(ObjectName::parse("ab/c"), Err(NameError::Character { position: 2 }));
        assert!(ObjectName::parse("eu:Lobby_1.2-x").is_ok());
    }

    #[test]
    fn player_names_refuse_what_rewrites_a_line() {
        assert!(PlayerName::parse("Zo\u{eb} 7").is_ok());
        assert!(PlayerName::parse("a\u{202e}b").is_err());
        assert!(PlayerName::parse("a\nb").is_err());
        assert!(PlayerName::parse(&"x".repeat(33)).is_err());
    }
}
