//! Sockets of objects that are stored for the next process. They lie apart from what their objects store: neither
//! quotas nor backups know them, and at start those who have some are found without a look at the others.

use redb::{ReadTransaction, TableError};

use super::sealed::{seal, unseal};
use crate::object::id::ObjectId;
use crate::object::resume::KeptSocket;
use crate::object::socket::SocketId;
use crate::object::storage::ReadError;
use crate::runtime::ports::WithSockets;
use crate::store::tables::{ID_BYTES, SOCKETS, Tables, tail_key};

pub(in crate::store) fn keep(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    socket: &KeptSocket,
) -> Result<(), redb::Error> {
    let key = tail_key(object.as_bytes(), socket.socket);
    tables.sockets()?.insert(&key, seal(&key, socket).as_slice())?;
    Ok(())
}

pub(in crate::store) fn forget(
    tables: &mut Tables<'_>,
    object: &ObjectId,
    socket: SocketId,
) -> Result<(), redb::Error> {
    tables.sockets()?.remove(&tail_key(object.as_bytes(), socket.0))?;
    Ok(())
}

/// The sockets of an object. One that is damaged is none, and named in the log.
pub(in crate::store) fn of(
    transaction: &ReadTransaction,
    object: &ObjectId,
) -> Result<Vec<KeptSocket>, ReadError> {
    let mut found = Vec::new();
    let range = tail_key(object.as_bytes(), 0)..=tail_key(object.as_bytes(), u64::MAX);
    each(transaction, (range.start(), range.end()), |_, socket| found.push(socket))?;
    Ok(found)
}

/// Every object that has some, and how many.
pub(in crate::store) fn objects(transaction: &ReadTransaction) -> Result<Vec<WithSockets>, ReadError> {
    let mut found: Vec<WithSockets> = Vec::new();
    let all = (&[0; ID_BYTES + 8], &[u8::MAX; ID_BYTES + 8]);
    each(transaction, all, |object, socket| match found.last_mut() {
        Some(last) if last.object == object => last.sockets += 1,
        _ => found.push(WithSockets { object, class: socket.class, name: socket.name, sockets: 1 }),
    })?;
    Ok(found)
}

type Key = [u8; ID_BYTES + 8];

fn each(
    transaction: &ReadTransaction,
    (from, to): (&Key, &Key),
    mut visit: impl FnMut(ObjectId, KeptSocket),
) -> Result<(), ReadError> {
    let sockets = match transaction.open_table(SOCKETS) {
        Ok(sockets) => sockets,
        // Nobody has ever stored one.
        Err(TableError::TableDoesNotExist(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for row in sockets.range::<&Key>(from..=to)? {
        let (key, row) = row?;
        let object = ObjectId::from_stored(*key.value().first_chunk().expect("32 is less than 40"));
        match unseal(&|| format!("a socket of object {object}"), key.value(), row.value()) {
            Ok(socket) => visit(object, socket),
            Err(error @ ReadError::Io(_)) => return Err(error),
            Err(error) => tracing::error!(%object, %error, "its client cannot come back"),
        }
    }
    Ok(())
}
