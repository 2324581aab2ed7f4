//! A user token: who somebody is and what they may ask of which objects, signed, until it expires. It may be used as
//! often as one likes: what may happen once only is the object's to remember.
//!
//! It says, in a sealed text that begins with `tu1.` (`super::sealed`): `audience text | node u32 | subject text |
//! number of scopes u8 | scope texts | issued u64 | expires u64 (ms since 1970)`.
//!
//! Invariant: a token that is not accepted is refused with one answer, whatever is wrong with it.

use std::sync::Arc;

use super::join_token::{AUDIENCE_BYTES_MAX, SKEW_MS_MAX, TokenRefused};
use super::scope::{SCOPE_BYTES_MAX, SUBJECT_BYTES_MAX, Scope, Subject};
use super::sealed::{self, Kind};
use super::signing::{KEY_ID_CHARS_MAX, SigningKeys};

/// How long a token holds, at most: a day.
pub const USER_LIFE_MS_MAX: u64 = 24 * 3600 * 1000;
/// Scopes of a token.
pub const SCOPES_MAX: usize = 16;
/// What stands behind the cluster's name in the audience, so that no token for matches is one for objects.
const AUDIENCE_SUFFIX: &str = "/users";
/// Bytes beside the texts: version, node, scopes, two times, the hash.
const FIXED_BYTES: usize = 1 + 4 + 1 + 16 + 32;
/// Bytes of all texts at their longest, each with its length.
const TEXT_BYTES_MAX: usize = (KEY_ID_CHARS_MAX + 1)
    + (AUDIENCE_BYTES_MAX + AUDIENCE_SUFFIX.len() + 1)
    + (SUBJECT_BYTES_MAX + 1)
    + SCOPES_MAX * (SCOPE_BYTES_MAX + 1);
/// Characters of a token, at most.
pub const USER_TOKEN_CHARS_MAX: usize = (FIXED_BYTES + TEXT_BYTES_MAX).div_ceil(3) * 4 + 4;

const KIND: Kind = Kind { prefix: "tu1.", version: 2, chars_max: USER_TOKEN_CHARS_MAX };

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserClaims {
    /// The cluster whose servers take it.
    pub cluster: String,
    /// The node that gave it out.
    pub node: u32,
    /// Who comes.
    pub subject: Subject,
    /// What they may do; at most [`SCOPES_MAX`].
    pub scopes: Arc<[Scope]>,
    /// When it was signed, in ms since 1970.
    pub issued_ms: u64,
    /// From when on it does not hold.
    pub expires_ms: u64,
}

/// Is this text offered as a user token?
pub fn is_user_token(text: &str) -> bool {
    text.starts_with(KIND.prefix)
}

/// Signs with the newest key.
pub fn sign(keys: &SigningKeys, claims: &UserClaims) -> String {
    sealed::seal(keys, KIND, |bytes| {
        sealed::put_text(bytes, &format!("{}{AUDIENCE_SUFFIX}", claims.cluster));
        bytes.extend_from_slice(&claims.node.to_le_bytes());
        sealed::put_text(bytes, claims.subject.as_str());
        let scopes = &claims.scopes[..claims.scopes.len().min(SCOPES_MAX)];
        bytes.push(scopes.len() as u8);
        scopes.iter().for_each(|scope| sealed::put_text(bytes, scope.as_str()));
        bytes.extend_from_slice(&claims.issued_ms.to_le_bytes());
        bytes.extend_from_slice(&claims.expires_ms.to_le_bytes());
    })
}

/// What a token says, if a key of ours signed it and it holds at `now_ms` in this cluster.
pub fn check(
    keys: &SigningKeys,
    token: &str,
    cluster: &str,
    now_ms: u64,
) -> Result<UserClaims, TokenRefused> {
    let claims = read(keys, token).ok_or(TokenRefused)?;
    let life = claims.expires_ms.checked_sub(claims.issued_ms).ok_or(TokenRefused)?;
    let holds = life <= USER_LIFE_MS_MAX
        && claims.issued_ms <= now_ms.saturating_add(SKEW_MS_MAX)
        && now_ms < claims.expires_ms;
    if holds && claims.cluster == cluster { Ok(claims) } else { Err(TokenRefused) }
}

