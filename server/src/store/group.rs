//! A group of batches that is committed in one transaction: planned once, written as often as it takes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use redb::{Database, ReadableDatabase};

use super::contents::account::{self, Account};
use super::contents::chunk::Scratch;
use super::contents::history;
use super::contents::sealed::decode_record;
use super::contents::writer::{History, Writer};
use super::error::lenient;
use super::index::{Index, Tail};
use super::log::Rows;
use super::queue::Queued;
use super::recovery::remove_tails;
use super::standing::Standing;
use super::tables::{BYTES_KEY, RECORDS, Tables, VALUES, begin, first_row};
use crate::object::id::ObjectId;
use crate::object::storage::{NO_ACTIVATION, Write, WriteBatch};

pub(super) use judge::Quotas;
use judge::{Judge, Verdict};
mod judge;

/// A batch and what becomes of it when the group is in.
#[derive(Debug)]
struct Member {
    batch: WriteBatch,
    verdict: Verdict,
    history: History,
}

/// See the module. Reused from group to group.
#[derive(Debug, Default)]
pub(super) struct Group {
    number: u64,
    now_ms: u64,
    members: Vec<Member>,
    bytes: usize,
    has_writes: bool,
    rows: Rows,
    /// Objects whose tails are to be removed.
    tails: Vec<ObjectId>,
    trim_below: Option<u64>,
    /// What the objects need of the log when this is in, as far as it changed.
    needs: Vec<ObjectId>,
    /// What the objects whose values or alarms change have before the group.
    accounts: BTreeMap<ObjectId, Account>,
    /// Their classes.
    classes: BTreeMap<ObjectId, Box<str>>,
    /// What they have behind it, as the last attempt to write it found out.
    accounts_after: BTreeMap<ObjectId, Account>,
    /// The file as a whole behind it, likewise.
    after: Standing,
    scratch: Scratch,
}

/// What does not change from group to group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) quotas: Quotas,
    pub(super) retention_ms: u64,
}

impl Group {
    /// Decides what becomes of the first batches and packs the journal. Those that are left belong to a later
    /// group: what is over a quota or not is decided by what is stored. Invariant: the index knows their objects.
    pub(super) fn plan(
        &mut self,
        db: &Database,
        terms: &Terms,
        standing: &Standing,
        now_ms: u64,
        batches: &mut VecDeque<Queued>,
        index: &mut Index,
    ) -> Result<(), redb::Error> {
        self.number = standing.group + 1;
        self.now_ms = now_ms;
        self.rows.restart(first_row(self.number));
        let mut judge = Judge::new(db, terms.quotas, standing);
        while let Some(batch) = batches.front().and_then(Queued::batch) {
            let verdict = match judge.judge(batch, index) {
                Ok(Verdict::Later) => break,
                // What is planned is planned; the error comes again with the next group.
                Err(_) if !self.members.is_empty() => break,
                verdict => verdict?,
            };
            let history = history_of(batch, standing, index);
            let Some((Some(batch), bytes)) = batches.pop_front().map(Queued::take) else { break };
            self.bytes += bytes;
            if verdict == Verdict::Accepted {
                self.plan_batch(&batch, index);
            }
            self.members.push(Member { batch, verdict, history });
        }
        index.add_rows(self.rows.iter().map(|(key, _)| key));
        if self.has_writes {
            self.trim_below = index.trim(first_row(self.number));
        }
        Ok(())
    }

    fn plan_batch(&mut self, batch: &WriteBatch, index: &mut Index) {
        if batch.writes.is_empty() {
            // A barrier: it changes no epoch.
            return;
        }
        self.has_writes = true;
        if batch.epoch == NO_ACTIVATION {
            return;
        }
        index.admit(&batch.object, batch.node, batch.epoch);
        if account::counts(&batch.writes) {
            self.accounts.entry(batch.object).or_insert_with(|| index.account(&batch.object));
        }
        for write in &batch.writes {
            match write {
                Write::Append { entry } => {
                    let row = self.rows.entry(&batch.object, batch.epoch, entry);
                    if index.append(&batch.object, row) {
                        self.needs.push(batch.object);
                    }
                }
                Write::CutJournal => self.cut(batch, index),
                Write::DeleteAll => {
                    self.cut(batch, index);
                    index.delete(&batch.object);
                }
                Write::Record(record) => index.record(&batch.object, record),
                Write::Restore { class, .. } => index.restore(&batch.object, class),
                _ => {}
            }
        }
        if let (true, Some(class)) = (account::counts(&batch.writes), index.class(&batch.object)) {
            self.classes.insert(batch.object, class.into());
        }
    }

