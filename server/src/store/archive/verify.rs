//! Reads every row and compares what must agree.

use redb::{ReadTransaction, ReadableTable};

use super::check::CheckReport;
use crate::object::id::ObjectId;
use crate::object::storage::{AlarmRow, ReadError};
use crate::store::contents::account::{self, Account};
use crate::store::contents::chunk::assemble;
use crate::store::contents::keys::{Space, within};
use crate::store::contents::objects::name_key;
use crate::store::contents::sealed::decode_record;
use crate::store::contents::{alarms, history};
use crate::store::log::{Item, items};
use crate::store::tables::{
    BYTES_KEY, CHUNKS, DUE, ID_BYTES, LOG, META, NAMES, RECORDS, TAILS, VALUES, WAKES, tail_number,
};

pub(super) fn verify(transaction: &ReadTransaction) -> Result<CheckReport, redb::Error> {
    let mut report = CheckReport::default();
    verify_records(transaction, &mut report)?;
    verify_values(transaction, &mut report)?;
    verify_journals(transaction, &mut report)?;
    let total = transaction.open_table(META)?.get(BYTES_KEY)?.map_or(0, |bytes| bytes.value());
    if total != report.bytes {
        report.problem(format!("all objects have {} bytes, but {total} are accounted for", report.bytes));
    }
    Ok(report)
}

fn verify_records(transaction: &ReadTransaction, report: &mut CheckReport) -> Result<(), redb::Error> {
    let (names, wakes) = (transaction.open_table(NAMES)?, transaction.open_table(WAKES)?);
    let (mut named, mut waking) = (0, 0);
    for row in transaction.open_table(RECORDS)?.iter()? {
        let (id, row) = row?;
        let object = ObjectId::from_stored(*id.value());
        report.objects += 1;
        let record = match decode_record(&object, row.value()) {
            Ok(record) => record,
            Err(error) => {
                report.problem(error.to_string());
                continue;
            }
        };
        let key = name_key(&record.class, record.name.as_str());
        if names.get(key.as_slice())?.is_none_or(|id| id.value() != object.as_bytes()) {
            report.problem(format!("object {object} is not found by its name"));
        }
        if wakes.get(object.as_bytes())?.is_some() != record.wake_at_start {
            report.problem(format!("object {object} is not woken as it wants"));
        }
        named += 1;
        waking += u64::from(record.wake_at_start);
    }
    if names.iter()?.count() > named || wakes.iter()?.count() as u64 > waking {
        report.problem("there are names of objects that are not there".to_owned());
    }
    Ok(())
}

fn verify_values(transaction: &ReadTransaction, report: &mut CheckReport) -> Result<(), redb::Error> {
    let (values, chunks) = (transaction.open_table(VALUES)?, transaction.open_table(CHUNKS)?);
    let due = transaction.open_table(DUE)?;
    let (mut owner, mut found) = (None, Account::default());
    let (mut alarms_found, mut pieces) = (0, 0);
    for row in values.iter()? {
        let (key, row) = row?;
        let (key, row) = (key.value(), row.value());
        let Some((id, space)) =
            key.split_first_chunk::<ID_BYTES>().map(|(id, rest)| (*id, rest.first().copied()))
        else {
            report.problem("a row has no owner".to_owned());
            continue;
        };
        let object = ObjectId::from_stored(id);
        if owner != Some(object) {
            settle(&values, owner, std::mem::take(&mut found), report)?;
            owner = Some(object);
        }
        let checked = match space {
            Some(0) => Ok(None),
            Some(2) => alarms::decode(key, row).map(|alarm| {
                alarms_found += 1;
                Some(alarm)
            }),
            Some(1 | 3) => {
                let mut piece = |key: &[u8]| {
                    pieces += 1;
                    Ok(chunks.get(key)?.map(|piece| piece.value().to_vec()))
                };
                assemble(key, row, &mut piece).map(|value| {
                    if space == Some(Space::Value as u8) {
                        found.replace(None, Some((within(key).len() + value.len()) as u64));
                    } else if history::parse(within(key)).is_none() {
                        report.problem(format!("a row of the history of object {object} has no subject"));
                    }
                    None::<AlarmRow>
                })
            }
            _ => {
                report.problem(format!("object {object} has a row of an unknown kind"));
                continue;
            }
        };
        match checked {
            Ok(Some(alarm)) => {
                found.replace(None, Some(alarm.bytes()));
                if due.get(alarms::due_key(alarm.due_ms, &object, &alarm.name).as_slice())?.is_none() {
                    report.problem(format!("an alarm of object {object} is not found by its time"));
                }
            }
            Ok(None) => {}
            Err(error) => report.problem(error.to_string()),
        }
    }
    settle(&values, owner, found, report)?;
    if due.iter()?.count() > alarms_found {
        report.problem("there are times of alarms that are not there".to_owned());
    }
    if chunks.iter()?.count() > pieces {
        report.problem("there are pieces of values that are not there".to_owned());
    }
    Ok(())
}

/// Compares what an object has with its account.
fn settle(
    values: &impl ReadableTable<&'static [u8], &'static [u8]>,
    owner: Option<ObjectId>,
    found: Account,
    report: &mut CheckReport,
) -> Result<(), redb::Error> {
    let Some(object) = owner else { return Ok(()) };
    report.rows += found.rows;
    report.bytes += found.bytes;
    match account::read(values, &object) {
        Ok(account) if account == found => {}
        Ok(account) => report.problem(format!(
            "object {object} has {} rows of {} bytes; {} and {} are accounted for",
            found.rows, found.bytes, account.rows, account.bytes
        )),
        Err(error @ ReadError::Damaged { .. }) => report.problem(error.to_string()),
        Err(ReadError::Io(problem)) => return Err(redb::Error::Corrupted(problem)),
    }
    Ok(())
}

fn verify_journals(transaction: &ReadTransaction, report: &mut CheckReport) -> Result<(), redb::Error> {
    let mut verify = |key, row: &[u8]| {
        for item in items(key, row) {
            match item {
                Item::Entry(..) | Item::Cut(_) => {}
                Item::DamagedEntry(object) => {
                    report.problem(format!("an entry of the journal of object {object} is damaged"));
                }
                Item::DamagedRest => report.problem("a row of the journals is damaged".to_owned()),
            }
        }
    };
    for row in transaction.open_table(LOG)?.iter()? {
        let (key, row) = row?;
        verify(key.value(), row.value());
    }
    for row in transaction.open_table(TAILS)?.iter()? {
        let (key, row) = row?;
        verify(tail_number(key.value()), row.value());
    }
    Ok(())
}
