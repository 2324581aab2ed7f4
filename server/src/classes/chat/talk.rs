//! Saying something, and what was said.

use std::num::NonZeroUsize;

use super::part_words::Whom;
use super::room::Chat;
use super::words::{ChatReply, HistoryPage, Message, Told};
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::storage::Range;
use crate::object::values::StorageError;

/// Messages of a page of the history.
pub const HISTORY_PAGE_MAX: usize = 200;
/// Messages of a page unless asked otherwise.
pub const HISTORY_PAGE_DEFAULT: usize = 100;
/// Bytes of the messages of a welcome, as JSON: half of what may wait for a client. Older ones are asked for.
pub const WELCOME_BYTES_MAX: usize = 128 * 1024;

/// Where messages are stored.
const SAID: &str = "said/";

/// The key of a message: in the order of their numbers.
pub(super) fn key(id: u64) -> Vec<u8> {
    format!("{SAID}{id:020}").into_bytes()
}

impl Chat {
    /// A user says something, if they may and not too fast.
    pub(super) fn say(
        &mut self,
        ctx: &mut Context<'_>,
        user: &str,
        text: String,
    ) -> Result<Message, CallError> {
        self.rules.check_text(&text)?;
        self.check_mute(ctx, user)?;
        let now_ms = ctx.unix_ms();
        let rested_ms = self.pace.after_one_more(user, &self.rules, now_ms)?;
        let message = self.post(ctx, Some(user.to_owned()), text)?;
        self.pace.note(user, rested_ms, now_ms);
        Ok(message)
    }

    /// Takes a message, and tells everybody.
    pub(super) fn post(
        &mut self,
        ctx: &mut Context<'_>,
        user: Option<String>,
        text: String,
    ) -> Result<Message, CallError> {
        let message = Message { id: self.said + 1, user, text, unix_ms: ctx.unix_ms() };
        let kept = u64::from(self.rules.history_messages);
        if kept > 0 {
            ctx.storage().put_as(key(message.id), &message)?;
        }
        self.said = message.id;
        if let Some(old @ 1..) = message.id.checked_sub(kept) {
            ctx.storage().delete(key(old));
        }
        self.tell(ctx, Whom::Everybody, &[], Told::Message(&message).text());
        Ok(message)
    }

    /// Forgets what is older than the history may be.
    pub(super) fn trim(&self, ctx: &mut Context<'_>) -> Result<(), StorageError> {
        let oldest = (self.said + 1).saturating_sub(u64::from(self.rules.history_messages));
        let range = Range { prefix: SAID.into(), end: Some(key(oldest)), ..Range::default() };
        let old = ctx.storage().list(&range)?;
        ctx.storage().delete_keys(old.into_iter().map(|(key, _)| key));
        Ok(())
    }

    /// What somebody sees first: the newest messages, as many as fit.
    pub(super) fn welcome_of(
        &self,
        ctx: &mut Context<'_>,
        user: &str,
        members: usize,
    ) -> Result<String, CallError> {
        let (messages, mut more) = newest(ctx, None, self.rules.history_messages as usize)?;
        let mut bytes = 0;
        let fits = messages.iter().rev().take_while(|message| {
            bytes += Told::Message(message).text().len();
            bytes <= WELCOME_BYTES_MAX
        });
        let skipped = messages.len() - fits.count();
        more |= skipped > 0;
        let room = ctx.identity().name.as_str();
        let welcome = Told::Welcome { room, user, members, messages: &messages[skipped..], more };
        Ok(welcome.text())
    }
}

/// A page of the history.
pub(super) fn page(ctx: &mut Context<'_>, page: &HistoryPage) -> Result<ChatReply, CallError> {
    let limit = page.limit.unwrap_or(HISTORY_PAGE_DEFAULT);
    if !(1..=HISTORY_PAGE_MAX).contains(&limit) {
        return Err(CallError::Invalid(format!("limit is {limit}; expected 1 to {HISTORY_PAGE_MAX}")));
    }
    let (messages, more) = newest(ctx, page.before, limit)?;
    Ok(ChatReply::History { messages, more })
}

/// The newest messages before one, oldest first, and whether there are older ones.
fn newest(
    ctx: &mut Context<'_>,
    before: Option<u64>,
    limit: usize,
) -> Result<(Vec<Message>, bool), StorageError> {
    let range = Range {
        prefix: SAID.into(),
        end: before.map(key),
        reverse: true,
        limit: NonZeroUsize::new(limit + 1),
        ..Range::default()
    };
    let rows = ctx.storage().list(&range)?;
    let more = rows.len() > limit;
    let read = rows.into_iter().take(limit).rev().map(|(_, row)| postcard::from_bytes(&row));
    let messages = read.collect::<Result<_, _>>().map_err(|error| StorageError::Type(error.to_string()))?;
    Ok((messages, more))
}
