//! Who is there: everybody who has a socket. Nothing of it is stored, so nobody is there who is not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::part_words::Whom;
use super::parts::Away;
use super::room::Chat;
use super::words::{ChatReply, MembersPage, Told};
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

impl Chat {
    /// Whether one more socket of a user may come; the reason why not.
    pub(super) fn has_room_for(&self, ctx: &mut Context<'_>, user: &str) -> Result<(), &'static str> {
        let users = users(ctx, None);
        let own = users.iter().filter(|other| *other == user).count();
        let members = users.into_iter().collect::<BTreeSet<_>>().len();
        match own {
            0 if members >= self.rules.members_max as usize && !self.parts.is_expected_here(user) => {
                Err("the room is full")
            }
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
    ) -> Result<(), CallError> {
        self.parts.forget(user);
        let is_first = !users(ctx, Some(socket)).iter().any(|other| other == user);
        let is_in_part = is_first && self.parts_of(ctx, user)? != 0;
        if is_in_part {
            self.is_away(Away::NoMore);
        }
        self.opened = true;
        let members = self.members(ctx, Some((socket, user)));
        let welcome = self.welcome_of(ctx, user, members)?;
        ctx.peers().send(socket, welcome);
        if is_first && !is_in_part {
            let join = Told::Join { user, members };
            self.tell(ctx, Whom::Others(user.to_owned()), &[socket], join.text());
        }
        self.publish(ctx, members);
        Ok(())
    }

    /// How many users are there, in parts, too; with one whose socket has just been accepted.
    pub(super) fn members(&self, ctx: &mut Context<'_>, one_more: Option<(SocketId, &str)>) -> usize {
        let mut own: BTreeSet<String> = users(ctx, one_more.map(|(socket, _)| socket)).into_iter().collect();
        own.extend(one_more.map(|(_, user)| user.to_owned()));
        own.len() + self.parts.away()
    }

    /// A socket that is gone.
    pub(super) fn depart(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        user: &str,
    ) -> Result<(), CallError> {
        let own: BTreeSet<String> = users(ctx, Some(socket)).into_iter().collect();
        let is_gone = !own.contains(user);
        if is_gone && self.parts_of(ctx, user)? != 0 {
            self.is_away(Away::Now);
        } else if is_gone {
            let members = own.len() + self.parts.away();
            self.tell(ctx, Whom::Everybody, &[], Told::Leave { user, members }.text());
        }
        self.publish(ctx, own.len() + self.parts.away());
        Ok(())
    }

    /// Says how many are there; of a room that is empty or not to be listed, nothing.
    pub(super) fn publish(&self, ctx: &mut Context<'_>, members: usize) {
        let is_shown = self.rules.listed && members > 0;
        let entry = json!({ "name": ctx.identity().name.as_str(), "members": members });
        ctx.publish(Listing { state: "open", entry: if is_shown { entry } else { Value::Null } });
    }

    /// The same, whoever has come or gone.
    pub(super) fn publish_anew(&self, ctx: &mut Context<'_>) {
        let members = self.members(ctx, None);
        self.publish(ctx, members);
    }

    /// A page of who is there.
    pub(super) fn page(&self, ctx: &mut Context<'_>, page: &MembersPage) -> Result<ChatReply, CallError> {
        let limit = page.limit.unwrap_or(MEMBERS_PAGE_DEFAULT);
        if !(1..=MEMBERS_PAGE_MAX).contains(&limit) {
            return Err(CallError::Invalid(format!("limit is {limit}; expected 1 to {MEMBERS_PAGE_MAX}")));
        }
        let mut members: BTreeSet<String> = users(ctx, None).into_iter().collect();
        members.extend(self.users_in_parts(ctx)?);
        let after = |user: &&String| page.after.as_ref().is_none_or(|after| *user > after);
        let users = members.iter().filter(after).take(limit).cloned().collect();
        Ok(ChatReply::Members { members: members.len(), users })
    }
}