    fn cut(&mut self, batch: &WriteBatch, index: &mut Index) {
        self.rows.cut(&batch.object, batch.epoch);
        self.needs.push(batch.object);
        if index.cut(&batch.object) == Tail::Maybe {
            self.tails.push(batch.object);
        }
    }

    /// Its number: one more than the last group's.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Is there anything to be written?
    pub(super) fn has_writes(&self) -> bool {
        self.has_writes
    }

    /// Writes everything in one transaction. Ok: it is durable.
    pub(super) fn write(
        &mut self,
        db: &Database,
        standing: &Standing,
        terms: &Terms,
    ) -> Result<(), redb::Error> {
        self.after = Standing { group: self.number, ..standing.clone() };
        let transaction = begin(db)?;
        let mut tables = Tables::new(&transaction);
        let kept = self.write_contents(&mut tables)?;
        self.write_standing(&mut tables, &kept, terms)?;
        for object in &self.tails {
            remove_tails(&mut tables, object)?;
        }
        if let Some(below) = self.trim_below {
            tables.log()?.retain_in(..below, |_, _| false)?;
        }
        for (key, row) in self.rows.iter() {
            tables.log()?.insert(key, row)?;
        }
        if self.rows.is_empty() {
            tables.set_group(self.number)?;
        }
        drop(tables);
        Ok(transaction.commit()?)
    }

    /// The file shows the group, but the sync after it failed: what is seen may be in the system's cache
    /// alone. Another commit writes the header anew. Ok: the group is durable.
    pub(super) fn confirm(&self, db: &Database) -> Result<(), redb::Error> {
        let transaction = begin(db)?;
        Tables::new(&transaction).set_group(self.number)?;
        Ok(transaction.commit()?)
    }

    /// Values, alarms and records, and the accounts they change. Returns whose earlier rows were kept.
    fn write_contents(&mut self, tables: &mut Tables<'_>) -> Result<BTreeSet<ObjectId>, redb::Error> {
        let mut writer = Writer::new(tables, &mut self.scratch, self.number, self.accounts.clone());
        for member in self.members.iter().filter(|member| member.verdict == Verdict::Accepted) {
            for write in &member.batch.writes {
                writer.write(&member.batch, member.history, write)?;
            }
        }
        let (after, kept) = writer.finish();
        for (object, account) in &after {
            if self.accounts.get(object) != Some(account) {
                account::write(tables, object, *account)?;
            }
        }
        self.accounts_after = after;
        Ok(kept)
    }

    /// What changes of the file as a whole.
    fn write_standing(
        &mut self,
        tables: &mut Tables<'_>,
        kept: &BTreeSet<ObjectId>,
        terms: &Terms,
    ) -> Result<(), redb::Error> {
        let before: u64 = self.accounts.values().map(|account| account.bytes).sum();
        let after: u64 = self.accounts_after.values().map(|account| account.bytes).sum();
        if before != after {
            self.after.bytes = (self.after.bytes + after).saturating_sub(before);
            tables.meta()?.insert(BYTES_KEY, self.after.bytes)?;
        }
        self.write_class_bytes(tables)?;
        for member in self.members.iter().filter(|member| member.verdict == Verdict::Accepted) {
            self.after.note_classes(tables, &member.batch.writes)?;
        }
        let until_ms = self.now_ms.saturating_sub(terms.retention_ms);
        if self.after.oldest_ms.is_some_and(|oldest| oldest <= until_ms) {
            let floor = history::prune(tables, &mut self.scratch, until_ms)?;
            self.after.floor = floor.unwrap_or(self.after.floor);
            self.after.oldest_ms = history::oldest_ms(tables)?;
        }
        if !kept.is_empty() {
            // The wall clock may go back; moments do not.
            let at_ms = self.now_ms.max(self.after.newest_ms);
            history::note(tables, at_ms, self.number, kept)?;
            self.after.newest_ms = at_ms;
            self.after.oldest_ms.get_or_insert(at_ms);
        }
        Ok(())
    }

