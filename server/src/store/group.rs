//! A group of batches that is committed in one transaction: planned once, written as often as it takes.

use redb::{Database, ReadableDatabase};

use super::chunk::{Scratch, decode_record, encode_record};
use super::index::{Index, Tail};
use super::log::Rows;
use super::queue::Queued;
use super::tables::{RECORDS, Tables, begin, first_row, tail_key};
use crate::object::id::ObjectId;
use crate::object::storage::{ReadError, Write, WriteBatch};

/// A batch and what becomes of it when the group is in.
#[derive(Debug)]
struct Member {
    batch: WriteBatch,
    accepted: bool,
}

/// See the module. Reused from group to group.
#[derive(Debug, Default)]
pub(super) struct Group {
    number: u64,
    members: Vec<Member>,
    bytes: usize,
    has_writes: bool,
    rows: Rows,
    /// Objects whose tails are to be removed.
    tails: Vec<ObjectId>,
    trim_below: Option<u64>,
    /// What the objects need of the log when this is in, as far as it changed.
    needs: Vec<ObjectId>,
    scratch: Scratch,
}

impl Group {
    /// Decides what becomes of each batch and packs the journal. A barrier has nothing to refuse.
    /// Invariant: the index knows their objects.
    pub(super) fn plan(&mut self, number: u64, batches: &mut Vec<Queued>, index: &mut Index) {
        self.number = number;
        self.rows.restart(first_row(number));
        for queued in batches.drain(..) {
            let (batch, bytes) = queued.take();
            self.bytes += bytes;
            let Some(batch) = batch else { continue };
            // A batch without writes is a barrier: whoever waits behind it, it changes no epoch.
            let accepted = batch.writes.is_empty() || index.admit(&batch.object, batch.epoch);
            if accepted {
                self.plan_batch(&batch, index);
            }
            self.members.push(Member { batch, accepted });
        }
        index.add_rows(self.rows.iter().map(|(key, _)| key));
        if self.has_writes {
            self.trim_below = index.trim(first_row(number));
        }
    }

    fn plan_batch(&mut self, batch: &WriteBatch, index: &mut Index) {
        self.has_writes |= !batch.writes.is_empty();
        for write in &batch.writes {
            match write {
                Write::Append { entry } => {
                    let row = self.rows.entry(&batch.object, batch.epoch, entry);
                    if index.append(&batch.object, row) {
                        self.needs.push(batch.object);
                    }
                }
                Write::CutJournal => {
                    self.rows.cut(&batch.object, batch.epoch);
                    self.needs.push(batch.object);
                    if index.cut(&batch.object) == Tail::Maybe {
                        self.tails.push(batch.object);
                    }
                }
                Write::Record(record) => index.record(&batch.object, record.epoch),
                _ => {}
            }
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
    pub(super) fn write(&mut self, db: &Database) -> Result<(), redb::Error> {
        let transaction = begin(db)?;
        let mut tables = Tables::new(&transaction);
        self.write_values(&mut tables)?;
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

    fn write_values(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        for Member { batch, .. } in self.members.iter().filter(|member| member.accepted) {
            for write in &batch.writes {
                match write {
                    Write::Put { key, value } => self.scratch.put(tables, &batch.object, key, value)?,
                    Write::Delete { key } => self.scratch.delete(tables, &batch.object, key)?,
                    Write::Record(record) => {
                        let row = encode_record(&batch.object, record);
                        tables.records()?.insert(batch.object.as_bytes(), row.as_slice())?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The group is in: tells the tickets, in order, and hands over the objects whose needs changed. Returns
    /// how many batches and bytes it had.
    pub(super) fn settle(&mut self, mut changed: impl FnMut(ObjectId)) -> (usize, usize) {
        self.needs.drain(..).for_each(&mut changed);
        let batches = self.members.len();
        for Member { batch, accepted } in self.members.drain(..) {
            match batch.ticket {
                Some(ticket) if accepted => ticket.set_durable(),
                Some(ticket) => ticket.set_failed(),
                None => {}
            }
        }
        self.tails.clear();
        self.trim_below = None;
        self.has_writes = false;
        (batches, std::mem::take(&mut self.bytes))
    }
}

fn remove_tails(tables: &mut Tables<'_>, object: &ObjectId) -> Result<(), redb::Error> {
    let range = tail_key(object.as_bytes(), 0)..=tail_key(object.as_bytes(), u64::MAX);
    tables.tails()?.retain_in::<&[u8; 40], _>(range.start()..=range.end(), |_, _| false)?;
    Ok(())
}

/// Reads the epochs of the batches' objects that the index does not know yet.
pub(super) fn learn_objects(db: &Database, batches: &[Queued], index: &mut Index) -> Result<(), redb::Error> {
    let mut unknown =
        batches.iter().filter_map(Queued::object).filter(|object| !index.knows(object)).peekable();
    if unknown.peek().is_none() {
        return Ok(());
    }
    let unknown: Vec<ObjectId> = unknown.collect();
    let records = db.begin_read()?.open_table(RECORDS)?;
    for object in unknown {
        let Some(row) = records.get(object.as_bytes())? else {
            index.learn(object, None);
            continue;
        };
        match decode_record(&object, row.value()) {
            Ok(record) => index.learn(object, Some(record.epoch)),
            Err(ReadError::Damaged { what, problem }) => {
                tracing::error!(%object, "{what} is damaged: {problem}; its writes are refused");
                index.learn_damaged(object);
            }
            Err(ReadError::Io(problem)) => return Err(redb::Error::Corrupted(problem)),
        }
    }
    Ok(())
}
