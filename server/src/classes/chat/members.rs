//! Who is there: everybody who has a socket. Nothing of it is stored, so nobody is there who is not.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};

use super::notices::Change;
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

/// Users who are there, each once.
pub(super) fn count(ctx: &mut Context<'_>) -> usize {
    users(ctx, None).collect::<HashSet<_>>().len()
}

impl Chat {
    /// Whether one more socket of a user may come; the reason why not.
    pub(super) fn has_room_beside(&self, others: &Others) -> Result<(), &'static str> {
        match others.own {
            0 if others.members >= self.rules.members_max as usize => Err("the room is full"),
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
        let is_new = others.own == 0;
        let members = others.members + usize::from(is_new);
        self.opened = true;
        self.welcome(ctx, socket, user, members)?;
        if is_new {
            self.notice(ctx, (socket, user), Change::Came, members);
        }
        self.publish(ctx, members);
        Ok(())
    }

    /// A socket that is gone.
    pub(super) fn depart(&mut self, ctx: &mut Context<'_>, socket: SocketId, user: &str) {
        let others = Others::than(ctx, socket, user);
        if others.own == 0 {
            self.notice(ctx, (socket, user), Change::Went, others.members);
        }
        self.publish(ctx, others.members);
    }

    /// Says how many are there; of a room that is empty or not to be listed, nothing.
    pub(super) fn publish(&self, ctx: &mut Context<'_>, members: usize) {
        let is_shown = self.rules.listed && members > 0;
        let entry = json!({ "name": ctx.identity().name.as_str(), "members": members });
        ctx.publish(Listing { state: "open", entry: if is_shown { entry } else { Value::Null } });
    }

    /// The same, whoever has come or gone.
    pub(super) fn publish_anew(&self, ctx: &mut Context<'_>) {
        let members = count(ctx);
        self.publish(ctx, members);
    }
}

/// A page of who is there.
pub(super) fn page(ctx: &mut Context<'_>, page: &MembersPage) -> Result<ChatReply, CallError> {
    let limit = page.limit.unwrap_or(MEMBERS_PAGE_DEFAULT);
    if !(1..=MEMBERS_PAGE_MAX).contains(&limit) {
        return Err(CallError::Invalid(format!("limit is {limit}; expected 1 to {MEMBERS_PAGE_MAX}")));
    }
    let members: BTreeSet<&str> = users(ctx, None).collect();
    let after = |user: &&&str| page.after.as_ref().is_none_or(|after| **user > after.as_str());
    let users = members.iter().filter(after).take(limit).map(|user| (*user).to_owned()).collect();
    Ok(ChatReply::Members { members: members.len(), users })
}
