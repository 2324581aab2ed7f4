//! What can be asked.

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::{ObjectName, changes_the_line};

use crate::object::contract::CallError;
use crate::object::typed::Methods;

/// Shards of one parent.
pub const SHARDS_MAX: u32 = 1024;
/// Children of one parent that have members.
pub const CHILDREN_MAX: u32 = 256;
/// Members that a child may have.
pub const MEMBERS_PER_CHILD_MAX: u32 = 10_000;
/// Bytes of a key, and of a member.
pub(super) const KEY_BYTES_MAX: usize = 128;

/// The methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CoordinatorCall {
    /// Which shard a key has: the same for ever, unless there are more shards.
    Shard {
        /// The key.
        key: String,
    },
    /// Gives a member a place: the one they have, or one in the first child that has room.
    Enter {
        /// Who.
        member: String,
    },
    /// Gives the place of a member up.
    Leave {
        /// Who.
        member: String,
    },
    /// Where a member is.
    Find {
        /// Who.
        member: String,
    },
    /// How many members each child has.
    Children,
    /// What holds.
    Plan,
    /// Moderators: changes what holds.
    Configure(PlanChange),
}

/// What holds for the children.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Over so many children keys are spread.
    pub shards: u32,
    /// So many children there are for members, at most.
    pub children_max: u32,
    /// So many members a child has, at most.
    pub members_max: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self { shards: 1, children_max: 16, members_max: 100 }
    }
}

/// What is to hold from now on; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanChange {
    /// See [`Plan`].
    pub shards: Option<u32>,
    /// See [`Plan`].
    pub children_max: Option<u32>,
    /// See [`Plan`].
    pub members_max: Option<u32>,
}

/// How many members a child has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildMembers {
    /// The child.
    pub name: ObjectName,
    /// Its members.
    pub members: u32,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CoordinatorReply {
    /// A place.
    Place {
        /// The number of the child.
        child: u32,
        /// What it is called.
        name: ObjectName,
    },
    /// Who is where.
    Children {
        /// All members.
        members: u32,
        /// By number; the last one has members.
        children: Vec<ChildMembers>,
    },
    /// Whether there was a place to be given up.
    Left {
        /// There was.
        left: bool,
    },
    /// What holds.
    Plan(Plan),
}

impl Methods for CoordinatorCall {
    type Reply = CoordinatorReply;
}

/// Whether a text may be a key or a member.
pub(super) fn check(name: &str, text: &str) -> Result<(), CallError> {
    if (1..=KEY_BYTES_MAX).contains(&text.len()) && !text.contains(changes_the_line) {
        return Ok(());
    }
    Err(CallError::Invalid(format!("{name}: expected 1 to {KEY_BYTES_MAX} bytes, none of them a control")))
}

fn within(name: &str, wanted: Option<u32>, holds: u32, (least, most): (u32, u32)) -> Result<u32, CallError> {
    match wanted {
        Some(number) if !(least..=most).contains(&number) => {
            Err(CallError::Invalid(format!("{name} is {number}; expected {least} to {most}")))
        }
        wanted => Ok(wanted.unwrap_or(holds)),
    }
}

impl Plan {
    /// This one with a change, if it is within the bounds. Shards are only ever added: those there were have keys.
    pub(super) fn changed(&self, change: &PlanChange) -> Result<Self, CallError> {
        let plan = Self {
            shards: within("shards", change.shards, self.shards, (1, SHARDS_MAX))?,
            children_max: within("children_max", change.children_max, self.children_max, (0, CHILDREN_MAX))?,
            members_max: within(
                "members_max",
                change.members_max,
                self.members_max,
                (1, MEMBERS_PER_CHILD_MAX),
            )?,
        };
        if plan.shards < self.shards {
            let reason = format!("there are {} shards, which are not given up", self.shards);
            return Err(CallError::Conflict { code: "fewer_shards", reason });
        }
        Ok(plan)
    }
}
