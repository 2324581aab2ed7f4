//! An update of Yjs (its first format), read strictly before the library that applies it sees it.
//!
//! The library trusts whoever sends: it recurses as deep as values nest, counts in 32 bits, keeps what refers to
//! nothing. So every number is bounded here, and what this version of it reads otherwise than Yjs does is refused.

use super::wire::{Malformed, Reader};

/// Values inside values, in one value.
pub(super) const VALUE_DEPTH_MAX: u32 = 32;
/// Clocks of one client. Within 31 bits the library's arithmetic holds.
const CLOCK_MAX: u64 = (1 << 31) - 1;

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_KEY: u8 = 0x20;
const CONTENT: u8 = 0x1f;

/// Names one character, element or value: who made it, and as their how manieth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id {
    pub(super) client: u64,
    pub(super) clock: u32,
}

/// What something lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent<'a> {
    /// A shared type of the document, by name.
    Root(&'a str),
    /// A shared type in another one.
    Nested(Id),
}

/// Where something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot<'a> {
    /// It was removed, and nobody knows any more where it was.
    Gone,
    /// It is left out: it comes in another update.
    Skipped,
    /// Beside others, where they are.
    Beside {
        /// Behind this when it was inserted.
        left: Option<Id>,
        /// Before this when it was inserted.
        right: Option<Id>,
    },
    /// The first of a type, or of a key of it.
    In {
        /// The type.
        parent: Parent<'a>,
        /// The key, in a map.
        key: Option<&'a str>,
    },
}

/// Things that one client inserted one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// How many.
    pub(super) count: u32,
    /// Where the first of them is.
    pub(super) spot: Spot<'a>,
    /// It is a shared type itself.
    pub(super) is_type: bool,
}

/// Everything of one client, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run<'a> {
    pub(super) client: u64,
    /// Of the first piece.
    pub(super) clock: u32,
    pub(super) pieces: Vec<Piece<'a>>,
}

/// An update.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Update<'a> {
    /// Of each client, once.
    pub(super) runs: Vec<Run<'a>>,
    /// What was removed: from where, up to this clock.
    pub(super) removed: Vec<(Id, u32)>,
}

impl<'a> Update<'a> {
    /// Reads one.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let (mut runs, mut removed) = (Vec::new(), Vec::new());
        let mut clients = std::collections::HashSet::new();
        for _ in 0..reader.number()? {
            let run = run(&mut reader)?;
            if !clients.insert(run.client) {
                return Err(Malformed("a client comes twice"));
            }
            runs.push(run);
        }
        for _ in 0..reader.number()? {
            let client = reader.number()?;
            for _ in 0..reader.number()? {
                let start = clock(&mut reader)?;
                removed.push((Id { client, clock: start }, after(start, reader.number()?)?));
            }
        }
        reader.end()?;
        Ok(Self { runs, removed })
    }
}

fn clock(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    after(0, reader.number()?)
}

/// The clock so many behind another one.
fn after(clock: u32, count: u64) -> Result<u32, Malformed> {
    let clock = u64::from(clock).saturating_add(count);
    u32::try_from(clock).ok().filter(|_| clock <= CLOCK_MAX).ok_or(Malformed("a clock is too large"))
}

fn id(reader: &mut Reader<'_>) -> Result<Id, Malformed> {
    Ok(Id { client: reader.number()?, clock: clock(reader)? })
}

fn run<'a>(reader: &mut Reader<'a>) -> Result<Run<'a>, Malformed> {
    let count = reader.number()?;
    let (client, clock) = (reader.number()?, clock(reader)?);
    let (mut pieces, mut end) = (Vec::new(), clock);
    for _ in 0..count {
        let piece = piece(reader)?;
        end = after(end, piece.count.into())?;
        // Yjs made empty ones once; they are nowhere.
        if piece.count > 0 {
            pieces.push(piece);
        }
    }
    Ok(Run { client, clock, pieces })
}

fn piece<'a>(reader: &mut Reader<'a>) -> Result<Piece<'a>, Malformed> {
    let info = reader.byte()?;
    if let 0 | 10 = info {
        let (count, spot) = (clock(reader)?, if info == 0 { Spot::Gone } else { Spot::Skipped });
        let none = Malformed("a range of nothing");
        return if count > 0 { Ok(Piece { count, spot, is_type: false }) } else { Err(none) };
    }
    let left = if info & HAS_ORIGIN == 0 { None } else { Some(id(reader)?) };
    let right = if info & HAS_RIGHT_ORIGIN == 0 { None } else { Some(id(reader)?) };
    let spot = if left.is_some() || right.is_some() {
        Spot::Beside { left, right }
    } else {
        let parent = match reader.number()? {
            0 => Parent::Nested(id(reader)?),
            1 => Parent::Root(reader.text()?),
            _ => return Err(Malformed("a parent is a name or an id")),
        };
        let key = if info & HAS_KEY == 0 { None } else { Some(reader.text()?) };
        Spot::In { parent, key }
    };
    let kind = info & CONTENT;
    Ok(Piece { count: content(reader, kind)?, spot, is_type: kind == 7 })
}

/// Reads past what is inserted; answers how many that are.
fn content(reader: &mut Reader<'_>, kind: u8) -> Result<u32, Malformed> {
    match kind {
        1 => return clock(reader),
        3 => {
            reader.buffer()?;
        }
        4 => return after(0, reader.text()?.encode_utf16().count() as u64),
        5 => json(reader)?,
        6 => {
            reader.text()?;
            json(reader)?;
        }
        7 => match reader.byte()? {
            0 | 1 | 2 | 4 | 6 => {}
            3 => {
                reader.text()?;
            }
            _ => return Err(Malformed("a shared type that is not known here")),
        },
        8 => {
            let count = clock(reader)?;
            for _ in 0..count {
                value(reader, VALUE_DEPTH_MAX)?;
            }
            return Ok(count);
        }
        9 => return Err(Malformed("documents inside documents are not taken")),
        _ => return Err(Malformed("content that is not known here")),
    }
    Ok(1)
}

fn json(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let text = reader.text()?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| Malformed("expected JSON"))?;
    Ok(())
}

/// Reads past a value that has at most so many values around each other in it.
fn value(reader: &mut Reader<'_>, depth: u32) -> Result<(), Malformed> {
    let deeper = || depth.checked_sub(1).ok_or(Malformed("a value is nested too deep"));
    match reader.byte()? {
        120 | 121 | 126 | 127 => Ok(()),
        125 => signed(reader),
        124 => reader.bytes(4).map(|_| ()),
        122 | 123 => reader.bytes(8).map(|_| ()),
        119 => reader.text().map(|_| ()),
        118 => {
            for _ in 0..reader.number()? {
                reader.text()?;
                value(reader, deeper()?)?;
            }
            Ok(())
        }
        117 => {
            for _ in 0..reader.number()? {
                value(reader, deeper()?)?;
            }
            Ok(())
        }
        116 => reader.buffer().map(|_| ()),
        _ => Err(Malformed("a value of no known kind")),
    }
}

/// Reads past a number with a sign: six bits in its first byte, seven in the others.
fn signed(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    for _ in 0..8 {
        if reader.byte()? & 0x80 == 0 {
            return Ok(());
        }
    }
    Err(Malformed("a number is too long"))
}
