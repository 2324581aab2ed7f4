//! Sockets on which nothing happens: what they cost a server whose objects hibernate, and how fast the objects wake.
//!
//! Responsible for: opening the sockets, reading the server's memory and CPU, timing wakes. Not responsible for: what
//! the objects do.

mod figures;
mod measure;
mod options;
pub(crate) mod socket;

pub use figures::IdleReport;
pub(crate) use figures::{latencies, number, percentiles};
pub use measure::run;
pub(crate) use measure::{complain, slope};
pub use options::{IdleArguments, IdleOptions};
