//! What the commit thread knows of the file as a whole, as of the last commit.

use std::collections::BTreeMap;

use redb::{Database, ReadableDatabase, ReadableTable};

use super::classes::{ClassRow, class_rows};
use super::error::lenient;
use super::tables::{BYTES_KEY, CLASSES, FLOOR_KEY, LOG, META, MOMENTS, last_group};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// The number of the last group.
    pub(super) group: u64,
    /// The sum of all accounts.
    pub(super) bytes: u64,
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
            floor: number(FLOOR_KEY)?,
            oldest_ms,
            newest_ms,
            classes: lenient(class_rows(&transaction.open_table(CLASSES)?))?.unwrap_or_default(),
        })
    }

    /// Since which group the history of a class is complete; none: it keeps none.
    pub(super) fn history_since(&self, class: &str) -> Option<u64> {
        self.classes.get(class)?.history_since
    }
}
