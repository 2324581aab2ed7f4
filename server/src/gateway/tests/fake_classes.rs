//! Classes of objects, what is stored of them, and what they answer.

use std::sync::Arc;

use serde_json::Value;
use tickstone_shared::ids::{Epoch, ObjectName};

use crate::access::scope::{Access, ClassAccess};
use crate::gateway::{ClassEntry, Stored};
use crate::object::id::{Identity, ObjectId};
use crate::object::peer::{AutoResponse, Framing, SocketRules};
use crate::object::request::{ObjectRequest, ObjectResponse};
use crate::object::resume::KeptSocket;
use crate::object::storage::{AlarmRow, Bookmark, Range, ReadError, Reader, Record};
use crate::runtime::ports::{ObjectQuery, RestoreError};

/// `chat` is public and raw, with a pair that is answered; `room` speaks our protocol and wants a token; `small` has
/// two sockets and short messages; `vault` is for operators.
pub(super) fn classes() -> Vec<ClassEntry> {
    let entry = |name, access, sockets| ClassEntry {
        name,
        version: 1,
        access: ClassAccess::all(access),
        sockets: Arc::new(sockets),
        listed: access == Access::Public,
        parts: None,
    };
    let auto_response = AutoResponse::new("ping", "pong").ok();
    vec![
        entry("match", Access::Admin, SocketRules::default()),
        entry("chat", Access::Public, SocketRules { auto_response, ..SocketRules::default() }),
        entry("room", Access::Token, SocketRules { framing: Framing::Framed, ..SocketRules::default() }),
        entry(
            "small",
            Access::Public,
            SocketRules { message_bytes_max: 100, sockets_max: 2, ..SocketRules::default() },
        ),
        entry("vault", Access::Admin, SocketRules::default()),
    ]
}

/// What an object answers to an HTTP request: what it was asked.
pub(super) fn answered(asked: &Value) -> Value {
    let request: ObjectRequest = serde_json::from_value(asked.clone()).unwrap();
    let body = format!("{} {} {} ", request.method, request.path, request.query).into_bytes();
    let mine = request.headers.iter().any(|(name, value)| name == "x-mine" && value == "yes");
    let headers =
        vec![("content-type".to_owned(), "text/plain".to_owned()), ("x-mine".to_owned(), mine.to_string())];
    let response = ObjectResponse { status: 207, headers, body: [body, request.body].concat() };
    serde_json::to_value(response).unwrap()
}

/// Five objects: `chat/a` to `chat/e`.
pub(super) struct FakeStored;

impl Stored for FakeStored {
    fn page(&self, query: &ObjectQuery) -> Result<Vec<(ObjectId, Record)>, ReadError> {
        let after = query.after.as_ref().map_or("", |(_, name)| name.as_str());
        let records = ["a", "b", "c", "d", "e"].into_iter().filter(|name| *name > after);
        let of_class = records.filter(|_| query.class.as_deref().is_none_or(|class| class == "chat"));
        let fitting = of_class.filter(|name| name.starts_with(&query.prefix));
        Ok(fitting.take(query.limit).map(record).collect())
    }

    fn look(
        &self,
        object: ObjectId,
        see: &mut dyn FnMut(&dyn Reader) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        see(&FakeReader(object))
    }

    fn bookmark(&self, at_unix_ms: Option<u64>) -> Result<Bookmark, RestoreError> {
        Ok(Bookmark(at_unix_ms.unwrap_or(0x2a)))
    }
}

fn record(name: &str) -> (ObjectId, Record) {
    let name = ObjectName::parse(name).unwrap();
    let identity = Identity::named("chat", name.clone());
    let record = Record {
        class: "chat".to_owned(),
        name,
        epoch: Epoch(3),
        node: 0,
        class_version: 1,
        wake_at_start: false,
    };
    (identity.id, record)
}

struct FakeReader(ObjectId);

impl Reader for FakeReader {
    fn record(&self) -> Result<Option<Record>, ReadError> {
        let (id, record) = record("a");
        Ok((id == self.0).then_some(record))
    }
    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(None)
    }
    fn keys(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
        Ok(Vec::new())
    }
    fn list(&self, range: &Range) -> Result<Vec<(Vec<u8>, Vec<u8>)>, ReadError> {
        let (from, _) = range.bounds().unwrap();
        let all = (0..300).map(|n| (format!("key-{n:03}").into_bytes(), vec![7; n]));
        Ok(all.filter(|(key, _)| *key >= from).take(range.limit()).collect())
    }
    fn alarms(&self) -> Result<Vec<AlarmRow>, ReadError> {
        let row = AlarmRow {
            name: "turn".to_owned(),
            due_ms: 77,
            scheduled_ms: 77,
            generation: 2,
            retries: 0,
            store_retries: 0,
            every_ms: None,
        };
        Ok(vec![row])
    }
    fn bytes(&self) -> Result<u64, ReadError> {
        Ok(4711)
    }
    fn sockets(&self) -> Result<Vec<KeptSocket>, ReadError> {
        Ok(Vec::new())
    }
    fn bookmark_now(&self) -> Result<Bookmark, ReadError> {
        Ok(Bookmark(0x2a))
    }
    fn bookmark_at(&self, unix_ms: u64) -> Result<Bookmark, ReadError> {
        Ok(Bookmark(unix_ms))
    }
    fn epoch(&self) -> Result<Epoch, ReadError> {
        Ok(Epoch(3))
    }
    fn journal(&self) -> Result<Vec<Vec<u8>>, ReadError> {
        Ok(Vec::new())
    }
}