    /// What each class has behind the group.
    fn write_class_bytes(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        for (object, after) in &self.accounts_after {
            let before = self.accounts.get(object).map_or(0, |account| account.bytes);
            let Some(class) = self.classes.get(object).filter(|_| before != after.bytes) else { continue };
            let bytes = (self.after.bytes_of(class) + after.bytes).saturating_sub(before);
            self.after.set_class_bytes(tables, class, bytes)?;
        }
        Ok(())
    }

    /// The group is in: tells the tickets, in order, and hands over the objects whose needs changed. Returns
    /// how many batches and bytes it had.
    pub(super) fn settle(
        &mut self,
        standing: &mut Standing,
        index: &mut Index,
        mut changed: impl FnMut(&Index, ObjectId),
    ) -> (usize, usize) {
        if self.has_writes {
            std::mem::swap(standing, &mut self.after);
        }
        for (object, account) in &self.accounts_after {
            index.learn_account(object, *account);
        }
        self.needs.drain(..).for_each(|object| changed(index, object));
        let batches = self.members.len();
        for Member { batch, verdict, .. } in self.members.drain(..) {
            match (batch.ticket, verdict) {
                (Some(ticket), Verdict::Accepted) => ticket.set_durable(),
                (Some(ticket), Verdict::Full) => ticket.set_full(),
                (Some(ticket), Verdict::Refused | Verdict::Later) => ticket.set_failed(),
                (None, _) => {}
            }
        }
        self.tails.clear();
        self.accounts.clear();
        self.classes.clear();
        self.accounts_after.clear();
        self.trim_below = None;
        self.has_writes = false;
        (batches, std::mem::take(&mut self.bytes))
    }
}

/// Does the class of a batch's object keep a history?
fn history_of(batch: &WriteBatch, standing: &Standing, index: &Index) -> History {
    let named = batch.writes.iter().find_map(|write| match write {
        Write::Record(record) => Some(record.class.as_str()),
        Write::Restore { class, .. } => Some(class.as_str()),
        _ => None,
    });
    let class = named.or_else(|| index.class(&batch.object));
    let since = class.and_then(|class| standing.history_since(class));
    if since.is_some() { History::Kept } else { History::None }
}

/// Reads what the index does not know yet of the batches' objects: their records, and the accounts of those
/// whose values or alarms change.
pub(super) fn learn_objects(
    db: &Database,
    batches: &VecDeque<Queued>,
    index: &mut Index,
) -> Result<(), redb::Error> {
    let batches = || batches.iter().filter_map(Queued::batch);
    let unknown = batches().map(|batch| batch.object).filter(|object| !index.knows(object));
    let unknown: BTreeSet<ObjectId> = unknown.collect();
    let counted = batches().filter(|batch| account::counts(&batch.writes)).map(|batch| batch.object);
    let uncounted: BTreeSet<ObjectId> = counted.filter(|object| !index.knows_account(object)).collect();
    if unknown.is_empty() && uncounted.is_empty() {
        return Ok(());
    }
    let transaction = db.begin_read()?;
    let records = transaction.open_table(RECORDS)?;
    for object in unknown {
        let Some(row) = records.get(object.as_bytes())? else {
            index.learn(object, None);
            continue;
        };
        match lenient(decode_record(&object, row.value()))? {
            Some(record) => index.learn(object, Some(&record)),
            None => index.learn_damaged(object),
        }
    }
    let values = transaction.open_table(VALUES)?;
    for object in uncounted {
        match lenient(account::read(&values, &object))? {
            Some(account) => index.learn_account(&object, account),
            None => index.learn_damaged(object),
        }
    }
    Ok(())
}
