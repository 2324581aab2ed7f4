//! Who is there: everybody who has a socket. Nothing of it is stored, so nobody is there who is not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

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
            0 if members >= self.rules.members_max as usize => Err("the room is full"),
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
        let mut members: BTreeSet<String> = users(ctx, Some(socket)).into_iter().collect();
        let is_new = members.insert(user.to_owned());
        self.opened = true;
        self.welcome(ctx, socket, user, members.len())?;
        if is_new {
            let join = Told::Join { user, members: members.len() };
            ctx.peers().broadcast(None, &[socket], join.text());
        }
        self.publish(ctx, members.len());
        Ok(())
    }

    /// A socket that is gone.
    pub(super) fn depart(&mut self, ctx: &mut Context<'_>, socket: SocketId, user: &str) {
        let members: BTreeSet<String> = users(ctx, Some(socket)).into_iter().collect();
        if !members.contains(user) {
            ctx.peers().broadcast(None, &[], Told::Leave { user, members: members.len() }.text());
        }
        self.publish(ctx, members.len());
    }

    /// Says how many are there; of a room that is empty or not to be listed, nothing.
    pub(super) fn publish(&self, ctx: &mut Context<'_>, members: usize) {
        let is_shown = self.rules.listed && members > 0;
        let entry = json!({ "name": ctx.identity().name.as_str(), "members": members });
        ctx.publish(Listing { state: "open", entry: if is_shown { entry } else { Value::Null } });
    }

    /// The same, whoever has come or gone.
    pub(super) fn publish_anew(&self, ctx: &mut Context<'_>) {
        let members: BTreeSet<String> = users(ctx, None).into_iter().collect();
        self.publish(ctx, members.len());
    }
}

/// A page of who is there.
pub(super) fn page(ctx: &mut Context<'_>, page: &MembersPage) -> Result<ChatReply, CallError> {
    let limit = page.limit.unwrap_or(MEMBERS_PAGE_DEFAULT);
    if !(1..=MEMBERS_PAGE_MAX).contains(&limit) {
        return Err(CallError::Invalid(format!("limit is {limit}; expected 1 to {MEMBERS_PAGE_MAX}")));
    }
    let members: BTreeSet<String> = users(ctx, None).into_iter().collect();
    let after = |user: &&String| page.after.as_ref().is_none_or(|after| *user > after);
    let users = members.iter().filter(after).take(limit).cloned().collect();
    Ok(ChatReply::Members { members: members.len(), users })
}
