//! What operators see of one object.

use std::num::NonZeroUsize;

use serde_json::{Value, json};
use tickstone_shared::ids::ObjectName;

use crate::object::id::{Identity, ObjectId};
use crate::object::peer::SocketInfo;
use crate::object::storage::{AlarmRow, Bookmark, Range, ReadError, Reader, Record, Start};
use crate::runtime::ports::{ObjectQuery, RestoreError, Store};

/// Keys of an object that are shown.
const KEYS_MAX: usize = 200;
/// Values that are read at once to learn their sizes.
const VALUES_AT_ONCE: usize = 8;
/// Sockets of an object that are shown.
const SOCKETS_MAX: usize = 200;
/// Bytes of a key that are shown.
const KEY_SHOWN_BYTES: usize = 128;

/// What is stored, to be looked at. Blocks.
pub trait Stored: Send + Sync {
    /// A page of objects.
    fn page(&self, query: &ObjectQuery) -> Result<Vec<(ObjectId, Record)>, ReadError>;
    /// Shows what is stored of one.
    fn look(
        &self,
        object: ObjectId,
        see: &mut dyn FnMut(&dyn Reader) -> Result<(), ReadError>,
    ) -> Result<(), ReadError>;
    /// The moment that was the newest at this time (ms since 1970); none: now.
    fn bookmark(&self, at_unix_ms: Option<u64>) -> Result<Bookmark, RestoreError>;
}

impl<S: Store> Stored for S {
    fn page(&self, query: &ObjectQuery) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        self.objects(query)
    }

    fn look(
        &self,
        object: ObjectId,
        see: &mut dyn FnMut(&dyn Reader) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        see(&*self.reader(object)?)
    }

    fn bookmark(&self, at_unix_ms: Option<u64>) -> Result<Bookmark, RestoreError> {
        at_unix_ms.map_or_else(|| self.bookmark_now(), |at| self.bookmark_at(at))
    }
}

/// What is stored of an object, as far as it is shown.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) record: Option<Record>,
    bytes: u64,
    /// Keys and the bytes of their values.
    keys: Vec<(Vec<u8>, usize)>,
    has_more: bool,
    alarms: Vec<AlarmRow>,
}

impl Looked {
    /// Reads it.
    pub(super) fn at(stored: &dyn Stored, object: ObjectId) -> Result<Self, ReadError> {
        let mut looked = Self::default();
        stored.look(object, &mut |reader| {
            (looked.record, looked.bytes, looked.alarms) =
                (reader.record()?, reader.bytes()?, reader.alarms()?);
            looked.read_keys(reader)
        })?;
        Ok(looked)
    }

    fn read_keys(&mut self, reader: &dyn Reader) -> Result<(), ReadError> {
        let mut range = Range { limit: NonZeroUsize::new(VALUES_AT_ONCE), ..Range::default() };
        while self.keys.len() < KEYS_MAX {
            let some = reader.list(&range)?;
            let Some((last, _)) = some.last() else { return Ok(()) };
            range.start = Start::After(last.clone());
            self.keys.extend(some.into_iter().map(|(key, value)| (key, value.len())));
        }
        self.has_more = !reader.list(&Range { limit: NonZeroUsize::new(1), ..range })?.is_empty();
        Ok(())
    }

    /// As it is answered.
    pub(super) fn shown(&self, object: &Identity, state: &str, sockets: &[SocketInfo]) -> Value {
        let key = |(key, bytes): &(Vec<u8>, usize)| json!({ "key": shown_key(key), "bytes": bytes });
        let record = self.record.as_ref();
        json!({
            "class": object.class,
            "name": object.name,
            "id": object.id.to_string(),
            "region": region_of(&object.name),
            "state": state,
            "epoch": record.map(|record| record.epoch),
            "node": record.map(|record| record.node),
            "class_version": record.map(|record| record.class_version),
            "storage": {
                "bytes": self.bytes,
                "keys": self.keys.iter().map(key).collect::<Vec<_>>(),
                "more": self.has_more,
            },
            "alarms": self.alarms.iter().map(alarm).collect::<Vec<_>>(),
            "sockets": {
                "count": sockets.len(),
                "shown": sockets.iter().take(SOCKETS_MAX).map(socket).collect::<Vec<_>>(),
            },
        })
    }
}

/// A name `region:name` has its region.
pub(super) fn region_of(name: &ObjectName) -> Option<&str> {
    name.as_str().split_once(':').map(|(region, _)| region).filter(|region| !region.is_empty())
}

/// A key of printable characters as it is, another in hexadecimal behind `0x`; a long one is cut.
fn shown_key(key: &[u8]) -> String {
    let shown = &key[..key.len().min(KEY_SHOWN_BYTES)];
    let mut text = match std::str::from_utf8(shown) {
        Ok(text) if text.chars().all(|c| c.is_ascii_graphic() || c == ' ') => text.to_owned(),
        _ => shown.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    };
    if shown.len() < key.len() {
        text.push_str("...");
    }
    text
}

fn alarm(row: &AlarmRow) -> Value {
    json!({
        "name": row.name,
        "due_unix_ms": row.due_ms,
        "scheduled_unix_ms": row.scheduled_ms,
        "generation": row.generation,
        "retries": row.retries,
        "every_ms": row.every_ms,
    })
}

fn socket(info: &SocketInfo) -> Value {
    json!({
        "socket": info.socket.0,
        "tags": info.tags.iter().collect::<Vec<_>>(),
        "attachment_bytes": info.attachment.bytes().len(),
        "queued_bytes": info.queued_bytes,
        "auto_response_unix_ms": info.auto_response_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_7_a_region_is_what_stands_before_the_first_colon() {
        let region = |name: &str| region_of(&ObjectName::parse(name).unwrap()).map(str::to_owned);
        assert_eq!(region("eu:lobby:1").as_deref(), Some("eu"));
        assert_eq!(region("lobby"), None);
        assert_eq!(region(":lobby"), None);
    }

    #[test]
    fn keys_are_shown_as_text_or_in_hexadecimal() {
        assert_eq!(shown_key(b"score/ann"), "score/ann");
        assert_eq!(shown_key(&[0, 255]), "0x00ff");
        assert_eq!(shown_key(&[b'a'; 129]), format!("{}...", "a".repeat(128)));
    }
}
