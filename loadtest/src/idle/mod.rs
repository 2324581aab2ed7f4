//! Sockets on which nothing happens: what they cost a server whose objects hibernate, and how fast the objects wake.
//!
//! Responsible for: opening the sockets, reading the server's memory and CPU, timing wakes. Not responsible for: what
//! the objects do.

mod figures;
mod measure;
mod options;
mod socket;

pub use figures::IdleReport;
pub use measure::run;
pub use options::{IdleArguments, IdleOptions};
