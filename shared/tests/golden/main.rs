//! The golden vectors of `tests/golden`: what is on the wire, for decoders in any language. With TICKSTONE_KEEP set
//! they are written anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod differences;
mod messages;

use std::path::PathBuf;

use serde_json::Value;

/// Is this what is kept under the name?
#[track_caller]
fn expect_kept(name: &str, vectors: &Value) {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden")).join(name);
    if std::env::var_os("TICKSTONE_KEEP").is_some() {
        std::fs::write(&path, ascii(&format!("{vectors:#}\n"))).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let kept: Value = serde_json::from_str(&kept).unwrap_or_default();
    assert!(
        kept == *vectors,
        "{name} is not of today: write it with TICKSTONE_KEEP=1, and say so in PROTOCOL.md"
    );
}

/// JSON with everything else escaped.
fn ascii(json: &str) -> String {
    let escaped = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
    json.chars().map(escaped).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
