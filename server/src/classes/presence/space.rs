//! The class: what happens in a space. Each user is a row, so that a heartbeat reads and writes one of them; the one
//! alarm is set to what ends next, and is gone once everybody is.

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::rules::{BATCH_MS, SOCKETS_PER_USER_MAX, SpaceRules, USERS_MAX, WATCHED_MAX};
use super::watching::{check_list, tell};
use super::words::{Beat, Heard, Page, PresenceCall, PresenceReply, Seen, Status};
use crate::access::scope::{Access, ClassAccess};
use crate::classes::user_sockets;
use crate::classes::users::{moderates, user_of, users};
use crate::object::alarm::{AlarmError, AlarmFired, DEFAULT_ALARM};
use crate::object::caller::Caller;
use crate::object::class::ClassRules;
use crate::object::context::{Context, WriteRefused};
use crate::object::contract::CallError;
use crate::object::peer::{Payload, SocketRules};
use crate::object::simple::Simple;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::values::StorageError;

/// A token moderates a space by a scope `presence_moderator:SPACE:call`, beside the one for the space itself.
pub const MODERATOR_SCOPE: &str = "presence_moderator";
/// Bytes of a message from a client: the longest list of users, and what is around it.
const MESSAGE_BYTES_MAX: usize = 32 * 1024;
/// Users of a page unless asked otherwise.
const PAGE_DEFAULT: usize = 100;
/// Where users are stored.
const USER: &str = "user/";

/// What is stored of a space beside its users.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Presence {
    rules: SpaceRules,
    /// Users that are stored.
    stored: u32,
    /// The number of the newest change.
    changed: u64,
    /// The number of the newest change that was told.
    told: u64,
}

fn key(user: &str) -> Vec<u8> {
    format!("{USER}{user}").into_bytes()
}

fn rows(ctx: &mut Context<'_>) -> Result<Vec<(String, Entry)>, StorageError> {
    let read = |(key, row): (Vec<u8>, Vec<u8>)| {
        let entry: Entry =
            postcard::from_bytes(&row).map_err(|error| StorageError::Type(error.to_string()))?;
        Ok((String::from_utf8_lossy(&key[USER.len()..]).into_owned(), entry))
    };
    ctx.storage().list_prefix(USER)?.into_iter().map(read).collect()
}

/// Has the alarm come at this time, unless it comes before. It is then set to what is next.
fn wake_by(ctx: &mut Context<'_>, at_ms: u64) -> Result<(), WriteRefused> {
    match ctx.alarm(DEFAULT_ALARM) {
        Some(set_ms) if set_ms <= at_ms => Ok(()),
        _ => ctx.set_alarm(DEFAULT_ALARM, at_ms),
    }
}

impl Presence {
    /// Everybody who is not offline, in byte order.
    pub(super) fn everybody(&self, ctx: &mut Context<'_>) -> Result<Vec<Seen>, StorageError> {
        let now_ms = ctx.unix_ms();
        let seen = rows(ctx)?.into_iter().map(|(user, entry)| entry.now(now_ms).seen(&user));
        Ok(seen.filter(|seen| seen.status != Status::Offline).collect())
    }

    /// What some users are.
    pub(super) fn look_at(&self, ctx: &mut Context<'_>, users: &[String]) -> Result<Vec<Seen>, StorageError> {
        let now_ms = ctx.unix_ms();
        let look = |user: &String| {
            let entry = ctx.storage().get_as::<Entry>(&key(user))?.unwrap_or(Entry::offline());
            Ok(entry.now(now_ms).seen(user))
        };
        users.iter().map(look).collect()
    }

    /// Makes of a user what `change` does of them; what others see of that is told with the next batch.
    fn change(
        &mut self,
        ctx: &mut Context<'_>,
        user: &str,
        change: impl FnOnce(Entry, &SpaceRules, u64) -> Entry,
    ) -> Result<Seen, CallError> {
        let now_ms = ctx.unix_ms();
        let stored: Option<Entry> = ctx.storage().get_as(&key(user))?;
        let before = stored.clone().unwrap_or(Entry::offline());
        let mut after = change(before.clone().now(now_ms), &self.rules, now_ms);
        if stored.is_none() && after.status == Status::Offline {
            return Ok(after.seen(user));
        }
        if stored.is_none() && self.stored >= USERS_MAX {
            let reason = format!("{USERS_MAX} users are there: no more fit");
            return Err(CallError::Conflict { code: "space_full", reason });
        }
        if !after.looks_like(&before) {
            after.change = self.changed + 1;
            wake_by(ctx, now_ms + BATCH_MS)?;
        }
        if let Some(next_ms) = after.next_ms() {
            wake_by(ctx, next_ms)?;
        }
        if stored.as_ref() != Some(&after) {
            ctx.storage().put_as(key(user), &after)?;
        }
        self.changed = self.changed.max(after.change);
        self.stored += u32::from(stored.is_none());
        Ok(after.seen(user))
    }

    fn beat(&mut self, ctx: &mut Context<'_>, user: &str, beat: Beat) -> Result<Seen, CallError> {
        self.change(ctx, user, |entry, rules, now_ms| entry.beaten(beat, rules, now_ms))
    }

