//! The gateway's readers of foreign bytes, for [`crate::fuzzed`].

use serde_json::{Value, json};
use tickstone_shared::limits::CLIENT_MESSAGE_BYTES_MAX;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

use super::body;
use super::create::FIELDS;
use super::query::Query;
use crate::gateway::connection;
use crate::gateway::guard::FrameMeter;

/// The body of a creation, if it is one.
pub fn create_body(bytes: &[u8]) -> Option<Value> {
    body::parse(bytes, &FIELDS).ok().map(Value::Object)
}

/// A query, asked of an entry.
pub fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(query) = Query::parse(text) {
        query.keeps(&json!({"game": "arena", "players": 3, "open": true, "label": {"phase": "playing"}}));
    }
}

/// Bytes after an upgrade, read as a connection reads them.
///
/// # Panics
/// If frames are counted differently when they come in pieces.
pub fn frames(bytes: &[u8]) {
    let whole = FrameMeter::default().take(bytes);
    let mut meter = FrameMeter::default();
    let one_by_one: usize = bytes.iter().map(|byte| meter.take(&[*byte]).0).sum();
    assert_eq!(whole.0, one_by_one, "frames are frames however they are cut");
    let stream = Script { bytes, answers: 0 };
    let mut socket = WebSocket::from_raw_socket(
        stream,
        Role::Server,
        Some(connection::frame_reader(CLIENT_MESSAGE_BYTES_MAX)),
    );
    let mut messages = 0;
    while let Ok(message) = socket.read() {
        messages += 1;
        assert!(message.len() <= CLIENT_MESSAGE_BYTES_MAX);
    }
    assert!(messages <= whole.0, "{messages} messages out of {} frames", whole.0);
}

/// A client's bytes; what it is told is counted.
struct Script<'a> {
    bytes: &'a [u8],
    answers: usize,
}

impl std::io::Read for Script<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.bytes.read(into)
    }
}

impl std::io::Write for Script<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.answers += bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
