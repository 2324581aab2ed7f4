//! Bytes that a key of ours has signed, as text: what every kind of token is made of.
//!
//! `version u8 | key id text | what the token says | blake3 keyed hash of all before, 32 bytes`; a text is one byte
//! of length and that many bytes, integers are little-endian. On the wire: a prefix that names the kind, then
//! base64url without padding, in its one canonical form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::signing::{SigningKey, SigningKeys};

const MAC_BYTES: usize = 32;

/// A kind of token. Two kinds differ in prefix and version, so that none is ever read as the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// What its text begins with.
    pub(super) prefix: &'static str,
    /// Its first byte.
    pub(super) version: u8,
    /// Characters of its text, at most.
    pub(super) chars_max: usize,
}

/// Adds a text.
///
/// # Panics
/// If it has more than 255 bytes: names have limits below that.
pub(super) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).expect("a name in a token has at most 255 bytes"));
    bytes.extend_from_slice(text.as_bytes());
}

/// Signs what `write` adds, with the newest key.
pub(super) fn seal(keys: &SigningKeys, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) -> String {
    let key = keys.newest();
    let mut bytes = vec![kind.version];
    put_text(&mut bytes, key.id());
    write(&mut bytes);
    text_of(key, kind, bytes)
}

/// The text of a token with these bytes, signed.
pub(super) fn text_of(key: &SigningKey, kind: Kind, mut bytes: Vec<u8>) -> String {
    let mac = key.mac(&bytes);
    bytes.extend_from_slice(mac.as_bytes());
    format!("{}{}", kind.prefix, URL_SAFE_NO_PAD.encode(bytes))
}

/// What a token says, to be read by `read`: none if no key of ours signed it, or something is left over.
pub(super) fn open<T>(
    keys: &SigningKeys,
    kind: Kind,
    token: &str,
    read: impl FnOnce(&mut Unsealed<'_>) -> Option<T>,
) -> Option<T> {
    if token.len() > kind.chars_max {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(kind.prefix)?).ok()?;
    let (signed, mac) = bytes.split_last_chunk::<MAC_BYTES>()?;
    let mut rest = Unsealed(signed);
    if rest.array::<1>()? != [kind.version] {
        return None;
    }
    let key = keys.by_id(rest.text()?)?;
    // Two `blake3::Hash` are compared in constant time.
    if key.mac(signed) != blake3::Hash::from_bytes(*mac) {
        return None;
    }
    let said = read(&mut rest)?;
    rest.0.is_empty().then_some(said)
}

/// The part of a token that has not been read yet.
pub(super) struct Unsealed<'a>(&'a [u8]);

impl<'a> Unsealed<'a> {
    /// The next bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, after) = self.0.split_first_chunk::<N>()?;
        self.0 = after;
        Some(*taken)
    }

    /// The next text.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(self.array::<1>()?[0]);
        let (text, after) = self.0.split_at_checked(length)?;
        self.0 = after;
        std::str::from_utf8(text).ok()
    }
}
