//! The tables, and the transactions that change them.

use redb::{Database, Durability, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

/// Bytes of an object id.
pub(super) const ID_BYTES: usize = 32;
/// The format of the tables. A file with a greater one is refused.
pub(super) const FORMAT: u64 = 2;
/// The key of the format in [`META`].
pub(super) const FORMAT_KEY: &str = "format";
/// The key of the last group in [`META`].
const GROUP_KEY: &str = "group";
/// The key of the sum of all accounts in [`META`].
pub(super) const BYTES_KEY: &str = "bytes";
/// The key of the earliest bookmark in [`META`].
pub(super) const FLOOR_KEY: &str = "history";
/// Bits of a log row's key that count the rows of its group.
const ROW_BITS: u32 = 20;

pub(super) type Bytes = &'static [u8];
pub(super) type Id = &'static [u8; ID_BYTES];
pub(super) type TailKey = &'static [u8; ID_BYTES + 8];

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const RECORDS: TableDefinition<'_, Id, Bytes> = TableDefinition::new("records");
pub(super) const VALUES: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("values");
pub(super) const CHUNKS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("chunks");
pub(super) const LOG: TableDefinition<'_, u64, Bytes> = TableDefinition::new("log");
pub(super) const TAILS: TableDefinition<'_, TailKey, Bytes> = TableDefinition::new("tails");
pub(super) const DUE: TableDefinition<'_, Bytes, ()> = TableDefinition::new("due");
pub(super) const NAMES: TableDefinition<'_, Bytes, Id> = TableDefinition::new("names");
pub(super) const WAKES: TableDefinition<'_, Id, ()> = TableDefinition::new("wakes");
pub(super) const MOMENTS: TableDefinition<'_, (u64, u64), Bytes> = TableDefinition::new("moments");
pub(super) const CLASSES: TableDefinition<'_, &str, Bytes> = TableDefinition::new("classes");
pub(super) const SOCKETS: TableDefinition<'_, TailKey, Bytes> = TableDefinition::new("sockets");
pub(super) const MIGRATIONS: TableDefinition<'_, u64, Bytes> = TableDefinition::new("migrations");

/// Makes sure that every table is there.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(META)?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(VALUES)?;
    transaction.open_table(CHUNKS)?;
    transaction.open_table(LOG)?;
    transaction.open_table(TAILS)?;
    transaction.open_table(DUE)?;
    transaction.open_table(NAMES)?;
    transaction.open_table(WAKES)?;
    transaction.open_table(MOMENTS)?;
    transaction.open_table(CLASSES)?;
    transaction.open_table(MIGRATIONS)?;
    transaction.open_table(SOCKETS)?;
    Ok(())
}

/// The key of the first log row of a group.
pub(super) fn first_row(group: u64) -> u64 {
    group << ROW_BITS
}

