//! A room that is split. Those who find it full are in its parts, objects of class `chat_part` that have sockets and
//! nothing else: the room keeps the history, orders what is said, and counts everybody.
//!
//! What everybody is told has a number and is stored, the newest of it; it is handed to every part with somebody in it.
//! A part that has missed something asks for it.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::ObjectName;

use super::notices::Change;
use super::part::ChatPart;
use super::part_words::{Event, PartAsks, PartCall, PartReply, Whom};
use super::room::Chat;
use super::words::ChatReply;
use crate::classes::children::{child, parent, with_room};
use crate::classes::users::users;
use crate::object::caller::Caller;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::job::JobResult;
use crate::object::socket::SocketId;
use crate::object::storage::{Range, Start};
use crate::object::typed::Typed as _;
use crate::object::values::StorageError;

/// Parts of a room: each is a bit of where a user is.
pub const PARTS_MAX: u32 = 32;
/// Events that are kept for parts that have missed them; who has missed more is welcomed anew.
pub const EVENTS_MAX: u64 = 256;
/// Who was told where to connect is expected there for so long.
const EXPECTED_MS: u64 = 10_000;
/// So many are.
const EXPECTED_MAX: usize = 1_024;
/// The alarm by which parts are told again, after one has not heard.
const TELL_AGAIN: &str = "tell_again";
/// So much later.
const TELL_AGAIN_MS: u64 = 1_000;

/// Where events are stored.
const EVENT: &str = "event/";
/// Where it is stored in which parts a user is.
const IN: &str = "in/";

/// What a room knows of its parts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Parts {
    /// Members of each, the first first.
    members: Vec<u32>,
    /// Users who are in parts, and not in the room's own object.
    away: u32,
    /// The number of the newest event.
    told: u64,
    /// Who was told where to connect, and until when they are expected there. In memory alone: who comes all the same
    /// is let in.
    #[serde(skip)]
    expected: Vec<(String, usize, u64)>,
}

impl Parts {
    /// Users who are not in the room's own object.
    pub(super) fn away(&self) -> usize {
        self.away as usize
    }

    /// Whether somebody was told to come to the room's own object.
    pub(super) fn is_expected_here(&self, user: &str) -> bool {
        self.expected.iter().any(|(expected, place, _)| expected == user && *place == 0)
    }

    fn expect(&mut self, user: &str, place: usize, now_ms: u64) {
        self.forget(user);
        self.expected.retain(|(_, _, until_ms)| *until_ms > now_ms);
        if self.expected.len() == EXPECTED_MAX {
            self.expected.remove(0);
        }
        self.expected.push((user.to_owned(), place, now_ms + EXPECTED_MS));
    }

    /// They are expected no more.
    pub(super) fn forget(&mut self, user: &str) {
        self.expected.retain(|(expected, ..)| expected != user);
    }

    /// What was in memory alone stays where a call failed.
    pub(super) fn remember(&mut self, failed: Self) {
        self.expected = failed.expected;
    }

    /// A user of a part has a first socket in the room's own object, or no socket there any more.
    pub(super) fn is_away(&mut self, is_away: Away) {
        match is_away {
            Away::Now => self.away += 1,
            Away::NoMore => self.away -= 1,
        }
    }

    fn is_split(&self) -> bool {
        self.members.iter().any(|members| *members > 0)
    }
}

fn event_key(number: u64) -> Vec<u8> {
    format!("{EVENT}{number:020}").into_bytes()
}

fn bit(number: u32) -> u32 {
    1 << (number - 1)
}

/// Which of the room's parts asks.
pub(super) fn number_of(ctx: &Context<'_>, caller: &Caller) -> Result<u32, CallError> {
    let own = &ctx.identity().name;
    let number = match caller {
        Caller::Object { class: ChatPart::CLASS, name } => {
            parent(name).filter(|(room, _)| room == own).map(|(_, number)| number)
        }
        _ => None,
    };
    number.ok_or_else(|| CallError::Forbidden("a part of the room does that".to_owned()))
}

