//! The measured window second by second, as the bots saw it and as the server says.
//!
//! Responsible for: keeping and merging what happened in each second, and summing up parts of the window.
//! Not responsible for: how it is shown. Invariant: at most [`SECONDS_MAX`] seconds are kept.

mod clients;
mod phase;
mod scraper;

pub use clients::SECONDS_MAX;
pub use phase::PhaseReport;

pub(crate) use clients::{Second, Series};
pub(crate) use phase::{Phase, phase_report};
pub(crate) use scraper::{Scraper, Scrapes, ServerSecond};