/// The key of a tail row.
pub(super) fn tail_key(object: &[u8; ID_BYTES], number: u64) -> [u8; ID_BYTES + 8] {
    let mut key = [0; ID_BYTES + 8];
    key[..ID_BYTES].copy_from_slice(object);
    key[ID_BYTES..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The number in a tail row's key.
pub(super) fn tail_number(key: &[u8; ID_BYTES + 8]) -> u64 {
    u64::from_be_bytes(*key.last_chunk().expect("8 is less than 40"))
}

/// Begins a transaction. Invariant: the only place that does, so that every commit is durable and two-phase.
pub(super) fn begin(db: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = db.begin_write()?;
    let immediate = transaction.set_durability(Durability::Immediate);
    immediate.map_err(|error| redb::Error::Corrupted(error.to_string()))?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// The tables of a write transaction, each opened when it is first needed.
pub(super) struct Tables<'txn> {
    transaction: &'txn WriteTransaction,
    meta: Option<Table<'txn, &'static str, u64>>,
    records: Option<Table<'txn, Id, Bytes>>,
    values: Option<Table<'txn, Bytes, Bytes>>,
    chunks: Option<Table<'txn, Bytes, Bytes>>,
    log: Option<Table<'txn, u64, Bytes>>,
    tails: Option<Table<'txn, TailKey, Bytes>>,
    due: Option<Table<'txn, Bytes, ()>>,
    names: Option<Table<'txn, Bytes, Id>>,
    wakes: Option<Table<'txn, Id, ()>>,
    moments: Option<Table<'txn, (u64, u64), Bytes>>,
    classes: Option<Table<'txn, &'static str, Bytes>>,
    sockets: Option<Table<'txn, TailKey, Bytes>>,
}

impl<'txn> Tables<'txn> {
    pub(super) fn new(transaction: &'txn WriteTransaction) -> Self {
        Self {
            transaction,
            meta: None,
            records: None,
            values: None,
            chunks: None,
            log: None,
            tails: None,
            due: None,
            names: None,
            wakes: None,
            moments: None,
            classes: None,
            sockets: None,
        }
    }

    pub(super) fn meta(&mut self) -> Result<&mut Table<'txn, &'static str, u64>, TableError> {
        opened(&mut self.meta, self.transaction, META)
    }

    pub(super) fn records(&mut self) -> Result<&mut Table<'txn, Id, Bytes>, TableError> {
        opened(&mut self.records, self.transaction, RECORDS)
    }

    pub(super) fn values(&mut self) -> Result<&mut Table<'txn, Bytes, Bytes>, TableError> {
        opened(&mut self.values, self.transaction, VALUES)
    }

    pub(super) fn chunks(&mut self) -> Result<&mut Table<'txn, Bytes, Bytes>, TableError> {
        opened(&mut self.chunks, self.transaction, CHUNKS)
    }

    pub(super) fn log(&mut self) -> Result<&mut Table<'txn, u64, Bytes>, TableError> {
        opened(&mut self.log, self.transaction, LOG)
    }

    pub(super) fn tails(&mut self) -> Result<&mut Table<'txn, TailKey, Bytes>, TableError> {
        opened(&mut self.tails, self.transaction, TAILS)
    }

    pub(super) fn due(&mut self) -> Result<&mut Table<'txn, Bytes, ()>, TableError> {
        opened(&mut self.due, self.transaction, DUE)
    }

    pub(super) fn names(&mut self) -> Result<&mut Table<'txn, Bytes, Id>, TableError> {
        opened(&mut self.names, self.transaction, NAMES)
    }

    pub(super) fn wakes(&mut self) -> Result<&mut Table<'txn, Id, ()>, TableError> {
        opened(&mut self.wakes, self.transaction, WAKES)
    }

    pub(super) fn moments(&mut self) -> Result<&mut Table<'txn, (u64, u64), Bytes>, TableError> {
        opened(&mut self.moments, self.transaction, MOMENTS)
    }

    pub(super) fn classes(&mut self) -> Result<&mut Table<'txn, &'static str, Bytes>, TableError> {
        opened(&mut self.classes, self.transaction, CLASSES)
    }

    pub(super) fn sockets(&mut self) -> Result<&mut Table<'txn, TailKey, Bytes>, TableError> {
        opened(&mut self.sockets, self.transaction, SOCKETS)
    }

    /// Notes the last group; only needed if that group wrote no log row that stays.
    pub(super) fn set_group(&mut self, group: u64) -> Result<(), redb::Error> {
        self.meta()?.insert(GROUP_KEY, group)?;
        Ok(())
    }
}

fn opened<'a, 'txn, K: redb::Key + 'static, V: redb::Value + 'static>(
    slot: &'a mut Option<Table<'txn, K, V>>,
    transaction: &'txn WriteTransaction,
    definition: TableDefinition<'_, K, V>,
) -> Result<&'a mut Table<'txn, K, V>, TableError> {
    if slot.is_none() {
        *slot = Some(transaction.open_table(definition)?);
    }
    Ok(slot.as_mut().expect("it was just filled"))
}

/// The number of the last group that is in the file: from the newest log row, or noted beside it.
pub(super) fn last_group(
    meta: &impl ReadableTable<&'static str, u64>,
    log: &impl ReadableTable<u64, Bytes>,
) -> Result<u64, redb::Error> {
    let noted = meta.get(GROUP_KEY)?.map_or(0, |group| group.value());
    let logged = log.last()?.map_or(0, |(key, _)| key.value() >> ROW_BITS);
    Ok(noted.max(logged))
}
