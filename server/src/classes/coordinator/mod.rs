//! A parent and its children: hands out which of them is for a key, or for a member, and counts the members of each.
//!
//! Responsible for: names of children, keys that stay where they are, members per child. Not responsible for: what the
//! children do; they are of whatever class. Nothing of them is asked or told.
//!
//! A chat room splits itself in the same way, by what [`children`](super::children) says, without asking a coordinator:
//! it counts its members itself.

mod calls;
mod class;
mod members;
mod shards;
#[cfg(test)]
mod tests;

pub use calls::{CHILDREN_MAX, CoordinatorCall, CoordinatorReply, MEMBERS_PER_CHILD_MAX, Plan, SHARDS_MAX};
pub use class::{COORDINATOR_MODERATOR_SCOPE, Coordinator};
pub use members::MEMBERS_MAX;
