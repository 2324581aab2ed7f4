//! A part of a room that is split: the sockets of some of its members. It keeps nothing but the number of the newest
//! event its sockets were told; everything else is the room's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::members::SOCKETS_PER_USER_MAX;
use super::part_words::{Event, PartAsks, PartCall, PartReply, Whom};
use super::room::{Chat, socket_rules};
use super::words::{ChatCall, ChatReply, Heard};
use crate::access::scope::{Access, ClassAccess};
use crate::classes::children::parent;
use crate::classes::user_sockets;
use crate::classes::users::{user_of, users};
use crate::object::alarm::{AlarmError, AlarmFired};
use crate::object::caller::Caller;
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, DurableObject, WakeError, WakeReason};
use crate::object::job::{JobError, JobId, JobResult};
use crate::object::peer::Payload;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::typed::{Typed, from_call, reply_of, to_reply};

/// The alarm by which the room is told who is there, after it has not answered.
const AGAIN: &str = "again";
/// So much later.
const AGAIN_MS: u64 = 1_000;
/// Where the number of the newest event is stored while the part sleeps.
const SEEN: &[u8] = b"seen";
/// A socket that has not been welcomed yet is told nothing.
const NOT_YET: u64 = u64::MAX;

/// One part. Nobody connects to it but by way of the room.
#[derive(Debug, Default)]
pub struct ChatPart {
    /// The newest event that its sockets were told; none: it is not known.
    seen: Option<u64>,
    /// Sockets that were welcomed after this event: what came before it they have been told by that.
    late: BTreeMap<SocketId, u64>,
    /// What the room is asked.
    asked: BTreeMap<JobId, Asked>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Arrive(SocketId, String),
    Say(SocketId),
    Depart(String),
    Missed,
    Here,
}

impl Typed for ChatPart {
    const CLASS: &'static str = "chat_part";
    type Call = PartCall;

    fn rules() -> ClassRules {
        ClassRules {
            sockets: socket_rules(),
            access: ClassAccess::all(Access::Admin),
            ..ClassRules::default()
        }
    }
}

impl DurableObject for ChatPart {
    fn wake(&mut self, ctx: &mut Context<'_>, reason: &WakeReason) -> Result<(), WakeError> {
        match reason {
            WakeReason::Hibernation => self.seen = ctx.storage().get_as(SEEN)?,
            // Who had just come, and who had gone, may be unknown to the room.
            WakeReason::Crash { .. } => self.ask(ctx, Asked::Here),
            _ => {}
        }
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let room = parent(&ctx.identity().name).map(|(room, _)| room);
        let is_room = |caller: &Caller| match caller {
            Caller::Object { class: Chat::CLASS, name } => room.as_ref() == Some(name),
            _ => false,
        };
        if !is_room(&call.caller) {
            return Err(CallError::Forbidden("the room does that".to_owned()));
        }
        let PartCall::Told { newest, events } = from_call(call.method, call.body)?;
        self.hear(ctx, events, newest);
        Ok(Answer::Now(to_reply::<PartCall>(&true)?))
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        let socket = event.socket();
        match event {
            SocketEvent::Connected { request, .. } => self.connected(ctx, socket, &request.caller),
            SocketEvent::Resumed { .. } => {
                let user = user_of(ctx, socket);
                user.into_iter().for_each(|user| self.arrive(ctx, socket, user));
            }
            SocketEvent::Received { payload, .. } => {
                let said = self.received(ctx, socket, &payload);
                user_sockets::answer(ctx, socket, said);
            }
            SocketEvent::Disconnected { end, .. } => {
                self.late.remove(&socket);
                // A socket that was never accepted has no tag.
                let user = end.tags.iter().next().map(str::to_owned);
                let gone = user.filter(|user| !users(ctx, Some(socket)).any(|other| other == user));
                gone.into_iter().for_each(|user| self.ask(ctx, Asked::Depart(user)));
            }
            _ => {}
        }
    }

    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        let Some(asked) = self.asked.remove(&job) else { return };
        match (asked, reply_of::<Chat>(result)) {
            (Asked::Arrive(socket, user), Ok(ChatReply::Part(PartReply::Welcome { welcome, told }))) => {
                self.welcome(ctx, (socket, &user), welcome, told);
            }
            (Asked::Arrive(socket, _), _) => {
                self.late.remove(&socket);
                user_sockets::turn_away(ctx, socket, "the room does not answer");
            }
            (Asked::Say(socket), Err(error)) => user_sockets::answer(ctx, socket, Err(told(error))),
            (Asked::Missed, Ok(ChatReply::Part(PartReply::Events { events, newest }))) => {
                self.hear(ctx, events, newest);
            }
            (Asked::Here, Ok(ChatReply::Part(PartReply::Welcome { told, .. }))) if self.seen.is_some() => {
                self.hear(ctx, Vec::new(), told);
            }
            (Asked::Missed | Asked::Here, Ok(ChatReply::Part(PartReply::Welcome { welcome, told }))) => {
                self.welcome_all(ctx, &welcome, told);
            }
            (Asked::Depart(_) | Asked::Missed | Asked::Here, Err(_)) if ctx.alarm(AGAIN).is_none() => {
                let at_ms = ctx.unix_ms() + AGAIN_MS;
                ctx.set_alarm(AGAIN, at_ms).expect("it is the one alarm");
            }
            _ => {}
        }
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, _: &AlarmFired) -> Result<(), AlarmError> {
        self.ask(ctx, Asked::Here);
        Ok(())
    }

    fn on_sleep(&mut self, ctx: &mut Context<'_>) {
        if let Some(seen) = self.seen {
            ctx.storage().put_as(SEEN, &seen).expect("a number fits a value");
        }
    }
}

