//! WebSocket frames by hand (RFC 6455, 5.2): whole frames, never fragmented.

/// The opcode of a close frame.
pub(crate) const CLOSE: u8 = 8;
/// FIN and opcode binary.
const BINARY: u8 = 0x82;
/// Said of a frame from a client.
const MASKED: u8 = 0x80;
/// Frames above this size count as of this size.
const COUNTED_BYTES_MAX: usize = 16 * 1024;
/// Sizes told of a run.
const QUANTILES: u64 = 64;

/// A frame at the front of some bytes.
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
    /// Header included.
    pub(crate) bytes: usize,
}

/// The first frame of a server, if it is whole.
pub(crate) fn first(bytes: &[u8]) -> Option<Frame<'_>> {
    let (&[kind, marker], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match marker & 0x7f {
        126 => rest.split_first_chunk().map(|(length, rest)| (u16::from_be_bytes(*length).into(), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        short => (short.into(), rest),
    };
    let payload = rest.get(..usize::try_from(length).ok()?)?;
    Some(Frame { opcode: kind & 0x0f, payload, bytes: bytes.len() - rest.len() + payload.len() })
}

/// A client's frame around a payload of at most 65,535 bytes, in place of what `out` held.
pub(crate) fn masked(payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    out.clear();
    write_header(payload.len(), MASKED, out);
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// A server's frame that has this size in all.
pub(crate) fn of_size(bytes: usize) -> Vec<u8> {
    let header = if bytes < 128 { 2 } else { 4 };
    let payload = bytes.saturating_sub(header).min(usize::from(u16::MAX));
    let mut frame = Vec::with_capacity(bytes);
    write_header(payload, 0, &mut frame);
    frame.resize(frame.len() + payload, 0x55);
    frame
}

fn write_header(payload: usize, masked: u8, out: &mut Vec<u8>) {
    out.push(BINARY);
    if payload < 126 {
        out.push(masked | payload as u8);
    } else {
        out.push(masked | 126);
        out.extend_from_slice(&(payload as u16).to_be_bytes());
    }
}

/// How many frames had which size.
pub(crate) struct Sizes {
    counts: Vec<u32>,
}

impl Sizes {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; COUNTED_BYTES_MAX + 1] }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// A frame of so many bytes.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.counts[bytes.min(COUNTED_BYTES_MAX)] += 1;
    }

    fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The mean size.
    pub(crate) fn mean(&self) -> f64 {
        let bytes: u64 =
            self.counts.iter().enumerate().map(|(size, count)| size as u64 * u64::from(*count)).sum();
        bytes as f64 / self.total().max(1) as f64
    }

    /// Sizes whose distribution is that of the frames.
    pub(crate) fn quantiles(&self) -> Vec<u32> {
        let total = self.total();
        let mut quantiles = Vec::new();
        let mut below = 0;
        for (size, count) in self.counts.iter().enumerate() {
            below += u64::from(*count);
            while total > 0 && (2 * quantiles.len() as u64 + 1) * total < 2 * below * QUANTILES {
                quantiles.push(size as u32);
            }
        }
        quantiles
    }
}