impl Chat {
    /// Tells everybody, in every part; on the room's own sockets all but some.
    pub(super) fn tell(&mut self, ctx: &mut Context<'_>, whom: Whom, except: &[SocketId], text: String) {
        let tag = match &whom {
            Whom::User(user) => Some(user.as_str()),
            Whom::Everybody | Whom::Others(_) => None,
        };
        ctx.peers().broadcast(tag, except, text.clone());
        if !self.parts.is_split() {
            return;
        }
        self.parts.told += 1;
        let event = Event { number: self.parts.told, whom, text };
        ctx.storage().put_as(event_key(event.number), &event).expect("a message fits a value");
        if let Some(old @ 1..) = event.number.checked_sub(EVENTS_MAX) {
            ctx.storage().delete(event_key(old));
        }
        self.tell_parts(ctx, &[event]);
    }

    fn tell_parts(&self, ctx: &mut Context<'_>, events: &[Event]) {
        let name = &ctx.identity().name;
        for (number, _) in (1..).zip(&self.parts.members).filter(|(_, members)| **members > 0) {
            let told = PartCall::Told { newest: self.parts.told, events: events.to_vec() };
            let part = child(name, number).expect("it was checked before there was one");
            ctx.ask::<ChatPart>(part, &told).expect("it is plain data");
        }
    }

    /// A part was told something, or not: then it is told again what the newest is.
    pub(super) fn told_part(&self, ctx: &mut Context<'_>, result: &JobResult) {
        if result.is_err() && ctx.alarm(TELL_AGAIN).is_none() {
            let at_ms = ctx.unix_ms() + TELL_AGAIN_MS;
            ctx.set_alarm(TELL_AGAIN, at_ms).expect("it is the one alarm");
        }
    }

    /// What has been told to parts may be lost: they are told what the newest is, and ask.
    pub(super) fn tell_parts_anew(&self, ctx: &mut Context<'_>) {
        self.tell_parts(ctx, &[]);
    }

    /// The process has started: nobody is in a part.
    pub(super) fn empty_parts(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        if self.parts.members.is_empty() {
            return Ok(());
        }
        let rows = [ctx.storage().list_prefix(IN)?, ctx.storage().list_prefix(EVENT)?].concat();
        ctx.storage().delete_keys(rows.into_iter().map(|(key, _)| key));
        self.parts.members.fill(0);
        self.parts.away = 0;
        Ok(())
    }

    /// Where a user is to connect: to a part, or to the room's own object, which may be full.
    pub(super) fn place(
        &mut self,
        ctx: &mut Context<'_>,
        user: &str,
    ) -> Result<Option<ObjectName>, CallError> {
        let own: HashSet<&str> = users(ctx, None).collect();
        if own.contains(user) {
            return Ok(None);
        }
        let mask = self.parts_of(ctx, user)?;
        let known = (mask != 0).then(|| mask.trailing_zeros() as usize + 1);
        let now_ms = ctx.unix_ms();
        let place = known.or_else(|| self.find_place(ctx, user, own.len() as u32));
        let Some(place) = place else { return Ok(None) };
        if place > self.parts.members.len() {
            self.parts.members.push(0);
        }
        self.parts.expect(user, place, now_ms);
        if place == 0 { Ok(None) } else { child(&ctx.identity().name, place as u32).map(Some) }
    }

    fn find_place(&self, ctx: &Context<'_>, user: &str, own: u32) -> Option<usize> {
        let now_ms = ctx.unix_ms();
        let parts_max = self.rules.parts_max as usize;
        // Where the names of parts are too long there are none.
        let may_split = child(&ctx.identity().name, PARTS_MAX).is_ok();
        let parts_max = if may_split { parts_max } else { 0 };
        let mut members = vec![own];
        members.extend(self.parts.members.iter().take(parts_max));
        let others = self.parts.expected.iter();
        for (_, place, _) in others.filter(|(other, _, until_ms)| other != user && *until_ms > now_ms) {
            members.get_mut(*place).into_iter().for_each(|members| *members += 1);
        }
        with_room(&members, self.rules.members_max, 1 + parts_max)
    }

    /// The parts that a user is in, a bit each.
    pub(super) fn parts_of(&self, ctx: &mut Context<'_>, user: &str) -> Result<u32, StorageError> {
        if self.parts.members.is_empty() {
            return Ok(0);
        }
        Ok(ctx.storage().get_as(format!("{IN}{user}").as_bytes())?.unwrap_or(0))
    }

    /// Users who are in parts.
    pub(super) fn users_in_parts(&self, ctx: &mut Context<'_>) -> Result<Vec<String>, StorageError> {
        if self.parts.members.is_empty() {
            return Ok(Vec::new());
        }
        let rows = ctx.storage().list_prefix(IN)?;
        Ok(rows.into_iter().map(|(key, _)| String::from_utf8_lossy(&key[IN.len()..]).into_owned()).collect())
    }

