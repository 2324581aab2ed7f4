//! What a start would do, and whether it may.

use std::collections::BTreeMap;

use redb::ReadTransaction;

use super::plan::{ClassError, ClassMigration, ClassPlan, ClassReport};
use super::rows::{MigrationRow, class_rows, migration_rows};
use crate::object::storage::ReadError;
use crate::store::contents::objects::{class_of, name_key};
use crate::store::tables::{CLASSES, MIGRATIONS, NAMES};

/// The classes of which there are objects: how many, and their newest version.
type Stored = BTreeMap<String, (u64, u32)>;

/// Plays the migrations through without changing anything. The inner error: a start is refused.
pub(in crate::store) fn examine(
    transaction: &ReadTransaction,
    plan: &ClassPlan,
) -> Result<Result<ClassReport, ClassError>, ReadError> {
    let begun = migration_rows(&transaction.open_table(MIGRATIONS)?)?;
    let mut stored = stored_classes(transaction)?;
    Ok(play(plan, &begun, &mut stored).map(|due| ClassReport { due, stored }))
}

/// The migrations that are still to be applied, or to be finished, with their numbers from 0.
pub(super) fn due<'p>(
    plan: &'p ClassPlan,
    begun: &[MigrationRow],
) -> impl Iterator<Item = (usize, &'p ClassMigration)> + use<'p> {
    let done = begun.iter().take_while(|row| row.done).count();
    plan.migrations.iter().enumerate().skip(done)
}

fn play(
    plan: &ClassPlan,
    begun: &[MigrationRow],
    stored: &mut Stored,
) -> Result<Vec<(ClassMigration, u64)>, ClassError> {
    for (number, row) in begun.iter().enumerate() {
        let declared = plan.migrations.get(number);
        if declared != Some(&row.migration) {
            return Err(ClassError::OtherMigrations {
                number: number + 1,
                applied: row.migration.to_string(),
                declared: declared.map_or("nothing".to_owned(), ClassMigration::to_string),
            });
        }
    }
    let mut played = Vec::new();
    for (number, migration) in due(plan, begun) {
        let unfinished = number < begun.len();
        let objects = play_one(plan, migration, stored, unfinished)?;
        played.push((migration.clone(), objects));
    }
    for (class, (objects, version)) in stored.iter() {
        let Some(declared) = plan.declared.get(class) else {
            return Err(ClassError::Undeclared { class: class.clone(), objects: *objects });
        };
        if version > declared {
            let (stored, declared) = (*version, *declared);
            return Err(ClassError::NewerVersion { class: class.clone(), stored, declared });
        }
    }
    Ok(played)
}

fn play_one(
    plan: &ClassPlan,
    migration: &ClassMigration,
    stored: &mut Stored,
    unfinished: bool,
) -> Result<u64, ClassError> {
    match migration {
        ClassMigration::Rename { from, to } => {
            let Some((objects, version)) = stored.remove(from) else { return Ok(0) };
            let there = stored.remove(to);
            if there.is_some() && !unfinished {
                return Err(ClassError::Occupied { from: from.clone(), to: to.clone() });
            }
            let (moved, newest) = there.unwrap_or_default();
            stored.insert(to.clone(), (objects + moved, version.max(newest)));
            Ok(objects)
        }
        ClassMigration::Delete { class } => {
            let objects = stored.remove(class).map_or(0, |(objects, _)| objects);
            if objects > 0 && !unfinished && !plan.confirmed.contains(class) {
                return Err(ClassError::Unconfirmed { class: class.clone(), objects });
            }
            Ok(objects)
        }
    }
}

fn stored_classes(transaction: &ReadTransaction) -> Result<Stored, ReadError> {
    let names = transaction.open_table(NAMES)?;
    let rows = class_rows(&transaction.open_table(CLASSES)?)?;
    let mut stored = Stored::new();
    let mut from = Vec::new();
    while let Some(row) = names.range::<&[u8]>(from.as_slice()..)?.next().transpose()? {
        let Some(class) = class_of(row.0.value()).map(str::to_owned) else { break };
        let end = class_end(&class);
        let objects = names.range::<&[u8]>(from.as_slice()..end.as_slice())?.count() as u64;
        let version = rows.get(&class).map_or(0, |row| row.version);
        stored.insert(class, (objects, version));
        from = end;
    }
    Ok(stored)
}

/// The first key behind those of a class.
pub(super) fn class_end(class: &str) -> Vec<u8> {
    let mut end = name_key(class, "");
    *end.last_mut().expect("a separator ends it") += 1;
    end
}
