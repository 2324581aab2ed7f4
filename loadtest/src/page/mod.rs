//! The report as one page: verdicts, figures, plots. Nothing of it comes from elsewhere, and it needs no script.
//!
//! Responsible for: showing what [`crate::report`] says. Not responsible for: any figure of its own.
//!
//! Invariant: what is written is well-formed, and whatever came from outside is escaped.

mod bars;
mod document;
mod figures;
mod lines;
mod markup;
mod plots;
mod style;
#[cfg(test)]
mod tests;

pub use document::{page, plain};
