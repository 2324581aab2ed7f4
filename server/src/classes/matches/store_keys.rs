//! The keys under which a match stores its parts.

use tickstone_shared::time::Tick;

/// The header, written once.
pub const HEADER: &[u8] = b"header";
/// The result, once the match has ended.
pub const RESULT: &[u8] = b"result";
/// What of the result goes to a leaderboard, and how far it has come.
pub const POSTING: &[u8] = b"posting";
/// Which socket played which seat when the match fell asleep.
pub const SOCKETS: &[u8] = b"sockets";
/// Checkpoints: the prefix and the tick.
pub const CHECKPOINTS: &[u8] = b"c/";
/// Segments of the journal: the prefix and the tick of the first record.
pub const SEGMENTS: &[u8] = b"s/";

/// A key of `prefix` and a tick; keys sort as their ticks do.
pub fn key(prefix: &[u8], tick: Tick) -> Vec<u8> {
    [prefix, &tick.0.to_be_bytes()].concat()
}

/// The tick of such a key.
pub fn tick_of(prefix: &[u8], key: &[u8]) -> Option<Tick> {
    let bytes: [u8; 8] = key.strip_prefix(prefix)?.try_into().ok()?;
    Some(Tick(u64::from_be_bytes(bytes)))
}
