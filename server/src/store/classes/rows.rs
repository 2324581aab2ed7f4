//! What is stored of the classes themselves.

use std::collections::{BTreeMap, BTreeSet};

use redb::{Database, ReadableTable};
use serde::{Deserialize, Serialize};

use super::plan::ClassMigration;
use crate::object::storage::{ReadError, Write};
use crate::store::contents::sealed::{seal, unseal};
use crate::store::standing::Standing;
use crate::store::tables::{Bytes, Tables, begin};

/// Of a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct ClassRow {
    /// The newest version that wrote an object.
    pub(in crate::store) version: u32,
    /// The group since which everything that changes is kept.
    pub(in crate::store) history_since: Option<u64>,
}

/// A migration that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MigrationRow {
    pub(super) migration: ClassMigration,
    pub(super) at_ms: u64,
    pub(super) done: bool,
}

/// Every class.
pub(in crate::store) fn class_rows(
    table: &impl ReadableTable<&'static str, Bytes>,
) -> Result<BTreeMap<String, ClassRow>, ReadError> {
    let mut rows = BTreeMap::new();
    for row in table.iter()? {
        let (class, row) = row?;
        let class = class.value().to_owned();
        let content = unseal(&|| format!("the row of class {class}"), class.as_bytes(), row.value())?;
        rows.insert(class, content);
    }
    Ok(rows)
}

/// Stores the row of a class.
pub(in crate::store) fn set_class_row(
    tables: &mut Tables<'_>,
    class: &str,
    row: ClassRow,
) -> Result<(), redb::Error> {
    tables.classes()?.insert(class, seal(class.as_bytes(), &row).as_slice())?;
    Ok(())
}

/// Every migration that was begun, in order.
pub(super) fn migration_rows(table: &impl ReadableTable<u64, Bytes>) -> Result<Vec<MigrationRow>, ReadError> {
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (number, row) = row?;
        let number = number.value();
        let what = || format!("the row of migration {number}");
        rows.push(unseal(&what, &number.to_be_bytes(), row.value())?);
    }
    Ok(rows)
}

/// A migration as it is stored.
pub(super) fn encode_migration(number: u64, row: &MigrationRow) -> Vec<u8> {
    seal(&number.to_be_bytes(), row)
}

/// From now on these classes keep a history and no others do.
pub(in crate::store) fn keep_histories(
    db: &Database,
    standing: &mut Standing,
    classes: &BTreeSet<String>,
) -> Result<(), redb::Error> {
    let mut changed = standing.classes.clone();
    for class in classes {
        changed.entry(class.clone()).or_default().history_since.get_or_insert(standing.group);
    }
    for (class, row) in &mut changed {
        row.history_since = row.history_since.filter(|_| classes.contains(class));
    }
    if changed == standing.classes {
        return Ok(());
    }
    let transaction = begin(db)?;
    let mut tables = Tables::new(&transaction);
    for (class, row) in &changed {
        set_class_row(&mut tables, class, *row)?;
    }
    drop(tables);
    transaction.commit()?;
    standing.classes = changed;
    Ok(())
}

impl Standing {
    /// Takes note of the classes and versions of records that are being stored.
    pub(in crate::store) fn note_classes(
        &mut self,
        tables: &mut Tables<'_>,
        writes: &[Write],
    ) -> Result<(), redb::Error> {
        for write in writes {
            let Write::Record(record) = write else { continue };
            let known = self.classes.get(&record.class).copied();
            if known.is_none_or(|known| known.version < record.class_version) {
                let row = ClassRow { version: record.class_version, ..known.unwrap_or_default() };
                set_class_row(tables, &record.class, row)?;
                self.classes.insert(record.class.clone(), row);
            }
        }
        Ok(())
    }
}