    /// What a part asks.
    pub(super) fn for_part(
        &mut self,
        ctx: &mut Context<'_>,
        number: u32,
        asked: PartAsks,
    ) -> Result<ChatReply, CallError> {
        if number == 0 || number as usize > self.parts.members.len() {
            let reason = "the room has no such part".to_owned();
            return Err(CallError::Missing { code: "no_such_part", reason });
        }
        match asked {
            PartAsks::Arrive { user } => {
                self.arrive_in_part(ctx, number, &user)?;
                self.welcome_to_part(ctx)
            }
            PartAsks::Depart { user } => {
                self.depart_from_part(ctx, number, &user)?;
                Ok(ChatReply::Done { done: true })
            }
            PartAsks::Say { user, text } => self.say(ctx, &user, text).map(ChatReply::Said),
            PartAsks::Missed { after } => self.missed(ctx, after),
            PartAsks::Here { users: there } => {
                let known: HashSet<&str> = there.iter().map(String::as_str).collect();
                for user in self.users_in_parts(ctx)? {
                    if !known.contains(&*user) {
                        self.depart_from_part(ctx, number, &user)?;
                    }
                }
                there.iter().try_for_each(|user| self.arrive_in_part(ctx, number, user))?;
                self.welcome_to_part(ctx)
            }
        }
    }

    fn arrive_in_part(&mut self, ctx: &mut Context<'_>, number: u32, user: &str) -> Result<(), CallError> {
        self.parts.forget(user);
        let mask = self.parts_of(ctx, user)?;
        if mask & bit(number) != 0 {
            return Ok(());
        }
        ctx.storage().put_as(format!("{IN}{user}"), &(mask | bit(number)))?;
        self.parts.members[number as usize - 1] += 1;
        self.opened = true;
        if mask == 0 && !users(ctx, None).any(|other| other == user) {
            self.parts.away += 1;
            let members = self.members(ctx);
            self.notice(ctx, (None, user), Change::Came, members);
            self.publish(ctx, members);
        }
        Ok(())
    }

    fn depart_from_part(&mut self, ctx: &mut Context<'_>, number: u32, user: &str) -> Result<(), CallError> {
        let mask = self.parts_of(ctx, user)?;
        if mask & bit(number) == 0 {
            return Ok(());
        }
        let left = mask & !bit(number);
        self.parts.members[number as usize - 1] -= 1;
        if left != 0 {
            return Ok(ctx.storage().put_as(format!("{IN}{user}"), &left)?);
        }
        ctx.storage().delete(format!("{IN}{user}"));
        if !users(ctx, None).any(|other| other == user) {
            self.parts.away -= 1;
            let members = self.members(ctx);
            self.notice(ctx, (None, user), Change::Went, members);
            self.publish(ctx, members);
        }
        Ok(())
    }

    fn welcome_to_part(&self, ctx: &mut Context<'_>) -> Result<ChatReply, CallError> {
        let members = self.members(ctx);
        let welcome = self.welcome_of(ctx, "", members)?;
        let welcome = serde_json::from_str(&welcome).map_err(|_| CallError::Reset)?;
        Ok(ChatReply::Part(PartReply::Welcome { welcome, told: self.parts.told }))
    }

    /// What was told after an event, if all of it is kept.
    fn missed(&self, ctx: &mut Context<'_>, after: u64) -> Result<ChatReply, CallError> {
        let newest = self.parts.told;
        let range = Range {
            prefix: EVENT.into(),
            start: Start::After(event_key(after)),
            limit: NonZeroUsize::new(EVENTS_MAX as usize),
            ..Range::default()
        };
        let rows = ctx.storage().list(&range)?;
        let events: Vec<Event> = rows
            .iter()
            .map(|(_, row)| postcard::from_bytes(row))
            .collect::<Result<_, _>>()
            .map_err(|error| CallError::SetAside(error.to_string()))?;
        let is_whole = after <= newest && events.len() as u64 == newest - after;
        if is_whole {
            return Ok(ChatReply::Part(PartReply::Events { events, newest }));
        }
        self.welcome_to_part(ctx)
    }
}

/// How a user who is in a part stands to the room's own object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Away {
    /// They have left it.
    Now,
    /// They have come.
    NoMore,
}