fn read(keys: &SigningKeys, token: &str) -> Option<UserClaims> {
    sealed::open(keys, KIND, token, |said| {
        let cluster = said.text()?.strip_suffix(AUDIENCE_SUFFIX)?.to_owned();
        let node = u32::from_le_bytes(said.array()?);
        let subject = Subject::parse(said.text()?).ok()?;
        let count = usize::from(said.array::<1>()?[0]);
        let scopes = (0..count.min(SCOPES_MAX + 1)).map(|_| Scope::parse(said.text()?).ok());
        let scopes: Arc<[Scope]> = scopes.collect::<Option<_>>()?;
        if scopes.len() > SCOPES_MAX {
            return None;
        }
        let issued_ms = u64::from_le_bytes(said.array()?);
        let expires_ms = u64::from_le_bytes(said.array()?);
        Some(UserClaims { cluster, node, subject, scopes, issued_ms, expires_ms })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::join_token::{self, Claims};
    use crate::access::signing::SigningKey;
    use tickstone_shared::ids::{ObjectName, PlayerName};

    const NOW: u64 = 1_800_000_000_000;

    fn keys(fill: u8) -> SigningKeys {
        SigningKeys::new(vec![SigningKey::new("a", &[fill; 32]).unwrap()]).unwrap()
    }

    fn claims() -> UserClaims {
        UserClaims {
            cluster: "eu".to_owned(),
            node: 3,
            subject: Subject::parse("ann@example.com").unwrap(),
            scopes: ["chat:room-*:connect", "counter:*:call"].map(|text| Scope::parse(text).unwrap()).into(),
            issued_ms: NOW,
            expires_ms: NOW + USER_LIFE_MS_MAX,
        }
    }

    #[test]
    fn a_token_says_what_was_signed_and_holds_until_it_expires() {
        let ours = keys(1);
        let token = sign(&ours, &claims());
        assert!(is_user_token(&token));
        assert_eq!(check(&ours, &token, "eu", NOW), Ok(claims()));
        assert!(check(&ours, &token, "eu", NOW + USER_LIFE_MS_MAX - 1).is_ok());
        let refused = |claims: UserClaims, cluster: &str, now: u64| {
            check(&ours, &sign(&ours, &claims), cluster, now) == Err(TokenRefused)
        };
        assert!(refused(claims(), "eu", NOW + USER_LIFE_MS_MAX), "expired");
        assert!(refused(claims(), "us", NOW), "another cluster");
        assert!(refused(claims(), "eu", NOW - SKEW_MS_MAX - 1), "not yet valid");
        let long = UserClaims { expires_ms: NOW + USER_LIFE_MS_MAX + 1, ..claims() };
        assert!(refused(long, "eu", NOW), "holds for too long");
        assert!(check(&keys(2), &token, "eu", NOW).is_err(), "another key");
    }

    #[test]
    fn the_longest_token_fits_its_limit() {
        let longest = UserClaims {
            cluster: "c".repeat(AUDIENCE_BYTES_MAX),
            subject: Subject::parse(&"s".repeat(SUBJECT_BYTES_MAX)).unwrap(),
            scopes: vec![
                Scope::parse(&format!("{}:{}:connect", "c".repeat(64), "n".repeat(128))).unwrap();
                SCOPES_MAX
            ]
            .into(),
            ..claims()
        };
        let ours = keys(1);
        let token = sign(&ours, &longest);
        assert_eq!(check(&ours, &token, &longest.cluster, NOW), Ok(longest));
        assert!(token.len() <= USER_TOKEN_CHARS_MAX);
    }

    #[test]
    fn a_token_for_a_match_is_none_for_objects_and_the_other_way_round() {
        let ours = keys(1);
        let name = ObjectName::parse("m").unwrap();
        let join = Claims {
            audience: "eu".to_owned(),
            match_id: name.clone(),
            player: PlayerName::parse("ann").unwrap(),
            seat: None,
            issued_ms: NOW,
            expires_ms: NOW + 1,
            nonce: [1; 16],
        };
        let (join, user) = (join_token::sign(&ours, &join), sign(&ours, &claims()));
        for text in [&join, &join.replace("tj1.", "tu1.")] {
            assert_eq!(check(&ours, text, "eu", NOW), Err(TokenRefused));
        }
        for text in [&user, &user.replace("tu1.", "tj1.")] {
            assert!(join_token::check(&ours, text, "eu", &name, NOW).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_and_every_part_of_a_token_is_refused() {
        let ours = keys(1);
        let token = sign(&ours, &claims());
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut flipped = token.clone().into_bytes();
                flipped[at] ^= 1 << bit;
                // Bytes that are no text never get as far as a token.
                let Ok(flipped) = String::from_utf8(flipped) else { continue };
                assert_eq!(check(&ours, &flipped, "eu", NOW), Err(TokenRefused), "byte {at}, bit {bit}");
            }
            assert_eq!(check(&ours, &token[..at], "eu", NOW), Err(TokenRefused));
        }
    }
}
