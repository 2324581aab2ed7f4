//! One profile.

use serde::{Deserialize, Serialize};

use super::words::{Change, Got, Heard, Marked, Marks, ProfileCall, ProfileReply, Told};
use super::{notifications, preferences};
use crate::access::scope::{Access, ClassAccess};
use crate::classes::{user_sockets, users};
use crate::object::caller::Caller;
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::peer::{AutoResponse, Payload, SocketRules};
use crate::object::simple::Simple;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::values::StorageError;

/// A token notifies a user by a scope `profile_moderator:USER:call`, beside the one for the profile itself.
pub const MODERATOR_SCOPE: &str = "profile_moderator";
/// Sockets of a user.
pub const SOCKETS_MAX: usize = 16;
/// Bytes of a message: all preferences at once, and what stands around them.
const MESSAGE_BYTES_MAX: usize = 40 * 1024;
/// What a socket of somebody else is closed with.
const NOT_YOURS: u16 = 4403;

/// A profile, an object of the class `profile`. Its name is the subject of its user's tokens. Whoever has another
/// subject reads nothing, whatever the scopes of their token are: access is `token` for sockets and calls, and who is
/// the user is looked at here.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Profile {
    /// The id of the newest notification.
    pub(super) newest: u64,
    /// Notifications that are not read.
    pub(super) unread: u64,
    /// Notifications that went unread since any was read.
    pub(super) dropped: u64,
}

/// The user themselves, or a key.
fn owns(ctx: &Context<'_>, caller: &Caller) -> bool {
    *caller == Caller::Operator || caller.subject() == Some(ctx.identity().name.as_str())
}

impl Profile {
    fn got(&self, ctx: &mut Context<'_>) -> Result<Got, StorageError> {
        Ok(Got { preferences: preferences::all(ctx)?, unread: self.unread, dropped: self.dropped })
    }

    /// What the user does themselves.
    fn own(&mut self, ctx: &mut Context<'_>, call: ProfileCall) -> Result<ProfileReply, CallError> {
        match call {
            ProfileCall::Set(change) => self.set(ctx, &change)?,
            ProfileCall::List(page) => {
                return Ok(ProfileReply::Listed(self.listed(ctx, &page.unwrap_or_default())?));
            }
            ProfileCall::Read(marks) => {
                self.read(ctx, marks)?;
                return Ok(ProfileReply::Marked(Marked { unread: self.unread }));
            }
            _ => {}
        }
        Ok(ProfileReply::Got(self.got(ctx)?))
    }

    fn connected(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        caller: &Caller,
    ) -> Result<(), CallError> {
        let Some(user) = user_sockets::who(ctx, socket, caller) else { return Ok(()) };
        if user != ctx.identity().name.as_str() {
            ctx.peers().close(socket, NOT_YOURS, "this profile is another user's");
            return Ok(());
        }
        if ctx.peers().list(None).len() >= SOCKETS_MAX {
            user_sockets::turn_away(ctx, socket, "this user has as many sockets as they may");
            return Ok(());
        }
        ctx.peers().accept(socket, [user]).expect("a subject fits a tag");
        self.hello(ctx, socket)
    }

    fn hello(&mut self, ctx: &mut Context<'_>, socket: SocketId) -> Result<(), CallError> {
        let notifications = notifications::newest(ctx, None, notifications::HELLO_MAX)?;
        let hello = Told::Hello { got: self.got(ctx)?, notifications };
        ctx.peers().send(socket, hello.text());
        Ok(())
    }

    fn received(&mut self, ctx: &mut Context<'_>, payload: &Payload) -> Result<(), CallError> {
        match user_sockets::heard(payload, r#"{"t":"read","up_to":7} or {"t":"set","preferences":{...}}"#)? {
            Heard::Set { preferences } => self.set(ctx, &Change { preferences }),
            Heard::Read { up_to, ids } => self.read(ctx, Marks { up_to, ids }),
        }
    }
}

impl Simple for Profile {
    const CLASS: &'static str = "profile";
    type Call = ProfileCall;

    fn rules() -> ClassRules {
        let pair = AutoResponse::new(r#"{"t":"ping"}"#, r#"{"t":"pong"}"#).expect("it is short");
        let sockets = SocketRules {
            message_bytes_max: MESSAGE_BYTES_MAX,
            // Those of others are closed at once, and told why.
            sockets_max: 2 * SOCKETS_MAX,
            auto_response: Some(pair),
            ..SocketRules::default()
        };
        let access = ClassAccess { http: Access::Admin, ..ClassAccess::all(Access::Token) };
        ClassRules { sockets, access, ..ClassRules::default() }
    }

    fn call(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        call: ProfileCall,
    ) -> Result<ProfileReply, CallError> {
        match call {
            ProfileCall::Notify(note) if users::moderates(ctx, caller, MODERATOR_SCOPE) => {
                Ok(ProfileReply::Noted(self.notify(ctx, note)?))
            }
            ProfileCall::Notify(_) => {
                let reason = format!("expected a key, or a token with a scope of {MODERATOR_SCOPE}");
                Err(CallError::Forbidden(reason))
            }
            call if owns(ctx, caller) => self.own(ctx, call),
            _ => Err(CallError::Forbidden("this profile is another user's".to_owned())),
        }
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        let socket = event.socket();
        let done = match event {
            SocketEvent::Connected { request, .. } => self.connected(ctx, socket, &request.caller),
            SocketEvent::Resumed { .. } => self.hello(ctx, socket),
            SocketEvent::Received { payload, .. } => self.received(ctx, &payload),
            _ => Ok(()),
        };
        user_sockets::answer(ctx, socket, done);
    }
}
