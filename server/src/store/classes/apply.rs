//! Applies migrations, a page of objects in a transaction. A start that is interrupted is gone on with by the
//! next.

use std::collections::{BTreeMap, BTreeSet};

use redb::{Database, ReadableDatabase};

use super::check::{class_end, due, examine};
use super::plan::{ClassMigration, ClassPlan};
use super::rows::{MigrationRow, encode_migration, migration_rows, set_class_row};
use crate::object::id::ObjectId;
use crate::object::storage::{ReadError, Record};
use crate::store::contents::account::{self, Account};
use crate::store::contents::chunk::Scratch;
use crate::store::contents::history;
use crate::store::contents::objects::name_key;
use crate::store::contents::sealed::decode_record;
use crate::store::contents::transfer::transfer;
use crate::store::contents::writer::{History, Writer};
use crate::store::error::{StoreError, guarded};
use crate::store::recovery::remove_tails;
use crate::store::standing::Standing;
use crate::store::tables::{BYTES_KEY, MIGRATIONS, NAMES, RECORDS, Tables, begin};

/// Objects that are changed in one transaction.
const PAGE: usize = 64;

/// An object of a class, the key of its name, and its record; without one, if it cannot be read.
type Named = (ObjectId, Vec<u8>, Option<Record>);

/// Checks what is stored against the plan, and applies the migrations that are due. The log is empty.
pub(in crate::store) fn apply(
    db: &Database,
    place: &str,
    plan: &ClassPlan,
    standing: &mut Standing,
    now_ms: u64,
) -> Result<(), StoreError> {
    let broken = |error: redb::Error| StoreError::from_redb("migrate", place, &error);
    let read = || Ok(examine(&db.begin_read()?, plan));
    let examined = guarded(read).map_err(broken)?;
    let report = examined.map_err(|error| StoreError::unreadable(place, &error))??;
    for (migration, objects) in &report.due {
        tracing::info!(%migration, objects, "a class migration is applied");
    }
    let begun = || Ok(migration_rows(&db.begin_read()?.open_table(MIGRATIONS)?));
    let begun = guarded(begun).map_err(broken)?.map_err(|error| StoreError::unreadable(place, &error))?;
    for (number, migration) in due(plan, &begun) {
        let run = || apply_one(db, number as u64, migration, standing, now_ms);
        guarded(run).map_err(broken)?;
    }
    Ok(())
}

fn apply_one(
    db: &Database,
    number: u64,
    migration: &ClassMigration,
    standing: &mut Standing,
    now_ms: u64,
) -> Result<(), redb::Error> {
    let row = |done| MigrationRow { migration: migration.clone(), at_ms: now_ms, done };
    let mark = |done| {
        let transaction = begin(db)?;
        let row = encode_migration(number, &row(done));
        transaction.open_table(MIGRATIONS)?.insert(number, row.as_slice())?;
        Ok::<_, redb::Error>(transaction.commit()?)
    };
    mark(false)?;
    let class = match migration {
        ClassMigration::Rename { from, .. } => from,
        ClassMigration::Delete { class } => class,
    };
    while change_page(db, class, migration, standing, now_ms)? {}
    mark(true)
}

/// Changes the next objects of a class. False: there are no more.
fn change_page(
    db: &Database,
    class: &str,
    migration: &ClassMigration,
    standing: &mut Standing,
    now_ms: u64,
) -> Result<bool, redb::Error> {
    let page = next_page(db, class)?;
    let transaction = begin(db)?;
    let mut tables = Tables::new(&transaction);
    let mut after = standing.clone();
    match migration {
        ClassMigration::Rename { to, .. } => {
            rename(&mut tables, &page, to, &mut after, now_ms)?;
            if page.is_empty() {
                rename_row(&mut tables, class, to, &mut after)?;
            }
        }
        ClassMigration::Delete { .. } => {
            delete(&mut tables, &page, &mut after)?;
            if page.is_empty() {
                after.set_class_bytes(&mut tables, class, 0)?;
            }
            if page.is_empty() && after.classes.remove(class).is_some() {
                tables.classes()?.remove(class)?;
            }
        }
    }
    drop(tables);
    transaction.commit()?;
    *standing = after;
    Ok(!page.is_empty())
}

/// The first objects of a class.
fn next_page(db: &Database, class: &str) -> Result<Vec<Named>, redb::Error> {
    let transaction = db.begin_read()?;
    let (names, records) = (transaction.open_table(NAMES)?, transaction.open_table(RECORDS)?);
    let (from, to) = (name_key(class, ""), class_end(class));
    let mut page = Vec::new();
    for row in names.range::<&[u8]>(from.as_slice()..to.as_slice())?.take(PAGE) {
        let (key, id) = row?;
        let object = ObjectId::from_stored(*id.value());
        let record = records.get(id.value())?;
        let record = record.and_then(|record| decode_record(&object, record.value()).ok());
        page.push((object, key.value().to_vec(), record));
    }
    Ok(page)
}

fn rename(
    tables: &mut Tables<'_>,
    page: &[Named],
    to: &str,
    standing: &mut Standing,
    now_ms: u64,
) -> Result<(), redb::Error> {
    let mut moved = BTreeSet::new();
    for (object, name_key, record) in page {
        let Some(record) = record else {
            // Nothing says what it is: it stays, unnamed, for a backup to be restored.
            tracing::error!(%object, "its record is damaged: it is not renamed");
            tables.names()?.remove(name_key.as_slice())?;
            continue;
        };
        moved.insert(transfer(tables, object, record, to)?);
    }
    if !moved.is_empty() {
        standing.newest_ms = standing.newest_ms.max(now_ms);
        standing.oldest_ms.get_or_insert(standing.newest_ms);
        history::note_more(tables, standing.newest_ms, standing.group, &moved)?;
    }
    Ok(())
}

/// What is known of a class goes with its name.
fn rename_row(
    tables: &mut Tables<'_>,
    from: &str,
    to: &str,
    standing: &mut Standing,
) -> Result<(), redb::Error> {
    let bytes = standing.bytes_of(from) + standing.bytes_of(to);
    standing.set_class_bytes(tables, from, 0)?;
    standing.set_class_bytes(tables, to, bytes)?;
    let Some(mut row) = standing.classes.remove(from) else { return Ok(()) };
    tables.classes()?.remove(from)?;
    row.version = row.version.max(standing.classes.get(to).map_or(0, |row| row.version));
    set_class_row(tables, to, row)?;
    standing.classes.insert(to.to_owned(), row);
    Ok(())
}

fn delete(tables: &mut Tables<'_>, page: &[Named], standing: &mut Standing) -> Result<(), redb::Error> {
    for (object, name_key, _) in page {
        let had: Result<_, ReadError> = account::read(tables.values()?, object);
        let had = had.map_or(0, |account| account.bytes);
        let mut scratch = Scratch::default();
        Writer::new(tables, &mut scratch, standing.group, BTreeMap::new())
            .delete_all(object, History::None)?;
        account::write(tables, object, Account::default())?;
        remove_tails(tables, object)?;
        tables.names()?.remove(name_key.as_slice())?;
        standing.bytes = standing.bytes.saturating_sub(had);
    }
    tables.meta()?.insert(BYTES_KEY, standing.bytes)?;
    Ok(())
}
