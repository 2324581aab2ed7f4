//! Every table as rows of bytes, there and back.

use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, Value, WriteTransaction};

use super::framing::Row;
use crate::store::tables::{
    CHUNKS, CLASSES, DUE, LOG, META, MIGRATIONS, MOMENTS, NAMES, RECORDS, TAILS, VALUES, WAKES,
};

/// Takes a row. An error ends it.
pub(super) type Take<'a> = dyn FnMut(Row<'_>) -> Result<(), redb::Error> + 'a;

/// Hands over every row, by table.
pub(super) fn each_row(transaction: &ReadTransaction, take: &mut Take<'_>) -> Result<(), redb::Error> {
    rows_of(transaction, 0, META, take)?;
    rows_of(transaction, 1, RECORDS, take)?;
    rows_of(transaction, 2, VALUES, take)?;
    rows_of(transaction, 3, CHUNKS, take)?;
    rows_of(transaction, 4, LOG, take)?;
    rows_of(transaction, 5, TAILS, take)?;
    rows_of(transaction, 6, DUE, take)?;
    rows_of(transaction, 7, NAMES, take)?;
    rows_of(transaction, 8, WAKES, take)?;
    rows_of(transaction, 9, MOMENTS, take)?;
    rows_of(transaction, 10, CLASSES, take)?;
    rows_of(transaction, 11, MIGRATIONS, take)
}

/// Inserts a row. False: there is no such table.
pub(super) fn insert(
    transaction: &WriteTransaction,
    table: u8,
    key: &[u8],
    value: &[u8],
) -> Result<bool, redb::Error> {
    match table {
        0 => insert_into(transaction, META, key, value),
        1 => insert_into(transaction, RECORDS, key, value),
        2 => insert_into(transaction, VALUES, key, value),
        3 => insert_into(transaction, CHUNKS, key, value),
        4 => insert_into(transaction, LOG, key, value),
        5 => insert_into(transaction, TAILS, key, value),
        6 => insert_into(transaction, DUE, key, value),
        7 => insert_into(transaction, NAMES, key, value),
        8 => insert_into(transaction, WAKES, key, value),
        9 => insert_into(transaction, MOMENTS, key, value),
        10 => insert_into(transaction, CLASSES, key, value),
        11 => insert_into(transaction, MIGRATIONS, key, value),
        _ => Ok(false),
    }
}

fn rows_of<K: Key + 'static, V: Value + 'static>(
    transaction: &ReadTransaction,
    number: u8,
    table: TableDefinition<'_, K, V>,
    take: &mut Take<'_>,
) -> Result<(), redb::Error> {
    for row in transaction.open_table(table)?.iter()? {
        let (key, value) = row?;
        take((number, K::as_bytes(&key.value()).as_ref(), V::as_bytes(&value.value()).as_ref()))?;
    }
    Ok(())
}

fn insert_into<K: Key + 'static, V: Value + 'static>(
    transaction: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
    key: &[u8],
    value: &[u8],
) -> Result<bool, redb::Error> {
    transaction.open_table(table)?.insert(K::from_bytes(key), V::from_bytes(value))?;
    Ok(true)
}
