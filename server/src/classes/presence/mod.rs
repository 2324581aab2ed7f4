//! Who is there: the status of each user of a space, for whoever watches.
//!
//! Responsible for: online, away and offline; typing; when each of them ends by itself; telling those who watch, a
//! batch of changes at a time. Not responsible for: who somebody is, which their token says, and who are friends,
//! which a client knows: it watches a list of users.
//!
//! Access: `connect` and `call` want a token with a scope for the space. Whoever is let in sees everybody in it, so a
//! space is as large as the circle that may. Its rules are for moderators: see [`space::MODERATOR_SCOPE`].
//!
//! From the top down: [`space`] takes what happens, [`entry`] is one user, [`watching`] tells the others.

pub mod entry;
pub mod rules;
pub mod space;
pub mod watching;
pub mod words;

pub use space::Presence;

#[cfg(test)]
mod tests;
