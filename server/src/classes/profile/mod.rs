//! Profiles: one of each user, whose name is the subject of their tokens: preferences, and notifications until they
//! are read, both told to every socket of the user.
//!
//! Responsible for: that nobody else reads them, and that what was answered is there. Not responsible for: what a
//! preference or a notification means.

mod notifications;
mod preferences;
mod profile;
#[cfg(test)]
mod tests;
mod words;

pub use notifications::{BODY_BYTES_MAX, HELLO_MAX, KIND_BYTES_MAX, NOTIFICATIONS_MAX, PAGE_MAX};
pub use preferences::{
    PREFERENCE_BYTES_IN_ALL_MAX, PREFERENCE_KEY_BYTES_MAX, PREFERENCE_VALUE_BYTES_MAX, PREFERENCES_MAX,
};
pub use profile::{MODERATOR_SCOPE, Profile, SOCKETS_MAX};
pub use words::{
    Change, Got, Heard, Listed, Marked, Marks, Note, Notification, Page, ProfileCall, ProfileReply, Told,
};
