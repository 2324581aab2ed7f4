//! The key that makes a restarted server's port the same to its clients.
//!
//! A server that was killed cannot tell its clients. Their packets reach the next one, which knows none of the
//! connections and answers with a reset; a client believes it if it was made with the key that its connection
//! was made with. So the key is kept, and a client comes back at once rather than after its patience.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use quinn::ConnectionIdGenerator;
use quinn_proto::HashedConnectionIdGenerator;
use quinn_proto::crypto::HmacKey;
use ring::hmac;

/// Its file.
const FILE: &str = "quic-key";
const KEY_BYTES: usize = 32;

/// The key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortKey([u8; KEY_BYTES]);

impl PortKey {
    /// The one that is kept in this directory, or a new one, kept there from now on.
    pub(super) fn of(kept: Option<&Path>) -> io::Result<Self> {
        let file = kept.map(|folder| folder.join(FILE));
        let found = file.as_ref().and_then(|file| std::fs::read(file).ok());
        if let Some(key) = found.and_then(|bytes| bytes.try_into().ok()) {
            return Ok(Self(key));
        }
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        if let Some(file) = file {
            let mut options = OpenOptions::new();
            options.create(true).write(true).truncate(true).mode(0o600);
            options.open(file)?.write_all(&key)?;
        }
        Ok(Self(key))
    }

    /// Signs resets.
    pub(super) fn resets(self) -> Arc<dyn HmacKey> {
        Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &blake3::derive_key("tickstone quic resets", &self.0)))
    }

    /// Makes connection ids, and knows its own.
    pub(super) fn connection_ids(self) -> Box<dyn ConnectionIdGenerator> {
        let derived = blake3::derive_key("tickstone quic connection ids", &self.0);
        let (key, _) = derived.split_first_chunk().expect("it is longer than a u64");
        Box::new(HashedConnectionIdGenerator::from_key(u64::from_le_bytes(*key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_and_a_damaged_one_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let first = PortKey::of(Some(folder.path())).unwrap();
        assert_eq!(PortKey::of(Some(folder.path())).unwrap(), first);
        std::fs::write(folder.path().join(FILE), "short").unwrap();
        let second = PortKey::of(Some(folder.path())).unwrap();
        assert_ne!(second, first);
        assert_eq!(PortKey::of(Some(folder.path())).unwrap(), second);
        assert_ne!(PortKey::of(None).unwrap(), PortKey::of(None).unwrap());
    }

    #[test]
    fn connection_ids_are_known_to_the_same_key_alone() {
        let [mut one, two] = [PortKey([1; KEY_BYTES]), PortKey([2; KEY_BYTES])].map(PortKey::connection_ids);
        let id = one.generate_cid();
        assert!(PortKey([1; KEY_BYTES]).connection_ids().validate(&id).is_ok());
        assert!(two.validate(&id).is_err());
    }
}