    fn connected(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        caller: &Caller,
    ) -> Result<(), CallError> {
        let Some(user) = user_sockets::who(ctx, socket, caller) else { return Ok(()) };
        if users(ctx, None).filter(|other| *other == user).count() >= SOCKETS_PER_USER_MAX {
            user_sockets::turn_away(ctx, socket, "too many sockets of one user");
            return Ok(());
        }
        match self.beat(ctx, user, Beat::default()) {
            Err(CallError::Conflict { .. }) => {
                user_sockets::turn_away(ctx, socket, "too many users");
                return Ok(());
            }
            done => done?,
        };
        ctx.peers().accept(socket, [user]).expect("a subject fits a tag");
        Ok(self.show(ctx, socket, None)?)
    }

    fn received(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        payload: &Payload,
    ) -> Result<(), CallError> {
        let Some(user) = user_of(ctx, socket) else { return Ok(()) };
        let expected = r#"{"t":"beat","status"?,"typing"?} or {"t":"watch","users"?}"#;
        match user_sockets::heard(payload, expected)? {
            Heard::Beat(beat) => self.beat(ctx, &user, beat).map(drop),
            Heard::Watch { users } => self.watch(ctx, socket, users.as_deref()),
        }
    }

    fn came_back(&mut self, ctx: &mut Context<'_>, socket: SocketId) -> Result<(), CallError> {
        let Some(user) = user_of(ctx, socket) else { return Ok(()) };
        self.beat(ctx, &user, Beat::default())?;
        Ok(self.show_again(ctx, socket)?)
    }

    fn disconnected(&mut self, ctx: &mut Context<'_>, socket: SocketId, user: &str) -> Result<(), CallError> {
        if users(ctx, Some(socket)).any(|other| other == user) {
            return Ok(());
        }
        self.change(ctx, user, |entry, rules, now_ms| match entry.status {
            Status::Offline => entry,
            _ => entry.left(rules, now_ms),
        })?;
        Ok(())
    }

    fn page(&self, ctx: &mut Context<'_>, page: &Page) -> Result<PresenceReply, CallError> {
        let limit = page.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=WATCHED_MAX).contains(&limit) {
            return Err(CallError::Invalid(format!("limit is {limit}; expected 1 to {WATCHED_MAX}")));
        }
        let there = self.everybody(ctx)?.into_iter();
        let after = there.filter(|seen| page.after.as_ref().is_none_or(|after| seen.user > *after));
        Ok(PresenceReply::Users { users: after.take(limit).collect() })
    }
}

impl Simple for Presence {
    const CLASS: &'static str = "presence";
    type Call = PresenceCall;

    fn rules() -> ClassRules {
        let sockets = SocketRules {
            message_bytes_max: MESSAGE_BYTES_MAX,
            sockets_max: USERS_MAX as usize * SOCKETS_PER_USER_MAX,
            ..SocketRules::default()
        };
        let access = ClassAccess { connect: Access::Token, call: Access::Token, http: Access::Admin };
        ClassRules { sockets, access, ..ClassRules::default() }
    }

    fn call(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        call: PresenceCall,
    ) -> Result<PresenceReply, CallError> {
        match call {
            PresenceCall::Beat(beat) => {
                let nobody = || CallError::Forbidden("a user token says whose heartbeat it is".to_owned());
                let user = caller.subject().ok_or_else(nobody)?;
                self.beat(ctx, user, beat.unwrap_or_default()).map(PresenceReply::One)
            }
            PresenceCall::Get { users } => {
                check_list(&users)?;
                Ok(PresenceReply::Users { users: self.look_at(ctx, &users)? })
            }
            PresenceCall::List(page) => self.page(ctx, &page.unwrap_or_default()),
            PresenceCall::Rules => Ok(PresenceReply::Rules(self.rules.clone())),
            PresenceCall::Configure(change) if moderates(ctx, caller, MODERATOR_SCOPE) => {
                self.rules = self.rules.changed(&change)?;
                Ok(PresenceReply::Rules(self.rules.clone()))
            }
            PresenceCall::Configure(_) => Err(CallError::Forbidden("a moderator does that".to_owned())),
        }
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        let socket = event.socket();
        let done = match event {
            SocketEvent::Connected { request, .. } => self.connected(ctx, socket, &request.caller),
            SocketEvent::Resumed { .. } => self.came_back(ctx, socket),
            SocketEvent::Received { payload, .. } => self.received(ctx, socket, &payload),
            SocketEvent::Disconnected { end, .. } => match end.tags.iter().next() {
                Some(user) => self.disconnected(ctx, socket, user),
                // It was never accepted.
                None => Ok(()),
            },
            _ => Ok(()),
        };
        user_sockets::answer(ctx, socket, done);
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, _: &AlarmFired) -> Result<(), AlarmError> {
        let (mut changes, mut next_ms) = (Vec::new(), None);
        let now_ms = ctx.unix_ms();
        for (user, stored) in rows(ctx)? {
            let mut entry = stored.clone().now(now_ms);
            let has_ended = !entry.looks_like(&stored);
            if has_ended || entry.change > self.told {
                changes.push(entry.seen(&user));
            }
            if entry.status == Status::Offline {
                ctx.storage().delete(key(&user));
                self.stored -= 1;
                continue;
            }
            if has_ended {
                entry.change = self.changed;
                ctx.storage().put_as(key(&user), &entry)?;
            }
            next_ms = next_ms.into_iter().chain(entry.next_ms()).min();
        }
        self.told = self.changed;
        if !changes.is_empty() {
            tell(ctx, &changes);
        }
        if let Some(next_ms) = next_ms {
            ctx.set_alarm(DEFAULT_ALARM, next_ms)?;
        }
        Ok(())
    }
}
