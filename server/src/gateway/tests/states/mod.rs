//! How states reach clients.

mod sight;
mod slow;
