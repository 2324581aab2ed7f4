//! Notifications: a row each, until they are read. One more than a user may have, and the oldest goes.

use std::num::NonZeroUsize;

use tickstone_shared::ids::changes_the_line;

use super::preferences::parsed;
use super::profile::Profile;
use super::words::{Listed, Marks, Note, Notification, Page, Told};
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::storage::Range;
use crate::object::values::StorageError;

/// Notifications of a user that are not read.
pub const NOTIFICATIONS_MAX: u64 = 200;
/// Bytes of a kind.
pub const KIND_BYTES_MAX: usize = 64;
/// Bytes of a body, as JSON.
pub const BODY_BYTES_MAX: usize = 2_048;
/// Notifications of a page, and ids that are read at once.
pub const PAGE_MAX: usize = 100;
/// Notifications of a page, unless it is asked for otherwise.
const PAGE: usize = 20;
/// Notifications that a hello has.
pub const HELLO_MAX: usize = 20;

/// Where they are stored.
const ROWS: &str = "n/";

fn row(id: u64) -> String {
    format!("{ROWS}{id:020}")
}

/// The newest, before one or of all.
pub(super) fn newest(
    ctx: &mut Context<'_>,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Notification>, StorageError> {
    let end = before.map(|before| row(before).into_bytes());
    let limit = NonZeroUsize::new(limit);
    let range = Range { prefix: ROWS.into(), end, reverse: true, limit, ..Range::default() };
    ctx.storage().list(&range)?.iter().map(|(_, value)| parsed(value)).collect()
}

impl Profile {
    /// A page, the newest first.
    pub(super) fn listed(&self, ctx: &mut Context<'_>, page: &Page) -> Result<Listed, CallError> {
        let limit = page.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(CallError::Invalid(format!("limit: expected 1 to {PAGE_MAX}")));
        }
        // One more says whether any follow.
        let mut notifications = newest(ctx, page.before, limit + 1)?;
        let is_more = notifications.len() > limit;
        notifications.truncate(limit);
        let next = notifications.last().map(|last| last.id).filter(|_| is_more);
        Ok(Listed { notifications, unread: self.unread, next })
    }

    /// Tells the user something, and keeps it until it is read.
    pub(super) fn notify(&mut self, ctx: &mut Context<'_>, note: Note) -> Result<Notification, CallError> {
        let Note { kind, body } = note;
        if !(1..=KIND_BYTES_MAX).contains(&kind.len()) || kind.contains(changes_the_line) {
            let expected = format!("kind: expected 1 to {KIND_BYTES_MAX} bytes, none of them a control");
            return Err(CallError::Invalid(expected));
        }
        if body.to_string().len() > BODY_BYTES_MAX {
            return Err(CallError::Invalid(format!("body: expected at most {BODY_BYTES_MAX} bytes as JSON")));
        }
        if self.unread >= NOTIFICATIONS_MAX {
            self.drop_oldest(ctx)?;
        }
        self.newest += 1;
        self.unread += 1;
        let notification = Notification { id: self.newest, at_unix_ms: ctx.unix_ms(), kind, body };
        let value = serde_json::to_vec(&notification).expect("it is plain data");
        ctx.storage().put(row(notification.id), value)?;
        let told = Told::Notification { notification: notification.clone(), unread: self.unread };
        ctx.peers().broadcast(None, &[], told.text());
        Ok(notification)
    }

    fn drop_oldest(&mut self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let range = Range { prefix: ROWS.into(), limit: Some(NonZeroUsize::MIN), ..Range::default() };
        for (key, _) in ctx.storage().list(&range)? {
            ctx.storage().delete(key);
            self.unread -= 1;
            self.dropped += 1;
        }
        Ok(())
    }

    /// They are read: nothing is kept of them. Those that are not there are read already.
    pub(super) fn read(&mut self, ctx: &mut Context<'_>, marks: Marks) -> Result<(), CallError> {
        let keys = match (&marks.up_to, &marks.ids) {
            (Some(up_to), None) => {
                let end = Some(row(up_to.saturating_add(1)).into_bytes());
                let range = Range { prefix: ROWS.into(), end, ..Range::default() };
                ctx.storage().list(&range)?.into_iter().map(|(key, _)| key).collect()
            }
            (None, Some(ids)) if (1..=PAGE_MAX).contains(&ids.len()) => {
                ids.iter().map(|id| row(*id).into_bytes()).collect::<Vec<_>>()
            }
            _ => {
                let expected = format!("expected either up_to, an id, or 1 to {PAGE_MAX} ids");
                return Err(CallError::Invalid(expected));
            }
        };
        let mut read = 0;
        for key in keys {
            if ctx.storage().get(&key)?.is_some() {
                ctx.storage().delete(key);
                read += 1;
            }
        }
        self.unread -= read;
        if read > 0 {
            self.dropped = 0;
            ctx.peers().broadcast(None, &[], Told::Read { marks, unread: self.unread }.text());
        }
        Ok(())
    }
}
