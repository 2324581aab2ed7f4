//! A room in which people talk; every match has one, by the match's id.
//!
//! Responsible for: messages in order, the history, who is there, how fast somebody may speak, who may not.
//! Not responsible for: who somebody is, which their token says.
//!
//! Access: `connect` and `call` want a token with a scope for the room, as whoever knows the people (a backend, or
//! dev mode) also knows who may enter. Moderation wants more: see [`moderation::MODERATOR_SCOPE`]. What a room publishes,
//! its name and how many are there, is for everybody.
//!
//! From the top down: [`room`] takes what happens, [`talk`] and [`moderation`] do it, [`members`] says who is there,
//! [`notices`] tells of it; [`parts`] are where those are who find the room full, each an object of [`part`].

pub mod members;
pub mod moderation;
pub mod notices;
pub mod pace;
pub mod part;
pub mod part_words;
pub mod parts;
pub mod room;
pub mod rules;
pub mod talk;
pub mod words;

pub use part::ChatPart;
pub use room::Chat;

#[cfg(test)]
mod tests;
