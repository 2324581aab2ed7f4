//! Coming back to a socket of an object after the process that had it (contract: SOCKET 3, LIFE 3).
//!
//! Invariant: what is stored of a resume token is its hash.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::ObjectName;

use super::id::Identity;
use super::peer::{Attachment, SocketInfo, Tags};
use super::socket::SocketId;

const TOKEN_BYTES: usize = 16;

/// Takes whoever has it back to a socket, once, in the process after the one that gave it out. Its text is 32
/// lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResumeToken([u8; TOKEN_BYTES]);

/// What a resume token is known by where it is stored.
pub type ResumeHash = [u8; 32];

/// A text that is no resume token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a resume token is 32 lower-case hex digits")]
pub struct NoResumeToken;

impl ResumeToken {
    /// What it is known by.
    pub fn hash(&self) -> ResumeHash {
        blake3::derive_key("tickstone 2026 resume token of a socket", &self.0)
    }
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeToken(..)")
    }
}

impl FromStr for ResumeToken {
    type Err = NoResumeToken;

    fn from_str(text: &str) -> Result<Self, NoResumeToken> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u128::from_str_radix(text, 16).ok().filter(|_| digits && text.len() == 2 * TOKEN_BYTES);
        number.map(|number| Self(number.to_be_bytes())).ok_or(NoResumeToken)
    }
}

/// What the resume tokens of a process are made of: nothing has to be kept for a socket to have one.
#[derive(Clone, Copy, Default)]
pub struct ResumeKey([u8; 32]);

impl ResumeKey {
    /// From random bytes.
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// The token of a socket.
    pub fn token(&self, socket: SocketId) -> ResumeToken {
        let hash = blake3::keyed_hash(&self.0, &socket.0.to_le_bytes());
        ResumeToken(*hash.as_bytes().first_chunk().expect("16 is less than 32"))
    }
}

impl fmt::Debug for ResumeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeKey(..)")
    }
}

/// A socket as it is stored for the process after this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSocket {
    /// Its number; no other process gives the same.
    pub socket: u64,
    /// The class of its object.
    pub class: String,
    /// The name of its object.
    pub name: ObjectName,
    /// Of its resume token.
    pub token: ResumeHash,
    /// As it was accepted.
    pub tags: Vec<String>,
    /// What the object kept with it.
    pub attachment: Vec<u8>,
    /// It is stored with every change, not at a drain alone.
    pub lasting: bool,
}

impl KeptSocket {
    /// A socket of an object, as it is now.
    pub fn of(object: &Identity, info: &SocketInfo, key: &ResumeKey) -> Self {
        Self {
            socket: info.socket.0,
            class: object.class.to_owned(),
            name: object.name.clone(),
            token: key.token(info.socket).hash(),
            tags: info.tags.iter().map(str::to_owned).collect(),
            attachment: info.attachment.bytes().to_vec(),
            lasting: info.lasting,
        }
    }

    /// As the object sees it once its client is back, under another number. What is over a limit of today is
    /// left out.
    pub fn info(&self, socket: SocketId) -> SocketInfo {
        let tags = Tags::new(&self.tags).unwrap_or_default();
        let attachment = Attachment::new(self.attachment.clone()).unwrap_or_default();
        SocketInfo { lasting: self.lasting, ..SocketInfo::new(socket, tags, attachment) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_3_a_resume_token_is_of_one_socket_and_one_process() {
        let (ours, others) = (ResumeKey::new([1; 32]), ResumeKey::new([2; 32]));
        let token = ours.token(SocketId(7));
        assert_eq!(token.to_string().parse(), Ok(token));
        assert_ne!(token, ours.token(SocketId(8)));
        assert_ne!(token, others.token(SocketId(7)));
        assert!(!format!("{token:?}").contains(&token.to_string()[..8]), "it is not shown");
        let text = token.to_string();
        for none in [&text[1..], &format!("{text}0"), &format!("+{}", &text[1..]), &"G".repeat(32)] {
            assert_eq!(none.parse::<ResumeToken>(), Err(NoResumeToken), "{none}");
        }
    }
}
