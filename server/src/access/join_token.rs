//! A join token: who may take which seat of which match, signed, for half a minute at most.
//!
//! Bytes, integers little-endian; a text is one byte of length and that many bytes:
//! `version u8 | key id text | audience text | match id text | player text | seat u16 (65535: any) |
//! issued u64 | expires u64 (ms since 1970) | nonce 16 bytes | blake3 keyed hash of all before, 32 bytes`.
//! On the wire they are `tj1.` and base64url without padding, in its one canonical form.
//!
//! Invariant: a token that is not accepted is refused with one answer, whatever is wrong with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tickstone_shared::ids::{ObjectName, PlayerName, Seat};

use super::signing::{SigningKey, SigningKeys};

/// How long a token holds, at most.
pub const LIFE_MS_MAX: u64 = 30_000;
/// How far the clock of whoever signed may be ahead of ours.
pub const SKEW_MS_MAX: u64 = 30_000;
/// Random bytes of a token.
pub const NONCE_BYTES: usize = 16;
/// Characters of a token, at most: every text of it at its longest.
pub const TOKEN_CHARS_MAX: usize = 800;
/// Bytes of the name of a cluster.
pub const AUDIENCE_BYTES_MAX: usize = 128;

const PREFIX: &str = "tj1.";
const VERSION: u8 = 1;
const ANY_SEAT: u16 = u16::MAX;
const MAC_BYTES: usize = 32;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The cluster whose servers take it.
    pub audience: String,
    /// The match.
    pub match_id: ObjectName,
    /// Who comes.
    pub player: PlayerName,
    /// The seat; none: any that is free.
    pub seat: Option<Seat>,
    /// When it was signed, in ms since 1970.
    pub issued_ms: u64,
    /// From when on it does not hold.
    pub expires_ms: u64,
    /// What is written down once it has been used.
    pub nonce: [u8; NONCE_BYTES],
}

/// A token that is not accepted. Why is nobody's business but the owner's of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is invalid, expired or used")]
pub struct TokenRefused;

/// Signs with the newest key.
pub fn sign(keys: &SigningKeys, claims: &Claims) -> String {
    let key = keys.newest();
    let mut bytes = vec![VERSION];
    for text in [key.id(), &claims.audience, claims.match_id.as_str(), claims.player.as_str()] {
        bytes.push(u8::try_from(text.len()).expect("names are at most 128 bytes"));
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(&claims.seat.map_or(ANY_SEAT, |seat| seat.0).to_le_bytes());
    bytes.extend_from_slice(&claims.issued_ms.to_le_bytes());
    bytes.extend_from_slice(&claims.expires_ms.to_le_bytes());
    bytes.extend_from_slice(&claims.nonce);
    sealed(key, &bytes)
}

/// A token as it is on the wire, of these bytes before their hash.
pub(crate) fn sealed(key: &SigningKey, signed: &[u8]) -> String {
    let token = [signed, key.mac(signed).as_bytes()].concat();
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(token))
}

/// What a token says, if a key of ours signed it and it holds at `now_ms` for this match and cluster.
pub fn check(
    keys: &SigningKeys,
    token: &str,
    audience: &str,
    match_id: &ObjectName,
    now_ms: u64,
) -> Result<Claims, TokenRefused> {
    let claims = read(keys, token).ok_or(TokenRefused)?;
    let life = claims.expires_ms.checked_sub(claims.issued_ms).ok_or(TokenRefused)?;
    let holds = life <= LIFE_MS_MAX
        && claims.issued_ms <= now_ms.saturating_add(SKEW_MS_MAX)
        && now_ms < claims.expires_ms;
    let is_ours = claims.audience == audience && claims.match_id == *match_id;
    if holds && is_ours { Ok(claims) } else { Err(TokenRefused) }
}

fn read(keys: &SigningKeys, token: &str) -> Option<Claims> {
    if token.len() > TOKEN_CHARS_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let (signed, mac) = bytes.split_last_chunk::<MAC_BYTES>()?;
    let mut rest = signed;
    if take::<1>(&mut rest)? != [VERSION] {
        return None;
    }
    let key = keys.by_id(text(&mut rest)?)?;
    // Two `blake3::Hash` are compared in constant time.
    if key.mac(signed) != blake3::Hash::from_bytes(*mac) {
        return None;
    }
    let claims = Claims {
        audience: text(&mut rest)?.to_owned(),
        match_id: ObjectName::parse(text(&mut rest)?).ok()?,
        player: PlayerName::parse(text(&mut rest)?).ok()?,
        seat: Some(u16::from_le_bytes(take(&mut rest)?)).filter(|seat| *seat != ANY_SEAT).map(Seat),
        issued_ms: u64::from_le_bytes(take(&mut rest)?),
        expires_ms: u64::from_le_bytes(take(&mut rest)?),
        nonce: take(&mut rest)?,
    };
    rest.is_empty().then_some(claims)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::from(take::<1>(rest)?[0]);
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}
