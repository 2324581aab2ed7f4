//! A look at a message before it is decoded: lengths that fit in what is there, and nesting that ends.
//!
//! Why: decoders make room for what a length promises, and go one step deeper for every level. A few bytes
//! must not cost a megabyte.

use rmp::Marker;

use super::version::Encoding;

/// Levels of arrays and maps in a message, the message itself included.
pub const LEVELS_MAX: usize = 30;

/// What is wrong with the shape of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// More levels than [`LEVELS_MAX`].
    #[error("nested more than {LEVELS_MAX} levels deep")]
    Deep,
    /// A length goes beyond the end of the message.
    #[error("a length goes beyond the end")]
    Short,
    /// Bytes that msgpack does not define.
    #[error("no msgpack")]
    Foreign,
}

/// Checks a message. What follows its first value is the decoder's business.
pub fn check(bytes: &[u8], encoding: Encoding) -> Result<(), ShapeError> {
    match encoding {
        Encoding::Json => json(bytes),
        Encoding::Msgpack => msgpack(bytes),
    }
}

fn json(bytes: &[u8]) -> Result<(), ShapeError> {
    let (mut level, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => level += 1,
            b']' | b'}' if !in_text => level = level.saturating_sub(1),
            _ => {}
        }
        if level > LEVELS_MAX {
            return Err(ShapeError::Deep);
        }
    }
    Ok(())
}

fn msgpack(bytes: &[u8]) -> Result<(), ShapeError> {
    let mut rest = bytes;
    // Values still to come at each level.
    let mut left = [0_u64; LEVELS_MAX + 1];
    let mut level = 0;
    left[0] = 1;
    loop {
        while left[level] == 0 {
            if level == 0 {
                return Ok(());
            }
            level -= 1;
        }
        left[level] -= 1;
        let inside = value(&mut rest)?;
        if inside == 0 {
            continue;
        }
        // Each of them is a byte at least.
        if inside > rest.len() as u64 {
            return Err(ShapeError::Short);
        }
        level += 1;
        *left.get_mut(level).ok_or(ShapeError::Deep)? = inside;
    }
}

/// Reads over one value without what is in it; answers how many values that is.
fn value(rest: &mut &[u8]) -> Result<u64, ShapeError> {
    let marker = Marker::from_u8(*take(rest, 1)?.first().ok_or(ShapeError::Short)?);
    let (skipped, inside) = match marker {
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => (0, 0),
        Marker::U8 | Marker::I8 => (1, 0),
        Marker::U16 | Marker::I16 | Marker::FixExt1 => (2, 0),
        Marker::FixExt2 => (3, 0),
        Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
        Marker::FixExt4 => (5, 0),
        Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
        Marker::FixExt8 => (9, 0),
        Marker::FixExt16 => (17, 0),
        Marker::FixStr(length) => (u64::from(length), 0),
        Marker::Str8 | Marker::Bin8 => (length(rest, 1)?, 0),
        Marker::Str16 | Marker::Bin16 => (length(rest, 2)?, 0),
        Marker::Str32 | Marker::Bin32 => (length(rest, 4)?, 0),
        Marker::Ext8 => (length(rest, 1)? + 1, 0),
        Marker::Ext16 => (length(rest, 2)? + 1, 0),
        Marker::Ext32 => (length(rest, 4)? + 1, 0),
        Marker::FixArray(items) => (0, u64::from(items)),
        Marker::Array16 => (0, length(rest, 2)?),
        Marker::Array32 => (0, length(rest, 4)?),
        Marker::FixMap(pairs) => (0, 2 * u64::from(pairs)),
        Marker::Map16 => (0, 2 * length(rest, 2)?),
        Marker::Map32 => (0, 2 * length(rest, 4)?),
        Marker::Reserved => return Err(ShapeError::Foreign),
    };
    take(rest, skipped)?;
    Ok(inside)
}

fn length(rest: &mut &[u8], bytes: u64) -> Result<u64, ShapeError> {
    Ok(take(rest, bytes)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn take<'a>(rest: &mut &'a [u8], bytes: u64) -> Result<&'a [u8], ShapeError> {
    let bytes = usize::try_from(bytes).map_err(|_| ShapeError::Short)?;
    let (taken, after) = rest.split_at_checked(bytes).ok_or(ShapeError::Short)?;
    *rest = after;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode::client_message;
    use crate::wire::message::{ClientMessage, DataMessage};
    use serde_json::json;

    #[test]
    fn levels_are_counted_in_both_encodings() {
        for levels in [1, LEVELS_MAX, LEVELS_MAX + 1] {
            let expected = if levels > LEVELS_MAX { Err(ShapeError::Deep) } else { Ok(()) };
            let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            assert_eq!(check(text.as_bytes(), Encoding::Json), expected, "{levels}");
            let mut bytes = vec![0x91; levels];
            bytes.push(0xc0);
            assert_eq!(check(&bytes, Encoding::Msgpack), expected, "{levels}");
        }
        assert_eq!(check(br#""\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[""#, Encoding::Json), Ok(()));
    }

    #[test]
    fn lengths_that_promise_too_much_are_found_before_anything_is_made() {
        for bytes in [
            &[0xdd, 0xff, 0xff, 0xff, 0xff][..],
            &[0xdf, 0xff, 0xff, 0xff, 0xff, 0],
            &[0xdb, 0xff, 0xff, 0xff, 0xff, b'x'],
            &[0xc6, 0, 0, 1, 0, 1],
            &[0x92, 0x01],
            &[0x81, 0xa1, b't'],
            &[0xc9, 0, 0, 0, 9, 1],
            &[],
        ] {
            assert_eq!(check(bytes, Encoding::Msgpack), Err(ShapeError::Short), "{bytes:x?}");
        }
        assert_eq!(check(&[0xc1], Encoding::Msgpack), Err(ShapeError::Foreign));
    }

    #[test]
    fn whatever_we_encode_has_a_shape() {
        let data =
            json!({"a": [1, -1, 300, -300, 70_000, 1.5, u64::MAX, "text", "x".repeat(300), null, true]});
        let message = ClientMessage::Message(DataMessage { data });
        for encoding in [Encoding::Json, Encoding::Msgpack] {
            assert_eq!(check(&client_message(&message, encoding), encoding), Ok(()));
        }
    }
}
