//! Bytes as Yjs writes them: numbers of seven bits a byte, everything else behind its length.

/// The largest number that JavaScript counts to, and so the largest that is ever written.
pub(super) const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Bytes that are not what they should be; says what was expected, and repeats nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// Reads bytes from their beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// From the first byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// One byte.
    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (byte, rest) = self.0.split_first().ok_or(Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(*byte)
    }

    /// A number.
    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number).filter(|n| *n <= NUMBER_MAX).ok_or(Malformed("a number is too large"));
            }
        }
        Err(Malformed("a number is too long"))
    }

    /// So many bytes.
    pub(super) fn bytes(&mut self, count: u64) -> Result<&'a [u8], Malformed> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Bytes behind their length.
    pub(super) fn buffer(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.number()?;
        self.bytes(count)
    }

    /// A text behind its length.
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.buffer()?).map_err(|_| Malformed("a text is no UTF-8"))
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("something comes after its end")) }
    }
}

/// Writes a number.
pub(super) fn put_number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Writes bytes behind their length.
pub(super) fn put_buffer(to: &mut Vec<u8>, bytes: &[u8]) {
    put_number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written_and_never_above_what_javascript_counts_to() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), NUMBER_MAX] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            let mut reader = Reader::new(&bytes);
            assert_eq!((reader.number(), reader.end()), (Ok(number), Ok(())));
        }
        let mut beyond = Vec::new();
        put_number(&mut beyond, NUMBER_MAX + 1);
        assert_eq!(Reader::new(&beyond).number(), Err(Malformed("a number is too large")));
        assert_eq!(Reader::new(&[0x80; 9]).number(), Err(Malformed("a number is too long")));
        assert!(Reader::new(&[0x80]).number().is_err() && Reader::new(&[]).number().is_err());
    }

    #[test]
    fn what_is_behind_a_length_is_there_or_refused() {
        let mut bytes = Vec::new();
        put_buffer(&mut bytes, b"abc");
        assert_eq!(Reader::new(&bytes).text(), Ok("abc"));
        assert_eq!(Reader::new(&bytes[..3]).buffer(), Err(Malformed("it ends too early")));
        assert_eq!(Reader::new(&[1, 0xff]).text(), Err(Malformed("a text is no UTF-8")));
        assert!(Reader::new(&bytes).end().is_err());
    }
}
