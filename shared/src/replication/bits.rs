//! Bits in bytes, the lowest bit of a byte first.

use super::delta_error::DeltaError;

/// Bits that one call may write or read.
pub const BITS_AT_ONCE_MAX: u32 = 32;
/// Bytes that leave the writer's register together.
const WORD_BYTES: usize = 4;
/// A number's zeros before its first one: 32 bits have no more.
const ZEROS_MAX: u32 = 32;

/// Appends bits. Its buffer is reused.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that are no whole word yet, and how many.
    pending: u64,
    count: u32,
}

impl BitWriter {
    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.bytes.clear();
        (self.pending, self.count) = (0, 0);
    }

    /// Bits written.
    pub fn bits(&self) -> usize {
        self.bytes.len() * 8 + self.count as usize
    }

    /// Appends the lowest `bits` of `value`, whose other bits are 0; at most [`BITS_AT_ONCE_MAX`].
    #[inline]
    pub fn push(&mut self, value: u32, bits: u32) {
        debug_assert!(bits <= BITS_AT_ONCE_MAX && u64::from(value) >> bits == 0);
        self.pending |= u64::from(value) << self.count;
        self.count += bits;
        if self.count >= BITS_AT_ONCE_MAX {
            self.bytes.extend_from_slice(&(self.pending as u32).to_le_bytes());
            self.pending >>= BITS_AT_ONCE_MAX;
            self.count -= BITS_AT_ONCE_MAX;
        }
    }

    /// Appends a number that is likely small (Exp-Golomb of this order): so many zeros as `value + 2^order` has
    /// bits above the lowest `order + 1`, a one, then those below its highest one.
    pub fn push_number(&mut self, value: u32, order: u32) {
        let shifted = u64::from(value) + (1 << order);
        let below = shifted.ilog2();
        self.push(0, below - order);
        self.push(1, 1);
        let low = shifted - (1 << below);
        self.push((low & 0xffff) as u32, below.min(16));
        self.push((low >> 16) as u32, below.saturating_sub(16));
    }

    /// Appends a number that is likely near 0: its double as [`BitWriter::push_number`] writes it, made odd if it is
    /// negative: 0, -1, 1, -2 as 0, 1, 2, 3.
    pub fn push_signed(&mut self, value: i32, order: u32) {
        self.push_number((value << 1 ^ value >> 31) as u32, order);
    }

    /// Appends what another has written.
    pub fn append(&mut self, other: &BitWriter) {
        let (words, _) = other.bytes.as_chunks::<WORD_BYTES>();
        words.iter().for_each(|word| self.push(u32::from_le_bytes(*word), BITS_AT_ONCE_MAX));
        self.push(other.pending as u32, other.count);
    }

    /// Appends the bytes to `out`, the last one filled up with zeros.
    pub fn copy_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        out.extend_from_slice(&self.pending.to_le_bytes()[..self.count.div_ceil(8) as usize]);
    }
}

