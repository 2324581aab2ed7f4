//! Messages on the stream: each is its length, a u32 little-endian, and so many bytes.

use bytes::{Buf as _, Bytes, BytesMut};
use quinn::RecvStream;
use tickstone_shared::wire::close::CloseCode;

use crate::clock::ClockRef;
use crate::gateway::close_reason::Ending;
use crate::gateway::link::Link;

/// Bytes of a length.
const LENGTH_BYTES: usize = 4;
/// Bytes taken from the stream at once.
const READ_BYTES: usize = 4 * 1024;

/// A message as it stands on the stream.
pub(in crate::gateway) fn framed(payload: &[u8]) -> Bytes {
    let length = u32::try_from(payload.len()).expect("a message is far shorter than 4 GiB");
    [&length.to_le_bytes(), payload].concat().into()
}

/// Cuts the stream into messages.
pub(super) struct Messages {
    stream: RecvStream,
    clock: ClockRef,
    /// What has been read: less than one message of the largest size and one read.
    buffer: BytesMut,
}

impl Messages {
    /// Nothing was read.
    pub(super) fn new(stream: RecvStream, clock: ClockRef) -> Self {
        Self { stream, clock, buffer: BytesMut::new() }
    }

    /// The next message of at most `bytes_max`. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self, link: &Link, bytes_max: usize) -> Result<Bytes, Ending> {
        loop {
            if let Some(message) = cut(&mut self.buffer, bytes_max)? {
                link.heard_message();
                return Ok(message);
            }
            if !self.buffer.is_empty() {
                link.heard_bytes(self.clock.now());
            }
            match self.stream.read_chunk(READ_BYTES, true).await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                // It ended or broke its stream: there is nothing left to hear or to say.
                Ok(None) | Err(_) => return Err(Ending::Gone),
            }
        }
    }
}

fn cut(buffer: &mut BytesMut, bytes_max: usize) -> Result<Option<Bytes>, Ending> {
    let Some(length) = buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > bytes_max {
        return Err(Ending::Coded(CloseCode::TooBig, "a message is longer than its limit"));
    }
    if buffer.len() < LENGTH_BYTES + length {
        return Ok(None);
    }
    buffer.advance(LENGTH_BYTES);
    Ok(Some(buffer.split_to(length).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_wherever_the_reads_fall() {
        let sent: Vec<u8> = [framed(b"one"), framed(b""), framed(&[7; 100])].concat();
        for step in 1..sent.len() {
            let (mut buffer, mut came) = (BytesMut::new(), Vec::new());
            for chunk in sent.chunks(step) {
                buffer.extend_from_slice(chunk);
                while let Some(message) = cut(&mut buffer, 100).unwrap() {
                    came.push(message.to_vec());
                }
            }
            assert_eq!(came, [b"one".to_vec(), Vec::new(), vec![7; 100]]);
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_bytes_come() {
        let mut buffer = BytesMut::from(&framed(&[0; 101])[..4]);
        assert!(matches!(cut(&mut buffer, 101), Ok(None)));
        assert!(matches!(cut(&mut buffer, 100), Err(Ending::Coded(CloseCode::TooBig, _))));
        let mut endless = BytesMut::from(&u32::MAX.to_le_bytes()[..]);
        assert!(cut(&mut endless, 4096).is_err());
    }
}
