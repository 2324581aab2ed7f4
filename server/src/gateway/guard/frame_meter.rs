//! Frames as they come in, counted below the frame reader (RFC 6455, 5.2).
//!
//! Why: the frame reader tells of whole messages alone. Endless empty fragments never make one, and a ping
//! between two fragments hides that a message does not end. Broken frames are the frame reader's business.

/// The longest header of a frame: 2 bytes, a length of 8, a mask of 4.
const HEADER_BYTES_MAX: usize = 14;

/// Whether a message is on its way after some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Arriving {
    /// The bytes end where a message ends.
    Nothing,
    /// A message that had begun before is not whole yet.
    Same,
    /// A message began with these bytes, after the end of another.
    Another,
}

/// Follows the frames of one connection.
#[derive(Debug, Default)]
pub(in crate::gateway) struct FrameMeter {
    header: [u8; HEADER_BYTES_MAX],
    /// Bytes of the header that are there.
    have: usize,
    payload_left: u64,
    /// A fragment came that was not the last of its message.
    is_open: bool,
}

impl FrameMeter {
    /// Bytes have come: how many frames began with them, and what is on its way.
    pub(in crate::gateway) fn take(&mut self, bytes: &[u8]) -> (usize, Arriving) {
        let (mut frames, mut ended, mut rest) = (0, false, bytes);
        while let Some((first, after)) = rest.split_first() {
            if self.payload_left > 0 {
                let skipped = self.payload_left.min(rest.len() as u64);
                self.payload_left -= skipped;
                rest = &rest[skipped as usize..];
            } else {
                frames += usize::from(self.have == 0);
                self.header[self.have] = *first;
                self.have += 1;
                rest = after;
                if self.have < self.header_bytes() {
                    continue;
                }
                self.payload_left = self.payload_bytes();
            }
            if self.payload_left == 0 {
                ended |= self.end_frame();
            }
        }
        let is_within = self.have > 0 || self.is_open;
        let arriving = match (is_within, ended) {
            (false, _) => Arriving::Nothing,
            (true, false) => Arriving::Same,
            (true, true) => Arriving::Another,
        };
        (frames, arriving)
    }

    fn length_bytes(&self) -> usize {
        match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    /// Bytes of the header that has begun.
    fn header_bytes(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        2 + self.length_bytes() + if self.header[1] & 0x80 == 0 { 0 } else { 4 }
    }

    fn payload_bytes(&self) -> u64 {
        let length = &self.header[2..2 + self.length_bytes()];
        match length {
            [] => u64::from(self.header[1] & 0x7f),
            _ => length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        }
    }

    /// A frame is whole: true if it ends a message of data.
    fn end_frame(&mut self) -> bool {
        let (is_last, is_control) = (self.header[0] & 0x80 != 0, self.header[0] & 0x08 != 0);
        self.have = 0;
        if !is_control {
            self.is_open = !is_last;
        }
        is_last && !is_control
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match payload {
            0..=125 => frame.push(0x80 | payload as u8),
            126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(payload as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(payload as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[7; 4]);
        frame.extend(std::iter::repeat_n(0xff, payload));
        frame
    }

    #[test]
    fn frames_are_counted_however_they_are_cut() {
        let lengths = [0, 1, 125, 126, 1000, 0xffff, 0x1_0000];
        let bytes: Vec<u8> = lengths.iter().flat_map(|length| frame(0x82, *length)).collect();
        for cut in [1, 2, 3, 7, 64, 1000, usize::MAX] {
            let mut meter = FrameMeter::default();
            let mut frames = 0;
            let mut last = Arriving::Same;
            for piece in bytes.chunks(cut.min(bytes.len())) {
                let (began, arriving) = meter.take(piece);
                (frames, last) = (frames + began, arriving);
            }
            assert_eq!((frames, last), (lengths.len(), Arriving::Nothing), "pieces of {cut}");
        }
    }

    #[test]
    fn empty_fragments_are_frames_and_no_message() {
        let mut meter = FrameMeter::default();
        assert_eq!(meter.take(&frame(0x02, 0)), (1, Arriving::Same));
        assert_eq!(meter.take(&frame(0x00, 0).repeat(50)), (50, Arriving::Same));
        assert_eq!(meter.take(&frame(0x80, 0)), (1, Arriving::Nothing));
    }

    #[test]
    fn a_ping_between_fragments_does_not_end_their_message() {
        let mut meter = FrameMeter::default();
        meter.take(&frame(0x01, 10));
        assert_eq!(meter.take(&frame(0x89, 4)), (1, Arriving::Same));
    }

    #[test]
    fn a_message_behind_another_is_another() {
        let mut meter = FrameMeter::default();
        let bytes = [frame(0x82, 10), frame(0x82, 10)].concat();
        assert_eq!(meter.take(&bytes[..20]), (2, Arriving::Another));
        assert_eq!(meter.take(&bytes[20..]), (0, Arriving::Nothing));
        let endless = [0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(meter.take(&endless), (1, Arriving::Same), "2^64 - 1 bytes announced");
        assert_eq!(meter.take(&[0; 100]), (0, Arriving::Same));
    }
}
