//! What the commit thread knows of the objects in memory: their newest epochs, how much they have, and what they
//! need of the log.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::contents::account::Account;
use crate::object::id::ObjectId;
use crate::object::storage::Record;
use tickstone_shared::ids::Epoch;

/// Objects whose state is kept though it could be read again.
const OBJECTS_KEPT: usize = 65_536;
/// Rows are removed from the log when this many can be: each removal costs pages of the tree.
const TRIM_ROWS_MIN: usize = 32;

/// Of one object.
#[derive(Debug, Clone)]
struct Known {
    epoch: Epoch,
    /// The node of that epoch.
    node: u32,
    /// None: it has no record.
    class: Option<Arc<str>>,
    /// None: not read yet.
    account: Option<Account>,
    /// Everything of it was removed: only its epoch is known.
    gone: bool,
    /// A record with this epoch is stored, so this may be forgotten.
    stored: bool,
    /// Its record is damaged: nothing of it is overwritten.
    damaged: bool,
    /// There may be rows of it in `tails`.
    tail: bool,
    /// The first and the last log row that it needs.
    rows: Option<(u64, u64)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Index {
    objects: HashMap<ObjectId, Known>,
    /// The first row that each object needs.
    needs: BTreeSet<(u64, ObjectId)>,
    /// The keys of all rows of the log.
    rows: VecDeque<u64>,
    kept_max: usize,
}

/// What a cut has to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// Perhaps rows in `tails`.
    Maybe,
    /// Nothing.
    None,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { kept_max: OBJECTS_KEPT, ..Self::default() }
    }

    pub(super) fn knows(&self, object: &ObjectId) -> bool {
        self.objects.contains_key(object)
    }

    /// Is the object's account known, or of no use?
    pub(super) fn knows_account(&self, object: &ObjectId) -> bool {
        self.objects.get(object).is_some_and(|known| known.account.is_some() || known.damaged)
    }

    /// Learns what is stored of an object.
    pub(super) fn learn(&mut self, object: ObjectId, record: Option<&Record>) {
        let known = Known {
            epoch: record.map_or(Epoch::default(), |record| record.epoch),
            node: record.map_or(0, |record| record.node),
            class: record.map(|record| record.class.as_str().into()),
            account: None,
            gone: false,
            stored: true,
            damaged: false,
            tail: true,
            rows: None,
        };
        self.objects.entry(object).or_insert(known);
    }

    /// Learns how much an object has.
    pub(super) fn learn_account(&mut self, object: &ObjectId, account: Account) {
        if let Some(known) = self.objects.get_mut(object) {
            known.account = Some(account);
        }
    }

    pub(super) fn account(&self, object: &ObjectId) -> Account {
        self.objects.get(object).and_then(|known| known.account).unwrap_or_default()
    }

    pub(super) fn class(&self, object: &ObjectId) -> Option<&str> {
        self.objects.get(object)?.class.as_deref()
    }

    /// The object's record or account is damaged: its batches are refused.
    pub(super) fn learn_damaged(&mut self, object: ObjectId) {
        self.learn(object, None);
        if let Some(known) = self.objects.get_mut(&object) {
            known.damaged = true;
        }
    }

    /// May this activation write? Not if it is older than the newest, or another node's.
    pub(super) fn admits(&self, object: &ObjectId, node: u32, epoch: Epoch) -> bool {
        let newer = |known: &Known| epoch > known.epoch || epoch == known.epoch && node == known.node;
        let fresh = |known: &Known| known.epoch == Epoch::default();
        self.objects.get(object).is_some_and(|known| !known.damaged && (newer(known) || fresh(known)))
    }

    /// Takes note of the epoch of a batch that is admitted.
    pub(super) fn admit(&mut self, object: &ObjectId, node: u32, epoch: Epoch) {
        let Some(known) = self.objects.get_mut(object) else { return };
        if epoch > known.epoch || known.epoch == Epoch::default() {
            (known.epoch, known.node) = (epoch, node);
            known.stored = false;
        }
    }

    /// Takes note of a record that is being stored.
    pub(super) fn record(&mut self, object: &ObjectId, record: &Record) {
        let Some(known) = self.objects.get_mut(object) else { return };
        known.stored = record.epoch >= known.epoch;
        if record.epoch > known.epoch {
            (known.epoch, known.node) = (record.epoch, record.node);
        }
        known.gone = false;
        if known.class.as_deref() != Some(record.class.as_str()) {
            known.class = Some(record.class.as_str().into());
        }
    }

    /// Takes note that the object is taken back to an earlier moment, its record too.
    pub(super) fn restore(&mut self, object: &ObjectId, class: &str) {
        if let Some(known) = self.objects.get_mut(object) {
            known.gone = false;
            known.class = Some(class.into());
        }
    }

    /// Takes note that everything of the object is removed. Its epoch is kept: what an older activation sends
    /// now is still refused.
    pub(super) fn delete(&mut self, object: &ObjectId) {
        if let Some(known) = self.objects.get_mut(object) {
            known.stored = false;
            known.gone = true;
        }
    }

    /// The epoch of an object of which everything was removed.
    pub(super) fn gone(&self, object: &ObjectId) -> Option<Epoch> {
        self.objects.get(object).filter(|known| known.gone).map(|known| known.epoch)
    }

    /// Takes note of a journal entry in this row. The first that the object needs?
    pub(super) fn append(&mut self, object: &ObjectId, row: u64) -> bool {
        let Some(known) = self.objects.get_mut(object) else { return false };
        let first = known.rows.is_none();
        if first {
            self.needs.insert((row, *object));
        }
        known.rows = Some((known.rows.map_or(row, |(first, _)| first), row));
        first
    }

    /// Takes note of a cut.
    pub(super) fn cut(&mut self, object: &ObjectId) -> Tail {
        let Some(known) = self.objects.get_mut(object) else { return Tail::None };
        if let Some((first, _)) = known.rows.take() {
            self.needs.remove(&(first, *object));
        }
        if std::mem::take(&mut known.tail) { Tail::Maybe } else { Tail::None }
    }

    /// The first row that the object needs of the log.
    pub(super) fn first_row(&self, object: &ObjectId) -> Option<u64> {
        self.objects.get(object)?.rows.map(|(first, _)| first)
    }

    /// Takes note of rows in the log.
    pub(super) fn add_rows(&mut self, keys: impl Iterator<Item = u64>) {
        self.rows.extend(keys);
    }

    /// Forgets the rows that nobody needs, of those before `group_row`: they are to be removed below the key
    /// that is returned, if they are many enough to be worth it.
    pub(super) fn trim(&mut self, group_row: u64) -> Option<u64> {
        let needed = self.needs.first().map_or(group_row, |(row, _)| (*row).min(group_row));
        let count = self.rows.partition_point(|row| *row < needed);
        (count >= TRIM_ROWS_MIN).then(|| {
            self.rows.drain(..count);
            needed
        })
    }

    /// How many rows the log has.
    #[cfg(test)]
    pub(super) fn log_rows(&self) -> usize {
        self.rows.len()
    }

    /// The last of the oldest `count` rows, if the log has more than `max`.
    pub(super) fn overlong(&self, max: usize, count: usize) -> Option<u64> {
        let last = count.min(self.rows.len()).checked_sub(1)?;
        (self.rows.len() > max).then(|| self.rows[last])
    }

    /// The rows up to `row` have moved to `tails`. Returns the objects that needed one.
    pub(super) fn moved(&mut self, row: u64) -> Vec<ObjectId> {
        let count = self.rows.partition_point(|key| *key <= row);
        self.rows.drain(..count);
        let later = self.needs.split_off(&(row + 1, ObjectId::from_stored([0; 32])));
        let touched = std::mem::replace(&mut self.needs, later);
        let mut changes = Vec::with_capacity(touched.len());
        for (_, object) in touched {
            let Some(known) = self.objects.get_mut(&object) else { continue };
            known.tail = true;
            known.rows = known.rows.filter(|(_, last)| *last > row).map(|(_, last)| (row + 1, last));
            if known.rows.is_some() {
                self.needs.insert((row + 1, object));
            }
            changes.push(object);
        }
        changes
    }

    /// Forgets what can be read again, if there is much, and the epochs of what is gone.
    pub(super) fn forget_idle(&mut self, mut forgotten: impl FnMut(&ObjectId)) {
        if self.objects.len() > self.kept_max {
            self.objects.retain(|object, known| {
                let keep = known.rows.is_some() || !known.stored && !known.gone;
                if known.gone && !keep {
                    forgotten(object);
                }
                keep
            });
            self.kept_max = OBJECTS_KEPT.max(2 * self.objects.len());
        }
    }
}
