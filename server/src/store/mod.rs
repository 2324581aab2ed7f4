//! Where objects are stored: one redb file, written by one thread.
//!
//! Responsible for making batches durable in the order they were submitted, all or none of each; for reading
//! them back; for refusing batches of an older activation; for coming back by itself when the disk was full
//! or failed. Not responsible for what the bytes mean, nor for when an object writes.
//!
//! Must never happen here: a panic because of bytes on the disk; a ticket that says durable before the disk
//! has it; a file that is overwritten because it could not be read; IO on the thread that submits.
//!
//! # The file
//!
//! `tickstone.redb` in the data directory, with these tables:
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | text | `format`; `group`: number of the last group that wrote no log row; `bytes` of all objects; `history`: the earliest bookmark |
//! | `records` | object id | checksum, [`Record`](crate::object::storage::Record) in postcard |
//! | `names` | class, 0, name | object id |
//! | `wakes` | object id of one that is woken at start | |
//! | `values` | object id, space, key | space 0: checksum, account; 1, a value: length, pieces, checksum, first piece; 2: checksum, alarm; 3: what one of these was before a group |
//! | `chunks` | object id, space, key, number | a further piece |
//! | `due` | time, object id, alarm's name | |
//! | `moments` | time, group | the ids whose earlier rows the group kept |
//! | `log` | group << 20, row | journal entries and cuts of all objects, packed |
//! | `tails` | object id, number | journal entries of one object, packed alike |
//! | `classes` | class | checksum, newest version, since when it keeps a history |
//! | `migrations` | number | checksum, the class migration, whether it is done |
//!
//! All the journal entries of a group of batches, whoever's, go into few log rows: the journals of a hundred
//! matches cost one or two pages a commit. A cut is an entry of the log too. The commit thread knows from
//! which row on each object needs the log and removes what nobody needs; when one sleeper pins too much, its
//! entries move to `tails`. At start everything in the log moves there, so the log starts empty and reading
//! the journal of each of hundreds of objects does not scan it.
//!
//! Every commit is two-phase with redb's quick repair: a reopen after a crash takes milliseconds and never a
//! walk through the file.

pub mod archive;
mod classes;
mod commit;
mod contents;
mod disk;
mod error;
mod group;
mod index;
mod lock;
mod log;
mod memory_store;
mod queue;
mod reader;
mod recovery;
mod redb_store;
mod settings;
pub mod sim_disk;
mod standing;
mod tables;

pub use classes::{ClassError, ClassMigration, ClassPlan, ClassReport};
pub use commit::{CommitThread, Committer, Turn};
pub use disk::{Disk, FileDisk, Peek};
pub use error::StoreError;
pub use lock::DirectoryLock;
pub use memory_store::MemoryStore;
pub use recovery::dry_run;
pub use redb_store::RedbStore;
pub use settings::StoreSettings;

#[cfg(test)]
mod tests;
