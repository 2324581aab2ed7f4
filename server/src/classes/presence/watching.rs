//! Whom a socket watches, and telling it.

use std::collections::BTreeMap;

use super::rules::WATCHED_MAX;
use super::space::Presence;
use super::words::{Seen, Told};
use crate::access::scope::Subject;
use crate::classes::users::user_of;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::peer::ATTACHMENT_BYTES_MAX;
use crate::object::socket::SocketId;
use crate::object::values::StorageError;

/// Whom a socket watches; nothing kept with it: everybody.
type Watched = Vec<String>;

fn watched(ctx: &mut Context<'_>, socket: SocketId) -> Option<Watched> {
    let attachment = ctx.peers().attachment(socket)?;
    // A list that was kept can be read: nobody else writes there.
    (!attachment.bytes().is_empty()).then(|| postcard::from_bytes(attachment.bytes()).unwrap_or_default())
}

/// A list that is not too long, of what may be users.
pub(super) fn check_list(users: &[String]) -> Result<(), CallError> {
    match users.len() {
        count if count > WATCHED_MAX => {
            Err(CallError::Invalid(format!("users has {count} entries; at most {WATCHED_MAX}")))
        }
        _ if users.iter().any(|user| Subject::parse(user).is_err()) => Err(CallError::Invalid(
            "users has an entry that is no user: 1 to 128 bytes, no control".to_owned(),
        )),
        _ => Ok(()),
    }
}

impl Presence {
    /// A socket watches others from now on, and is told what they are.
    pub(super) fn watch(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        users: Option<&[String]>,
    ) -> Result<(), CallError> {
        let kept = match users {
            Some(users) => {
                check_list(users)?;
                postcard::to_stdvec(users).expect("texts can be encoded")
            }
            None => Vec::new(),
        };
        let bytes = kept.len();
        let too_long =
            || CallError::Invalid(format!("users has {bytes} bytes; at most {ATTACHMENT_BYTES_MAX}"));
        ctx.peers().attach(socket, kept).map_err(|_| too_long())?;
        self.show(ctx, socket, users)?;
        Ok(())
    }

    /// Tells a socket what those are whom it watches.
    pub(super) fn show(
        &self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        users: Option<&[String]>,
    ) -> Result<(), StorageError> {
        let seen = match users {
            Some(users) => self.look_at(ctx, users)?,
            None => self.everybody(ctx)?,
        };
        let user = user_of(ctx, socket).unwrap_or_default();
        ctx.peers().send(socket, Told::State { user: &user, users: &seen }.text());
        Ok(())
    }

    /// The same for a socket that came back.
    pub(super) fn show_again(&self, ctx: &mut Context<'_>, socket: SocketId) -> Result<(), StorageError> {
        let users = watched(ctx, socket);
        self.show(ctx, socket, users.as_deref())
    }
}

/// Tells every socket what has changed of those whom it watches, in one message.
pub(super) fn tell(ctx: &mut Context<'_>, changes: &[Seen]) {
    let by_user: BTreeMap<&str, &Seen> = changes.iter().map(|seen| (&*seen.user, seen)).collect();
    let sockets = ctx.peers().list(None);
    let lists: Vec<_> =
        sockets.into_iter().filter_map(|socket| Some((socket, watched(ctx, socket)?))).collect();
    for (socket, users) in &lists {
        let own: Vec<Seen> = users.iter().filter_map(|user| by_user.get(&**user).copied().cloned()).collect();
        if !own.is_empty() {
            ctx.peers().send(*socket, Told::Changes { users: &own }.text());
        }
    }
    let with_lists: Vec<SocketId> = lists.into_iter().map(|(socket, _)| socket).collect();
    ctx.peers().broadcast(None, &with_lists, Told::Changes { users: changes }.text());
}
