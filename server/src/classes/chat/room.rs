//! The class: what happens in a room.

use serde::{Deserialize, Serialize};

use super::members::Others;
use super::moderation::MODERATOR_SCOPE;
use super::notices::Notices;
use super::pace::Pace;
use super::part::ChatPart;
use super::parts::{self, Parts};
use super::rules::RoomRules;
use super::words::{ChatCall, ChatReply, Heard};
use super::{moderation, talk};
use crate::access::scope::{Access, ClassAccess};
use crate::classes::user_sockets;
use crate::classes::users::{moderates, user_of};
use crate::object::alarm::{AlarmError, AlarmFired};
use crate::object::caller::Caller;
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{CallError, WakeReason};
use crate::object::job::{JobId, JobResult};
use crate::object::peer::{AutoResponse, Payload, SocketRules};
use crate::object::simple::Simple;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::typed::Typed as _;

/// Bytes of a message from a client: the longest text, each byte of it escaped, and what is around it.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Sockets of a room: eight of each of its members, at most.
const SOCKETS_MAX: usize = 80_000;

/// What is stored of a room beside its messages and mutes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Chat {
    /// Somebody has been there.
    pub(super) opened: bool,
    /// The number of the newest message.
    pub(super) said: u64,
    /// Mutes that are stored.
    pub(super) mutes: u32,
    pub(super) rules: RoomRules,
    pub(super) pace: Pace,
    pub(super) parts: Parts,
    /// In memory alone.
    #[serde(skip)]
    pub(super) notices: Notices,
}

/// What holds for the sockets of rooms, and of their parts.
pub(super) fn socket_rules() -> SocketRules {
    let pair = AutoResponse::new(r#"{"t":"ping"}"#, r#"{"t":"pong"}"#).expect("it is short");
    SocketRules {
        message_bytes_max: MESSAGE_BYTES_MAX,
        sockets_max: SOCKETS_MAX,
        auto_response: Some(pair),
        ..SocketRules::default()
    }
}

impl Chat {
    fn connected(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        caller: &Caller,
    ) -> Result<(), CallError> {
        let Some(user) = user_sockets::who(ctx, socket, caller) else { return Ok(()) };
        let others = Others::than(ctx, socket, user);
        if let Err(reason) = self.has_room_beside(&others, user) {
            user_sockets::turn_away(ctx, socket, reason);
            return Ok(());
        }
        ctx.peers().accept(socket, [user]).expect("a subject fits a tag");
        self.arrive(ctx, socket, user, &others)
    }

    fn received(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        payload: &Payload,
    ) -> Result<(), CallError> {
        let Some(user) = user_of(ctx, socket) else { return Ok(()) };
        match user_sockets::heard(payload, r#"{"t":"say","text":"..."}"#)? {
            Heard::Say { text } => self.say(ctx, &user, text).map(drop),
        }
    }

    fn moderated(&mut self, ctx: &mut Context<'_>, call: ChatCall) -> Result<ChatReply, CallError> {
        match call {
            ChatCall::Announce { text } => {
                self.rules.check_text(&text)?;
                self.post(ctx, None, text).map(ChatReply::Said)
            }
            ChatCall::Configure(change) => self.configure(ctx, &change),
            ChatCall::Delete { id } => self.delete(ctx, id),
            ChatCall::Mute { user, seconds } => self.mute(ctx, &user, seconds),
            ChatCall::Unmute { user } => self.unmute(ctx, &user),
            ChatCall::Place { user } => Ok(ChatReply::Placed { part: self.place(ctx, &user)? }),
            _ => moderation::list(ctx),
        }
    }
}

impl Simple for Chat {
    const CLASS: &'static str = "chat";
    type Call = ChatCall;

    fn rules() -> ClassRules {
        let access = ClassAccess { connect: Access::Token, call: Access::Token, http: Access::Admin };
        let parts = Some(ChatPart::CLASS);
        ClassRules { sockets: socket_rules(), access, listed: true, parts, ..ClassRules::default() }
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>, reason: &WakeReason) {
        match reason {
            WakeReason::Restart => self.empty_parts(ctx).expect("what was just read can be read"),
            WakeReason::Crash { .. } => self.tell_parts_anew(ctx),
            _ => {}
        }
        if self.opened {
            self.publish_anew(ctx);
        }
    }

    fn call(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        call: ChatCall,
    ) -> Result<ChatReply, CallError> {
        match call {
            ChatCall::Say { text } => {
                let nobody =
                    || CallError::Forbidden("a user token says who speaks; a key announces".to_owned());
                let user = caller.subject().ok_or_else(nobody)?;
                self.say(ctx, user, text).map(ChatReply::Said)
            }
            ChatCall::History(page) => talk::page(ctx, &page.unwrap_or_default()),
            ChatCall::Members(page) => self.page(ctx, &page.unwrap_or_default()),
            ChatCall::Rules => Ok(ChatReply::Rules(self.rules.clone())),
            ChatCall::Part(asked) => {
                let number = parts::number_of(ctx, caller)?;
                self.for_part(ctx, number, asked)
            }
            call if moderates(ctx, caller, MODERATOR_SCOPE) => self.moderated(ctx, call),
            _ => Err(CallError::Forbidden("a moderator does that".to_owned())),
        }
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        let socket = event.socket();
        let done = match event {
            SocketEvent::Connected { request, .. } => self.connected(ctx, socket, &request.caller),
            SocketEvent::Resumed { .. } => match user_of(ctx, socket) {
                Some(user) => {
                    let others = Others::than(ctx, socket, &user);
                    self.arrive(ctx, socket, &user, &others)
                }
                None => Ok(()),
            },
            SocketEvent::Received { payload, .. } => self.received(ctx, socket, &payload),
            SocketEvent::Disconnected { end, .. } => match end.tags.iter().next() {
                Some(user) => self.depart(ctx, socket, user),
                // A socket that was never accepted has no tag.
                None => Ok(()),
            },
            _ => Ok(()),
        };
        user_sockets::answer(ctx, socket, done);
    }

    fn remember(&mut self, failed: Self) {
        self.notices = failed.notices;
        self.parts.remember(failed.parts);
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, _: &AlarmFired) -> Result<(), AlarmError> {
        self.tell_parts_anew(ctx);
        Ok(())
    }

    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        self.told_part(ctx, &result);
        self.notices_are_due(ctx, job);
    }
}
