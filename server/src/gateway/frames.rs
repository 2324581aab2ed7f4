//! WebSocket frames as the server writes them: unmasked, whole, never fragmented (RFC 6455, 5.2).
//!
//! Responsible for: headers, and the buffer in which a state is framed once for many receivers.
//! Not responsible for: reading frames (tungstenite does), who gets them.

use bytes::Bytes;
use tickstone_shared::wire::version::Encoding;

/// Bytes of the longest header of an unmasked frame.
const HEADER_BYTES_MAX: usize = 10;
/// FIN and opcode text.
const TEXT: u8 = 0x81;
/// FIN and opcode binary.
const BINARY: u8 = 0x82;
/// FIN and opcode close.
const CLOSE: u8 = 0x88;
/// Bytes of a close frame's reason, so that with its code it stays within a control frame's 125.
const REASON_BYTES_MAX: usize = 123;

/// A ping without a payload.
pub(super) const PING: Bytes = Bytes::from_static(&[0x89, 0x00]);

/// The first byte of a data frame in this encoding.
fn opcode(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::Json => TEXT,
        Encoding::Msgpack => BINARY,
    }
}

/// Writes the header so that it ends where the room ends; answers where it begins.
fn write_header(room: &mut [u8; HEADER_BYTES_MAX], opcode: u8, payload: usize) -> usize {
    let (start, marker) = match payload {
        0..=125 => (8, payload as u8),
        126..=0xffff => {
            room[8..].copy_from_slice(&(payload as u16).to_be_bytes());
            (6, 126)
        }
        _ => {
            room[2..].copy_from_slice(&(payload as u64).to_be_bytes());
            (0, 127)
        }
    };
    room[start] = opcode;
    room[start + 1] = marker;
    start
}

/// A whole data frame around a message.
pub(super) fn message(payload: &[u8], encoding: Encoding) -> Bytes {
    let mut room = [0; HEADER_BYTES_MAX];
    let start = write_header(&mut room, opcode(encoding), payload.len());
    let mut frame = Vec::with_capacity(HEADER_BYTES_MAX - start + payload.len());
    frame.extend_from_slice(&room[start..]);
    frame.extend_from_slice(payload);
    frame.into()
}

/// A close frame. The reason is cut to what a control frame holds.
pub(super) fn close(code: u16, reason: &str) -> Bytes {
    let reason = &reason.as_bytes()[..reason.len().min(REASON_BYTES_MAX)];
    let mut frame = Vec::with_capacity(4 + reason.len());
    frame.extend_from_slice(&[CLOSE, 2 + reason.len() as u8]);
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(reason);
    frame.into()
}

/// A frame whose first part is shared: the room for the header, the shared part, and the receiver's own end,
/// which is written over for each. Nothing is copied per receiver but the end.
#[derive(Debug, Default)]
pub(super) struct SharedFrame {
    bytes: Vec<u8>,
    shared_end: usize,
}

impl SharedFrame {
    /// Writes the shared part anew.
    pub(super) fn begin(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.clear();
        self.bytes.resize(HEADER_BYTES_MAX, 0);
        write(&mut self.bytes);
        self.shared_end = self.bytes.len();
    }

    /// The whole frame with this end.
    pub(super) fn with_end(&mut self, encoding: Encoding, write: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        self.bytes.truncate(self.shared_end);
        write(&mut self.bytes);
        let payload = self.bytes.len() - HEADER_BYTES_MAX;
        let room = self.bytes.first_chunk_mut().expect("begin makes the room");
        let start = write_header(room, opcode(encoding), payload);
        &self.bytes[start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_at_the_limits_of_each_length() {
        for (payload, header) in [
            (0, vec![0x82, 0]),
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (0xffff, vec![0x82, 126, 0xff, 0xff]),
            (0x1_0000, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = message(&vec![7; payload], Encoding::Msgpack);
            assert_eq!(frame[..header.len()], header);
            assert_eq!(frame.len(), header.len() + payload);
        }
    }

    #[test]
    fn a_shared_frame_equals_a_frame_of_its_own() {
        let mut shared = SharedFrame::default();
        for length in [100, 120, 124, 125, 126, 4000, 70_000] {
            let body = vec![b'x'; length];
            shared.begin(|out| out.extend_from_slice(&body));
            for end in ["a", "bcd", ""] {
                let expected = message(&[&body, end.as_bytes()].concat(), Encoding::Json);
                let frame = shared.with_end(Encoding::Json, |out| out.extend_from_slice(end.as_bytes()));
                assert_eq!(frame, &expected[..]);
            }
        }
    }

    #[test]
    fn a_close_frame_never_exceeds_a_control_frame() {
        let frame = close(4420, &"r".repeat(400));
        assert_eq!(frame[1], 125);
        assert_eq!(frame.len(), 127);
        assert_eq!(&frame[2..4], &4420_u16.to_be_bytes());
    }
}
