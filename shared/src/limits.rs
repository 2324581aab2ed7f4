//! The numbers both sides of the wire agree on. Limits of the server alone stand where they are enforced.

/// Bytes of an object's name (interfaces: HTTP).
pub const NAME_BYTES_MAX: usize = 128;
/// Characters of a player's name (reliability 4.4).
pub const PLAYER_NAME_CHARS_MAX: usize = 32;
/// Bytes of one packed input row.
pub const INPUT_BYTES_MAX: usize = 16;
/// Inputs in one message: netcode, "every input not yet acknowledged, up to 10 ticks".
pub const INPUTS_PER_MESSAGE_MAX: usize = 10;
/// How far ahead of the match an input may be, in ticks.
pub const INPUT_WINDOW_TICKS: u64 = 64;
/// Bytes of a message from a client (reliability section 6).
pub const CLIENT_MESSAGE_BYTES_MAX: usize = 4096;
/// Bytes of the first message of a connection.
pub const HELLO_BYTES_MAX: usize = 1024;
/// Bytes of the data of a client's `message`.
pub const MESSAGE_DATA_BYTES_MAX: usize = 2048;
/// Every this many ticks the state hash is taken.
pub const HASH_INTERVAL_TICKS: u64 = 60;
/// Bytes of a label as JSON (landscape: conventions).
pub const LABEL_BYTES_MAX: usize = 2048;
/// Kinds of entities a game may register.
pub const KINDS_MAX: usize = 64;
/// Fields one kind may have.
pub const FIELDS_MAX: usize = 64;
/// Seats a match may have.
pub const SEATS_MAX: u16 = 1000;
/// Bytes of a datagram that carries a part of a state (crates: what passes through every path).
pub const STATE_DATAGRAM_BYTES_MAX: usize = 1150;
/// Bytes of a client's datagram (reliability 4.3).
pub const CLIENT_DATAGRAM_BYTES_MAX: usize = 1200;
/// Parts of one state.
pub const STATE_PARTS_MAX: u16 = 1024;