/// Reads bits.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// From the first bit on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `bits` bits, at most [`BITS_AT_ONCE_MAX`].
    #[inline]
    pub fn read(&mut self, bits: u32) -> Result<u32, DeltaError> {
        let end = self.at + bits as usize;
        if end > self.bytes.len() * 8 {
            return Err(DeltaError::Truncated);
        }
        let from = &self.bytes[self.at / 8..];
        let word = match from.first_chunk() {
            Some(whole) => u64::from_le_bytes(*whole),
            None => from.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        let value = word >> (self.at % 8) & ((1 << bits) - 1);
        self.at = end;
        Ok(value as u32)
    }

    /// The next bit.
    #[inline]
    pub fn bit(&mut self) -> Result<bool, DeltaError> {
        self.read(1).map(|bit| bit == 1)
    }

    /// A number as [`BitWriter::push_number`] writes it.
    pub fn number(&mut self, order: u32) -> Result<u32, DeltaError> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > ZEROS_MAX - order {
                return Err(DeltaError::Number);
            }
        }
        let below = zeros + order;
        let low =
            u64::from(self.read(below.min(16))?) | u64::from(self.read(below.saturating_sub(16))?) << 16;
        u32::try_from((1 << below) + low - (1 << order)).map_err(|_| DeltaError::Number)
    }

    /// A number as [`BitWriter::push_signed`] writes it.
    pub fn signed(&mut self, order: u32) -> Result<i32, DeltaError> {
        let number = self.number(order)?;
        Ok((number >> 1) as i32 ^ -((number & 1) as i32))
    }

    /// Nothing is left but the zeros that fill the last byte?
    pub fn finish(mut self) -> Result<(), DeltaError> {
        let left = self.bytes.len() * 8 - self.at;
        if left >= 8 || self.read(left as u32)? != 0 {
            return Err(DeltaError::LeftOver);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut BitWriter)) -> Vec<u8> {
        let (mut bits, mut out) = (BitWriter::default(), Vec::new());
        write(&mut bits);
        bits.copy_to(&mut out);
        assert_eq!(out.len(), bits.bits().div_ceil(8));
        out
    }

    #[test]
    fn the_lowest_bit_comes_first() {
        let bytes = written(|bits| {
            bits.push(1, 1);
            bits.push(0b10, 2);
            bits.push(0x1ff, 9);
        });
        assert_eq!(bytes, [0b1111_1101, 0b0000_1111]);
    }

    #[test]
    fn every_width_comes_back_at_every_place() {
        for offset in 0..64 {
            let bytes = written(|bits| {
                (0..offset).for_each(|_| bits.push(1, 1));
                (0..=32).for_each(|width| bits.push((0xdead_beef_u64 & ((1 << width) - 1)) as u32, width));
            });
            let mut reader = BitReader::new(&bytes);
            assert!((0..offset).all(|_| reader.bit() == Ok(true)));
            for width in 0..=32 {
                let expected = (0xdead_beef_u64 & ((1 << width) - 1)) as u32;
                assert_eq!(reader.read(width), Ok(expected), "{width} bits after {offset}");
            }
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn numbers_at_the_limits_of_each_length() {
        let values = (0..32).flat_map(|bit| [(1_u32 << bit) - 1, 1 << bit]).chain([u32::MAX]);
        let values: Vec<u32> = values.collect();
        for order in 0..4 {
            let bytes = written(|bits| values.iter().for_each(|value| bits.push_number(*value, order)));
            let mut reader = BitReader::new(&bytes);
            for value in &values {
                assert_eq!(reader.number(order), Ok(*value), "order {order}");
            }
            assert_eq!(reader.finish(), Ok(()));
        }
        assert_eq!(written(|bits| bits.push_number(0, 0)), [1]);
        assert_eq!(
            written(|bits| bits.push_number(4, 2)),
            [0b0000_0010],
            "010 00: zeros, the one, what is below"
        );
    }

    #[test]
    fn signed_numbers_near_zero_are_short() {
        let values = [0, -1, 1, -2, 2, i32::MIN, i32::MAX];
        let bytes = written(|bits| values.iter().for_each(|value| bits.push_signed(*value, 1)));
        let mut reader = BitReader::new(&bytes);
        assert!(values.iter().all(|value| reader.signed(1) == Ok(*value)));
        for (value, number) in [(0, 0), (-1, 1), (1, 2), (-2, 3)] {
            assert_eq!(
                written(|bits| bits.push_signed(value, 0)),
                written(|bits| bits.push_number(number, 0))
            );
        }
    }

    #[test]
    fn a_number_of_more_than_32_bits_is_refused() {
        assert_eq!(BitReader::new(&[0; 9]).number(0), Err(DeltaError::Number));
        let beyond = written(|bits| {
            bits.push(0, 32);
            bits.push(1, 1);
            bits.push(1, 32);
        });
        assert_eq!(BitReader::new(&beyond).number(0), Err(DeltaError::Number), "2^32 is one too many");
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut reader = BitReader::new(&[0xff, 0xff]);
        assert_eq!(reader.read(15), Ok(0x7fff));
        assert_eq!(reader.read(2), Err(DeltaError::Truncated));
        assert_eq!(reader.read(1), Ok(1));
        assert_eq!(reader.read(0), Ok(0));
        assert_eq!(BitReader::new(&[]).bit(), Err(DeltaError::Truncated));
    }

    #[test]
    fn only_zeros_of_the_last_byte_may_be_left() {
        assert_eq!(BitReader::new(&[]).finish(), Ok(()));
        assert_eq!(BitReader::new(&[0]).finish(), Err(DeltaError::LeftOver), "a byte too many");
        for (byte, end) in [(0b0111, Ok(())), (0b1111, Err(DeltaError::LeftOver))] {
            let bytes = [byte];
            let mut reader = BitReader::new(&bytes);
            reader.read(3).unwrap();
            assert_eq!(reader.finish(), end);
        }
    }

    #[test]
    fn what_is_appended_reads_as_if_written_in_place() {
        let (mut first, mut second) = (BitWriter::default(), BitWriter::default());
        first.push(0x5, 3);
        (0..9).for_each(|number| second.push(number, 7));
        first.append(&second);
        let (mut joined, expected) = (
            Vec::new(),
            written(|bits| {
                bits.push(0x5, 3);
                (0..9).for_each(|number| bits.push(number, 7));
            }),
        );
        first.copy_to(&mut joined);
        assert_eq!(joined, expected);
    }
}
