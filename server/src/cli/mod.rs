//! The command line: `serve` runs a server here; everything else talks to a running one.

mod args;
mod client;
mod data;
mod keys;
mod run;
mod serve;

pub(crate) use data::{backup_path, shown};
pub(crate) use run::run;
