//! What `--record` writes.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::{Mutex, PoisonError};

use tickstone_shared::client::view::StateHeader;
use tickstone_shared::ids::StateHash;

use crate::board::MatchSeen;

/// The file of `--record`: one JSON line a bot and hash, and one a match at the end.
#[derive(Debug)]
pub(crate) struct Recorder(Mutex<BufWriter<File>>);

impl Recorder {
    pub(crate) fn new(file: File) -> Self {
        Self(Mutex::new(BufWriter::new(file)))
    }

    pub(crate) fn hash(&self, match_id: &str, bot: &str, header: &StateHeader, hash: StateHash) {
        self.line(&serde_json::json!({
            "match_id": match_id, "bot": bot, "epoch": header.epoch, "tick": header.tick, "hash": hash,
        }));
    }

    pub(crate) fn highest(&self, seen: &MatchSeen) {
        self.line(&serde_json::json!({ "match_id": seen.match_id, "highest_tick": seen.highest_tick }));
        // A record that cannot be written is a short file; the run itself goes on.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).flush();
    }

    fn line(&self, value: &serde_json::Value) {
        let _ = writeln!(self.0.lock().unwrap_or_else(PoisonError::into_inner), "{value}");
    }
}
