//! What is stored of a document: a snapshot, the edits since, each in a row as it came, and older versions.

use serde::{Deserialize, Serialize};

use super::replica::Replica;
use super::versions;
use crate::object::context::Context;
use crate::object::contract::CallError;

/// Bytes of a document as Yjs encodes it, and of one edit: a client that was offline brings all of it in one message,
/// and the gateway takes 1 MiB of a client in a second.
pub const DOCUMENT_BYTES_MAX: usize = 768 * 1024;
/// Edits in rows of their own; with one more they become a snapshot at once.
pub const ROWS_MAX: usize = 500;
/// Edits become a snapshot once nobody has edited for so long.
pub const QUIET_MS: u64 = 2_000;
/// Edits become a snapshot after so long whoever edits.
pub const SNAPSHOT_EVERY_MS: u64 = 30_000;

/// The alarm that makes the snapshot.
pub(super) const SNAPSHOT_ALARM: &str = "snapshot";

const CLIENT: &[u8] = b"client";
const SNAPSHOT: &[u8] = b"snapshot";
const ROW: &str = "row/";

/// A document as of the edit at this time.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// In ms since 1970.
    pub(super) unix_ms: u64,
    /// Encoded by Yjs.
    pub(super) state: Vec<u8>,
}

/// A document in memory, and what is stored of it.
pub(super) struct Loaded {
    pub(super) replica: Replica,
    /// Its own edits are this client's.
    client: u64,
    is_stored: bool,
    snapshot_bytes: usize,
    /// Of the rows: the number of the next, how many, their bytes, when the first and the last came.
    next_row: u64,
    rows: usize,
    row_bytes: usize,
    first_ms: u64,
    /// The newest edit.
    pub(super) edited_ms: u64,
}

fn damaged(what: &str) -> CallError {
    CallError::SetAside(format!("{what} cannot be read"))
}

fn row_key(number: u64) -> Vec<u8> {
    format!("{ROW}{number:020}").into_bytes()
}

impl Loaded {
    /// From what is stored.
    pub(super) fn load(ctx: &mut Context<'_>) -> Result<Self, CallError> {
        let stored = ctx.storage().get_as::<u64>(CLIENT)?;
        let client = stored.map_or_else(random_client, Ok)?;
        let kept = ctx.storage().get_as::<Kept>(SNAPSHOT)?;
        let rows = ctx.storage().list_prefix(ROW)?;
        let mut loaded = Self {
            replica: Replica::new(client),
            client,
            is_stored: stored.is_some(),
            snapshot_bytes: 0,
            next_row: 0,
            rows: rows.len(),
            row_bytes: 0,
            first_ms: 0,
            edited_ms: 0,
        };
        if let Some(kept) = kept {
            (loaded.snapshot_bytes, loaded.edited_ms) = (kept.state.len(), kept.unix_ms);
            loaded.replica.apply(&kept.state).map_err(|_| damaged("the snapshot"))?;
        }
        for (key, row) in &rows {
            let kept: Kept = postcard::from_bytes(row).map_err(|_| damaged("an edit"))?;
            loaded.replica.apply(&kept.state).map_err(|_| damaged("an edit"))?;
            let number = std::str::from_utf8(&key[ROW.len()..]).ok().and_then(|number| number.parse().ok());
            loaded.next_row = number.map(|number: u64| number + 1).ok_or_else(|| damaged("an edit"))?;
            loaded.count(&kept);
        }
        Ok(loaded)
    }

    fn count(&mut self, row: &Kept) {
        if self.row_bytes == 0 {
            self.first_ms = row.unix_ms;
        }
        self.row_bytes += row.state.len();
        self.edited_ms = row.unix_ms;
    }

    /// As it is now.
    pub(super) fn as_it_is(&self) -> Kept {
        Kept { unix_ms: self.edited_ms, state: self.replica.state() }
    }

    /// Stores an edit that has been applied. An error: the document would be too large, so the replica is ahead of what
    /// is stored.
    pub(super) fn store(&mut self, ctx: &mut Context<'_>, change: Vec<u8>) -> Result<(), CallError> {
        let row = Kept { unix_ms: ctx.unix_ms(), state: change };
        if !self.is_stored {
            ctx.storage().put_as(CLIENT, &self.client)?;
            self.is_stored = true;
        }
        self.count(&row);
        let is_large = self.snapshot_bytes + self.row_bytes > DOCUMENT_BYTES_MAX;
        if is_large || self.rows >= ROWS_MAX {
            return self.snapshot(ctx);
        }
        ctx.storage().put_as(row_key(self.next_row), &row)?;
        (self.next_row, self.rows) = (self.next_row + 1, self.rows + 1);
        if ctx.alarm(SNAPSHOT_ALARM).is_none() {
            ctx.set_alarm(SNAPSHOT_ALARM, self.edited_ms + QUIET_MS)?;
        }
        Ok(())
    }

    /// The alarm: a snapshot, unless somebody edits right now.
    pub(super) fn on_alarm(&mut self, ctx: &mut Context<'_>) -> Result<(), CallError> {
        let due_ms = (self.edited_ms + QUIET_MS).min(self.first_ms + SNAPSHOT_EVERY_MS);
        match self.rows {
            0 => Ok(()),
            _ if ctx.unix_ms() < due_ms => Ok(ctx.set_alarm(SNAPSHOT_ALARM, due_ms)?),
            _ => self.snapshot(ctx),
        }
    }

    /// Writes all of it in one, and removes the rows that are in it.
    fn snapshot(&mut self, ctx: &mut Context<'_>) -> Result<(), CallError> {
        let kept = self.as_it_is();
        if kept.state.len() > DOCUMENT_BYTES_MAX {
            let reason =
                format!("a document has at most {DOCUMENT_BYTES_MAX} bytes, what was removed included");
            return Err(CallError::Conflict { code: "document_full", reason });
        }
        ctx.storage().put_as(SNAPSHOT, &kept)?;
        let first = self.next_row - self.rows as u64;
        ctx.storage().delete_keys((first..self.next_row).map(row_key));
        (self.snapshot_bytes, self.rows, self.row_bytes) = (kept.state.len(), 0, 0);
        ctx.cancel_alarm(SNAPSHOT_ALARM);
        versions::keep_now_and_then(ctx, &kept)
    }
}

/// A client nobody else is: Yjs takes 32 random bits, too.
fn random_client() -> Result<u64, CallError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|_| CallError::Overloaded)?;
    Ok(u32::from_le_bytes(bytes).into())
}
