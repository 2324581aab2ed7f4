//! What is not exactly a token of ours, for this match and now, is refused.

use proptest::prelude::*;
use tickstone_shared::ids::{ObjectName, PlayerName, Seat};

use super::join_token::{Claims, LIFE_MS_MAX, SKEW_MS_MAX, TOKEN_CHARS_MAX, TokenRefused, check, sign};
use super::signing::{SigningKey, SigningKeys};

const NOW: u64 = 1_800_000_000_000;

fn key(id: &str, fill: u8) -> SigningKey {
    SigningKey::new(id, &[fill; 32]).unwrap()
}

fn keys(keys: &[(&str, u8)]) -> SigningKeys {
    SigningKeys::new(keys.iter().map(|(id, fill)| key(id, *fill)).collect()).unwrap()
}

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

fn claims() -> Claims {
    Claims {
        audience: "eu".to_owned(),
        match_id: name("friday-1"),
        player: PlayerName::parse("ann").unwrap(),
        seat: Some(Seat(3)),
        issued_ms: NOW,
        expires_ms: NOW + LIFE_MS_MAX,
        nonce: [7; 16],
    }
}

fn checked(keys: &SigningKeys, token: &str, now_ms: u64) -> Result<Claims, TokenRefused> {
    check(keys, token, "eu", &name("friday-1"), now_ms)
}

#[test]
fn a_token_says_what_was_signed_and_fits_a_url() {
    let keys = keys(&[("a", 1)]);
    let any = Claims { seat: None, ..claims() };
    for claims in [claims(), any] {
        let token = sign(&keys, &claims);
        assert_eq!(checked(&keys, &token, NOW), Ok(claims));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        assert!(token.chars().all(is_plain), "{token}");
    }
    let longest = Claims {
        audience: "x".repeat(128),
        match_id: name(&"m".repeat(128)),
        player: PlayerName::parse(&"\u{10ffff}".repeat(32)).unwrap(),
        ..claims()
    };
    let token = sign(&self::keys(&[("0123456789abcdef", 1)]), &longest);
    assert!(token.len() <= TOKEN_CHARS_MAX, "{}", token.len());
}

#[test]
fn each_fault_is_refused_alike() {
    let ours = keys(&[("a", 1)]);
    let refused = |claims: Claims, now: u64| checked(&ours, &sign(&ours, &claims), now) == Err(TokenRefused);
    assert!(refused(Claims { audience: "us".to_owned(), ..claims() }, NOW), "another cluster");
    assert!(refused(Claims { match_id: name("friday-2"), ..claims() }, NOW), "another match");
    assert!(refused(claims(), NOW + LIFE_MS_MAX), "expired");
    assert!(!refused(claims(), NOW + LIFE_MS_MAX - 1));
    assert!(refused(claims(), NOW - SKEW_MS_MAX - 1), "not yet valid");
    assert!(!refused(claims(), NOW - SKEW_MS_MAX));
    assert!(refused(Claims { expires_ms: NOW + LIFE_MS_MAX + 1, ..claims() }, NOW), "holds for too long");
    assert!(refused(Claims { issued_ms: NOW + 2, expires_ms: NOW + 1, ..claims() }, NOW), "backwards");
    for stranger in [keys(&[("a", 2)]), keys(&[("b", 1)])] {
        assert_eq!(checked(&ours, &sign(&stranger, &claims()), NOW), Err(TokenRefused));
    }
    for text in ["", "tj1.", "tj1.AAAA", "guessed", "tj2.AAAA", &"x".repeat(4096)] {
        assert_eq!(checked(&ours, text, NOW), Err(TokenRefused), "{text}");
    }
}

#[test]
fn keys_rotate_without_a_token_being_lost() {
    let (old, both, new) = (keys(&[("a", 1)]), keys(&[("b", 2), ("a", 1)]), keys(&[("b", 2)]));
    let before = sign(&old, &claims());
    assert!(checked(&both, &before, NOW).is_ok(), "the old key still holds");
    let after = sign(&both, &claims());
    assert!(checked(&new, &after, NOW).is_ok(), "the new key signs");
    assert_eq!(checked(&new, &before, NOW), Err(TokenRefused), "the old key is gone");
}

#[test]
fn every_flipped_bit_of_a_token_and_every_part_of_it_is_refused() {
    let keys = keys(&[("a", 1)]);
    let token = sign(&keys, &claims());
    assert!(checked(&keys, &token, NOW).is_ok());
    for bit in 0..token.len() * 8 {
        let mut flipped = token.clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // Bytes that are no text never get as far as a token.
        let Ok(flipped) = String::from_utf8(flipped) else { continue };
        assert_eq!(checked(&keys, &flipped, NOW), Err(TokenRefused), "bit {bit}");
    }
    for length in 0..token.len() {
        assert_eq!(checked(&keys, &token[..length], NOW), Err(TokenRefused), "{length} characters");
    }
    for more in ["A", "=", ".", " "] {
        assert_eq!(checked(&keys, &format!("{token}{more}"), NOW), Err(TokenRefused), "{more:?} added");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_changed_in_a_token_it_is_refused(
        at in 0_usize..4096, byte in any::<u8>(), cut in 0_usize..64, insert in any::<bool>()
    ) {
        let keys = keys(&[("a", 1)]);
        let token = sign(&keys, &claims());
        let mut bytes = token.clone().into_bytes();
        let at = at % bytes.len();
        if insert {
            bytes.insert(at, byte);
        } else {
            bytes[at] = byte;
            bytes.drain(at..(at + cut).min(token.len()));
        }
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        prop_assume!(changed != token);
        prop_assert_eq!(checked(&keys, &changed, NOW), Err(TokenRefused));
    }

    #[test]
    fn random_texts_are_no_tokens_and_panic_nobody(text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        use base64::Engine as _;
        let keys = keys(&[("a", 1)]);
        let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        for text in [text.clone(), format!("tj1.{text}"), format!("tj1.{encoded}")] {
            prop_assert_eq!(checked(&keys, &text, NOW), Err(TokenRefused));
        }
    }
}
