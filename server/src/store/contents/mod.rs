//! What the file has of each object besides its journal: values, alarms, the account of their sizes, the
//! history behind them, sockets for the next process, and the indexes that find objects by name and alarms by time.
//!
//! Everything here is called within a transaction of the commit thread, or reads a snapshot.

pub(super) mod account;
pub(super) mod alarms;
pub(super) mod chunk;
pub(super) mod history;
pub(super) mod keys;
pub(super) mod objects;
pub(super) mod sealed;
pub(super) mod sockets;
pub(super) mod transfer;
pub(super) mod writer;
