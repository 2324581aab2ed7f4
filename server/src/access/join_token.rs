//! A join token: who may take which seat of which match, signed, for half a minute at most.
//!
//! It says, in a sealed text that begins with `tj1.` (`super::sealed`): `audience text | match id text |
//! player text | seat u16 (65535: any) | issued u64 | expires u64 (ms since 1970) | nonce 16 bytes`.
//!
//! Invariant: a token that is not accepted is refused with one answer, whatever is wrong with it.

use tickstone_shared::ids::{ObjectName, PlayerName, Seat};

use super::sealed::{self, Kind};
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

const KIND: Kind = Kind { prefix: "tj1.", version: 1, chars_max: TOKEN_CHARS_MAX };
const ANY_SEAT: u16 = u16::MAX;

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
    sealed::seal(keys, KIND, |bytes| {
        for text in [&claims.audience, claims.match_id.as_str(), claims.player.as_str()] {
            sealed::put_text(bytes, text);
        }
        bytes.extend_from_slice(&claims.seat.map_or(ANY_SEAT, |seat| seat.0).to_le_bytes());
        bytes.extend_from_slice(&claims.issued_ms.to_le_bytes());
        bytes.extend_from_slice(&claims.expires_ms.to_le_bytes());
        bytes.extend_from_slice(&claims.nonce);
    })
}

/// A token as it is on the wire, of these bytes before their hash.
pub(crate) fn sealed(key: &SigningKey, signed: &[u8]) -> String {
    sealed::text_of(key, KIND, signed.to_vec())
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
    sealed::open(keys, KIND, token, |said| {
        Some(Claims {
            audience: said.text()?.to_owned(),
            match_id: ObjectName::parse(said.text()?).ok()?,
            player: PlayerName::parse(said.text()?).ok()?,
            seat: Some(u16::from_le_bytes(said.array()?)).filter(|seat| *seat != ANY_SEAT).map(Seat),
            issued_ms: u64::from_le_bytes(said.array()?),
            expires_ms: u64::from_le_bytes(said.array()?),
            nonce: said.array()?,
        })
    })
}
