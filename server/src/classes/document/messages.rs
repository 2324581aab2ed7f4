//! The messages of y-websocket, one a frame, as the package `y-protocols` defines them.

use super::wire::{Malformed, Reader, put_buffer, put_number};

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;

/// Kinds of [`SYNC`].
const ASK: u64 = 0;
const ANSWER: u64 = 1;
const UPDATE: u64 = 2;

/// The one kind of [`AUTH`].
const DENIED: u64 = 0;

/// What comes on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// Sync step 1: what the client has, so that it is told the rest.
    Ask(&'a [u8]),
    /// Sync step 2: what the client has and the document has not.
    Answer(&'a [u8]),
    /// An edit.
    Update(&'a [u8]),
    /// Who the editors are and where.
    Awareness(&'a [u8]),
    /// The client wants to be told the same.
    QueryAwareness,
    /// Of no meaning to a server.
    Auth,
}

impl<'a> Heard<'a> {
    /// Reads a frame.
    pub(super) fn read(frame: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame);
        let heard = match reader.number()? {
            SYNC => match reader.number()? {
                ASK => Self::Ask(reader.buffer()?),
                ANSWER => Self::Answer(reader.buffer()?),
                UPDATE => Self::Update(reader.buffer()?),
                _ => return Err(Malformed("expected sync step 1, step 2 or an update")),
            },
            AWARENESS => Self::Awareness(reader.buffer()?),
            AUTH => return Ok(Self::Auth),
            QUERY_AWARENESS => Self::QueryAwareness,
            _ => return Err(Malformed("expected a message of y-websocket")),
        };
        reader.end()?;
        Ok(heard)
    }
}

fn sync(kind: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(body.len() + 8);
    put_number(&mut frame, SYNC);
    put_number(&mut frame, kind);
    put_buffer(&mut frame, body);
    frame
}

/// Asks a client for what the document has not: here is what it has.
pub(super) fn ask(vector: &[u8]) -> Vec<u8> {
    sync(ASK, vector)
}

/// What a client asked for.
pub(super) fn answer(update: &[u8]) -> Vec<u8> {
    sync(ANSWER, update)
}

/// An edit of somebody.
pub(super) fn update(update: &[u8]) -> Vec<u8> {
    sync(UPDATE, update)
}

/// States of editors.
pub(super) fn awareness(states: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(states.len() + 8);
    put_number(&mut frame, AWARENESS);
    put_buffer(&mut frame, states);
    frame
}

/// What a client sent was not taken.
pub(super) fn denied(reason: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    put_number(&mut frame, AUTH);
    put_number(&mut frame, DENIED);
    put_buffer(&mut frame, reason.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_read_as_it_was_written() {
        assert_eq!(Heard::read(&ask(b"abc")), Ok(Heard::Ask(b"abc")));
        assert_eq!(Heard::read(&answer(b"abc")), Ok(Heard::Answer(b"abc")));
        assert_eq!(Heard::read(&update(b"abc")), Ok(Heard::Update(b"abc")));
        assert_eq!(Heard::read(&awareness(b"abc")), Ok(Heard::Awareness(b"abc")));
        assert_eq!(Heard::read(&denied("no")), Ok(Heard::Auth));
        assert_eq!(Heard::read(&[3]), Ok(Heard::QueryAwareness));
        assert_eq!(update(b"abc"), [0, 2, 3, b'a', b'b', b'c'], "as y-protocols has it");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for frame in [&[][..], &[4], &[0], &[0, 3, 0], &[0, 2, 1], &[0, 2, 0, 0], &[1], &[3, 0], &[0xff; 20]]
        {
            assert!(Heard::read(frame).is_err(), "{frame:?}");
        }
    }
}
