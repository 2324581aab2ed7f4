//! WebSocket frames by hand: written as no library would, and read only as far as an attacker needs.

use crate::impair::Random;

/// Payloads longer than this are skipped rather than kept.
const KEPT_BYTES_MAX: u64 = 256 * 1024;

/// Opcodes with the FIN bit where it is set (RFC 6455 section 5.2).
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const BINARY_FIRST_FRAGMENT: u8 = 0x02;
pub(crate) const CONTINUATION_FRAGMENT: u8 = 0x00;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
pub(crate) const TEXT: u8 = 0x81;

/// Adds a masked frame of a client. `first` is the opcode with its flags.
pub(crate) fn push_frame(out: &mut Vec<u8>, first: u8, payload: &[u8], random: &mut Random) {
    out.push(first);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let mut mask = [0; 4];
    random.fill(&mut mask);
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// What a server's frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A message.
    Message(Vec<u8>),
    /// The server asks whether somebody is there.
    Ping(Vec<u8>),
    /// The end, with its code; 1005 without one.
    Close(u16),
}

/// Reads frames as they come in, those of clients, too. A payload beyond what is kept is skipped; pongs are too.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    pending: Vec<u8>,
    skip: u64,
}

impl FrameReader {
    /// Takes bytes that came in.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        self.pending.extend_from_slice(&bytes[skipped..]);
    }

    /// The next of them that says something; none until more comes in.
    pub(crate) fn next(&mut self) -> Option<Heard> {
        loop {
            let (first, length, header) = self.header()?;
            if length > KEPT_BYTES_MAX {
                let have = (self.pending.len() - header) as u64;
                self.skip = length.saturating_sub(have);
                let gone = header + have.min(length) as usize;
                self.pending.drain(..gone);
                continue;
            }
            let end = header + length as usize;
            if self.pending.len() < end {
                return None;
            }
            let mut payload = self.pending[header..end].to_vec();
            if self.pending[1] & 0x80 != 0 {
                let mask = &self.pending[header - 4..header];
                payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            }
            self.pending.drain(..end);
            match first & 0x0f {
                0x8 => {
                    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                    return Some(Heard::Close(code));
                }
                0x1 | 0x2 => return Some(Heard::Message(payload)),
                0x9 => return Some(Heard::Ping(payload)),
                _ => {}
            }
        }
    }

    /// First byte, payload's length and header's length of the frame at the front, once they are there.
    fn header(&self) -> Option<(u8, u64, usize)> {
        let (first, second) = (*self.pending.first()?, *self.pending.get(1)?);
        let rest = &self.pending[2..];
        let (length, header) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
            length => (u64::from(length), 2),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        (self.pending.len() >= header + mask).then_some((first, length, header + mask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_byte_by_byte_and_all_at_once() {
        let long = vec![7; 300];
        let huge = KEPT_BYTES_MAX + 1;
        let mut bytes = vec![0x82, 126, 1, 44];
        bytes.extend_from_slice(&long);
        bytes.extend_from_slice(&[0x89, 1, 0]);
        bytes.extend_from_slice(&[0x82, 127]);
        bytes.extend_from_slice(&huge.to_be_bytes());
        bytes.resize(bytes.len() + huge as usize, 1);
        bytes.extend_from_slice(&[0x88, 2, 0x11, 0x44]);
        for size in [1, 1_000, usize::MAX] {
            let (mut reader, mut heard) = (FrameReader::default(), Vec::new());
            for chunk in bytes.chunks(size.min(bytes.len())) {
                reader.push(chunk);
                heard.extend(std::iter::from_fn(|| reader.next()));
                assert!(reader.pending.len() < 2 * KEPT_BYTES_MAX as usize);
            }
            assert_eq!(
                heard,
                [Heard::Message(long.clone()), Heard::Ping(vec![0]), Heard::Close(4420)],
                "{size}"
            );
        }
    }

    #[test]
    fn what_was_masked_is_read_as_it_was_written() {
        let mut written = Vec::new();
        let payloads = [vec![], b"hello".to_vec(), vec![7; 300]];
        payloads.iter().for_each(|payload| push_frame(&mut written, TEXT, payload, &mut Random::new(3, 0)));
        let (mut reader, mut heard) = (FrameReader::default(), Vec::new());
        for byte in written {
            reader.push(&[byte]);
            heard.extend(reader.next());
        }
        assert_eq!(heard, payloads.map(Heard::Message));
    }

    #[test]
    fn frames_are_written_masked() {
        let mut random = Random::new(1, 0);
        for length in [0, 125, 126, 70_000] {
            let mut out = Vec::new();
            push_frame(&mut out, BINARY, &vec![0; length], &mut random);
            assert_eq!((out[0], out[1] & 0x80), (0x82, 0x80));
            let header = match length {
                0..=125 => 2,
                126..=0xffff => 4,
                _ => 10,
            };
            assert_eq!(out.len(), header + 4 + length);
        }
    }
}
