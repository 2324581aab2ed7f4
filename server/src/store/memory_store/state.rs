//! Everything the twin has, and how a batch changes it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::stored::Stored;
use crate::object::id::ObjectId;
use crate::object::storage::{Bookmark, NO_ACTIVATION, Write, WriteBatch};
use crate::store::settings::StoreSettings;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) objects: BTreeMap<ObjectId, Stored>,
    pub(super) queue: VecDeque<WriteBatch>,
    pub(super) queued_bytes: usize,
    pub(super) failing: bool,
    pub(super) closed: bool,
    /// Each batch that writes is a group.
    pub(super) group: u64,
    /// The earliest bookmark.
    pub(super) floor: u64,
    /// When the groups of the history were committed.
    pub(super) moments: VecDeque<(u64, u64)>,
}

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Refused,
    Full,
}

impl State {
    /// Makes a batch durable, or refuses it.
    pub(super) fn apply(&mut self, settings: &StoreSettings, now_ms: u64, batch: &WriteBatch) {
        let verdict = self.judge(settings, batch);
        if verdict == Verdict::Accepted && !batch.writes.is_empty() {
            self.group += 1;
            self.prune(settings, now_ms);
            self.write(settings, now_ms, batch);
        }
        match (&batch.ticket, verdict) {
            (Some(ticket), Verdict::Accepted) => ticket.set_durable(),
            (Some(ticket), Verdict::Refused) => ticket.set_failed(),
            (Some(ticket), Verdict::Full) => ticket.set_full(),
            (None, _) => {}
        }
    }

    fn judge(&self, settings: &StoreSettings, batch: &WriteBatch) -> Verdict {
        if batch.writes.is_empty() {
            return Verdict::Accepted;
        }
        let stored = self.objects.get(&batch.object).cloned().unwrap_or_default();
        let restores = batch.writes.iter().any(|write| match write {
            Write::Restore { class, bookmark } => !self.reaches(&settings.history, class, *bookmark),
            _ => false,
        });
        if batch.epoch == NO_ACTIVATION {
            let is_of_sockets =
                |write: &Write| matches!(write, Write::KeepSocket(_) | Write::ForgetSocket(_));
            let accepted = batch.writes.iter().all(is_of_sockets);
            return if accepted { Verdict::Accepted } else { Verdict::Refused };
        }
        if !stored.admits(batch) || restores {
            return Verdict::Refused;
        }
        let before = stored.contents.bytes();
        let others: u64 = self.objects.values().map(|stored| stored.contents.bytes()).sum::<u64>() - before;
        let mut after = stored;
        after.apply(batch);
        let bytes = after.contents.bytes();
        let fits = bytes <= settings.object_bytes_max && others + bytes <= settings.total_bytes_max;
        let restores = batch.writes.iter().any(|write| matches!(write, Write::Restore { .. }));
        if fits || bytes <= before || restores { Verdict::Accepted } else { Verdict::Full }
    }

    fn reaches(&self, history: &BTreeSet<String>, class: &str, bookmark: Bookmark) -> bool {
        history.contains(class) && (self.floor..=self.group).contains(&bookmark.0)
    }

    fn write(&mut self, settings: &StoreSettings, now_ms: u64, batch: &WriteBatch) {
        let stored = self.objects.entry(batch.object).or_default();
        let named = batch.writes.iter().find_map(|write| match write {
            Write::Record(record) => Some(&record.class),
            Write::Restore { class, .. } => Some(class),
            _ => None,
        });
        let class = named.or(stored.contents.record.as_ref().map(|record| &record.class));
        if class.is_some_and(|class| settings.history.contains(class)) {
            let at_ms = self.moments.back().map_or(now_ms, |(newest, _)| now_ms.max(*newest));
            self.moments.push_back((at_ms, self.group));
            stored.history.push((self.group, stored.contents.clone()));
        }
        stored.apply(batch);
    }

    fn prune(&mut self, settings: &StoreSettings, now_ms: u64) {
        let retention_ms = u64::try_from(settings.history_retention.as_millis()).unwrap_or(u64::MAX);
        let until_ms = now_ms.saturating_sub(retention_ms);
        while let Some((_, group)) = self.moments.front().filter(|(at_ms, _)| *at_ms <= until_ms) {
            self.floor = *group;
            self.moments.pop_front();
        }
        for stored in self.objects.values_mut() {
            stored.history.retain(|(group, _)| *group > self.floor);
        }
    }
}
