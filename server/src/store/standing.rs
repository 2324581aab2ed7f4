//! What the commit thread knows of the file as a whole, as of the last commit.

use std::collections::BTreeMap;

use redb::{Database, ReadableDatabase, ReadableTable};

use super::classes::{ClassRow, class_rows};
use super::contents::{account, objects};
use super::error::lenient;
use super::tables::{
    BYTES_KEY, CLASSES, FLOOR_KEY, LOG, META, MOMENTS, NAMES, Tables, VALUES, begin, last_group,
};
use crate::object::id::ObjectId;

/// What stands before a class in the keys of what it has.
const CLASS_BYTES: &str = "bytes of ";

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// The number of the last group.
    pub(super) group: u64,
    /// The sum of all accounts.
    pub(super) bytes: u64,
    /// The same by class.
    pub(super) class_bytes: BTreeMap<String, u64>,
    /// The earliest bookmark.
    pub(super) floor: u64,
    /// When the oldest group of the history was committed.
    pub(super) oldest_ms: Option<u64>,
    /// When the newest was.
    pub(super) newest_ms: u64,
    /// The classes of which there is or was an object.
    pub(super) classes: BTreeMap<String, ClassRow>,
}

impl Standing {
    pub(super) fn read(db: &Database) -> Result<Self, redb::Error> {
        let transaction = db.begin_read()?;
        let (meta, moments) = (transaction.open_table(META)?, transaction.open_table(MOMENTS)?);
        let number = |key| Ok::<_, redb::Error>(meta.get(key)?.map_or(0, |number| number.value()));
        let oldest_ms = moments.first()?.map(|(moment, _)| moment.value().0);
        let newest_ms = moments.last()?.map_or(0, |(moment, _)| moment.value().0);
        Ok(Self {
            group: last_group(&meta, &transaction.open_table(LOG)?)?,
            bytes: number(BYTES_KEY)?,
            class_bytes: class_bytes(&meta)?,
            floor: number(FLOOR_KEY)?,
            oldest_ms,
            newest_ms,
            classes: lenient(class_rows(&transaction.open_table(CLASSES)?))?.unwrap_or_default(),
        })
    }

    /// Says how much a class has.
    pub(super) fn set_class_bytes(
        &mut self,
        tables: &mut Tables<'_>,
        class: &str,
        bytes: u64,
    ) -> Result<(), redb::Error> {
        let key = [CLASS_BYTES, class].concat();
        if bytes == 0 {
            tables.meta()?.remove(key.as_str())?;
            self.class_bytes.remove(class);
        } else {
            tables.meta()?.insert(key.as_str(), bytes)?;
            self.class_bytes.insert(class.to_owned(), bytes);
        }
        Ok(())
    }

    /// How much a class has.
    pub(super) fn bytes_of(&self, class: &str) -> u64 {
        self.class_bytes.get(class).copied().unwrap_or(0)
    }

    /// Adds up what each class has, if that does not agree with the sum of all.
    pub(super) fn recount(&mut self, db: &Database) -> Result<(), redb::Error> {
        if self.class_bytes.values().sum::<u64>() == self.bytes {
            return Ok(());
        }
        let mut counted: BTreeMap<String, u64> = BTreeMap::new();
        let transaction = db.begin_read()?;
        let (names, values) = (transaction.open_table(NAMES)?, transaction.open_table(VALUES)?);
        for row in names.iter()? {
            let (key, id) = row?;
            let account = lenient(account::read(&values, &ObjectId::from_stored(*id.value())))?;
            if let (Some(class), Some(account)) = (objects::class_of(key.value()), account) {
                *counted.entry(class.to_owned()).or_default() += account.bytes;
            }
        }
        let transaction = begin(db)?;
        let mut tables = Tables::new(&transaction);
        for class in std::mem::take(&mut self.class_bytes).into_keys() {
            self.set_class_bytes(&mut tables, &class, 0)?;
        }
        for (class, bytes) in counted {
            self.set_class_bytes(&mut tables, &class, bytes)?;
        }
        drop(tables);
        Ok(transaction.commit()?)
    }

    /// Since which group the history of a class is complete; none: it keeps none.
    pub(super) fn history_since(&self, class: &str) -> Option<u64> {
        self.classes.get(class)?.history_since
    }
}

fn class_bytes(meta: &impl ReadableTable<&'static str, u64>) -> Result<BTreeMap<String, u64>, redb::Error> {
    let mut found = BTreeMap::new();
    for row in meta.range(CLASS_BYTES..)? {
        let (key, bytes) = row?;
        let Some(class) = key.value().strip_prefix(CLASS_BYTES) else { break };
        found.insert(class.to_owned(), bytes.value());
    }
    Ok(found)
}
