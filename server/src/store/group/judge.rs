//! Decides which batches a group takes: whose activation is the newest, and what fits the quotas.

use redb::{Database, ReadableDatabase, ReadableTable};

use crate::object::id::ObjectId;
use crate::object::storage::{Bookmark, NO_ACTIVATION, ReadError, Write, WriteBatch};
use crate::store::contents::account::{Account, Before, after, counts, growth_max};
use crate::store::contents::keys::{Space, row_key};
use crate::store::contents::{alarms, chunk};
use crate::store::error::lenient;
use crate::store::index::Index;
use crate::store::standing::Standing;
use crate::store::tables::{Bytes, VALUES};
use std::collections::BTreeMap;

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is written.
    Accepted,
    /// Never: an older activation's, or nothing that can be restored.
    Refused,
    /// Never: it is over a quota.
    Full,
    /// Decided when what was accepted so far is stored.
    Later,
}

/// How many bytes there may be.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Quotas {
    pub(in crate::store) object_bytes_max: u64,
    pub(in crate::store) total_bytes_max: u64,
}

impl Quotas {
    /// May an object and all together grow to these?
    pub(in crate::store) fn allow(&self, object_bytes: u64, total_bytes: u64) -> bool {
        object_bytes <= self.object_bytes_max && total_bytes <= self.total_bytes_max
    }
}

/// Judges the batches of one group, in their order.
///
/// Far below the quotas nothing is read: what the accepted batches may grow to at most is summed up. Where
/// that is not enough, the batch is the first of its group that counts, and what it replaces is read.
pub(super) struct Judge<'a> {
    db: &'a Database,
    quotas: Quotas,
    standing: &'a Standing,
    /// What the objects have at most behind what was accepted.
    at_most: BTreeMap<ObjectId, u64>,
    total_at_most: u64,
    /// What was accepted cannot be summed up: everything else comes later.
    closed: bool,
}

impl<'a> Judge<'a> {
    pub(super) fn new(db: &'a Database, quotas: Quotas, standing: &'a Standing) -> Self {
        let total_at_most = standing.bytes;
        Self { db, quotas, standing, at_most: BTreeMap::new(), total_at_most, closed: false }
    }

    pub(super) fn judge(&mut self, batch: &WriteBatch, index: &Index) -> Result<Verdict, redb::Error> {
        if self.closed {
            return Ok(Verdict::Later);
        }
        if batch.writes.is_empty() {
            return Ok(Verdict::Accepted);
        }
        if batch.epoch == NO_ACTIVATION {
            let is_of_sockets =
                |write: &Write| matches!(write, Write::KeepSocket(_) | Write::ForgetSocket(_));
            let accepted = batch.writes.iter().all(is_of_sockets);
            return Ok(if accepted { Verdict::Accepted } else { Verdict::Refused });
        }
        if !index.admits(&batch.object, batch.node, batch.epoch) {
            return Ok(Verdict::Refused);
        }
        if !counts(&batch.writes) {
            return Ok(Verdict::Accepted);
        }
        let restored = batch.writes.iter().find_map(|write| match write {
            Write::Restore { class, bookmark } => Some((class, *bookmark)),
            _ => None,
        });
        if let Some((class, bookmark)) = restored {
            let restorable = self.reaches(class, bookmark);
            self.closed = restorable;
            return Ok(if restorable { Verdict::Accepted } else { Verdict::Refused });
        }
        self.judge_growth(batch, index.account(&batch.object))
    }

    /// Does the history of a class reach back to this moment?
    fn reaches(&self, class: &str, bookmark: Bookmark) -> bool {
        let earliest = self.standing.history_since(class).map(|since| since.max(self.standing.floor));
        earliest.is_some_and(|earliest| (earliest..=self.standing.group).contains(&bookmark.0))
    }

    fn judge_growth(&mut self, batch: &WriteBatch, account: Account) -> Result<Verdict, redb::Error> {
        let growth = growth_max(&batch.writes);
        let at_most = self.at_most.get(&batch.object).copied().unwrap_or(account.bytes) + growth;
        let total = self.total_at_most + growth;
        if growth > 0 && !self.quotas.allow(at_most, total) {
            if !self.at_most.is_empty() {
                return Ok(Verdict::Later);
            }
            let exact = self.exact(batch, account)?;
            let total = (self.standing.bytes + exact.bytes).saturating_sub(account.bytes);
            if exact.bytes > account.bytes && !self.quotas.allow(exact.bytes, total) {
                return Ok(Verdict::Full);
            }
        }
        self.at_most.insert(batch.object, at_most);
        self.total_at_most = total;
        Ok(Verdict::Accepted)
    }

    /// What the object has behind this batch. What is damaged counts as nothing.
    fn exact(&self, batch: &WriteBatch, account: Account) -> Result<Account, redb::Error> {
        let values = self.db.begin_read()?.open_table(VALUES)?;
        let stored = |space, key: &[u8]| match space {
            Space::Alarm => {
                let alarm = lenient(alarms::stored(&values, &batch.object, key))?.flatten();
                Ok(alarm.map(|alarm| Before { bytes: alarm.bytes(), generation: alarm.generation }))
            }
            _ => lenient(value_before(&values, &batch.object, key)).map(Option::flatten),
        };
        after(account, &batch.writes, stored)
    }
}

fn value_before(
    values: &impl ReadableTable<Bytes, Bytes>,
    object: &ObjectId,
    key: &[u8],
) -> Result<Option<Before>, ReadError> {
    let row = values.get(row_key(object, Space::Value, key).as_slice())?;
    let bytes = |row: &[u8]| key.len() as u64 + chunk::value_bytes(row).unwrap_or(0);
    Ok(row.map(|row| Before { bytes: bytes(row.value()), generation: 0 }))
}
