//! What an object shows to everybody who asks: a text that is stored with it and served without an event to it, while
//! it sleeps and before it has woken, too.

use std::sync::Arc;

use crate::object::context::{Context, WriteRefused};
use crate::object::effects::{Output, Release};

/// Bytes of what an object shows.
pub const SNAPSHOT_BYTES_MAX: usize = 64 * 1024;
/// Where it is stored; keys of a class begin with anything else.
pub const SNAPSHOT: &[u8] = b"\0snapshot";

/// What an object shows: JSON, and a tag that is another for another text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSnapshot {
    /// The text.
    pub text: Arc<str>,
    /// 24 hex digits of its hash.
    pub tag: Box<str>,
}

impl From<&str> for ObjectSnapshot {
    fn from(text: &str) -> Self {
        Self { text: text.into(), tag: tag_of(text) }
    }
}

/// The tag of a text.
pub fn tag_of(text: &str) -> Box<str> {
    blake3::hash(text.as_bytes()).to_hex()[..24].into()
}

impl Context<'_> {
    /// Shows this JSON text, once it is durable, until another is shown or the object is removed.
    pub fn show_snapshot(&mut self, text: &str) -> Result<(), WriteRefused> {
        if text.len() > SNAPSHOT_BYTES_MAX {
            return Err(WriteRefused::Snapshot { got: text.len() });
        }
        self.storage().put(SNAPSHOT, text)?;
        self.output(Release::Gated, Output::Snapshot(Some(text.into())));
        Ok(())
    }

    /// Shows nothing any more.
    pub fn hide_snapshot(&mut self) {
        self.storage().delete(SNAPSHOT);
        self.output(Release::Gated, Output::Snapshot(None));
    }
}
