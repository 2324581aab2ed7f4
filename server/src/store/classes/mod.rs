//! The classes of what is stored: their versions, since when they keep a history, and the migrations that rename
//! or delete them, applied once, in order, before anything is served.
//!
//! Must never happen here: a change before everything has been checked; an object of a class that nobody
//! declares, or of a version that nobody knows, in a server that runs.

mod apply;
mod check;
mod plan;
mod rows;

pub(super) use apply::apply;
pub(super) use check::examine;
pub use plan::{ClassError, ClassMigration, ClassPlan, ClassReport};
pub(super) use rows::{ClassRow, class_rows, keep_histories};
