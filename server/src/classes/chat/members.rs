//! Who is there: everybody who has a socket. Nothing of it is stored, so nobody is there who is not.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};

use super::notices::Change;
use super::parts::Away;
use super::room::Chat;
use super::words::{ChatReply, MembersPage};
use crate::classes::users::users;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::effects::Listing;
use crate::object::socket::SocketId;

/// Sockets of one user in a room.
pub const SOCKETS_PER_USER_MAX: usize = 8;
/// Users of a page.
pub const MEMBERS_PAGE_MAX: usize = 1_000;
/// Users of a page unless asked otherwise.
const MEMBERS_PAGE_DEFAULT: usize = 100;

/// Who else is there, beside one socket of a user.
pub(super) struct Others {
    /// Users, each once.
    members: usize,
    /// Sockets of the same user.
    own: usize,
}

impl Others {
    /// Than this socket of this user.
    pub(super) fn than(ctx: &mut Context<'_>, socket: SocketId, user: &str) -> Self {
        let mut own = 0;
        let others = users(ctx, Some(socket)).inspect(|other| own += usize::from(*other == user));
        let members = others.collect::<HashSet<_>>().len();
        Self { members, own }
    }
}

impl Chat {
    /// Whether one more socket of a user may come; the reason why not.
    pub(super) fn has_room_beside(&self, others: &Others, user: &str) -> Result<(), &'static str> {
        let is_full = others.members >= self.rules.members_max as usize;
        match others.own {
            0 if is_full && !self.parts.is_expected_here(user) => Err("the room is full"),
            own if own >= SOCKETS_PER_USER_MAX => Err("too many sockets of one user"),
            _ => Ok(()),
        }
    }

    /// A socket that has been accepted.
    pub(super) fn arrive(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        user: &str,
        others: &Others,
    ) -> Result<(), CallError> {
        self.parts.forget(user);
        let is_first = others.own == 0;
        let is_in_part = is_first && self.parts_of(ctx, user)? != 0;
        if is_in_part {
            self.parts.is_away(Away::NoMore);
        }
        self.opened = true;
        let members = others.members + usize::from(is_first) + self.parts.away();
        let welcome = self.welcome_of(ctx, user, members)?;
        ctx.peers().send(socket, welcome);
        if is_first && !is_in_part {
            self.notice(ctx, (Some(socket), user), Change::Came, members);
        }
        self.publish(ctx, members);
        Ok(())
    }

    /// A socket that is gone.
    pub(super) fn depart(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        user: &str,
    ) -> Result<(), CallError> {
        let others = Others::than(ctx, socket, user);
        if others.own == 0 && self.parts_of(ctx, user)? != 0 {
            self.parts.is_away(Away::Now);
        } else if others.own == 0 {
            self.notice(ctx, (Some(socket), user), Change::Went, others.members + self.parts.away());
        }
        self.publish(ctx, others.members + self.parts.away());
        Ok(())
    }

    /// How many users are there, in parts, too.
    pub(super) fn members(&self, ctx: &mut Context<'_>) -> usize {
        users(ctx, None).collect::<HashSet<_>>().len() + self.parts.away()
    }

    /// Says how many are there; of a room that is empty or not to be listed, nothing.
    pub(super) fn publish(&self, ctx: &mut Context<'_>, members: usize) {
        let is_shown = self.rules.listed && members > 0;
        let entry = json!({ "name": ctx.identity().name.as_str(), "members": members });
        ctx.publish(Listing { state: "open", entry: if is_shown { entry } else { Value::Null } });
    }

    /// The same, whoever has come or gone.
    pub(super) fn publish_anew(&self, ctx: &mut Context<'_>) {
        let members = self.members(ctx);
        self.publish(ctx, members);
    }

    /// A page of who is there.
    pub(super) fn page(&self, ctx: &mut Context<'_>, page: &MembersPage) -> Result<ChatReply, CallError> {
        let limit = page.limit.unwrap_or(MEMBERS_PAGE_DEFAULT);
        if !(1..=MEMBERS_PAGE_MAX).contains(&limit) {
            return Err(CallError::Invalid(format!("limit is {limit}; expected 1 to {MEMBERS_PAGE_MAX}")));
        }
        let mut members: BTreeSet<String> = users(ctx, None).map(str::to_owned).collect();
        members.extend(self.users_in_parts(ctx)?);
        let after = |user: &&String| page.after.as_ref().is_none_or(|after| *user > after);
        let users = members.iter().filter(after).take(limit).cloned().collect();
        Ok(ChatReply::Members { members: members.len(), users })
    }
}
