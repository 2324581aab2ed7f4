//! The secrets of sessions: 256 random bits each. A plain hash of them is enough: nobody searches so many.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Where random bits come from.
pub type Secrets = Arc<dyn Fn() -> [u8; 32] + Send + Sync>;

/// What a token begins with, so that it is known for what it is where it should not be.
pub const TOKEN_PREFIX: &str = "tss_";

/// A fresh token.
pub(super) fn fresh(secrets: &Secrets) -> String {
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(secrets()))
}

/// What is stored of a token. Two hashes are compared in constant time.
pub(super) fn hash_of(token: &str) -> blake3::Hash {
    blake3::hash(token.as_bytes())
}

/// Those of the system.
pub(super) fn of_the_system() -> Secrets {
    Arc::new(|| {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system has randomness");
        bytes
    })
}
