//! A document that many edit at the same time, for clients of Yjs: it speaks the protocol of y-websocket.
//!
//! Responsible for: applying edits, storing each before anybody hears of it, snapshots, versions and becoming one of
//! them again, who is there. Not responsible for: what is in a document.
//!
//! Access: `connect` and `call` want a token with a scope for the document, as whoever knows the people also knows who
//! may see it. Who edits wants more: see [`EDITOR_SCOPE`].
//!
//! From the top down: [`sockets`] and [`class`] take what happens, [`replica`] applies it once [`update`] has read and
//! [`ledger`] has judged it, [`record`] and [`versions`] store it. yrs, the library, is named in [`replica`] alone.
//! [`maps`] is for clients that know nothing of Yjs.

mod calls;
mod class;
mod fuzzed;
mod ledger;
mod maps;
mod messages;
mod presence;
mod record;
mod replica;
mod sockets;
#[cfg(test)]
mod tests;
mod update;
mod versions;
mod wire;

pub use calls::{DocumentCall, DocumentReply, Look, Wanted};
pub use class::{Document, EDITOR_SCOPE, SOCKETS_MAX};
pub(crate) use fuzzed::fuzzed;
pub use maps::{CHANGES_MAX, KEY_BYTES_MAX, MAP_BYTES_MAX, Set, VALUE_BYTES_MAX};
pub use presence::{
    GREETING_BYTES_MAX, OVER_AFTER_MS, STATE_BYTES_MAX, STATES_PER_MESSAGE_MAX, STATES_PER_SOCKET_MAX,
};
pub use record::{DOCUMENT_BYTES_MAX, QUIET_MS, ROWS_MAX, SNAPSHOT_EVERY_MS};
pub use sockets::SOCKETS_PER_USER_MAX;
pub use versions::{VERSION_EVERY_MS, VERSIONS_MAX, Version};