impl ChatPart {
    fn connected(&mut self, ctx: &mut Context<'_>, socket: SocketId, caller: &Caller) {
        let Some(user) = user_sockets::who(ctx, socket, caller) else { return };
        if ctx.peers().list(Some(user)).len() >= SOCKETS_PER_USER_MAX {
            return user_sockets::turn_away(ctx, socket, "too many sockets of one user");
        }
        ctx.peers().accept(socket, [user]).expect("a subject fits a tag");
        self.arrive(ctx, socket, user.to_owned());
    }

    fn arrive(&mut self, ctx: &mut Context<'_>, socket: SocketId, user: String) {
        self.late.insert(socket, NOT_YET);
        self.ask(ctx, Asked::Arrive(socket, user));
    }

    fn received(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        payload: &Payload,
    ) -> Result<(), CallError> {
        let Some(user) = user_of(ctx, socket) else { return Ok(()) };
        let Heard::Say { text } = user_sockets::heard(payload, r#"{"t":"say","text":"..."}"#)?;
        self.ask_room(ctx, Asked::Say(socket), PartAsks::Say { user, text });
        Ok(())
    }

    /// Asks the room; what has been missed, once at a time.
    fn ask(&mut self, ctx: &mut Context<'_>, asked: Asked) {
        let is_on_its_way = self.asked.values().any(|other| *other == asked);
        let asks = match &asked {
            Asked::Arrive(_, user) => PartAsks::Arrive { user: user.clone() },
            Asked::Depart(user) => PartAsks::Depart { user: user.clone() },
            Asked::Missed | Asked::Here if is_on_its_way => return,
            Asked::Missed => match self.seen {
                Some(after) => PartAsks::Missed { after },
                None => return self.ask(ctx, Asked::Here),
            },
            Asked::Here => {
                let users: BTreeSet<&str> = users(ctx, None).collect();
                PartAsks::Here { users: users.into_iter().map(str::to_owned).collect() }
            }
            Asked::Say(_) => return,
        };
        self.ask_room(ctx, asked, asks);
    }

    fn ask_room(&mut self, ctx: &mut Context<'_>, asked: Asked, asks: PartAsks) {
        let Some((room, _)) = parent(&ctx.identity().name) else { return };
        let job = ctx.ask::<Chat>(room, &ChatCall::Part(asks)).expect("it is plain data");
        self.asked.insert(job, asked);
    }

    /// A socket is told how the room is, and from then on what happens.
    fn welcome(
        &mut self,
        ctx: &mut Context<'_>,
        (socket, user): (SocketId, &str),
        welcome: Value,
        told: u64,
    ) {
        if self.is_new(ctx) {
            self.seen = Some(told);
        }
        if self.late.remove(&socket).is_some() {
            ctx.peers().send(socket, welcome_text(welcome, user));
            self.late.insert(socket, told);
        }
        self.forget_late();
    }

    /// Everybody is told anew how the room is.
    fn welcome_all(&mut self, ctx: &mut Context<'_>, welcome: &Value, told: u64) {
        for socket in ctx.peers().list(None) {
            let is_welcome = self.late.get(&socket) != Some(&NOT_YET);
            if let Some(user) = user_of(ctx, socket).filter(|_| is_welcome) {
                ctx.peers().send(socket, welcome_text(welcome.clone(), &user));
            }
        }
        self.seen = Some(told);
        self.forget_late();
    }

    /// Tells the sockets what follows on what they were told; asks for what is missing.
    fn hear(&mut self, ctx: &mut Context<'_>, events: Vec<Event>, newest: u64) {
        for event in events {
            if self.seen.is_some_and(|seen| event.number == seen + 1) {
                self.seen = Some(event.number);
                self.deliver(ctx, event);
            }
        }
        self.forget_late();
        if !self.is_new(ctx) && self.seen.is_none_or(|seen| seen < newest) {
            self.ask(ctx, Asked::Missed);
        }
    }

    /// Nobody has been welcomed yet: whoever is, is told everything up to then.
    fn is_new(&self, ctx: &mut Context<'_>) -> bool {
        ctx.peers().list(None).iter().all(|socket| self.late.get(socket) == Some(&NOT_YET))
    }

    fn deliver(&self, ctx: &mut Context<'_>, event: Event) {
        let late = self.late.iter().filter(|(_, after)| **after >= event.number);
        let mut except: Vec<SocketId> = late.map(|(socket, _)| *socket).collect();
        let tag = match &event.whom {
            Whom::Everybody => None,
            Whom::Others(user) => {
                except.extend(ctx.peers().list(Some(user)));
                None
            }
            Whom::User(user) => Some(user.as_str()),
        };
        ctx.peers().broadcast(tag, &except, event.text);
    }

    fn forget_late(&mut self) {
        let seen = self.seen.unwrap_or(0);
        self.late.retain(|_, after| *after > seen);
    }
}

fn welcome_text(mut welcome: Value, user: &str) -> String {
    welcome["user"] = user.into();
    welcome.to_string()
}

fn told(error: JobError) -> CallError {
    match error {
        JobError::Call(error) => error,
        JobError::TimedOut => CallError::TimedOut,
        JobError::Failed(_) | JobError::Overloaded => CallError::Overloaded,
    }
}
