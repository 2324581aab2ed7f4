//! Telling who came and went: at once where nobody did just before, otherwise all of a moment in one message, so that a
//! thousand who come at the same time are some messages and not half a million.
//!
//! In memory alone. After a crash those who waited to be told of are not named, and counted all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use super::part_words::Whom;
use super::room::Chat;
use super::words::Told;
use crate::object::context::Context;
use crate::object::job::{Job, JobId};
use crate::object::socket::SocketId;

/// Between two notices.
pub const BETWEEN: Duration = Duration::from_millis(200);
/// Users that a notice names.
pub const NAMED_MAX: usize = 200;

/// What a user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Came,
    Went,
}

/// What is to be told of.
#[derive(Debug, Default)]
pub(super) struct Notices {
    waiting: BTreeMap<String, Change>,
    /// Some are not among them.
    has_more: bool,
    /// Until it ends the next one waits.
    timer: Option<JobId>,
}

impl Notices {
    /// Who comes and goes in a moment was not there.
    fn note(&mut self, user: &str, change: Change) {
        match self.waiting.get(user) {
            Some(noted) if *noted == change => {}
            Some(_) => drop(self.waiting.remove(user)),
            None if self.waiting.len() < NAMED_MAX => drop(self.waiting.insert(user.to_owned(), change)),
            None => self.has_more = true,
        }
    }

    fn of(&self, wanted: Change) -> Vec<&str> {
        let users = self.waiting.iter().filter(|(_, change)| **change == wanted);
        users.map(|(user, _)| &**user).collect()
    }

    /// The one change, if there was but one.
    fn only(&self) -> Option<(&str, Change)> {
        let mut users = self.waiting.iter().filter(|_| self.waiting.len() == 1 && !self.has_more);
        users.next().map(|(user, change)| (&**user, *change))
    }
}

impl Chat {
    /// A user came with this socket, or went with it, or did so in a part, and that many are there now.
    pub(super) fn notice(
        &mut self,
        ctx: &mut Context<'_>,
        (socket, user): (Option<SocketId>, &str),
        change: Change,
        members: usize,
    ) {
        let listeners = members - usize::from(change == Change::Came);
        if listeners == 0 {
            self.notices = Notices::default();
            return;
        }
        self.notices.note(user, change);
        if self.notices.timer.is_none() {
            self.tell_notices(ctx, members, socket);
        }
    }

    /// A job has ended: was it the wait for the next notice?
    pub(super) fn notices_are_due(&mut self, ctx: &mut Context<'_>, job: JobId) {
        if self.notices.timer != Some(job) {
            return;
        }
        self.notices.timer = None;
        if !self.notices.waiting.is_empty() || self.notices.has_more {
            let members = self.members(ctx);
            self.tell_notices(ctx, members, None);
        }
    }

    /// Tells everybody, but for one user alone not themselves.
    fn tell_notices(&mut self, ctx: &mut Context<'_>, members: usize, own: Option<SocketId>) {
        let timer = Some(ctx.start(Job::Sleep(BETWEEN)));
        let notices = std::mem::replace(&mut self.notices, Notices { timer, ..Notices::default() });
        if let Some((user, change)) = notices.only() {
            let except: Vec<_> = ctx.peers().list(Some(user)).into_iter().chain(own).collect();
            let told = match change {
                Change::Came => Told::Join { user, members },
                Change::Went => Told::Leave { user, members },
            };
            let others = Whom::Others(user.to_owned());
            self.tell(ctx, others, &except, told.text());
        } else {
            let (joined, left) = (notices.of(Change::Came), notices.of(Change::Went));
            let told = Told::Members { members, joined: &joined, left: &left };
            self.tell(ctx, Whom::Everybody, &[], told.text());
        }
    }
}
