//! The keys that sign join tokens: at most two at once, so that one can be replaced by the other.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of a signing secret, at least: as many as the key that is derived from it has.
pub const SIGNING_SECRET_BYTES_MIN: usize = 32;
/// Characters of a key's id, at most.
pub const KEY_ID_CHARS_MAX: usize = 16;
/// Keys that hold at the same time.
pub const SIGNING_KEYS_MAX: usize = 2;

/// What a secret becomes a key for (blake3, key derivation mode).
const CONTEXT: &str = "tickstone 2026 join token key";

/// Why keys are none. Says nothing of the secret but its length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// Not `ID:SECRET`.
    #[error("a token key is ID:SECRET, the id 1 to {KEY_ID_CHARS_MAX} characters of A-Z a-z 0-9 _ -")]
    Form,
    /// A secret that could be guessed.
    #[error("the secret of token key {id} has {got} bytes; expected at least {SIGNING_SECRET_BYTES_MIN}")]
    Short {
        /// The key.
        id: String,
        /// Its bytes.
        got: usize,
    },
    /// Nobody could tell which one signed.
    #[error("two token keys have the id {0}")]
    Twice(String),
    /// More than one and its successor.
    #[error("{0} token keys; expected 1 or {SIGNING_KEYS_MAX}: the one that signs and one that still holds")]
    Number(usize),
}

/// One key.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    id: String,
    key: [u8; 32],
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A key of this id from a secret of at least [`SIGNING_SECRET_BYTES_MIN`] bytes.
    pub fn new(id: &str, secret: &[u8]) -> Result<Self, SigningKeyError> {
        if !is_key_id(id) {
            return Err(SigningKeyError::Form);
        }
        if secret.len() < SIGNING_SECRET_BYTES_MIN {
            return Err(SigningKeyError::Short { id: id.to_owned(), got: secret.len() });
        }
        Ok(Self { id: id.to_owned(), key: blake3::derive_key(CONTEXT, secret) })
    }

    /// Reads `ID:SECRET`.
    pub fn parse(text: &str) -> Result<Self, SigningKeyError> {
        let (id, secret) = text.split_once(':').ok_or(SigningKeyError::Form)?;
        Self::new(id, secret.as_bytes())
    }

    /// Its id, which every token names.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The authentication code of these bytes. Comparing two takes the same time wherever they differ.
    pub fn mac(&self, bytes: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.key, bytes)
    }
}

fn is_key_id(id: &str) -> bool {
    (1..=KEY_ID_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A new key, as the configuration has it.
pub fn generate(id: &str) -> Result<String, SigningKeyError> {
    let mut random = [0; SIGNING_SECRET_BYTES_MIN];
    getrandom::fill(&mut random).expect("the system has randomness");
    let line = format!("{id}:{}", URL_SAFE_NO_PAD.encode(random));
    SigningKey::parse(&line)?;
    Ok(line)
}

/// The keys of a server: the first signs, each of them checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeys(Vec<SigningKey>);

impl SigningKeys {
    /// One key, or a new one and the one before it.
    pub fn new(keys: Vec<SigningKey>) -> Result<Self, SigningKeyError> {
        if keys.is_empty() || keys.len() > SIGNING_KEYS_MAX {
            return Err(SigningKeyError::Number(keys.len()));
        }
        if keys.len() == 2 && keys[0].id == keys[1].id {
            return Err(SigningKeyError::Twice(keys[0].id.clone()));
        }
        Ok(Self(keys))
    }

    /// A key that nobody else has, for a server whose tokens need not outlive it.
    pub fn random() -> Self {
        let mut secret = [0; SIGNING_SECRET_BYTES_MIN];
        getrandom::fill(&mut secret).expect("the system has randomness");
        Self(vec![SigningKey::new("dev", &secret).expect("32 bytes are enough")])
    }

    /// The one that signs.
    pub fn newest(&self) -> &SigningKey {
        self.0.first().expect("there is always one")
    }

    /// The one of this id.
    pub fn by_id(&self, id: &str) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_signing_key_has_an_id_and_32_bytes() {
        let key = SigningKey::parse(&format!("2026-a:{SECRET}")).unwrap();
        assert_eq!(key.id(), "2026-a");
        assert!(!format!("{key:?}").contains("0123"), "a secret is not shown");
        assert_eq!(SigningKey::parse(SECRET), Err(SigningKeyError::Form));
        assert_eq!(SigningKey::parse(&format!(":{SECRET}")), Err(SigningKeyError::Form));
        assert_eq!(SigningKey::parse(&format!("a b:{SECRET}")), Err(SigningKeyError::Form));
        assert_eq!(SigningKey::parse(&format!("{}:{SECRET}", "x".repeat(17))), Err(SigningKeyError::Form));
        let short = SigningKey::parse(&format!("a:{}", &SECRET[1..]));
        assert_eq!(short, Err(SigningKeyError::Short { id: "a".to_owned(), got: 31 }));
    }

    #[test]
    fn at_most_two_keys_of_different_ids() {
        let key = |id: &str| SigningKey::new(id, SECRET.as_bytes()).unwrap();
        assert_eq!(SigningKeys::new(vec![]), Err(SigningKeyError::Number(0)));
        assert_eq!(SigningKeys::new(vec![key("a"), key("b"), key("c")]), Err(SigningKeyError::Number(3)));
        assert_eq!(SigningKeys::new(vec![key("a"), key("a")]), Err(SigningKeyError::Twice("a".to_owned())));
        let keys = SigningKeys::new(vec![key("b"), key("a")]).unwrap();
        assert_eq!((keys.newest().id(), keys.by_id("a").map(SigningKey::id)), ("b", Some("a")));
        assert!(keys.by_id("c").is_none());
    }
}
