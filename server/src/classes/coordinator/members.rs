//! Who is in which child: in memory, and each in a row of its own, so that a place is one small write.

use std::collections::BTreeMap;

use super::calls::Plan;
use crate::classes::children::with_room;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::values::StorageError;

/// Members of one parent.
pub const MEMBERS_MAX: usize = 20_000;

/// What rows of members begin with.
const PREFIX: &str = "member/";

/// The child of each member.
#[derive(Debug, Default)]
pub(super) struct Members {
    of: BTreeMap<String, u32>,
    /// How many each child has; the last one has some.
    counts: Vec<u32>,
}

impl Members {
    /// As they are stored.
    pub(super) fn stored(ctx: &mut Context<'_>) -> Result<Self, StorageError> {
        let mut members = Self::default();
        for (key, value) in ctx.storage().list_prefix(PREFIX)? {
            let member = String::from_utf8(key[PREFIX.len()..].to_vec());
            let member = member.map_err(|error| StorageError::Type(error.to_string()))?;
            let child =
                postcard::from_bytes(&value).map_err(|error| StorageError::Type(error.to_string()))?;
            members.add(member, child);
        }
        Ok(members)
    }

    fn add(&mut self, member: String, child: u32) {
        let place = child as usize;
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
        self.of.insert(member, child);
    }

    /// Where somebody is.
    pub(super) fn find(&self, member: &str) -> Option<u32> {
        self.of.get(member).copied()
    }

    /// All of them.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// How many each child has.
    pub(super) fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Gives somebody who has none a place.
    pub(super) fn enter(
        &mut self,
        ctx: &mut Context<'_>,
        member: &str,
        plan: &Plan,
    ) -> Result<u32, CallError> {
        let child = self.child_with_room(plan)?;
        ctx.storage().put_as(format!("{PREFIX}{member}"), &child)?;
        self.add(member.to_owned(), child);
        Ok(child)
    }

    fn child_with_room(&self, plan: &Plan) -> Result<u32, CallError> {
        let child = with_room(&self.counts, plan.members_max, plan.children_max as usize);
        let child = child.filter(|_| self.of.len() < MEMBERS_MAX).ok_or_else(|| {
            let reason = "no child has room for one more, and there may be no more children".to_owned();
            CallError::Conflict { code: "full", reason }
        })?;
        Ok(u32::try_from(child).expect("there are few children"))
    }

    /// Gives a place up; false: there was none.
    pub(super) fn leave(&mut self, ctx: &mut Context<'_>, member: &str) -> bool {
        let Some(child) = self.of.remove(member) else { return false };
        ctx.storage().delete(format!("{PREFIX}{member}"));
        self.counts[child as usize] -= 1;
        while self.counts.last() == Some(&0) {
            self.counts.pop();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_has_twenty_thousand_members_and_not_one_more() {
        let plan = Plan { members_max: 10_000, ..Plan::default() };
        let mut members = Members::default();
        for number in 0..MEMBERS_MAX {
            let child = members.child_with_room(&plan).expect("there is room");
            members.add(number.to_string(), child);
        }
        assert_eq!((members.len(), members.counts()), (20_000, &[10_000, 10_000][..]));
        assert!(matches!(members.child_with_room(&plan), Err(CallError::Conflict { code: "full", .. })));
    }
}
