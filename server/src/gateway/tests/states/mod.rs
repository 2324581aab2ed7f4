//! How states reach clients.

mod sight;
mod slow;

pub(super) use sight::{dots, rows, sights};
